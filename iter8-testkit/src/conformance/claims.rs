//! What a backend owes.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use iter8_core::{FilterType, Observation, RoutePlan, RoutingBackend, plan};
use serde_json::Value;

use super::{Claim, Conformance, Planned};
use crate::strategies::{key, planned_gateways, planned_rules};

type Found = Result<(), String>;

/// The claims, for a kind of backend.
pub(super) struct Claims<B>(PhantomData<B>);

impl<B: RoutingBackend> Claims<B> {
    pub(super) const ALL: [Claim<B>; 9] = [
        Claim { sentence: "the capabilities are consistent", check: capabilities_are_consistent },
        Claim {
            sentence: "a plan without a route renders nothing, and nothing reads as no route",
            check: no_route,
        },
        Claim { sentence: "the same plan gives the same objects", check: is_deterministic },
        Claim { sentence: "what is rendered reads back as it was planned", check: reads_back },
        Claim { sentence: "a stored object reads like the rendered one", check: stored_reads_the_same },
        Claim { sentence: "the order of the objects does not matter", check: order_does_not_matter },
        Claim {
            sentence: "every object is of a declared kind, in the release's namespace, once",
            check: identity,
        },
        Claim {
            sentence: "objects have the declared labels and annotations, and neither owner nor status",
            check: metadata,
        },
        Claim {
            sentence: "the objects of a release keep their names whatever the rules are",
            check: names_are_stable,
        },
    ];
}

fn capabilities_are_consistent<B: RoutingBackend>(suite: &Conformance<'_, B>, _: &Planned<'_>) -> Found {
    let capabilities = suite.backend.capabilities();
    let limits = capabilities.limits;
    let is_repeated = |filters: &[FilterType]| {
        let mut places = filters.iter().enumerate();
        places
            .any(|(place, filter)| filters.iter().skip(place.saturating_add(1)).any(|other| other == filter))
    };
    let mut routes = std::iter::once(&capabilities.http).chain(&capabilities.grpc);
    let is_repeated = routes.any(|route| is_repeated(route.filters) || is_repeated(route.backend_filters));
    let problems = [
        (capabilities.mesh.is_empty(), "the mesh has no name"),
        (suite.backend.kinds().is_empty(), "there is no kind of object"),
        (is_repeated, "a filter is listed twice"),
        (limits.rules < 2, "a canary needs two rules"),
        (limits.backends_per_rule < 2, "blue-green needs two backends in a rule"),
        (limits.matches_per_rule == 0 || limits.matches == 0, "a rule needs a match"),
    ];
    problems
        .into_iter()
        .find(|(is_there, _)| *is_there)
        .map_or(Ok(()), |(_, problem)| Err(problem.to_owned()))
}

fn no_route<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let rendered = suite.render(&planned.plan).len();
    match &planned.plan.route {
        None if rendered > 0 => Err(format!("{rendered} objects without a route")),
        Some(_) if rendered == 0 => Err("no object for a route".to_owned()),
        _ if suite.backend.observe(&[]).is_some() => {
            Err("a route is read where there is no object".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_deterministic<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let (one, other) = (json(suite, &planned.plan)?, json(suite, &planned.plan.clone())?);
    same("the objects", &one, &other)
}

/// Matches, backends with their ports and weights, mirrors, timeouts and filters.
fn reads_back<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let expected = planned_rules(&planned.plan);
    let observed = suite.backend.observe(&suite.render(&planned.plan));
    let rules = observed.as_ref().map(|route| route.rules.clone()).unwrap_or_default();
    same("the rules", &expected, &rules)?;
    let backends = expected.iter().flat_map(|rule| &rule.backends).map(|backend| backend.service.clone());
    let mirrors = expected.iter().flat_map(|rule| &rule.mirrors).map(|mirror| mirror.service.clone());
    let named: BTreeSet<_> = backends.chain(mirrors).collect();
    same(
        "the named Services",
        &named,
        &observed.as_ref().map(|route| route.named.clone()).unwrap_or_default(),
    )?;
    // A backend that remembers none lets Gateways go at once.
    match observed.and_then(|route| route.gateways) {
        None => Ok(()),
        gateways => same("the Gateways", &planned_gateways(&planned.plan), &gateways),
    }
}

/// As it comes from the API server: through JSON, with defaults.
fn stored_reads_the_same<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let rendered = suite.render(&planned.plan);
    let mut stored = Vec::new();
    for object in &rendered {
        let text =
            serde_json::to_string(&(suite.stored)(object.clone())).map_err(|error| error.to_string())?;
        stored.push(serde_json::from_str(&text).map_err(|error| error.to_string())?);
    }
    same("the observation", &suite.backend.observe(&rendered), &suite.backend.observe(&stored))
}

