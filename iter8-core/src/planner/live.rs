//! The live route, read for what it says about versions.

use crate::name::ServiceName;
use crate::observation::{Observation, ObservedMirror, ObservedRule, RouteObservation};
use crate::plan::PlannedMirror;
use crate::release::{Protocol, Strategy};
use crate::route_match::RouteMatch;
use crate::shared::List;
use crate::valid_release::ValidRelease;
use crate::weight::Weight;

/// The live route, if there is one: that of the declared protocol, else that of the other.
pub(super) struct Live<'a> {
    route: Option<&'a RouteObservation>,
    /// The route of the other protocol, while both are there.
    other: Option<&'a RouteObservation>,
    release: &'a ValidRelease,
    observation: &'a Observation,
}

impl<'a> Live<'a> {
    pub(super) fn new(observation: &'a Observation, release: &'a ValidRelease) -> Self {
        let (route, other) = observation.route.as_ref().map(|route| route.of(release.protocol)).unzip();
        Self { route, other: other.flatten(), release, observation }
    }

    /// The protocol of the live route.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.route.map(|route| route.protocol)
    }

    pub(super) fn has_other(&self) -> bool {
        self.other.is_some()
    }

    /// Whether the primary has been ready once.
    pub(super) fn exists(&self) -> bool {
        self.route.is_some_and(|route| !route.rules.is_empty())
    }

    pub(super) fn route(&self) -> Option<&'a RouteObservation> {
        self.route
    }

    pub(super) fn rules(&self) -> &'a [ObservedRule] {
        self.route.map_or(&[], |route| &route.rules)
    }

    /// Whether any live rule names the Service.
    pub(super) fn names(&self, service: &ServiceName) -> bool {
        self.route.into_iter().chain(self.other).any(|route| route.named.contains(service))
    }

    /// Whether any live rule sends or copies requests to the Service; a weight of 0 does not.
    pub(super) fn sends_to(&self, service: &ServiceName) -> bool {
        let rules = self.route.into_iter().chain(self.other).flat_map(|route| &route.rules);
        rules.into_iter().any(|rule| {
            rule.backends.iter().any(|backend| backend.service == *service && backend.weight != Weight::ZERO)
                || rule.mirrors.iter().any(|mirror| mirror.service == *service)
        })
    }

    /// The rule that takes what no other rule takes.
    pub(super) fn default_rule(&self) -> Option<&'a ObservedRule> {
        self.rules().iter().rev().find(|rule| rule.matches.is_empty())
    }

    /// The Services of the default rule.
    pub(super) fn default_services(&self) -> impl Iterator<Item = &'a ServiceName> + use<'a> {
        self.default_rule().map_or(&[][..], |rule| &rule.backends).iter().map(|backend| &backend.service)
    }

    /// The matches of the rule that is a candidate's own.
    pub(super) fn matches_of(&self, service: &ServiceName) -> Option<&'a List<RouteMatch>> {
        let is_own = |rule: &&ObservedRule| {
            !rule.matches.is_empty() && rule.backends.iter().any(|backend| backend.service == *service)
        };
        self.rules().iter().find(is_own).map(|rule| &rule.matches)
    }

    /// The weight of a Service in the default rule, unless it is 0 or means nothing for want of others.
    pub(super) fn weight_of(&self, service: &ServiceName) -> Option<Weight> {
        let backends = self.default_rule().map_or(&[][..], |rule| &rule.backends);
        if backends.len() < 2 {
            return None;
        }
        let weight =
            backends.iter().find(|backend| backend.service == *service).map(|backend| backend.weight);
        weight.filter(|weight| *weight != Weight::ZERO)
    }

    /// The weight of a Service that has the default rule for itself.
    pub(super) fn weight_alone(&self, service: &ServiceName) -> Option<Weight> {
        let [only] = self.default_rule()?.backends.as_slice() else { return None };
        Some(only.weight).filter(|weight| only.service == *service && *weight != Weight::ZERO)
    }

    /// The copies of a live rule that come from the strategy: those to versions.
    pub(super) fn copies(&self, live: &'a ObservedRule) -> impl Iterator<Item = PlannedMirror> {
        live.mirrors.iter().filter(|copy| self.is_of_version(&copy.service)).map(as_planned)
    }

    /// The others: the user's own.
    pub(super) fn other_copies(&self, live: &'a ObservedRule) -> impl Iterator<Item = PlannedMirror> {
        live.mirrors.iter().filter(|copy| !self.is_of_version(&copy.service)).map(as_planned)
    }

    fn is_of_version(&self, service: &ServiceName) -> bool {
        let mut seen = self.observation.versions.values().filter_map(|version| version.service.as_ref());
        self.release.versions().any(|version| version.service == *service)
            || seen.any(|seen| seen.name == *service)
    }

    /// The strategy that the live rules can only come from; `None` where they fit several
    /// (a single rule with a single backend).
    pub(super) fn strategy(&self) -> Option<Strategy> {
        let rules = self.rules();
        if rules.iter().any(|rule| !rule.matches.is_empty()) {
            Some(Strategy::Canary)
        } else if rules.iter().any(|rule| self.copies(rule).next().is_some()) {
            Some(Strategy::Mirror)
        } else if rules.iter().any(|rule| rule.backends.len() > 1) {
            Some(Strategy::BlueGreen)
        } else {
            None
        }
    }
}

/// A live copy, to be kept.
fn as_planned(copy: &ObservedMirror) -> PlannedMirror {
    PlannedMirror { service: copy.service.clone(), port: copy.port, percent: copy.percent }
}
