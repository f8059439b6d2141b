//! Objects seen through their schema: which fields they have, what differs between two, what is left without some.

use serde_json::{Map, Value};

use super::fields::{FieldSet, Path, Step};
use super::schema::{List, ListMerge, Object, Scalar, Schema};

/// How two versions of an object differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

/// What a schema says about a value of this form.
pub(super) enum Form<'a> {
    Leaf,
    Object(&'a Object),
    FreeObject,
    List(&'a List, &'a [String]),
}

static FREE: Schema = Schema::Free;

/// The merge behaviour of a pair of values (either may be missing).
pub(super) fn form<'a>(schema: &'a Schema, left: Option<&Value>, right: Option<&Value>) -> Form<'a> {
    let fits = |check: fn(&Value) -> bool| {
        [left, right].into_iter().flatten().all(|value| check(value) || value.is_null())
    };
    match schema.resolve() {
        Schema::Object(object) if !object.atomic && fits(Value::is_object) => Form::Object(object),
        Schema::Free if fits(Value::is_object) => Form::FreeObject,
        Schema::List(list) if fits(Value::is_array) => match &list.merge {
            ListMerge::Atomic => Form::Leaf,
            ListMerge::Set => Form::List(list, &[]),
            ListMerge::Map(keys) => Form::List(list, keys),
        },
        _ => Form::Leaf,
    }
}

impl Form<'_> {
    /// The schema of a key of the object, where the form is an object.
    pub(super) fn child(&self, key: &str) -> &Schema {
        match self {
            Form::Object(object) => object.child(key).unwrap_or(&FREE),
            Form::FreeObject | Form::Leaf | Form::List(..) => &FREE,
        }
    }
}

pub(super) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// The step that names an item of a list, by its key fields or, in a set, by its value.
pub(super) fn item_step(list: &List, keys: &[String], item: &Value) -> Option<Step> {
    if keys.is_empty() {
        return (!item.is_object() && !item.is_array() && !item.is_null())
            .then(|| Step::Value(item.to_string()));
    }
    let item = item.as_object()?;
    let object = list.items.as_object();
    let mut found = Vec::new();
    for key in keys {
        let default = || object?.fields.get(key)?.key_default();
        if let Some(value) = item.get(key).cloned().or_else(default) {
            found.push((key.clone(), value.to_string()));
        }
    }
    found.sort();
    (!found.is_empty()).then_some(Step::Key(found))
}

/// Every leaf and list item of `value`.
pub(super) fn field_set(schema: &Schema, value: &Value) -> FieldSet {
    let mut out = FieldSet::default();
    collect(schema, value, &mut Vec::new(), &mut out);
    out
}

fn collect(schema: &Schema, value: &Value, path: &mut Path, out: &mut FieldSet) {
    let form = form(schema, Some(value), None);
    match (&form, value) {
        (Form::Leaf, _) => out.insert(path),
        (Form::List(list, keys), Value::Array(items)) => {
            for item in items {
                let Some(step) = item_step(list, keys, item) else { continue };
                path.push(step);
                collect(&list.items, item, path, out);
                out.insert(path);
                path.pop();
            }
        }
        (Form::Object(_) | Form::FreeObject, Value::Object(fields)) => {
            for (key, item) in fields {
                path.push(Step::Field(key.clone()));
                collect(form.child(key), item, path, out);
                let declared = matches!(&form, Form::Object(object) if object.fields.contains_key(key));
                if item.is_null() || item.as_object().is_some_and(Map::is_empty) || !declared {
                    out.insert(path);
                }
                path.pop();
            }
        }
        _ => {}
    }
}

/// How `right` differs from `left`.
pub(super) fn compare(schema: &Schema, left: &Value, right: &Value) -> Comparison {
    let mut out = Comparison::default();
    compare_at(schema, Some(left), Some(right), &mut Vec::new(), &mut out);
    out
}

