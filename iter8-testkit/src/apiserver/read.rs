//! Get and list.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::call::Call;
use super::failure::{Cause, Failure};
use super::select::Selector;
use super::state::{self, State};
use super::store::{Key, TooOld};

/// One object.
pub(super) fn get(state: &State, call: &Call) -> Result<Value, Failure> {
    if let Some(version) = version(call)? {
        not_in_the_future(state, version)?;
    }
    let stored = state.store.get(&call.key()).ok_or_else(|| not_found(call))?;
    Ok(state::present(&call.kind, &stored))
}

pub(super) fn not_found(call: &Call) -> Failure {
    Failure::not_found(&call.kind.group, &call.kind.plural, &call.name)
}

/// The version that a request is about, if it names one.
pub(super) fn version(call: &Call) -> Result<Option<u64>, Failure> {
    match call.param("resourceVersion") {
        "" => Ok(None),
        given => given.parse().map(Some).map_err(|_| {
            Failure::bad_request(&format!(
                "invalid resource version: resourceVersion: Invalid value: {given:?}: strconv.ParseUint: parsing {given:?}: invalid syntax"
            ))
        }),
    }
}

fn not_in_the_future(state: &State, version: u64) -> Result<(), Failure> {
    let current = state.store.version();
    if version > current { Err(Failure::version_from_the_future(version, current)) } else { Ok(()) }
}

/// How many objects a list may have; 0 is no limit.
fn limit(call: &Call) -> Result<usize, Failure> {
    match call.param("limit") {
        "" => Ok(0),
        given => given.parse().map_err(|_| {
            Failure::bad_request(&format!("strconv.ParseInt: parsing {given:?}: invalid syntax"))
        }),
    }
}

pub(super) fn selector(call: &Call) -> Result<Selector, Failure> {
    Selector::parse(&call.kind, call.param("labelSelector"), call.param("fieldSelector"))
}

/// The objects that a request selects.
pub(super) fn list(state: &State, call: &Call) -> Result<Value, Failure> {
    if call.accept.contains("as=PartialObjectMetadata;") {
        let list = if call.kind.custom.is_some() {
            "unstructured.UnstructuredList".to_owned()
        } else {
            let group = call.kind.group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
            format!("{group}.{}", call.kind.list_name)
        };
        return Err(Failure::not_acceptable(&format!(
            "you requested PartialObjectMetadata, but the requested object is a list (*{list})"
        )));
    }
    check_match(call)?;
    let selector = selector(call)?;
    let asked = version(call)?;
    let limit = limit(call)?;
    let token = call.param("continue");
    let start = if token.is_empty() { None } else { Some(read_token(token)?) };
    let exact = call.param("resourceVersionMatch") == "Exact";
    let at = match (&start, asked) {
        (Some((Some(version), _)), _) => *version,
        (None, Some(version))
            if exact || (limit > 0 && version > 0 && call.param("resourceVersionMatch").is_empty()) =>
        {
            version
        }
        (None, Some(version)) => {
            not_in_the_future(state, version)?;
            state.store.version()
        }
        (Some((None, _)), _) | (None, None) => state.store.version(),
    };
    not_in_the_future(state, at)?;
    let objects = snapshot(state, call, at).map_err(|TooOld| too_old(start.as_ref(), at))?;
    let after = start.as_ref().map(|(_, after)| after.as_str()).unwrap_or_default();
    let selected = objects.into_iter().filter(|(key, _)| place(key).as_str() > after);
    let mut selected =
        selected.filter(|(_, object)| selector.is_empty() || selector.matches(object)).peekable();
    let mut items = Vec::new();
    let mut last = String::new();
    while let Some((key, object)) = selected.next_if(|_| limit == 0 || items.len() < limit) {
        let mut item = state::present(&call.kind, &object);
        // Items of built-in lists do not repeat their type.
        if call.kind.custom.is_none()
            && let Some(fields) = item.as_object_mut()
        {
            fields.remove("apiVersion");
            fields.remove("kind");
        }
        items.push(item);
        last = place(&key);
    }
    let mut metadata = json!({"resourceVersion": at.to_string()});
    if selected.peek().is_some()
        && let Some(fields) = metadata.as_object_mut()
    {
        fields.insert("continue".to_owned(), write_token(Some(at), &last).into());
        if selector.is_empty() {
            fields.insert("remainingItemCount".to_owned(), selected.count().into());
        }
    }
    // Lists of custom resources always say whether there is more.
    if let Some(fields) = metadata.as_object_mut().filter(|_| call.kind.custom.is_some()) {
        fields.entry("continue").or_insert_with(|| "".into());
    }
    let api_version = call.kind.api_version();
    Ok(json!({"kind": call.kind.list_name, "apiVersion": api_version, "metadata": metadata, "items": items}))
}

fn check_match(call: &Call) -> Result<(), Failure> {
    let matching = call.param("resourceVersionMatch");
    let cause = match matching {
        "Exact" | "NotOlderThan" if call.param("resourceVersion").is_empty() => {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            Cause::forbidden("resourceVersionMatch", detail)
        }
        "Exact" if call.param("resourceVersion") == "0" => {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            Cause::forbidden("resourceVersionMatch", detail)
        }

        other if !matches!(other, "" | "Exact" | "NotOlderThan") => {
            let supported = ["Exact", "NotOlderThan", ""].map(str::to_owned);
            Cause::unsupported("resourceVersionMatch", &other.into(), &supported)
        }
        _ => return Ok(()),
    };
    Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &[cause]))
}

fn snapshot(state: &State, call: &Call, at: u64) -> Result<Vec<(Key, Arc<Value>)>, TooOld> {
    let resource = call.kind.resource();
    let namespace = Some(call.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    if at == state.store.version() {
        let now = state.store.list(&resource, namespace);
        return Ok(now.into_iter().map(|(key, object)| (key.clone(), object.clone())).collect());
    }
    state.store.list_at(&resource, namespace, at)
}

fn too_old(continued: Option<&Start>, version: u64) -> Failure {
    if let Some((_, last)) = continued {
        return Failure::expired_list(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
            write_token(None, last),
        );
    }
    Failure::expired(&format!("The resourceVersion for the provided list is too old: {version}"))
}

fn place(key: &Key) -> String {
    format!("{}/{}", key.namespace, key.name)
}

/// Where to go on with a list: its version, or none for whatever is there by then, and the last place of before.
type Start = (Option<u64>, String);

/// What stands for no version.
const INCONSISTENT: i64 = -1;

fn write_token(version: Option<u64>, last: &str) -> String {
    let version = version.map_or_else(|| json!(INCONSISTENT), |version| json!(version));
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": version, "start": last}).to_string())
}

fn read_token(token: &str) -> Result<Start, Failure> {
    let read = || {
        let text = URL_SAFE_NO_PAD.decode(token).ok()?;
        let token: Value = serde_json::from_slice(&text).ok()?;
        let version = token.get("rv")?;
        let version = if version.as_i64() == Some(INCONSISTENT) { None } else { Some(version.as_u64()?) };
        Some((version, token.get("start")?.as_str()?.to_owned()))
    };
    read().ok_or_else(|| {
        Failure::bad_request(&format!(
            "invalid continue token: continue key is not valid: illegal base64 data at input byte {}",
            token.len().saturating_sub(1)
        ))
    })
}
