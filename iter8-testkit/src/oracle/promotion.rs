//! Which version is the primary in force, and whether a promotion or removal has to wait.

use iter8_core::{
    Observation, ObservedRule, Protocol, RouteObservation, ServiceName, Strategy, ValidRelease,
    VersionDeclaration, VersionName, VersionObservation, Weight,
};

use super::state::{State, state};

/// A release and a cluster, with what the text asks of them first.
pub(super) struct Case<'a> {
    pub(super) release: &'a ValidRelease,
    pub(super) observation: &'a Observation,
    /// The declared versions in the order of the document.
    pub(super) declared: Vec<Known<'a>>,
    /// Those that have left the document, by name.
    pub(super) removed: Vec<Known<'a>>,
    /// The version that the default rule and the front Service lead to.
    pub(super) in_force: InForce,
    /// Whether promotion and removal wait.
    pub(super) is_pending: bool,
}

/// A version, declared or removed.
pub(super) struct Known<'a> {
    pub(super) name: &'a VersionName,
    /// `None` for a removed version without a Service.
    pub(super) service: Option<ServiceName>,
    /// What is declared of it, or was when its Service was written.
    pub(super) declaration: Option<VersionDeclaration>,
    pub(super) seen: VersionObservation,
    pub(super) state: State,
}

#[derive(Clone)]
pub(super) struct InForce {
    pub(super) service: ServiceName,
    pub(super) declaration: VersionDeclaration,
    /// Whether it is the declared primary.
    pub(super) is_declared: bool,
}

impl<'a> Case<'a> {
    pub(super) fn new(release: &'a ValidRelease, observation: &'a Observation) -> Self {
        let declared: Vec<_> = release
            .versions()
            .map(|version| {
                let seen = observation.versions.get(&version.name).cloned().unwrap_or_default();
                Known {
                    name: &version.name,
                    service: Some(version.service.clone()),
                    declaration: Some(version.declaration()),
                    state: state(Some(version), &seen, observation),
                    seen,
                }
            })
            .collect();
        let mut removed = Vec::new();
        for (name, seen) in &observation.versions {
            if declared.iter().all(|known| known.name != name) {
                removed.push(Known {
                    name,
                    service: seen.service.as_ref().map(|service| service.name.clone()),
                    declaration: seen.service.as_ref().and_then(|service| service.declaration.clone()),
                    state: state(None, seen, observation),
                    seen: seen.clone(),
                });
            }
        }
        let primary = InForce {
            service: release.primary().service.clone(),
            declaration: release.primary().declaration(),
            is_declared: true,
        };
        let mut case = Self { release, observation, declared, removed, in_force: primary, is_pending: false };
        if let Some(before) = case.primary_before() {
            case.in_force = before;
        }
        case.is_pending = case.must_wait();
        case
    }

    pub(super) fn primary_state(&self) -> State {
        self.declared.first().map_or(State::NotReady, |primary| primary.state)
    }

