//! Who owns which field: `metadata.managedFields`, and server-side apply on top of it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::fields::{self, FieldSet, Path};
use super::merge;
use super::schema::Schema;
use super::typed;

/// More update managers than this are folded into one.
const MAX_UPDATE_MANAGERS: usize = 10;

static NEVER_OWNED: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::of([
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

/// The writer of a request, and what it writes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    pub(super) schema: &'a Schema,
    pub(super) api_version: &'a str,
    pub(super) subresource: &'a str,
    /// Fields that the endpoint ignores, so that nobody comes to own them through it.
    pub(super) ignored: &'a FieldSet,
    pub(super) manager: &'a str,
    pub(super) now: &'a str,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    manager: String,
    applied: bool,
    api_version: String,
    subresource: String,
    time: Option<String>,
    set: FieldSet,
}

impl Entry {
    fn is_same_manager(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.applied == other.applied
            && self.subresource == other.subresource
            && (self.applied || self.api_version == other.api_version)
    }

    fn describe(&self) -> String {
        let mut out = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            out = format!("{out} with subresource {:?}", self.subresource);
        }
        if self.applied {
            return out;
        }
        // The real server leaves the time out: its identifiers of managers do not hold it.
        format!("{out} using {}", self.api_version)
    }
}

impl Writer<'_> {
    fn entry(&self, applied: bool, set: FieldSet) -> Entry {
        Entry {
            manager: if self.manager.is_empty() { "unknown" } else { self.manager }.to_owned(),
            applied,
            api_version: self.api_version.to_owned(),
            subresource: self.subresource.to_owned(),
            time: None,
            set,
        }
    }
}

/// Records in `new` what a create, update or patch changed, compared with `live` (empty for a create).
pub(super) fn update(writer: &Writer<'_>, live: &Value, new: &mut Value) {
    let mut entries = before(writer, live, new);
    set_raw(new, None);
    let created = live.pointer("/metadata/uid").is_none();
    if entries.is_empty() && !created {
        return;
    }
    record(writer, &mut entries, &without_managed(live), new);
    cap(&mut entries);
    set_raw(new, Some(encode(entries)));
}

