//! The request that is asked about.

use super::hostname::without_port;

/// One HTTP or gRPC request, as its client sends it.
///
/// ```
/// use iter8_testkit::simulator::Request;
///
/// let request = Request::new("GET", "http://httpbin.test:8080/get?show=all")?.header("traffic", "test");
/// assert_eq!(request.port(), 8080);
/// assert_eq!(request.path(), "/get");
/// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    method: String,
    scheme: Scheme,
    destination: String,
    port: u16,
    host: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    client_namespace: Option<String>,
}

/// How the client speaks to its destination.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The text is no URL that a request can be sent to.
///
/// ```
/// use iter8_testkit::simulator::Request;
///
/// let error = Request::new("GET", "ftp://web.test/").unwrap_err();
/// assert!(error.to_string().contains("ftp://web.test/"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{url}` is not a URL of the form http://HOST[:PORT]/PATH: {problem}")]
pub struct InvalidUrlError {
    url: String,
    problem: &'static str,
}

impl Request {
    /// A request without headers. With https the URL's host is also the name in the TLS handshake (SNI).
    ///
    /// # Errors
    ///
    /// The URL has another scheme than http or https, no host, or a port that is no number.
    ///
    /// ```
    /// use iter8_testkit::simulator::Request;
    ///
    /// let request = Request::new("POST", "https://web.test")?;
    /// assert_eq!((request.port(), request.path()), (443, "/"));
    /// assert!(Request::new("GET", "web.test/").is_err(), "it has no scheme");
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    pub fn new(method: &str, url: &str) -> Result<Self, InvalidUrlError> {
        let invalid = |problem| InvalidUrlError { url: url.into(), problem };
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some(_) => return Err(invalid("the scheme is neither http nor https")),
            None => return Err(invalid("it has no scheme")),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let target = rest.strip_prefix(authority).unwrap_or_default();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        if authority.contains('@') {
            return Err(invalid("it names a user; send the header `authorization` instead"));
        }
        let destination = without_port(authority);
        if destination.is_empty() {
            return Err(invalid("it has no host"));
        }
        let port = match authority.strip_prefix(destination).and_then(|rest| rest.strip_prefix(':')) {
            Some(port) => port.parse().map_err(|_| invalid("the port is not a number from 0 to 65535"))?,
            None if destination.contains(':') && !destination.starts_with('[') => {
                return Err(invalid("the port is not a number from 0 to 65535"));
            }
            None if scheme == Scheme::Https => 443,
            None => 80,
        };
        Ok(Self {
            method: method.into(),
            scheme,
            destination: destination.into(),
            port,
            host: authority.into(),
            path: if path.is_empty() { "/".into() } else { path.into() },
            query,
            headers: Vec::new(),
            client_namespace: None,
        })
    }

    /// Adds a header. `Host` takes the place of the URL's host as what the routes see; where the client connects
    /// to, and the name in its TLS handshake, stay those of the URL.
    ///
    /// ```
    /// use iter8_testkit::simulator::Request;
    ///
    /// let request = Request::new("GET", "http://web.test/")?.header("Host", "shop.example.com");
    /// assert_eq!(request.destination(), "web.test");
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("host") {
            self.host = value.into();
        } else {
            self.headers.push((name.to_ascii_lowercase(), value.into()));
        }
        self
    }

    /// The namespace of the client, which tells consumer routes from producer routes. Default: the namespace of
    /// the Service.
    ///
    /// ```
    /// use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
    /// use serde_json::json;
    ///
    /// let mut routes = RouteSet::new(Precedence::Spec);
    /// let reference = json!({ "kind": "Service", "namespace": "test", "name": "web" });
    /// let rule = json!({ "backendRefs": [{ "namespace": "test", "name": "web-1", "port": 80 }] });
    /// routes.insert(&json!({
    ///     "kind": "HTTPRoute",
    ///     "metadata": { "namespace": "shop", "name": "web" },
    ///     "spec": { "parentRefs": [reference], "rules": [rule] },
    /// }))?;
    /// let (parent, request) = (Parent::service("test", "web"), Request::new("GET", "http://web.test/")?);
    /// assert!(routes.route(&parent, &request).passthrough);
    /// let outcome = routes.route(&parent, &request.from_namespace("shop"));
    /// assert_eq!(outcome.route.ok_or("none")?.namespace, "shop");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn from_namespace(mut self, namespace: &str) -> Self {
        self.client_namespace = Some(namespace.into());
        self
    }

    /// The port that the client connects to.
    ///
    /// ```
    /// use iter8_testkit::simulator::Request;
    ///
    /// assert_eq!(Request::new("GET", "http://web.test/")?.port(), 80);
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host that the client connects to, without the port.
    ///
    /// ```
    /// use iter8_testkit::simulator::Request;
    ///
    /// assert_eq!(Request::new("GET", "http://web.test:8080/")?.destination(), "web.test");
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// The path, without the query.
    ///
    /// ```
    /// use iter8_testkit::simulator::Request;
    ///
    /// assert_eq!(Request::new("GET", "http://web.test/get?show=all")?.path(), "/get");
    /// # Ok::<(), iter8_testkit::simulator::InvalidUrlError>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The `Host` header as sent, maybe with a port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub(super) fn client_namespace(&self) -> Option<&str> {
        self.client_namespace.as_deref()
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of one header, in the order sent.
    pub(super) fn header_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let host = name.eq_ignore_ascii_case("host").then_some(self.host());
        let sent = self.headers().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        host.into_iter().chain(sent.map(|(_, value)| value))
    }

    /// The values of one query parameter, decoded, in the order sent.
    pub(super) fn query_params(&self, name: &str) -> impl Iterator<Item = String> {
        let pairs = self.query().into_iter().flat_map(|query| query.split('&'));
        pairs.filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(value))
        })
    }

    /// Whether the media type is `application/grpc`, maybe with the name of an encoding: `application/grpc+proto`.
    pub(super) fn is_grpc(&self) -> bool {
        self.header_values("content-type").any(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            media_type.split('+').next() == Some("application/grpc")
        })
    }
}

/// Undoes form encoding: `+` and `%XX`. What is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_url_says_where_to_connect_and_the_host_header_what_routes_see() {
        let request = Request::new("GET", "https://10.0.0.1:8443").unwrap().header("HOST", "a.example");

        assert_eq!((request.destination(), request.port()), ("10.0.0.1", 8443));
        assert_eq!((request.host(), request.path(), request.query()), ("a.example", "/", None));
        assert_eq!(request.headers().count(), 0);
    }

    #[test]
    fn the_port_follows_from_the_scheme() {
        assert_eq!(Request::new("GET", "http://a?x").unwrap().port(), 80);
        assert_eq!(Request::new("GET", "HTTPS://a/").unwrap().port(), 443);
    }

    #[test]
    fn query_parameters_are_decoded() {
        let request = Request::new("GET", "http://a/?x=a+b%2Fc%zz&x=other&flag#fragment").unwrap();

        let values = |name: &str| request.query_params(name).collect::<Vec<_>>();
        assert_eq!(values("x"), ["a b/c%zz", "other"]);
        assert_eq!(values("flag"), [""]);
        assert!(values("y").is_empty());
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for url in ["httpbin.test/get", "ftp://a/", "http:///get", "http://a:b/", "http://a:70000/"] {
            let error = Request::new("GET", url).unwrap_err().to_string();
            assert!(error.contains(url), "{error}");
        }
    }
}
