//! The laws of planning, at every plan of histories made up at random: documents edited, workloads that come and go,
//! a controller that is late, or dies between two writes.

mod make_before_break;

use iter8_core::{
    Capabilities, ObservedRule, PlannedRule, Precedence, Protocol, Readiness, RouteObservation, RoutePlan,
    ServiceName, Strategy as Routing, Verdict, Weight, plan,
};
use iter8_testkit::oracle::{State, choose, state};
use iter8_testkit::strategies::{History, Moment, Request, config, histories, requests_of};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::world::rules;

type Verdicts = Result<(), TestCaseError>;

fn capabilities() -> Capabilities {
    Capabilities::specification()
}

/// Looks at every plan of a history.
fn at_every_plan(history: &History, look: impl FnMut(&Moment) -> Verdicts) -> Verdicts {
    history.play(&capabilities(), look).map(|_| ())
}

/// The state that the oracle sees a Service's version in; none of a version that is not there.
fn state_of(moment: &Moment, service: &ServiceName) -> State {
    let declared = moment.release.versions().find(|version| version.service == *service);
    let named = |(_, seen): &(_, &iter8_core::VersionObservation)| {
        seen.service.as_ref().is_some_and(|found| found.name == *service)
    };
    let seen = match declared {
        Some(version) => moment.seen.versions.get(&version.name),
        None => moment.seen.versions.iter().find(named).map(|(_, seen)| seen),
    };
    seen.map_or(State::NotReady, |seen| state(declared, seen, &moment.seen))
}

fn primary_state(moment: &Moment) -> State {
    state_of(moment, &moment.release.primary().service)
}

fn live_rules(moment: &Moment) -> &[ObservedRule] {
    live(moment).map_or(&[], |route| &route.rules)
}

/// The live route: that of the declared protocol, else that of the other.
fn live(moment: &Moment) -> Option<&RouteObservation> {
    moment.seen.route.as_ref().map(|route| route.of(moment.release.protocol).0)
}

fn is_version(moment: &Moment, service: &ServiceName) -> bool {
    let mut seen = moment.seen.versions.values().filter_map(|seen| seen.service.as_ref());
    moment.release.versions().any(|version| version.service == *service)
        || seen.any(|seen| seen.name == *service)
}

/// Whether a live rule copies requests to a version.
fn has_copies(moment: &Moment, rule: &ObservedRule) -> bool {
    rule.mirrors.iter().any(|mirror| is_version(moment, &mirror.service))
}

/// Whether the live rules can be those of this strategy, and are for the declared protocol.
fn is_live(moment: &Moment, strategy: Routing) -> bool {
    let rules = live_rules(moment);
    if live(moment).is_some_and(|route| route.protocol != moment.release.protocol) {
        return false;
    }
    match strategy {
        Routing::Canary => rules.iter().all(|rule| !has_copies(moment, rule) && rule.backends.len() == 1),
        Routing::BlueGreen => rules.iter().all(|rule| !has_copies(moment, rule) && rule.matches.is_empty()),
        _ => false,
    }
}

fn serving(rule: &PlannedRule) -> impl Iterator<Item = &ServiceName> {
    rule.backends.iter().filter(|backend| backend.weight != Weight::ZERO).map(|backend| &backend.service)
}

/// Who gets a request, with weights; `None` where there is no route.
fn answer(plan: &RoutePlan, request: &Request) -> Option<Vec<(ServiceName, Weight)>> {
    let matches: Vec<_> = plan.rules().iter().map(|rule| rule.matches.to_vec()).collect();
    let (place, _) = choose(&matches, request, Precedence::Specification)?;
    let backends = plan.rules()[place].backends.iter();
    Some(backends.map(|backend| (backend.service.clone(), backend.weight)).collect())
}

