//! `gateway` and `hostnames`: the parents of the Gateways' route, as the CRDs of the routes have them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::carried::{GROUP_RULE, KIND_RULE, is_group, is_kind};
use crate::Violation;
use crate::field_path::Path;
use crate::name::Namespace;
use crate::parent_ref::ParentRef;

pub(super) fn check(gateways: &[ParentRef], namespace: &Namespace, violations: &mut Vec<Violation>) {
    let path = Path::ROOT.field("gateway");
    if gateways.len() > ParentRef::MOST {
        let message = format!("a route has at most {} parents, not {}", ParentRef::MOST, gateways.len());
        violations.push(Violation::new(path, message).hint("leave some out"));
        return;
    }
    let mut parents = BTreeMap::new();
    for (index, parent) in gateways.iter().enumerate() {
        let path = path.index(index);
        let object = parent.object(namespace);
        let (group, kind, _, _) = object;
        if !is_group(group) {
            let violation = Violation::new(path.field("group"), "is not an API group").value(group);
            violations.push(violation.hint(GROUP_RULE));
        }
        if !is_kind(kind) {
            let violation = Violation::new(path.field("kind"), "is not a kind").value(kind);
            violations.push(violation.hint(KIND_RULE));
        }
        if group.is_empty() && kind == "Service" {
            let violation = Violation::new(path.field("kind"), "is no Gateway").value(kind);
            violations
                .push(violation.hint("name a Gateway: the route of the front Service is there without it"));
        }
        let others: &mut Vec<&ParentRef> = parents.entry(object).or_default();
        if others.iter().any(|other| !parent.fits_beside(other, namespace)) {
            let violation = Violation::new(path, "is there twice").of_absence().value(&parent.name);
            violations.push(violation.hint("leave it out, or name another `sectionName` in each"));
        }
        others.push(parent);
    }
}
