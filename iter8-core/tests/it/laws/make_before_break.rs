//! Law 7: what serves now serves until what replaces it is ready.

use iter8_core::{
    Hostname, Observation, ObservedGateway, ObservedRule, ParentRef, Readiness, Removal, RouteMatch,
    ServiceName, Strategy as Routing, Timestamp, Verdict, Weight, plan,
};
use iter8_testkit::oracle::State;
use iter8_testkit::strategies::{Moment, Progress, config, histories};
use proptest::prelude::*;

use super::{at_every_plan, capabilities, is_live, live, live_rules, primary_state, serving, state_of};
use crate::world::rules;

/// The live rule that is a Service's own.
fn own_rule<'a>(moment: &'a Moment, service: &ServiceName) -> Option<&'a ObservedRule> {
    let mut rules = live_rules(moment).iter().filter(|rule| !rule.matches.is_empty());
    rules.find(|rule| rule.backends[0].service == *service)
}

fn planned_matches(moment: &Moment, service: &ServiceName) -> Option<Vec<RouteMatch>> {
    let mut rules = moment.plan.rules().iter().filter(|rule| !rule.matches.is_empty());
    rules.find(|rule| rule.backends[0].service == *service).map(|rule| rule.matches.to_vec())
}

fn live_weight(moment: &Moment, service: &ServiceName) -> Option<Weight> {
    let split = live_rules(moment).last().filter(|rule| rule.backends.len() > 1)?;
    let own = split.backends.iter().find(|backend| backend.service == *service)?;
    Some(own.weight).filter(|weight| *weight != Weight::ZERO)
}

fn planned_weight(moment: &Moment, service: &ServiceName) -> Option<Weight> {
    let default = moment.plan.rules().last()?;
    default.backends.iter().find(|backend| backend.service == *service).map(|backend| backend.weight)
}

/// Whether the versions of a split have shares; one that is left alone has all.
fn is_split(moment: &Moment) -> bool {
    moment.plan.rules().last().is_some_and(|default| default.backends.len() > 1)
}

fn is_default(moment: &Moment, service: &ServiceName) -> bool {
    moment.plan.rules().last().is_some_and(|rule| rule.backends[0].service == *service)
}

/// Whether the live route leads only to Pods that serve.
fn leads_to_pods(observation: &Observation) -> Result<(), TestCaseError> {
    let routes =
        observation.route.iter().flat_map(|route| std::iter::once(route).chain(route.other.as_deref()));
    for rule in routes.flat_map(|route| &route.rules) {
        for backend in rule.backends.iter().filter(|backend| backend.weight != Weight::ZERO) {
            let serves = observation.versions.values().any(|seen| {
                seen.service.as_ref().is_some_and(|service| service.name == backend.service)
                    && seen.endpoints.ready > 0
            });
            prop_assert!(serves, "nobody serves behind {}: {:#?}", backend.service, observation);
        }
    }
    Ok(())
}

/// Removals without their times, and the moment to look again.
fn removals(plan: &iter8_core::RoutePlan) -> Vec<(String, Removal)> {
    plan.removed().map(|(version, removal)| (version.name.to_string(), removal)).collect()
}

/// Whether one parent means all listeners of the other: those of a whole Gateway are those of its sections, too.
fn has_all_of(parent: &ParentRef, other: &ParentRef) -> bool {
    (&parent.name, object_namespace(parent)) == (&other.name, object_namespace(other))
        && (parent.section_name.is_none() || parent.section_name == other.section_name)
        && (parent.port.is_none() || parent.port == other.port)
}

fn object_namespace(parent: &ParentRef) -> &str {
    parent.namespace.as_ref().map_or("test", |namespace| namespace.as_str())
}

/// Whether two different parents are of one object, and not two sections of it.
fn exclude(one: &ParentRef, other: &ParentRef) -> bool {
    let are_sections =
        one.section_name.is_some() && other.section_name.is_some() && one.section_name != other.section_name;
    let is_same = has_all_of(one, other) && has_all_of(other, one);
    (&one.name, object_namespace(one)) == (&other.name, object_namespace(other)) && !are_sections && !is_same
}

