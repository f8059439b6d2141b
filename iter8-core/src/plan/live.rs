//! A planned route held against live ones.

use super::PlannedRoute;
use crate::observation::{ObservedRule, RouteObservation};

impl PlannedRoute {
    /// Whether the live routes have the planned rules, Gateways and hostnames.
    pub(crate) fn is_live(&self, live: &RouteObservation) -> bool {
        let are_gateways = live.gateways.as_ref().is_none_or(|live| {
            self.gateway_parents().eq(live.parents.iter().map(|live| &live.parent))
                && self.gateway_hostnames().eq(&live.hostnames)
        });
        are_gateways && self.has_rules(&live.rules)
    }

    fn has_rules(&self, live: &[ObservedRule]) -> bool {
        self.rules.len() == live.len()
            && self.rules.iter().zip(live).all(|(planned, live)| {
                let backends =
                    planned.backends.iter().map(|planned| (&planned.service, planned.port, planned.weight));
                let mirrors =
                    planned.mirrors.iter().map(|planned| (&planned.service, planned.port, planned.percent));
                !live.altered
                    && planned.matches == live.matches
                    && self.timeouts == live.timeouts
                    && self.filters == live.filters
                    && backends.eq(live.backends.iter().map(|live| (&live.service, live.port, live.weight)))
                    && mirrors.eq(live.mirrors.iter().map(|live| (&live.service, live.port, live.percent)))
            })
    }

    /// Whether one live route, observed by itself, is as planned: in its rules and, if it has Gateways, in these and the
    /// hostnames. The Service's own has none.
    ///
    /// ```
    /// use iter8_core::{ObservedRule, RouteObservation};
    ///
    #[doc = include_str!("../example_release.txt")]
    /// let plan = plan(&release, &Observation::all_ready(&release));
    /// let route = plan.route.as_ref().ok_or("no route")?;
    /// assert!(!route.is_in(&RouteObservation::default()), "which has no rules");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_in(&self, live: &RouteObservation) -> bool {
        let gateways = live.gateways.as_ref();
        if gateways.is_some_and(|gateways| !gateways.parents.is_empty() || !gateways.hostnames.is_empty()) {
            self.is_live(live)
        } else {
            self.has_rules(&live.rules)
        }
    }
}
