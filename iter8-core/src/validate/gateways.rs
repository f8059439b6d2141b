//! `gateway` and `hostnames`: the parents of the Gateways' route, as the CRDs of the routes have them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::carried::{GROUP_RULE, KIND_RULE, is_group, is_kind};
use crate::Violation;
use crate::field_path::Path;
use crate::name::Namespace;
use crate::release::ParentRef;

/// The most parents of a route (CRDs of the routes, Gateway API v1.5.1).
const PARENTS: usize = 32;

const GROUP: &str = "gateway.networking.k8s.io";

pub(super) fn check(gateways: &[ParentRef], namespace: &Namespace, violations: &mut Vec<Violation>) {
    let path = Path::ROOT.field("gateway");
    if gateways.len() > PARENTS {
        let message = format!("a route has at most {PARENTS} parents, not {}", gateways.len());
        violations.push(Violation::new(path, message).hint("leave some out"));
        return;
    }
    let mut parents = BTreeMap::new();
    for (index, parent) in gateways.iter().enumerate() {
        let path = path.index(index);
        let group = parent.group.as_deref().unwrap_or(GROUP);
        let kind = parent.kind.as_deref().unwrap_or("Gateway");
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
        let parent_namespace = parent.namespace.as_ref().unwrap_or(namespace).as_str();
        let parent_of = (group, kind, parent_namespace, parent.name.as_str());
        let sections: &mut Vec<Option<&str>> = parents.entry(parent_of).or_default();
        let own = parent.section_name.as_deref();
        if !sections.is_empty() && (own.is_none() || sections.contains(&None) || sections.contains(&own)) {
            let violation = Violation::new(path, "is there twice").of_absence().value(&parent.name);
            violations.push(violation.hint("leave it out, or name another `sectionName` in each"));
        }
        sections.push(own);
    }
}