/// The parents and hostnames of the Gateways' route.
fn leaving(plan: &iter8_core::RoutePlan) -> (Vec<ParentRef>, Vec<Hostname>) {
    let parents = plan.route.iter().flat_map(iter8_core::PlannedRoute::gateway_parents);
    let hostnames = plan.route.iter().flat_map(iter8_core::PlannedRoute::gateway_hostnames);
    (parents.cloned().collect(), hostnames.cloned().collect())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_7_while_nothing_fails_the_route_leads_to_pods_that_serve(history in histories()) {
        let history = history.without_failures();
        let end = history.play(&capabilities(), |moment| leads_to_pods(&moment.actual))?;
        leads_to_pods(end.now())?;
    }

    #[test]
    fn law_7_while_nothing_fails_every_planned_backend_can_serve(history in histories()) {
        at_every_plan(&history.without_failures(), |moment| {
            // A controller that is behind may still see a version as it was before it was ready.
            let is_up_to_date = moment.seen == moment.actual;
            for service in moment.plan.rules().iter().flat_map(serving) {
                prop_assert!(!is_up_to_date || state_of(moment, service).can_serve(), "{service}: {:?}", rules(&moment.plan));
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_7_a_redefined_version_keeps_its_rule_or_weight_until_it_is_ready(history in histories()) {
        at_every_plan(&history, |moment| {
            for candidate in moment.release.candidates() {
                let service = &candidate.service;
                if state_of(moment, service) != State::Updating || is_default(moment, service) {
                    continue;
                }
                if moment.release.strategy == Routing::Canary && let Some(live) = own_rule(moment, service) {
                    prop_assert_eq!(planned_matches(moment, service), Some(live.matches.to_vec()));
                }
                if moment.release.strategy == Routing::BlueGreen
                    && is_split(moment)
                    && let Some(live) = live_weight(moment, service)
                {
                    prop_assert_eq!(planned_weight(moment, service), Some(live));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_7_a_removed_version_keeps_its_rule_or_weight_until_every_redefined_one_is_ready(history in histories()) {
        at_every_plan(&history, |moment| {
            let strategy = moment.release.strategy;
            let is_redefined = |version: &iter8_core::ValidVersion| {
                let state = state_of(moment, &version.service);
                let has_share = strategy != Routing::BlueGreen || version.weight != Weight::ZERO;
                state == State::Updating && has_share
            };
            let waits = primary_state(moment) != State::Ready || moment.release.candidates().iter().any(is_redefined);
            if !waits || !is_live(moment, strategy) {
                return Ok(());
            }
            for (version, removal) in moment.plan.removed() {
                let service = &version.service;
                if !state_of(moment, service).can_serve() {
                    continue;
                }
                prop_assert_eq!(removal, Removal::Retained, "{}", version.name);
                if let Some(live) = own_rule(moment, service).filter(|_| !is_default(moment, service)) {
                    prop_assert_eq!(planned_matches(moment, service), Some(live.matches.to_vec()));
                }
                if let Some(live) = live_weight(moment, service) {
                    prop_assert_eq!(planned_weight(moment, service), Some(live));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_7_a_removed_version_goes_only_when_the_route_has_left_it_and_its_drain_is_over(history in histories()) {
        at_every_plan(&history, |moment| {
            for (version, removal) in moment.plan.removed() {
                let seen = &moment.seen.versions[&version.name];
                let Some(service) = seen.service.as_ref().filter(|service| !service.deleting) else { continue };
                let routes = moment.seen.route.iter().flat_map(|route| std::iter::once(route).chain(route.other.as_deref()));
                let is_named = routes.into_iter().any(|route| route.named.contains(&service.name))
                    || moment.plan.rules().iter().flat_map(serving).any(|named| *named == service.name);
                let is_leaving = matches!(removal, Removal::DrainBegins | Removal::Draining { .. } | Removal::Due);
                prop_assert!(!(is_leaving && is_named), "{} {removal:?}: {:?}", version.name, rules(&moment.plan));
                prop_assert!(!is_leaving || primary_state(moment) == State::Ready, "{} {removal:?}", version.name);
                if removal == Removal::Due {
                    let until = service.draining_since.map(|since| since.plus_seconds(moment.release.drain_seconds));
                    prop_assert!(until.is_some_and(|until| until <= moment.seen.now), "{}", version.name);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_7_a_gateway_or_hostname_goes_only_when_the_declared_ones_have_the_route_and_its_drain_is_over(history in histories()) {
        at_every_plan(&history, |moment| {
            let (Some(route), Some(live)) = (&moment.plan.route, live(moment).and_then(|live| live.gateways.as_ref())) else {
                return Ok(());
            };
            let namespace = &moment.release.key.namespace;
            let is_served = |seen: &&ObservedGateway| !matches!(seen.verdict, Verdict::Refused { .. });
            let goes = |seen: &ObservedGateway| !route.gateway_parents().any(|parent| has_all_of(parent, &seen.parent));
            let goes = live.parents.iter().filter(is_served).any(goes)
                || route.gateway_parents().next().is_some()
                    && live.hostnames.iter().any(|hostname| !route.gateway_hostnames().any(|planned| planned == hostname));
            if !goes {
                return Ok(());
            }
            // One that the live route cannot have beside what it has comes in the same step in which that goes.
            let has_place = |declared: &&ParentRef| live.parents.iter().all(|seen| !exclude(&seen.parent, declared));
            for declared in moment.release.gateways.iter().filter(has_place) {
                let is_live = live.parents.iter().any(|seen| seen.parent.is_same(declared, namespace) && is_served(&seen));
                prop_assert!(is_live, "{declared:?} does not have the route: {live:?}");
            }
            let drain = moment.release.drain_seconds;
            let until = live.draining_since.map(|since| since.plus_seconds(drain));
            prop_assert!(drain == 0 || until.is_some_and(|until| until <= moment.seen.now), "{live:?}");
            Ok(())
        })?;
    }

    #[test]
    fn law_7_nothing_is_due_before_the_moment_to_look_again(history in histories()) {
        at_every_plan(&history, |moment| {
            let mut later = moment.seen.clone();
            later.now = match moment.plan.look_again {
                Some(moment) => Timestamp::from_millis(moment.as_millis().saturating_sub(1)).max(later.now),
                None => later.now.plus_seconds(3600),
            };
            let again = plan(&moment.release, &later);
            prop_assert_eq!(rules(&moment.plan), rules(&again));
            prop_assert_eq!(removals(&moment.plan), removals(&again));
            prop_assert_eq!(leaving(&moment.plan), leaving(&again));
            Ok(())
        })?;
    }

    #[test]
    fn law_7_every_history_ends_as_if_its_last_document_had_been_installed_anew(history in histories()) {
        let mut cluster = history.play(&capabilities(), |_| Ok::<_, TestCaseError>(()))?;
        let Some(release) = history.last_document(&capabilities()) else { return Ok(()) };
        for _ in 0..10 {
            cluster.carry_out(&release, &plan(&release, cluster.now()), usize::MAX);
            for version in release.versions() {
                cluster.progress(&version.name, &Progress::Finished);
            }
            cluster.report(&Verdict::AcceptedUnversioned);
            cluster.wait(9);
        }
        let end = plan(&release, cluster.now());
        let anew = plan(&release, &Observation::all_ready(&release));
        prop_assert_eq!(removals(&end), vec![]);
        prop_assert!(end.versions.iter().all(|version| version.readiness == Readiness::Ready), "{:?}", end.versions);
        prop_assert_eq!(rules(&end), rules(&anew));
        prop_assert_eq!(&end.front, &anew.front);
        prop_assert_eq!(leaving(&end), leaving(&anew));
        prop_assert_eq!((end.look_again, end.repair), (None, false));
    }
}
