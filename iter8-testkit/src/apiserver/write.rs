//! Create, update, patch and apply.

use serde_json::{Value, json};

use super::admit;
use super::call::Call;
use super::collect;
use super::decode;
use super::definition;
use super::failure::Failure;
use super::kinds::Kind;
use super::managed::{self, Writer};
use super::patch;
use super::prepare;
use super::read;
use super::state::{self, State};
use super::store::{self, Key, text};
use super::stored::{self, Reading};
use super::typed;
use super::validate;

/// The answer to a write: a status code and the object.
pub(super) type Written = Result<(u16, Value), Failure>;

/// Whether the fields of the object have been accounted for already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    ToRecord,
    Recorded,
}

pub(super) fn create(state: &mut State, call: &Call) -> Written {
    let object = decode::object(state, decode::parse_body(call)?, call)?;
    insert(state, call, object, Ownership::ToRecord).map(|object| (201, object))
}

pub(super) fn update(state: &mut State, call: &Call) -> Written {
    let mut object = decode::object(state, decode::parse_body(call)?, call)?;
    fill_identity(call, &mut object)?;
    let kind = &call.kind;
    let Some(live) = live(state, call) else {
        if call.subresource.is_empty() && kind.updates_create() {
            return insert(state, call, object, Ownership::ToRecord).map(|object| (201, object));
        }
        return Err(read::not_found(call));
    };
    let (given, uid) = (text(&object, "/metadata/uid"), text(&live, "/metadata/uid"));
    if !given.is_empty() && given != uid {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {given}, UID in object meta: {uid}",
            kind.storage_path(&call.namespace, &call.name)
        );
        return Err(Failure::conflict(&kind.group, &kind.plural, &call.name, &why));
    }
    if text(&object, "/metadata/resourceVersion").is_empty() && kind.updates_need_a_version() {
        let detail = "must be specified for an update";
        let cause = super::failure::Cause::invalid("metadata.resourceVersion", &json!(0), detail);
        return Err(Failure::invalid(&kind.group, &kind.plural, &call.name, &[cause]));
    }
    replace(state, call, &live, object, Ownership::ToRecord).map(|object| (200, object))
}

pub(super) fn patch(state: &mut State, call: &Call) -> Written {
    let known = match call.content_type.as_str() {
        patch::JSON_PATCH | patch::MERGE_PATCH => true,
        patch::STRATEGIC_PATCH => call.kind.custom.is_none(),
        _ => false,
    };
    if !known {
        return Err(Failure::unsupported_media_type(call.kind.custom.is_some()));
    }
    let patch = decode::parse_body(call)?;
    let live = live(state, call).ok_or_else(|| read::not_found(call))?;
    let patched = match call.content_type.as_str() {
        patch::JSON_PATCH => patch::json_patch(&live, &patch)?,
        patch::STRATEGIC_PATCH => patch::strategic_patch(&call.kind.schema, &live, &patch),
        _ => patch::merge_patch(&live, &patch),
    };
    let shown = patched.to_string();
    let object = decode::object(state, patched, call).map_err(|failure| patch::refused(&shown, failure))?;
    replace(state, call, &live, object, Ownership::ToRecord).map(|object| (200, object))
}

pub(super) fn apply(state: &mut State, call: &Call) -> Written {
    let config = decode::parse_body(call)?;
    let kind = &call.kind;
    let (given, given_kind) = (text(&config, "/apiVersion"), text(&config, "/kind"));
    if given != kind.api_version() || given_kind != kind.name {
        let version = if given.contains('/') { given.to_owned() } else { format!("/{given}") };
        return Err(Failure::bad_request(&format!("invalid object type: {version}, Kind={given_kind}")));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    if let Some(problem) = typed::misfit(&kind.schema, &config) {
        let (namespace, name) = (text(&config, "/metadata/namespace"), text(&config, "/metadata/name"));
        let of = format!("{namespace}/{name}; {}, Kind={}", kind.api_version(), kind.name);
        return Err(Failure::unexpected(&format!("failed to create typed patch object ({of}): {problem}")));
    }
    let live = live(state, call);
    let ignored = kind.ignored(&call.subresource);
    let (manager, now, api_version) = (call.manager(), state.now(), kind.api_version());
    let writer = writer(call, &ignored, &manager, &now, &api_version);
    match live {
        Some(live) => {
            let object = managed::apply(&writer, &live, &config, call.flag("force"))?;
            let object = decode::normalize(kind, object, &mut Reading::default())?;
            replace(state, call, &live, object, Ownership::Recorded).map(|object| (200, object))
        }
        None if !call.subresource.is_empty() => Err(read::not_found(call)),
        None => {
            let uid = text(&config, "/metadata/uid");
            if !uid.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Failure::conflict(&kind.group, &kind.plural, &call.name, &why));
            }
            let object = managed::apply(&writer, &empty(kind), &config, call.flag("force"))?;
            let object = decode::normalize(kind, object, &mut Reading::default())?;
            insert(state, call, object, Ownership::Recorded).map(|object| (201, object))
        }
    }
}

