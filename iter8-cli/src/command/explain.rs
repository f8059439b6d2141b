//! `iter8 explain`

mod objects;

use std::path::PathBuf;

use clap::ValueEnum;
use iter8_core::{Namespace, ObjectName};
use iter8_gateway_api::MeshProfile;
use iter8_testkit::simulator::{Outcome, Parent, Precedence, Request, RouteSet};

use crate::args::{ClusterArgs, mesh_parser};
use crate::error::Error;
use crate::output::{self, outcome, structured};

const EXAMPLES: &str = "Examples:
  iter8 explain -n test -H 'traffic: test' http://httpbin.test/get
  iter8 template httpbin -n test -f httpbin.yaml | iter8 explain --routes - http://httpbin.test/get";

/// Tell which version gets a request, and why
///
/// The route, the rule and the match that win, and why the others lose. The host of the URL says which Service is
/// meant (NAME, NAME.NAMESPACE, ...), or which Gateway by its listeners. A gRPC request is `-X POST` with path
/// `/package.Service/Method` and `-H 'content-type: application/grpc'`. The path is taken as it is written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(allow_missing_positional = true)]
pub(crate) struct Args {
    /// Only the routes of this Release
    #[arg(conflicts_with = "routes")]
    name: Option<ObjectName>,

    /// The request's URL
    url: String,

    /// Read routes, and what else decides, from a file instead of the cluster: a YAML stream, JSON or a List; `-` is
    /// standard input
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,

    /// Namespace of the routes, and of a Service that the URL names without one; else the client's, the kubeconfig's,
    /// or in a file that of the only Service so called
    #[arg(short, long)]
    namespace: Option<Namespace>,

    /// The request's method
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET", value_parser = method)]
    method: String,

    /// A header of the request, any number of times; `host` takes the place of the URL's host
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Whose rules decide between matches at a Service, and what a filter does there; at a Gateway the specification's
    /// do
    #[arg(long, default_value = "linkerd", value_parser = mesh_parser())]
    mesh: MeshProfile,

    /// What the request is sent to, in place of what the URL's host says: service/NS/NAME, gateway/NS/NAME or
    /// listenerset/NS/NAME
    #[arg(long, value_name = "KIND/NS/NAME")]
    parent: Option<Parent>,

    /// Namespace of the client, which tells consumer routes from producer routes; the parent's unless given
    #[arg(long, value_name = "NAMESPACE")]
    client_namespace: Option<Namespace>,

    /// Text for people, or JSON
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let request = request(args)?;
    let empty = RouteSet::new(precedence(&args.mesh)?);
    let (routes, own_namespace) = match &args.routes {
        Some(file) => (objects::from_file(empty, file)?, None),
        None => objects::from_cluster(empty, args).await.map(|(routes, own)| (routes, Some(own)))?,
    };
    let given = args.namespace.as_ref().or(args.client_namespace.as_ref()).map(Namespace::as_str);
    let parent = match &args.parent {
        Some(parent) => Some(parent.clone()),
        None => routes
            .parent_for(&request, given.or(own_namespace.as_deref()))
            .map_err(|error| Error::Usage(error.to_string()))?,
    };
    let outcome = match &parent {
        Some(parent) => routes.route(parent, &request),
        None => Outcome::past_every_route(&request),
    };
    output::print(&match args.output {
        Format::Text => outcome::text(parent.as_ref(), &outcome, output::Style::stdout()),
        Format::Json => structured::json(&outcome)?,
    })
}

fn request(args: &Args) -> Result<Request, Error> {
    let request = Request::new(&args.method, &args.url).map_err(|error| Error::Usage(error.to_string()))?;
    let request = args.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    Ok(match &args.client_namespace {
        Some(namespace) => request.from_namespace(namespace.as_str()),
        None => request,
    })
}

/// The simulator knows the meshes by the same names.
fn precedence(mesh: &MeshProfile) -> Result<Precedence, Error> {
    mesh.name().parse().map_err(|error| Error::Failed(format!("{error}")))
}

/// Any word that HTTP allows (RFC 9110, section 9.1).
fn method(text: &str) -> Result<String, String> {
    if is_token(text) { Ok(text.to_owned()) } else { Err("is not a method; write one like `GET`".to_owned()) }
}

/// Reads `NAME: VALUE`, as curl has it.
fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("has no `:`; write `NAME: VALUE`")?;
    if !is_token(name) {
        return Err(format!("`{name}` is not the name of a header"));
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{header, method};

    #[test]
    fn a_method_is_a_word() {
        assert_eq!(method("PURGE"), Ok("PURGE".to_owned()));
        for text in ["", "GET /", "G\n"] {
            assert!(method(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_written_as_for_curl() {
        assert_eq!(header("traffic: test"), Ok(("traffic".to_owned(), "test".to_owned())));
        assert_eq!(header("x:"), Ok(("x".to_owned(), String::new())));
        assert_eq!(header("time: 12:30"), Ok(("time".to_owned(), "12:30".to_owned())));
        for text in ["traffic", ": test", "a b: c"] {
            assert!(header(text).is_err(), "{text}");
        }
    }
}
