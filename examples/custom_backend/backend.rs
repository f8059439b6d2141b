//! The backend: capabilities, render, observe.

use iter8_core::{
    Capabilities, FilterType, ObjectKind, ObservedBackend, ObservedMirror, ObservedRule, ParentReport,
    PlannedRoute, PlannedRule, Protocol, RouteCapabilities, RouteObservation, RoutePlan, RoutingBackend,
    ServiceName, Timeouts, Timestamp, Verdict,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::traffic_split::{Copy, Rule, Spec, Target, TrafficSplit};

const KIND: ObjectKind =
    ObjectKind { group: "mesh.example.com", version: "v1", kind: "TrafficSplit", plural: "trafficsplits" };

/// Copies requests, and has no other filter. Its splits are of HTTP requests, without a header that names the version.
const CAPABILITIES: Capabilities = Capabilities {
    mesh: "example",
    http: RouteCapabilities { filters: &[FilterType::RequestMirror], ..RouteCapabilities::HTTP },
    grpc: None,
    ..Capabilities::specification()
};

/// The backend for the made-up mesh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExampleMesh;

impl RoutingBackend for ExampleMesh {
    type Object = TrafficSplit;

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn kinds(&self) -> &[ObjectKind] {
        &[KIND]
    }

    fn render(&self, plan: &RoutePlan) -> Vec<TrafficSplit> {
        plan.route.as_ref().map(traffic_split).into_iter().collect()
    }

    fn observe(&self, objects: &[TrafficSplit]) -> Option<RouteObservation> {
        let split = objects.first()?;
        let services = split.spec.rules.iter().flat_map(|rule| {
            rule.to.iter().map(|target| &target.service).chain(rule.copy.iter().map(|copy| &copy.service))
        });
        Some(RouteObservation {
            protocol: Protocol::Http,
            other: None,
            rules: split.spec.rules.iter().map(|rule| observed_rule(rule, &split.spec)).collect(),
            named: services.filter_map(|service| service.parse::<ServiceName>().ok()).collect(),
            written: written(split),
            parents: vec![report(split)],
            gateways: None,
        })
    }
}

fn traffic_split(route: &PlannedRoute) -> TrafficSplit {
    TrafficSplit {
        api_version: format!("{}/{}", KIND.group, KIND.version),
        kind: KIND.kind.to_owned(),
        metadata: ObjectMeta {
            name: Some(route.name.to_string()),
            namespace: Some(route.namespace.to_string()),
            labels: (!route.labels.is_empty()).then(|| (*route.labels).clone()),
            annotations: (!route.annotations.is_empty()).then(|| (*route.annotations).clone()),
            ..ObjectMeta::default()
        },
        spec: Spec {
            service: route.name.to_string(),
            port: route.port.get().into(),
            request_timeout: route.timeouts.request.map(|duration| duration.to_string()),
            attempt_timeout: route.timeouts.backend_request.map(|duration| duration.to_string()),
            rules: route.rules.iter().map(rule).collect(),
        },
        status: None,
    }
}

fn rule(planned: &PlannedRule) -> Rule {
    let to = planned.backends.iter().map(|backend| Target {
        service: backend.service.to_string(),
        port: backend.port.get().into(),
        weight: backend.weight.get().into(),
    });
    let copy = planned.mirrors.iter().map(|mirror| Copy {
        service: mirror.service.to_string(),
        port: mirror.port.get().into(),
        percent: mirror.percent.get().into(),
    });
    Rule { matches: planned.matches.to_vec(), to: to.collect(), copy: copy.collect() }
}

/// What can be said of a live rule. Somebody may have written into it what no plan has (a weight of -1): then it is
/// `altered`, and the controller writes it anew.
fn observed_rule(rule: &Rule, spec: &Spec) -> ObservedRule {
    let timeouts = timeouts(spec);
    let backends: Vec<_> = rule.to.iter().filter_map(observed_backend).collect();
    let mirrors: Vec<_> = rule.copy.iter().filter_map(observed_mirror).collect();
    ObservedRule {
        altered: timeouts.is_none() || backends.len() != rule.to.len() || mirrors.len() != rule.copy.len(),
        matches: rule.matches.iter().map(iter8_core::RouteMatch::canonical).collect(),
        backends,
        mirrors,
        timeouts: timeouts.unwrap_or_default(),
        ..ObservedRule::default()
    }
}

fn observed_backend(target: &Target) -> Option<ObservedBackend> {
    Some(ObservedBackend {
        service: target.service.parse().ok()?,
        port: target.port.try_into().ok()?,
        weight: target.weight.try_into().ok()?,
    })
}

fn observed_mirror(copy: &Copy) -> Option<ObservedMirror> {
    Some(ObservedMirror {
        service: copy.service.parse().ok()?,
        port: copy.port.try_into().ok()?,
        percent: copy.percent.try_into().ok()?,
    })
}

/// `None` if one of them is no duration.
fn timeouts(spec: &Spec) -> Option<Timeouts> {
    let duration = |text: &Option<String>| text.as_deref().map(str::parse).transpose().ok();
    Some(Timeouts {
        request: duration(&spec.request_timeout)?,
        backend_request: duration(&spec.attempt_timeout)?,
    })
}

/// When the controller wrote the object last. The API has whole seconds, rounded down.
fn written(split: &TrafficSplit) -> Option<Timestamp> {
    let entries = split.metadata.managed_fields.iter().flatten();
    let ours =
        entries.filter(|entry| entry.manager.as_deref() == Some("iter8") && entry.subresource.is_none());
    let newest = ours.filter_map(|entry| entry.time.as_ref()).max()?;
    let millis = u64::try_from(newest.0.as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis).plus_seconds(RouteObservation::WRITTEN_WITHIN_SECONDS))
}

/// What the mesh says of the object. Before it has seen the present generation it has said nothing that counts.
fn report(split: &TrafficSplit) -> ParentReport {
    let verdict = match &split.status {
        None => Verdict::Silent,
        Some(status) if Some(status.observed_generation) < split.metadata.generation => Verdict::Stale,
        Some(status) => match &status.problem {
            None => Verdict::Accepted,
            Some(problem) => Verdict::Refused { reason: "Refused".into(), message: problem.as_str().into() },
        },
    };
    ParentReport {
        parent: format!("the mesh of Service {}", split.spec.service).into(),
        is_gateway: false,
        verdict,
    }
}
