//! Delete, of one object and of collections.

use serde_json::{Value, json};

use super::call::Call;
use super::collect::{self, Deletion, Policy};
use super::failure::{Cause, Failure};
use super::read;
use super::state::{self, State};
use super::store::{Key, text};

/// The answer to a delete: the object, or a `Status`.
pub(super) fn delete(state: &mut State, call: &Call) -> Result<(u16, Value), Failure> {
    let options = options(call)?;
    let deletion = deletion(&options)?;
    let key = call.key();
    let live = state.store.get(&key).ok_or_else(|| read::not_found(call))?;
    check_preconditions(call, &options, &live)?;
    if is_dry_run(call, &options) {
        return Ok((200, success(call, &live)));
    }
    let deleted = collect::delete(state, &key, &deletion);
    collect::settle(state);
    match deleted {
        collect::Deleted::Gone(last) if call.kind.returns_deleted() => {
            Ok((200, state::present(&call.kind, &last)))
        }
        collect::Deleted::Gone(last) => Ok((200, success(call, &last))),
        collect::Deleted::Marked(object) => Ok((200, state::present(&call.kind, &object))),
    }
}

/// Deletes what a request selects; the answer is the list of it.
pub(super) fn delete_collection(state: &mut State, call: &Call) -> Result<(u16, Value), Failure> {
    let options = options(call)?;
    let deletion = deletion(&options)?;
    let selected = read::list(state, call)?;
    if !is_dry_run(call, &options) {
        let items = selected.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let key = Key {
                resource: call.kind.resource(),
                namespace: text(item, "/metadata/namespace").to_owned(),
                name: text(item, "/metadata/name").to_owned(),
            };
            collect::delete(state, &key, &deletion);
        }
        collect::settle(state);
    }
    Ok((200, selected))
}

fn success(call: &Call, object: &Value) -> Value {
    let kind = &call.kind;
    let mut details = json!({"name": text(object, "/metadata/name"), "kind": kind.plural, "uid": text(object, "/metadata/uid")});
    if !kind.group.is_empty()
        && let Some(fields) = details.as_object_mut()
    {
        fields.insert("group".to_owned(), kind.group.clone().into());
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// The options of a delete, from the body, else from the query.
fn options(call: &Call) -> Result<Value, Failure> {
    if !call.body.is_empty() {
        let options: Value = serde_json::from_slice(&call.body).map_err(|error| {
            Failure::bad_request(&format!("couldn't get version/kind; json parse error: {error}"))
        })?;
        return Ok(options);
    }
    let mut options = json!({});
    if let Some(fields) = options.as_object_mut() {
        if let Ok(seconds) = call.param("gracePeriodSeconds").parse::<i64>() {
            fields.insert("gracePeriodSeconds".to_owned(), seconds.into());
        }
        if !call.param("propagationPolicy").is_empty() {
            fields.insert("propagationPolicy".to_owned(), call.param("propagationPolicy").into());
        }
    }
    Ok(options)
}

fn is_dry_run(call: &Call, options: &Value) -> bool {
    call.is_dry_run() || options.pointer("/dryRun/0").and_then(Value::as_str) == Some("All")
}

fn deletion(options: &Value) -> Result<Deletion, Failure> {
    let refuse = |cause| Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &[cause]));
    let given = text(options, "/propagationPolicy");
    let orphan = options.get("orphanDependents").and_then(Value::as_bool);
    if !given.is_empty() && orphan.is_some() {
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        return refuse(Cause::invalid("propagationPolicy", &given.into(), detail));
    }
    let policy = match (given, orphan) {
        ("Background", _) | ("", Some(false)) => Some(Policy::Background),
        ("Foreground", _) => Some(Policy::Foreground),
        ("Orphan", _) | ("", Some(true)) => Some(Policy::Orphan),
        ("", None) => None,
        (other, _) => {
            let supported = ["Foreground", "Background", "Orphan", "nil"].map(str::to_owned);
            return refuse(Cause::unsupported("propagationPolicy", &other.into(), &supported));
        }
    };
    Ok(Deletion { policy, grace: options.get("gracePeriodSeconds").and_then(Value::as_i64) })
}

fn check_preconditions(call: &Call, options: &Value, live: &Value) -> Result<(), Failure> {
    let conflict = |why: &str| Err(Failure::conflict(&call.kind.group, &call.kind.name, &call.name, why));
    let (given, stored) = (text(options, "/preconditions/uid"), text(live, "/metadata/uid"));
    if !given.is_empty() && given != stored {
        return conflict(&format!(
            "the UID in the precondition ({given}) does not match the UID in record ({stored}). The object might have \
             been deleted and then recreated"
        ));
    }
    let given = text(options, "/preconditions/resourceVersion");
    let stored = text(live, "/metadata/resourceVersion");
    if !given.is_empty() && given != stored {
        return conflict(&format!(
            "the ResourceVersion in the precondition ({given}) does not match the ResourceVersion in record ({stored}). \
             The object might have been modified"
        ));
    }
    Ok(())
}