fn order_does_not_matter<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let rendered = suite.render(&planned.plan);
    let reversed: Vec<_> = rendered.iter().rev().cloned().collect();
    let rules =
        |objects: &[B::Object]| suite.backend.observe(objects).map(|route| (route.rules, route.named));
    same("the rules", &rules(&rendered), &rules(&reversed))
}

fn identity<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let kinds: Vec<_> = suite
        .backend
        .kinds()
        .iter()
        .map(|kind| {
            let group = if kind.group.is_empty() {
                kind.version.to_owned()
            } else {
                format!("{}/{}", kind.group, kind.version)
            };
            (group, kind.kind.to_owned())
        })
        .collect();
    let mut names = BTreeSet::new();
    for object in json(suite, &planned.plan)? {
        let kind = (text(&object, "/apiVersion"), text(&object, "/kind"));
        if !kinds.contains(&kind) {
            return Err(format!("{kind:?} is none of {kinds:?}"));
        }
        same("the namespace", &key().namespace.to_string(), &text(&object, "/metadata/namespace"))?;
        let name = text(&object, "/metadata/name");
        if name.is_empty() || !names.insert((kind, name.clone())) {
            return Err(format!("`{name}` is no name of its own"));
        }
    }
    Ok(())
}

fn metadata<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let Some(route) = &planned.plan.route else { return Ok(()) };
    for object in json(suite, &planned.plan)? {
        let texts = |field: &str| -> BTreeMap<String, String> {
            let texts = object.pointer(&format!("/metadata/{field}")).cloned();
            texts.and_then(|texts| serde_json::from_value(texts).ok()).unwrap_or_default()
        };
        for (field, declared) in [("labels", &route.labels), ("annotations", &route.annotations)] {
            let found = texts(field);
            if let Some((name, value)) =
                declared.iter().find(|(name, value)| found.get(*name) != Some(*value))
            {
                return Err(format!("{field} lack {name}: {value}"));
            }
        }
        let others = ["/metadata/ownerReferences", "/metadata/resourceVersion", "/metadata/uid", "/status"];
        if let Some(field) =
            others.iter().find(|field| object.pointer(field).is_some_and(|value| !value.is_null()))
        {
            return Err(format!("{field} is the controller's or the API server's"));
        }
    }
    Ok(())
}

/// Otherwise a controller would make and delete objects where it should change one.
fn names_are_stable<B: RoutingBackend>(suite: &Conformance<'_, B>, planned: &Planned<'_>) -> Found {
    let release = &planned.situation.release;
    let anew = plan(release, &Observation::all_ready(release));
    // Where Gateways are leaving that have no successors, their object is to go.
    let is_at_gateways =
        |plan: &RoutePlan| plan.route.as_ref().map(|route| route.gateway_parents().next().is_some());
    if planned.plan.route.is_none() || is_at_gateways(&planned.plan) != is_at_gateways(&anew) {
        return Ok(());
    }
    let names = |plan: &RoutePlan| -> Result<Vec<String>, String> {
        Ok(json(suite, plan)?.iter().map(|object| text(object, "/metadata/name")).collect())
    };
    same("the names", &names(&anew)?, &names(&planned.plan)?)
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn json<B: RoutingBackend>(suite: &Conformance<'_, B>, plan: &RoutePlan) -> Result<Vec<Value>, String> {
    suite
        .render(plan)
        .iter()
        .map(|object| serde_json::to_value(object).map_err(|error| error.to_string()))
        .collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Found {
    if expected == found { Ok(()) } else { Err(format!("{what}: expected {expected:#?}, found {found:#?}")) }
}
