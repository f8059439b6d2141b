//! Releases of any size, and clusters in which they run.

use std::fmt::Write;

use iter8_core::{
    Capabilities, Document, Observation, ObservedBackend, ObservedRule, ParentReport, ReleaseKey,
    RouteObservation, Timestamp, ValidRelease, Verdict, declare, plan,
};

/// A canary document with this many candidates, each with this many matches of every kind.
pub(crate) fn canary(candidates: usize, matches: usize) -> String {
    let mut text = "environment: deployment-gtw
application:
  metadata:
    labels: {team: web}
  strategy: canary
  port: 8080
  versions:
  - image: registry.example.com/web:1
"
    .to_owned();
    for candidate in 1..=candidates {
        write!(text, "  - image: registry.example.com/web:{}\n    matches:\n", candidate + 1).unwrap();
        for entry in 0..matches {
            let at = format!("{candidate}-{entry}");
            let entry = match entry % 4 {
                0 => format!("    - headers:\n      - {{name: x-cohort, value: cohort-{at}}}\n"),
                1 => format!("    - path: {{type: PathPrefix, value: /api/{at}}}\n"),
                2 => format!("    - method: POST\n      path: {{type: Exact, value: /orders/{at}}}\n"),
                _ => format!("    - queryParams:\n      - {{name: cohort, value: '{at}'}}\n"),
            };
            text.push_str(&entry);
        }
    }
    text
}

/// The release that a document declares.
pub(crate) fn declared(text: &str, capabilities: &Capabilities) -> ValidRelease {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    declare(&key, &Document::from_yaml(text).unwrap(), capabilities).unwrap()
}

/// A cluster in which every version is ready and the route is written and accepted.
pub(crate) fn steady(release: &ValidRelease) -> Observation {
    let mut observation = Observation::all_ready(release);
    observation.now = Timestamp::from_millis(1_000_000);
    let planned = plan(release, &observation).route.unwrap();
    // Names and matches of their own, as they are read from a cluster.
    let rules: Vec<_> = planned
        .rules
        .iter()
        .map(|rule| ObservedRule {
            matches: rule.matches.to_vec().into(),
            backends: rule
                .backends
                .iter()
                .map(|backend| ObservedBackend {
                    service: backend.service.as_str().parse().unwrap(),
                    port: backend.port,
                    weight: backend.weight,
                })
                .collect(),
            ..ObservedRule::default()
        })
        .collect();
    let named = rules.iter().flat_map(|rule| &rule.backends).map(|backend| backend.service.clone()).collect();
    let parent =
        ParentReport { parent: "Service test/web:80".into(), is_gateway: false, verdict: Verdict::Accepted };
    let written = Some(Timestamp::from_millis(900_000));
    observation.route = Some(RouteObservation {
        rules,
        named,
        written,
        parents: vec![parent],
        ..RouteObservation::default()
    });
    observation
}
