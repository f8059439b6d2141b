//! Whether a live object still is what we applied. Pure.

use serde_json::Value;

/// Whether every field of `wanted` is in `live` with the same value.
///
/// What others add is no drift: fields beside ours, and what the API server fills in. Lists must have
/// the same length, since ours are the whole list.
pub(crate) fn is_contained(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            wanted.iter().all(|(name, wanted)| match live.get(name) {
                Some(live) => is_contained(wanted, live),
                // The API server drops what is empty.
                None => is_empty(wanted),
            })
        }
        (Value::Array(wanted), Value::Array(live)) => {
            wanted.len() == live.len()
                && wanted.iter().zip(live).all(|(wanted, live)| is_contained(wanted, live))
        }
        (wanted, live) => wanted == live,
    }
}

/// Maps that the API server takes as a whole ("atomic"): who writes one of their keys has written all of them. A key
/// that others add to a selector leaves it without Pods.
const WHOLE: [&str; 2] = ["/spec/selector", "/spec/template/spec/nodeSelector"];

/// Whether the maps that are taken as a whole are the wanted ones.
pub(crate) fn has_whole_maps(wanted: &Value, live: &Value) -> bool {
    WHOLE.iter().all(|place| is_whole(wanted, live, place))
}

fn is_whole(wanted: &Value, live: &Value, place: &str) -> bool {
    let wanted = wanted.pointer(place).filter(|wanted| !is_empty(wanted));
    wanted.is_none_or(|wanted| live.pointer(place) == Some(wanted))
}

/// Where the first difference is, by the names of two levels: `spec.rules`, `metadata.labels`.
pub(crate) fn difference(whole: &Value, live_whole: &Value) -> Option<String> {
    let (Value::Object(wanted), Value::Object(live)) = (whole, live_whole) else { return None };
    let differs = |wanted: &Value, live: Option<&Value>| !is_contained(wanted, live.unwrap_or(&Value::Null));
    let different =
        wanted.iter().find(|(name, wanted)| !is_empty(wanted) && differs(wanted, live.get(*name)));
    let Some((name, wanted)) = different else {
        let place = WHOLE.iter().find(|place| !is_whole(whole, live_whole, place))?;
        return Some(place.trim_start_matches('/').replace('/', "."));
    };
    let inner = wanted.as_object().into_iter().flatten().find(|(inner, wanted)| {
        !is_empty(wanted) && differs(wanted, live.get(name).and_then(|live| live.get(*inner)))
    });
    Some(inner.map_or_else(|| name.clone(), |(inner, _)| format!("{name}.{inner}")))
}

/// Names in `wanted` the lists that only `live` has, as empty ones: an apply takes nothing away that it does not name.
pub(crate) fn clear_lists(wanted: &mut Value, live: &Value) {
    let (Value::Object(wanted), Value::Object(live)) = (wanted, live) else { return };
    for (name, live) in live {
        if matches!(live, Value::Array(entries) if !entries.is_empty()) {
            wanted.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

/// What `live` has at the places that `wanted` names: to tell later whether it has changed.
///
/// The API server writes some values in a form of its own (`cpu: 1000m` becomes `1`), so an object may
/// differ from what was applied without having drifted.
pub(crate) fn projection(wanted: &Value, live: &Value) -> Value {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            let fields = wanted.iter().filter_map(|(name, wanted)| {
                live.get(name).map(|live| (name.clone(), projection(wanted, live)))
            });
            Value::Object(fields.collect())
        }
        (Value::Array(wanted), Value::Array(live)) if wanted.len() == live.len() => {
            Value::Array(wanted.iter().zip(live).map(|(wanted, live)| projection(wanted, live)).collect())
        }
        (_, live) => live.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_add_is_no_drift() {
        let wanted =
            json!({"spec": {"ports": [{"port": 80}], "selector": {"app": "web-0"}}, "annotations": {}});
        let live = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}], "selector": {"app": "web-0"}, "clusterIP": "10.96.0.1"}});
        assert!(is_contained(&wanted, &live));
    }

    #[test]
    fn a_changed_missing_or_added_entry_of_ours_is_drift() {
        let wanted = json!({"ports": [{"port": 80}]});
        for live in
            [json!({"ports": [{"port": 81}]}), json!({}), json!({"ports": [{"port": 80}, {"port": 81}]})]
        {
            assert!(!is_contained(&wanted, &live), "{live}");
        }
    }

    #[test]
    fn a_key_added_to_a_selector_is_drift_and_one_added_elsewhere_is_not() {
        let wanted = json!({"spec": {"selector": {"app": "web-0"}, "strategy": {"type": "Recreate"}}});
        let with = |selector: Value| json!({"spec": {"selector": selector, "strategy": {"type": "Recreate", "x": 1}}});
        assert!(has_whole_maps(&wanted, &with(json!({"app": "web-0"}))));
        for selector in [json!({"app": "web-0", "nobody": "this"}), json!({}), json!(null)] {
            let live = with(selector);
            assert!(!has_whole_maps(&wanted, &live), "{live}");
            assert_eq!(difference(&wanted, &live).as_deref(), Some("spec.selector"));
        }
        let pods = json!({"spec": {"template": {"spec": {"nodeSelector": {"zone": "a"}}}}});
        assert!(!has_whole_maps(
            &pods,
            &json!({"spec": {"template": {"spec": {"nodeSelector": {"zone": "a", "b": "c"}}}}})
        ));
        assert!(has_whole_maps(&json!({}), &pods), "not ours to say");
    }

    #[test]
    fn a_list_that_is_not_wanted_is_drift_where_it_is_cleared() {
        let live = json!({"hostnames": ["a"], "rules": [{}], "parentRefs": [], "name": "x"});
        let mut wanted = json!({"rules": [{}]});
        clear_lists(&mut wanted, &live);
        assert_eq!(wanted, json!({"rules": [{}], "hostnames": []}));
        assert!(!is_contained(&wanted, &live));
        assert!(is_contained(&wanted, &json!({"rules": [{}]})));
    }

    #[test]
    fn a_difference_is_named_by_two_levels() {
        let wanted =
            json!({"metadata": {"labels": {}}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}});
        let live = json!({"spec": {"ports": [{"port": 81}], "selector": {"a": "b"}}});
        assert_eq!(difference(&wanted, &live).as_deref(), Some("spec.ports"));
        assert_eq!(difference(&wanted, &wanted), None);
        assert_eq!(difference(&wanted, &json!({})).as_deref(), Some("spec.ports"));
    }

    #[test]
    fn the_projection_forgets_what_is_not_ours() {
        let wanted = json!({"cpu": "1000m", "list": [{"a": 1}]});
        let live = json!({"cpu": "1", "memory": "2Gi", "list": [{"a": 1, "b": 2}]});
        assert_eq!(projection(&wanted, &live), json!({"cpu": "1", "list": [{"a": 1}]}));
    }
}