fn writer<'a>(
    call: &'a Call,
    ignored: &'a super::fields::FieldSet,
    manager: &'a str,
    now: &'a str,
    api_version: &'a str,
) -> Writer<'a> {
    Writer { schema: &call.kind.schema, api_version, subresource: &call.subresource, ignored, manager, now }
}

/// The object as it is before it is created: what Go writes for an empty one.
fn empty(kind: &Kind) -> Value {
    let mut object = match kind.custom {
        Some(_) => json!({}),
        None => stored::zero(&kind.schema),
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), kind.api_version().into());
        fields.insert("kind".to_owned(), kind.name.clone().into());
    }
    object
}

fn live(state: &State, call: &Call) -> Option<Value> {
    state.store.get(&call.key()).map(|stored| state::present(&call.kind, &stored))
}

/// Name and namespace of the body have to be those of the address.
fn fill_identity(call: &Call, object: &mut Value) -> Result<(), Failure> {
    let namespace = text(object, "/metadata/namespace");
    if call.kind.namespaced {
        if !namespace.is_empty() && namespace != call.namespace {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        store::set_meta(object, "namespace", call.namespace.clone().into());
    } else {
        store::remove_meta(object, "namespace");
    }
    if !call.name.is_empty() {
        let name = text(object, "/metadata/name");
        if !name.is_empty() && name != call.name {
            let why =
                format!("the name of the object ({name}) does not match the name on the URL ({})", call.name);
            return Err(Failure::bad_request(&why));
        }
        store::set_meta(object, "name", call.name.clone().into());
    }
    Ok(())
}

fn insert(state: &mut State, call: &Call, mut object: Value, ownership: Ownership) -> Result<Value, Failure> {
    let kind = &call.kind;
    fill_identity(call, &mut object)?;
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(Failure::unexpected("resourceVersion should not be set on objects to be created"));
    }
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        store::remove_meta(&mut object, field);
    }
    let now = state.now();
    store::set_meta(&mut object, "uid", state.new_uid().into());
    store::set_meta(&mut object, "creationTimestamp", now.clone().into());
    if text(&object, "/metadata/name").is_empty() && !text(&object, "/metadata/generateName").is_empty() {
        let base: String = text(&object, "/metadata/generateName").chars().take(58).collect();
        store::set_meta(&mut object, "name", format!("{base}{}", state.new_suffix()).into());
    }
    if ownership == Ownership::ToRecord {
        let ignored = kind.ignored("");
        let (manager, api_version) = (call.manager(), kind.api_version());
        managed::update(&writer(call, &ignored, &manager, &now, &api_version), &empty(kind), &mut object);
    }
    admit::create(state, call, &mut object)?;
    prepare::create(state, kind, &mut object);
    let name = text(&object, "/metadata/name").to_owned();
    let causes = validate::create(kind, &object);
    if !causes.is_empty() {
        return Err(Failure::invalid(&kind.group, &kind.name, &name, &causes));
    }
    let key = Key { name: name.clone(), ..call.key() };
    if state.store.get(&key).is_some() {
        return Err(Failure::already_exists(&kind.group, &kind.plural, &name));
    }
    if call.is_dry_run() {
        return Ok(object);
    }
    let stored = state.put(&key, state::to_stored(kind, &object));
    if kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        definition::establish(state, &key);
    }
    collect::settle(state);
    Ok(state::present(kind, &stored))
}

pub(super) fn replace(
    state: &mut State,
    call: &Call,
    live: &Value,
    mut new: Value,
    ownership: Ownership,
) -> Result<Value, Failure> {
    let kind = &call.kind;
    let resource = (kind.group.as_str(), kind.plural.as_str(), call.name.as_str());
    fill_identity(call, &mut new)?;

    if ownership == Ownership::ToRecord {
        let ignored = kind.ignored(&call.subresource);
        let (manager, now, api_version) = (call.manager(), state.now(), kind.api_version());
        managed::update(&writer(call, &ignored, &manager, &now, &api_version), live, &mut new);
    }
    let version = text(live, "/metadata/resourceVersion").to_owned();
    let given = text(&new, "/metadata/resourceVersion");
    if !given.is_empty() && given != version {
        return Err(Failure::modified(resource.0, resource.1, resource.2));
    }
    prepare::update(kind, &call.subresource, live, &mut new);
    store::set_meta(&mut new, "resourceVersion", version.into());
    let causes = validate::update(kind, &call.subresource, live, &new);
    if !causes.is_empty() {
        return Err(Failure::invalid(&kind.group, &kind.name, &call.name, &causes));
    }
    managed::keep_times(live, &mut new);
    if new == *live || call.is_dry_run() {
        return Ok(new);
    }
    let key = call.key();
    if collect::ends(kind, live, &new) {
        // Nothing is written any more: the answer is what would have been.
        state.erase(&key);
        collect::settle(state);
        return Ok(new);
    }
    let stored = state.put(&key, state::to_stored(kind, &new));
    collect::settle(state);
    Ok(state::present(kind, &stored))
}