fn compare_at(
    schema: &Schema,
    left: Option<&Value>,
    right: Option<&Value>,
    path: &mut Path,
    out: &mut Comparison,
) {
    let form = form(schema, left, right);
    match &form {
        // Both empty: a leaf, so that "empty" and "absent" stay apart.
        _ if is_empty(left) && is_empty(right) && !matches!(form, Form::Leaf) => {
            if left.is_some() && right.is_some() && left != right {
                out.modified.insert(path);
            }
        }
        Form::Leaf => {
            if left.is_some() && right.is_some() && left != right {
                out.modified.insert(path);
            }
        }
        Form::Object(_) | Form::FreeObject => {
            let (lefts, rights) = (left.and_then(Value::as_object), right.and_then(Value::as_object));
            let keys = lefts.into_iter().flat_map(Map::keys);
            let new = rights.into_iter().flat_map(Map::keys);
            let new = new.filter(|key| lefts.is_none_or(|lefts| !lefts.contains_key(*key)));
            for key in keys.chain(new) {
                path.push(Step::Field(key.clone()));
                let (left, right) = (lefts.and_then(|l| l.get(key)), rights.and_then(|r| r.get(key)));
                compare_at(form.child(key), left, right, path, out);
                path.pop();
            }
        }
        Form::List(list, keys) => compare_items(list, keys, left, right, path, out),
    }
    if left.is_none() {
        out.added.insert(path);
    } else if right.is_none() {
        out.removed.insert(path);
    }
}

fn compare_items(
    list: &List,
    keys: &[String],
    left: Option<&Value>,
    right: Option<&Value>,
    path: &mut Path,
    out: &mut Comparison,
) {
    let (lefts, rights) = (index(list, keys, left), index(list, keys, right));
    let new = rights.iter().filter(|(step, _)| lefts.iter().all(|(other, _)| other != step));
    for (step, _) in lefts.iter().chain(new) {
        let (lefts, rights) = (items_of(&lefts, step), items_of(&rights, step));
        path.push(step.clone());
        match (lefts, rights) {
            ([] | [_], [] | [_]) => {
                compare_at(&list.items, lefts.first().copied(), rights.first().copied(), path, out);
            }
            // Items with the same key are compared as one value.
            ([_, _, ..], [_, _, ..]) if lefts != rights => out.modified.insert(path),
            ([_, _, ..], [_, _, ..]) => {}
            ([_, _, ..], _) => {
                if let Some(right) = rights.first() {
                    compare_at(&list.items, None, Some(right), path, out);
                }
                out.removed.insert(path);
            }
            _ => {
                if let Some(left) = lefts.first() {
                    compare_at(&list.items, Some(left), None, path, out);
                }
                out.added.insert(path);
            }
        }
        path.pop();
    }
}

/// Items of a list by their step, in the order of the list; items of one step stand together.
pub(super) type Index<'a> = Vec<(Step, Vec<&'a Value>)>;

fn items_of<'a, 'v>(all: &'a Index<'v>, step: &Step) -> &'a [&'v Value] {
    all.iter().find(|(other, _)| other == step).map_or(&[], |(_, items)| items.as_slice())
}

pub(super) fn index<'a>(list: &List, keys: &[String], value: Option<&'a Value>) -> Index<'a> {
    let mut out: Index<'a> = Vec::new();
    for item in value.and_then(Value::as_array).into_iter().flatten() {
        let Some(step) = item_step(list, keys, item) else { continue };
        match out.iter_mut().find(|(other, _)| *other == step) {
            Some((_, items)) => items.push(item),
            None => out.push((step, vec![item])),
        }
    }
    out
}

