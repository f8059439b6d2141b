//! Admission: rules about a request beyond the object itself.

use serde_json::{Value, json};

use super::call::Call;
use super::failure::Failure;
use super::state::{self, State};
use super::store::{self, text};

/// A new object needs a namespace that exists and stays.
pub(super) fn create(state: &State, call: &Call, object: &mut Value) -> Result<(), Failure> {
    let kind = &call.kind;
    if !kind.namespaced {
        return Ok(());
    }
    let namespace = state.store.get(&state::namespace_key(&call.namespace));
    let namespace = namespace.ok_or_else(|| Failure::not_found("", "namespaces", &call.namespace))?;
    if store::is_terminating(&namespace) {
        let name = text(object, "/metadata/name");
        return Err(Failure::namespace_terminating(&kind.group, &kind.plural, name, &call.namespace));
    }
    if kind.is("", "Pod") {
        admit_pod(object);
    }
    Ok(())
}

/// Pods get the priority of their class, and bear with a failing node for five minutes.
fn admit_pod(pod: &mut Value) {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.entry("priority").or_insert_with(|| json!(0));
    spec.entry("preemptionPolicy").or_insert_with(|| json!("PreemptLowerPriority"));
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|toleration| {
            let effect = text(toleration, "/effect");
            matches!(text(toleration, "/key"), "")
                && text(toleration, "/operator") == "Exists"
                && effect.is_empty()
                || text(toleration, "/key") == key && (effect == "NoExecute" || effect.is_empty())
        });
        if !tolerated {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}