/// The managers before an update: what the request says, else what is stored.
fn before(writer: &Writer<'_>, live: &Value, new: &Value) -> Vec<Entry> {
    if writer.subresource.is_empty()
        && let Some(Value::Array(given)) = raw(new)
    {
        let reset = given.is_empty() || (given.len() == 1 && given.first() == Some(&json!({})));
        if reset {
            return Vec::new();
        }
        let decoded = decode(given);
        if let Some(decoded) = decoded.filter(|entries| !entries.is_empty()) {
            return decoded;
        }
    }
    match raw(live) {
        Some(Value::Array(stored)) => decode(stored).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn record(writer: &Writer<'_>, entries: &mut Vec<Entry>, live: &Value, new: &Value) {
    let changes = typed::compare(writer.schema, live, new);
    let removed = changes.removed.without(writer.ignored);
    let changed = changes.modified.union(&changes.added).without(writer.ignored);
    for entry in &mut *entries {
        entry.set = entry.set.difference(&changed).difference(&removed);
    }
    entries.retain(|entry| !entry.set.is_empty());
    let own = changed.difference(&NEVER_OWNED);
    if own.is_empty() {
        return;
    }
    let mut mine = writer.entry(false, own);
    mine.time = Some(writer.now.to_owned());
    match entries.iter_mut().find(|entry| entry.is_same_manager(&mine)) {
        Some(entry) => {
            entry.set = entry.set.union(&mine.set);
            entry.time = mine.time;
        }
        None => entries.push(mine),
    }
}

/// Folds the oldest update managers into one named `ancient-changes`.
fn cap(entries: &mut Vec<Entry>) {
    let mut updaters: Vec<Entry> = entries.iter().filter(|entry| !entry.applied).cloned().collect();
    let Some(excess) = updaters.len().checked_sub(MAX_UPDATE_MANAGERS).filter(|excess| *excess > 0) else {
        return;
    };
    updaters.sort_by(|a, b| (&a.time, &a.manager).cmp(&(&b.time, &b.manager)));
    let mut bucket: Option<Entry> = None;
    for old in updaters.into_iter().take(excess + 1) {
        entries.retain(|entry| *entry != old);
        bucket = Some(match bucket {
            None => Entry { manager: "ancient-changes".to_owned(), subresource: String::new(), ..old },
            Some(bucket) => Entry { set: bucket.set.union(&old.set), time: old.time, ..bucket },
        });
    }
    entries.extend(bucket);
}

/// Applies `config` on top of `live` (with managed fields, or a bare object for a create).
///
/// The result holds the new managed fields; its other metadata is that of `live`.
pub(super) fn apply(
    writer: &Writer<'_>,
    live: &Value,
    config: &Value,
    force: bool,
) -> Result<Value, Failure> {
    let mut entries = match raw(live) {
        Some(Value::Array(stored)) => decode(stored).unwrap_or_default(),
        _ => Vec::new(),
    };
    let live = &without_managed(live);
    if entries.is_empty() && live.pointer("/metadata/uid").is_some() {
        let first = Writer { manager: "before-first-apply", ..*writer };
        record(&first, &mut entries, &json!({}), live);
    }
    let merged = merge::merge(writer.schema, Some(live), Some(config));
    let mut new = merged.unwrap_or_else(|| json!({}));
    let set = typed::field_set(writer.schema, config).without(writer.ignored);
    let mut mine = writer.entry(true, set);
    mine.time = Some(writer.now.to_owned());
    let last = entries.iter().position(|entry| entry.is_same_manager(&mine)).map(|at| entries.remove(at));
    if let Some(last) = &last {
        new = prune(writer.schema, &new, &last.set, &entries, &mine.set);
    }
    take_over(writer, &mut entries, live, &new, force)?;
    mine.set = mine.set.difference(&NEVER_OWNED);
    let unchanged = *live == new;
    if unchanged && let Some(last) = last {
        mine.time =
            last.time.filter(|_| last.set == mine.set && last.api_version == mine.api_version).or(mine.time);
    }
    if !mine.set.is_empty() {
        entries.push(mine);
    }
    set_raw(&mut new, Some(encode(entries)));
    Ok(new)
}

/// Takes the fields that this apply changes from their other owners, or fails if it must not.
fn take_over(
    writer: &Writer<'_>,
    entries: &mut Vec<Entry>,
    live: &Value,
    new: &Value,
    force: bool,
) -> Result<(), Failure> {
    let changes = typed::compare(writer.schema, live, new);
    let changed = changes.modified.union(&changes.added).without(writer.ignored);
    let removed = changes.removed.without(writer.ignored);
    let mut conflicts: Vec<(String, Path)> = Vec::new();
    for entry in entries.iter() {
        let both = entry.set.intersection(&changed);
        conflicts.extend(both.paths().into_iter().map(|path| (entry.describe(), path)));
    }
    if !force && !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    for entry in entries.iter_mut() {
        entry.set = entry.set.difference(&changed).difference(&removed);
    }
    entries.retain(|entry| !entry.set.is_empty());
    Ok(())
}

fn conflict(conflicts: &[(String, Path)]) -> Failure {
    let causes = conflicts.iter().map(|(manager, path)| {
        json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": fields::show(path)})
    });
    let message = if let [(manager, path)] = conflicts {
        format!("Apply failed with 1 conflict: conflict with {manager}: {}", fields::show(path))
    } else {
        let mut managers: Vec<_> = conflicts.iter().map(|(manager, _)| manager).collect();
        managers.sort();
        managers.dedup();
        let mut lines = Vec::new();
        for manager in managers {
            lines.push(format!("conflicts with {manager}:"));
            let theirs = conflicts.iter().filter(|(other, _)| other == manager);
            lines.extend(theirs.map(|(_, path)| format!("- {}", fields::show(path))));
        }
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    };
    Failure::apply_conflict(&message, &causes.collect::<Vec<_>>())
}

/// Removes what the manager applied last time, does not apply now, and nobody else owns.
fn prune(schema: &Schema, merged: &Value, last: &FieldSet, others: &[Entry], mine: &FieldSet) -> Value {
    let named = |set: &FieldSet| set.with_named_fields(Some(schema));
    let set_of = |value: &Value| named(&typed::field_set(schema, value));
    let remove = |set: &FieldSet| typed::remove(schema, merged, set).unwrap_or_else(|| json!({}));
    let owned = others.iter().fold(mine.clone(), |all, entry| all.union(&entry.set));
    let all = set_of(merged);
    let pruned = remove(&named(last));
    let kept = set_of(&pruned).union(&named(&owned));
    let pruned = remove(&all.difference(&kept));
    // What is gone now must have been this manager's: items it never owned come back.
    remove(&all.difference(&set_of(&pruned)).intersection(&named(last)))
}

/// Keeps the stored managed fields if only their times differ and nothing else changed.
pub(super) fn keep_times(live: &Value, new: &mut Value) {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        if let Some(Value::Array(entries)) = object.pointer_mut("/metadata/managedFields") {
            entries.iter_mut().filter_map(Value::as_object_mut).for_each(|entry| {
                entry.remove("time");
            });
        }
        object
    };
    if live != new && timeless(live) == timeless(new) {
        set_raw(new, raw(live).cloned());
    }
}

fn raw(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/managedFields")
}

fn set_raw(object: &mut Value, entries: Option<Value>) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        match entries {
            Some(entries) if !typed::is_empty(Some(&entries)) => {
                metadata.insert("managedFields".to_owned(), entries)
            }
            _ => metadata.remove("managedFields"),
        };
    }
}

