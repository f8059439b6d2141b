//! A client whose requests are counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Request};
use kube::Client;
use kube::client::Body;

/// Requests by verb and resource, as in `create httproutes`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counter {
    /// A client that counts here what it sends through `client`.
    pub(crate) fn counted(&self, client: Client) -> Client {
        let (counter, namespace) = (self.clone(), client.default_namespace().to_owned());
        let service = tower::service_fn(move |request: Request<Body>| {
            counter.count(&request);
            let client = client.clone();
            async move { client.send(request).await }
        });
        Client::new(service, namespace)
    }

    /// What has been counted.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, request: &Request<Body>) {
        let name = name(request);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }
}

fn name(request: &Request<Body>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let resource = resource(request.uri().path());
    let verb = match *request.method() {
        Method::GET if query.contains("watch=") => "watch",
        Method::GET => "read",
        Method::POST => "create",
        Method::DELETE => "delete",
        _ => "patch",
    };
    format!("{verb} {resource}")
}

/// `/api/VERSION/...` or `/apis/GROUP/VERSION/...`, then `[namespaces/NAMESPACE/]RESOURCE[/NAME[/SUBRESOURCE]]`.
fn resource(path: &str) -> String {
    let mut parts = path.trim_matches('/').split('/');
    let skipped = if parts.next() == Some("api") { 1 } else { 2 };
    let rest: Vec<_> = parts.skip(skipped).collect();
    let rest = match rest.as_slice() {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        rest => rest,
    };
    match rest {
        [resource, _, subresource] => format!("{resource}/{subresource}"),
        [resource, ..] => (*resource).to_owned(),
        [] => path.to_owned(),
    }
}

/// What has been counted between two readings.
pub(crate) fn since(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    wanted: impl Fn(&str) -> bool,
) -> u64 {
    let count = |(name, count): (&String, &u64)| count.saturating_sub(before.get(name).copied().unwrap_or(0));
    after.iter().filter(|(name, _)| wanted(name)).map(count).sum()
}

/// Whether requests of this name write anything but the Lease.
pub(crate) fn is_write(name: &str) -> bool {
    ["create ", "patch ", "delete "].iter().any(|verb| name.starts_with(verb)) && !is_of_lease(name)
}

/// Whether requests of this name are those by which a replica leads.
pub(crate) fn is_of_lease(name: &str) -> bool {
    name.ends_with(" leases")
}
