//! The merge of an applied configuration into a live object.

use serde_json::{Map, Value};

use super::fields::Step;
use super::schema::{List, Schema};
use super::typed::{self, Form};

/// `live` with everything that `config` says; `None` when nothing is left.
pub(super) fn merge(schema: &Schema, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let form = typed::form(schema, live, config);
    if matches!(form, Form::Leaf) || (typed::is_empty(live) && typed::is_empty(config)) {
        return config.or(live).cloned();
    }
    if let Form::List(list, keys) = &form {
        return merge_items(list, keys, live, config);
    }
    let (lives, configs) = (live.and_then(Value::as_object), config.and_then(Value::as_object));
    let mut out = Map::new();
    let new = configs.into_iter().flat_map(Map::keys);
    let new = new.filter(|key| lives.is_none_or(|lives| !lives.contains_key(*key)));
    for key in lives.into_iter().flat_map(Map::keys).chain(new) {
        let (live, config) = (lives.and_then(|l| l.get(key)), configs.and_then(|c| c.get(key)));
        if let Some(value) = merge(form.child(key), live, config) {
            out.insert(key.clone(), value);
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// Shared items stand in the order of the configuration, items of the live list near their old neighbours.
fn merge_items(list: &List, keys: &[String], live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let lives = typed::index(list, keys, live);
    let configs = typed::index(list, keys, config);
    let in_live =
        |step: &Step| lives.iter().find(|(other, _)| other == step).map(|(_, items)| items.as_slice());
    let in_config = |step: &Step| configs.iter().any(|(other, _)| other == step);
    let mut shared = configs.iter().map(|(step, _)| step).filter(|step| in_live(step).is_some()).peekable();
    let mut out = Vec::new();
    let mut left = lives.iter().peekable();
    for (step, items) in &configs {
        // Live items that the configuration does not name keep their place before the next shared item.
        while let Some((other, theirs)) = left.peek() {
            let is_next_shared = shared.peek().is_some_and(|next| *next == other);
            if in_config(other) {
                if is_next_shared {
                    break;
                }
                left.next();
                continue;
            }
            out.extend(theirs.iter().map(|item| (*item).clone()));
            left.next();
        }
        let live = match in_live(step) {
            // A live key that occurs twice is replaced, not merged.
            Some([one]) => Some(*one),
            _ => None,
        };
        out.extend(merge(&list.items, live, items.first().copied()));
        if shared.peek().is_some_and(|next| *next == step) {
            shared.next();
            left.next_if(|(other, _)| other == step);
        }
    }
    for (other, theirs) in left {
        if !in_config(other) {
            out.extend(theirs.iter().map(|item| (*item).clone()));
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged_names(live: &[&str], config: &[&str]) -> Vec<String> {
        let spec = |names: &[&str]| {
            let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"containers": containers})
        };
        let schema = Schema::Named("PodSpec".to_owned());
        let merged = merge(&schema, Some(&spec(live)), Some(&spec(config))).unwrap();
        let items = merged["containers"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn shared_items_follow_the_configuration_and_others_keep_their_place() {
        assert_eq!(merged_names(&["a", "b", "c"], &["c", "a"]), ["b", "c", "a"]);
        assert_eq!(merged_names(&["a", "b"], &["b", "x"]), ["a", "b", "x"]);
        assert_eq!(merged_names(&["a", "b"], &[]), ["a", "b"]);
    }
}