fn without_managed(object: &Value) -> Value {
    let mut object = object.clone();
    set_raw(&mut object, None);
    object
}

fn decode(entries: &[Value]) -> Option<Vec<Entry>> {
    entries
        .iter()
        .map(|entry| {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let applied = match text("operation").as_str() {
                "Apply" => true,
                "Update" => false,
                _ => return None,
            };
            Some(Entry {
                manager: text("manager"),
                applied,
                api_version: text("apiVersion"),
                subresource: text("subresource"),
                time: entry.get("time").and_then(Value::as_str).map(str::to_owned),
                set: FieldSet::decode(entry.get("fieldsV1").unwrap_or(&Value::Null)),
            })
        })
        .collect()
}

fn encode(mut entries: Vec<Entry>) -> Value {
    for entry in entries.iter_mut().filter(|entry| entry.subresource == "scale") {
        // The real server loses it on the way from the scale to the object.
        entry.time = None;
    }
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| {
            (
                !entry.applied,
                entry.time.clone(),
                entry.manager.clone(),
                entry.api_version.clone(),
                entry.subresource.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    let encoded = entries.into_iter().map(|entry| {
        let mut out = Map::new();
        out.insert("manager".to_owned(), entry.manager.into());
        out.insert("operation".to_owned(), if entry.applied { "Apply" } else { "Update" }.into());
        out.insert("apiVersion".to_owned(), entry.api_version.into());
        if let Some(time) = entry.time {
            out.insert("time".to_owned(), time.into());
        }
        out.insert("fieldsType".to_owned(), "FieldsV1".into());
        out.insert("fieldsV1".to_owned(), entry.set.encode());
        if !entry.subresource.is_empty() {
            out.insert("subresource".to_owned(), entry.subresource.into());
        }
        Value::Object(out)
    });
    Value::Array(encoded.collect())
}