/// `value` without the members of `remove`. `None` when nothing is left of a list or map.
pub(super) fn remove(schema: &Schema, value: &Value, remove_set: &FieldSet) -> Option<Value> {
    let form = form(schema, Some(value), None);
    match (&form, value) {
        (Form::Leaf, Value::Object(_)) if matches!(schema.resolve(), Schema::Object(_)) => None,
        (Form::Leaf, Value::Array(_)) if matches!(schema.resolve(), Schema::List(_) | Schema::Free) => None,
        (Form::List(list, keys), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let step = item_step(list, keys, item);
                if step.as_ref().is_some_and(|step| remove_set.has(step)) {
                    continue;
                }
                match step.and_then(|step| remove_set.below(&step)) {
                    Some(below) => out.push(remove(&list.items, item, below).unwrap_or(Value::Null)),
                    None => out.push(item.clone()),
                }
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        (Form::Object(_) | Form::FreeObject, Value::Object(fields)) => {
            let mut out = Map::new();
            for (key, item) in fields {
                let step = Step::Field(key.clone());
                if remove_set.has(&step) {
                    continue;
                }
                let left = match remove_set.below(&step) {
                    Some(below) => remove(form.child(key), item, below).unwrap_or(Value::Null),
                    None => item.clone(),
                };
                out.insert(key.clone(), left);
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        _ => Some(value.clone()),
    }
}

/// The first thing in an applied configuration that does not fit its type.
pub(super) fn misfit(schema: &Schema, value: &Value) -> Option<String> {
    misfit_at(schema, value, &mut String::new())
}

fn misfit_at(schema: &Schema, value: &Value, path: &mut String) -> Option<String> {
    match (schema.resolve(), value) {
        (_, Value::Null) | (Schema::Free | Schema::Opaque | Schema::Named(_), _) => None,
        (Schema::Object(object), Value::Object(fields)) => fields.iter().find_map(|(key, item)| {
            let length = path.len();
            path.push('.');
            path.push_str(key);
            let problem = match object.child(key) {
                Some(child) => misfit_at(child, item, path),
                None => Some(format!("{path}: field not declared in schema")),
            };
            path.truncate(length);
            problem
        }),
        (Schema::List(list), Value::Array(items)) => misfit_in_list(list, items, path),
        (Schema::Object(_), _) => Some(format!("{path}: expected map, got &{{{}}}", plain(value))),
        (Schema::List(_), _) => Some(format!("{path}: expected list, got &{{{}}}", plain(value))),
        (Schema::Scalar(scalar), value) => {
            misfit_scalar(*scalar, value).map(|problem| format!("{path}: {problem}"))
        }
    }
}

fn misfit_in_list(list: &List, items: &[Value], path: &mut String) -> Option<String> {
    let keys = match &list.merge {
        ListMerge::Map(keys) => keys.as_slice(),
        ListMerge::Atomic | ListMerge::Set => &[],
    };
    let mut seen = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let step = (list.merge != ListMerge::Atomic).then(|| item_step(list, keys, item)).flatten();
        let length = path.len();
        match &step {
            Some(step) if seen.contains(step) => {
                return Some(format!("{path}: duplicate entries for key {step}"));
            }
            None if !keys.is_empty() => {
                let keys: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
                return Some(format!(
                    "{path}: element {at}: associative list with keys has an element that omits all key fields [{}] \
                     (and doesn't have default values for any key fields)",
                    keys.join(" ")
                ));
            }
            _ => path.push_str(&step.as_ref().map_or_else(|| format!("[{at}]"), ToString::to_string)),
        }
        let problem = misfit_at(&list.items, item, path);
        path.truncate(length);
        if problem.is_some() {
            return problem;
        }
        seen.extend(step);
    }
    None
}

fn misfit_scalar(scalar: Scalar, value: &Value) -> Option<String> {
    match scalar {
        Scalar::Bool if !value.is_boolean() => Some(format!("expected boolean, got &{{{}}}", plain(value))),
        Scalar::Int32 | Scalar::Int64 | Scalar::Number if !value.is_number() => {
            let found = match value {
                Value::Bool(_) => "bool",
                Value::String(_) => "string",
                Value::Array(_) => "[]interface {}",
                _ => "map[string]interface {}",
            };
            Some(format!("expected numeric (int or float), got {found}"))
        }
        Scalar::String | Scalar::Time | Scalar::MicroTime | Scalar::Bytes if !value.is_string() => {
            Some(format!("expected string, got &value.valueUnstructured{{Value:{value}}}"))
        }
        _ if value.is_object() || value.is_array() => {
            Some(format!("expected any scalar, got &{{{}}}", plain(value)))
        }
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