/// Requests over HTTP and calls of gRPC.
fn requests() -> impl Strategy<Value = Request> {
    prop_oneof![requests_of(Protocol::Http), requests_of(Protocol::Grpc)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn law_1_no_rule_before_the_primary_has_been_ready_once(history in histories()) {
        let mut has_been_ready = false;
        at_every_plan(&history, |moment| {
            has_been_ready |= primary_state(moment).can_serve();
            prop_assert!(has_been_ready || moment.plan.rules().is_empty(), "{:?}", rules(&moment.plan));
            Ok(())
        })?;
    }

    #[test]
    fn law_1_from_then_on_a_default_rule_names_the_primary_or_the_one_before_it(history in histories()) {
        at_every_plan(&history, |moment| {
            let plan = &moment.plan;
            if plan.strategy != Routing::None && !live_rules(moment).is_empty() {
                prop_assert!(plan.route.is_some(), "the route is gone");
            }
            let Some((default, others)) = plan.rules().split_last() else { return Ok(()) };
            prop_assert!(default.matches.is_empty() && others.iter().all(|rule| !rule.matches.is_empty()));
            let primary = &moment.release.primary().service;
            let names = |service: &ServiceName| default.backends.iter().any(|backend| backend.service == *service);
            let was_live = live_rules(moment).last().is_some_and(|rule| {
                rule.backends.iter().any(|backend| names(&backend.service))
            });
            // Without a route it is the front Service that leads to the one before.
            let front = moment.plan.front.as_ref().map(|front| &front.selector);
            let was_live = was_live || (live_rules(moment).is_empty() && moment.seen.front_selector.as_ref() == front);
            // While a change of strategy waits, the rules of before wait with it.
            let waits = primary_state(moment) != State::Ready || !is_live(moment, plan.strategy);
            prop_assert!(names(primary) || (was_live && waits), "{:?}", rules(plan));
            Ok(())
        })?;
    }

    #[test]
    fn law_1_the_front_service_moves_in_the_same_step_as_the_default_rule(history in histories()) {
        at_every_plan(&history, |moment| {
            let plan = &moment.plan;
            let Some(default) = plan.rules().last() else { return Ok(()) };
            let first = &default.backends[0].service;
            let declared = moment.release.versions().find(|version| version.service == *first);
            let services = moment.seen.versions.values().filter_map(|seen| seen.service.as_ref());
            let annotated = services.filter(|found| found.name == *first).find_map(|found| found.declaration.clone());
            let selector = declared.map(|version| version.selector.clone()).or_else(|| annotated.map(|found| found.selector));
            prop_assert_eq!(plan.front.as_ref().map(|front| &front.selector), selector.as_ref(), "{:?}", rules(plan));
            Ok(())
        })?;
    }

    #[test]
    fn law_2_a_version_that_is_not_ready_gets_nothing_but_what_the_primary_in_force_keeps(history in histories()) {
        at_every_plan(&history, |moment| {
            let plan = &moment.plan;
            let Some((default, others)) = plan.rules().split_last() else { return Ok(()) };
            let copies = plan.rules().iter().flat_map(|rule| &rule.mirrors).map(|mirror| &mirror.service);
            // Not those of the user, which go to what is no version.
            let copies = copies.filter(|service| is_version(moment, service));
            for service in others.iter().flat_map(serving).chain(copies) {
                prop_assert!(state_of(moment, service).can_serve(), "{service}: {:?}", rules(plan));
            }
            let failing: Vec<_> = serving(default).filter(|service| !state_of(moment, service).can_serve()).collect();
            let is_kept = failing == [&default.backends[0].service] && serving(default).count() == 1;
            prop_assert!(failing.is_empty() || is_kept, "{failing:?}: {:?}", rules(plan));
            Ok(())
        })?;
    }

    #[test]
    fn law_3_every_sum_of_weights_is_positive_and_an_all_zero_split_is_primary_one(history in histories()) {
        at_every_plan(&history, |moment| {
            for rule in moment.plan.rules() {
                let sum: u64 = rule.backends.iter().map(|backend| u64::from(backend.weight.get())).sum();
                prop_assert!(sum > 0, "{:?}", rules(&moment.plan));
            }
            if moment.release.strategy == Routing::BlueGreen && is_live(moment, Routing::BlueGreen) {
                let declared = moment.release.versions();
                let has_any = |version: &iter8_core::ValidVersion| {
                    version.weight != Weight::ZERO && state_of(moment, &version.service).can_serve()
                };
                if let Some(rule) = moment.plan.rules().last()
                    && moment.plan.removed().count() == 0
                    && live_rules(moment).is_empty()
                    && !declared.into_iter().any(has_any)
                {
                    let weights: Vec<_> = rule.backends.iter().map(|backend| backend.weight.get()).collect();
                    prop_assert_eq!((weights[0], weights.iter().sum::<u32>()), (1, 1));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_4_candidates_rules_come_in_list_order_before_the_default_rule(history in histories()) {
        at_every_plan(&history, |moment| {
            if moment.release.strategy != Routing::Canary || !is_live(moment, Routing::Canary) {
                return Ok(());
            }
            let place = |rule: &PlannedRule| {
                let service = &rule.backends[0].service;
                moment.release.candidates().iter().position(|version| version.service == *service)
            };
            let own = moment.plan.rules().split_last().map_or(&[][..], |(_, own)| own);
            let places: Vec<_> = own.iter().filter_map(place).collect();
            prop_assert!(places.is_sorted(), "{places:?}: {:?}", rules(&moment.plan));
            Ok(())
        })?;
    }

    #[test]
    fn law_5_every_request_goes_to_one_version_once_there_is_a_route(
        history in histories(), requests in vec(requests(), 4),
    ) {
        at_every_plan(&history, |moment| {
            for request in &requests {
                let Some(shares) = answer(&moment.plan, request) else {
                    prop_assert!(moment.plan.route.is_none(), "{request:?} goes nowhere");
                    continue;
                };
                let known = |service: &ServiceName| moment.plan.versions.iter().any(|version| version.service == *service);
                prop_assert!(shares.iter().any(|(_, weight)| *weight != Weight::ZERO));
                prop_assert!(shares.iter().all(|(service, _)| known(service)), "{shares:?}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_5_a_candidates_readiness_changes_nothing_for_requests_without_its_match(
        history in histories(), requests in vec(requests(), 4), crashed in any::<bool>(),
    ) {
        at_every_plan(&history, |moment| {
            // While a version is on its way in or out, it is the progress of the others that it waits for.
            let is_settled = moment.release.strategy == Routing::Canary
                && is_live(moment, Routing::Canary)
                && moment.plan.removed().count() == 0
                && live_rules(moment).last().is_some_and(|rule| rule.backends[0].service == moment.release.primary().service);
            for candidate in moment.release.candidates().iter().filter(|_| is_settled) {
                let mut seen = moment.seen.clone();
                if crashed {
                    seen.versions.remove(&candidate.name);
                } else {
                    seen.versions.insert(candidate.name.clone(), iter8_core::VersionObservation::ready(candidate));
                }
                let after = plan(&moment.release, &seen);
                let own = |rule: &&ObservedRule| rule.backends[0].service == candidate.service;
                let kept = live_rules(moment).iter().filter(own).flat_map(|rule| &rule.matches);
                let matches: Vec<_> = candidate.matches.iter().chain(kept).collect();
                for request in requests.iter().filter(|request| !matches.iter().any(|entry| request.meets(entry))) {
                    prop_assert_eq!(answer(&moment.plan, request), answer(&after, request), "{:?}", request);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn law_6_the_same_input_gives_the_same_plan_byte_for_byte(history in histories()) {
        at_every_plan(&history, |moment| {
            let mut again = moment.seen.clone();
            again.versions = again.versions.into_iter().rev().collect();
            let again = plan(&moment.release.clone(), &again);
            prop_assert_eq!(serde_json::to_string(&moment.plan).unwrap(), serde_json::to_string(&again).unwrap());
            Ok(())
        })?;
    }

    #[test]
    fn law_6_a_plan_that_is_carried_out_is_planned_again(history in histories()) {
        at_every_plan(&history, |moment| {
            let mut carried_out = iter8_testkit::strategies::Cluster::from(moment.seen.clone());
            carried_out.route(&moment.release, &moment.plan);
            let again = plan(&moment.release, carried_out.now());
            prop_assert_eq!(rules(&moment.plan), rules(&again));
            prop_assert_eq!(&moment.plan.front, &again.front);
            prop_assert!(!again.repair);
            Ok(())
        })?;
    }

    #[test]
    fn law_6_neither_time_nor_what_parents_say_changes_a_rule(history in histories(), seconds in 0..100_u32) {
        at_every_plan(&history, |moment| {
            for verdict in [Verdict::Accepted, Verdict::Stale, Verdict::Silent] {
                let mut other = moment.seen.clone();
                other.now = other.now.plus_seconds(seconds);
                for parent in other.route.iter_mut().flat_map(|route| &mut route.parents) {
                    parent.verdict = verdict.clone();
                }
                prop_assert_eq!(rules(&moment.plan), rules(&plan(&moment.release, &other)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_readiness_of_every_version_is_what_the_text_says(history in histories()) {
        at_every_plan(&history, |moment| {
            for version in &moment.plan.versions {
                let found = match version.readiness {
                    Readiness::Ready => State::Ready,
                    Readiness::Updating(_) => State::Updating,
                    Readiness::NotReady(_) => State::NotReady,
                };
                prop_assert_eq!(found, state_of(moment, &version.service), "{}", version.name);
            }
            Ok(())
        })?;
    }
}