    /// The live route: that of the declared protocol, else that of the other.
    pub(super) fn live(&self) -> Option<&'a RouteObservation> {
        self.observation.route.as_ref().map(|route| route.of(self.release.protocol).0)
    }

    /// The route beside it, while the protocol is being changed.
    pub(super) fn other(&self) -> Option<&'a RouteObservation> {
        self.observation.route.as_ref().and_then(|route| route.of(self.release.protocol).1)
    }

    /// The protocol of the live rules; the declared one, if there are none.
    pub(super) fn live_protocol(&self) -> Protocol {
        let live = self.live().filter(|route| !route.rules.is_empty());
        live.map_or(self.release.protocol, |route| route.protocol)
    }

    pub(super) fn live_rules(&self) -> &'a [ObservedRule] {
        self.live().map_or(&[], |route| &route.rules)
    }

    /// Whether a live route names the Service.
    pub(super) fn is_named(&self, service: &ServiceName) -> bool {
        self.live().into_iter().chain(self.other()).any(|route| route.named.contains(service))
    }

    /// Whether a Service is that of a version, declared or there.
    pub(super) fn is_version(&self, service: &ServiceName) -> bool {
        self.declared.iter().chain(&self.removed).any(|known| {
            let seen = known.seen.service.as_ref().map(|seen| &seen.name);
            known.service.as_ref() == Some(service) || seen == Some(service)
        })
    }

    /// The last live rule that takes every request.
    pub(super) fn live_default(&self) -> Option<&'a ObservedRule> {
        self.live_rules().iter().rfind(|rule| rule.matches.is_empty())
    }

    /// A weight in a live split that gives requests: one of several, and not 0.
    pub(super) fn live_weight(&self, service: &ServiceName) -> Option<Weight> {
        let split = self.live_default().filter(|rule| rule.backends.len() > 1)?;
        let own = split.backends.iter().find(|backend| backend.service == *service)?;
        Some(own.weight).filter(|weight| *weight > Weight::ZERO)
    }

    /// "until a newly declared primary is ready for the first time, the one before it": that of the live default
    /// rule, where the declared one is not its first.
    fn primary_before(&self) -> Option<InForce> {
        if self.live_rules().is_empty() {
            return self.primary_before_by_front();
        }
        let live = &self.live_default()?.backends;
        let primary = &self.release.primary().service;
        if live.first().is_some_and(|first| first.service == *primary) || self.primary_state() == State::Ready
        {
            return None;
        }
        let mut others = live.iter().filter(|backend| backend.service != *primary);
        let (before, state) = others.find_map(|backend| self.before(&backend.service))?;
        // Reading 3.
        let gives_way = !state.can_serve() && self.primary_state().can_serve();
        (!gives_way).then_some(before)
    }

    /// Reading 9.
    fn primary_before_by_front(&self) -> Option<InForce> {
        if self.primary_state() == State::Ready {
            return None;
        }
        let selector = self.observation.front_selector.as_ref()?;
        if self.release.primary().selector == *selector {
            return None;
        }
        let selects = |known: &&Known<'_>| {
            let seen = known.seen.service.as_ref().and_then(|service| service.declaration.as_ref());
            seen.is_some_and(|declaration| declaration.selector == *selector)
        };
        let mut known: Vec<_> = self.declared.iter().chain(&self.removed).filter(selects).collect();
        known.sort_by_key(|known| known.name);
        let (before, state) = known.into_iter().find_map(|known| self.before(known.service.as_ref()?))?;
        state.can_serve().then_some(before)
    }

    /// Reading 7: the version that the default rule and the front Service lead to while the rules of the strategy before
    /// are held.
    pub(super) fn held_in_force(&self) -> InForce {
        let live = self.live_default().map_or(&[][..], |rule| &rule.backends);
        let primary = &self.release.primary().service;
        if !self.in_force.is_declared || live.iter().any(|backend| backend.service == *primary) {
            return self.in_force.clone();
        }
        let mut serving = live.iter().filter_map(|backend| self.before(&backend.service));
        serving
            .find(|(_, state)| state.can_serve())
            .map_or_else(|| self.in_force.clone(), |(before, _)| before)
    }

    /// A version by its Service, as a primary before the declared one.
    fn before(&self, service: &ServiceName) -> Option<(InForce, State)> {
        let is_it = |known: &&Known<'_>| {
            known.seen.service.as_ref().is_some_and(|seen| seen.name == *service && !seen.deleting)
        };
        let known = self.declared.iter().chain(&self.removed).find(is_it)?;
        let declaration = known.declaration.clone()?;
        Some((InForce { service: service.clone(), declaration, is_declared: false }, known.state))
    }

    /// "promotion and removal wait for ready"
    fn must_wait(&self) -> bool {
        if !self.in_force.is_declared || self.primary_state() != State::Ready {
            return true;
        }
        // Reading 4.
        self.declared.iter().skip(1).any(|candidate| match candidate.state {
            State::Ready => false,
            State::Updating => {
                self.release.strategy != Strategy::BlueGreen
                    || candidate.declaration.as_ref().is_some_and(|own| own.weight > Weight::ZERO)
                    || candidate.service.as_ref().is_some_and(|service| self.live_weight(service).is_some())
            }
            State::NotReady => {
                let matches = |known: &Known<'_>| known.declaration.as_ref().map(|own| own.matches.clone());
                let own = matches(candidate);
                self.release.strategy == Strategy::Canary
                    && self.removed.iter().any(|removed| matches(removed) == own)
            }
        })
    }
}
