//! The same for calls of gRPC.

use iter8_core::{
    Capabilities, Notice, Precedence, Protocol, RouteCapabilities, RouteMatch, RoutePlan,
    Strategy as Routing, ValidRelease, ValueMatchType, VersionMatch, validate,
};
use iter8_testkit::oracle::{choose, is_left_open};
use iter8_testkit::strategies::{Edit, Request, config, key, releases_of};
use proptest::prelude::*;

use super::plan_of;

/// A version and its matches.
type Rule = (String, Vec<RouteMatch>);

fn mesh(precedence: Precedence) -> Capabilities {
    let grpc = Some(RouteCapabilities { precedence, ..RouteCapabilities::GRPC });
    Capabilities { grpc, ..Capabilities::specification() }
}

/// A canary of a gRPC application for a mesh of either precedence.
fn canaries() -> impl Strategy<Value = Vec<(ValidRelease, Precedence)>> {
    releases_of(Routing::Canary).prop_filter_map("not valid", |release| {
        let release = Edit::Protocol(Protocol::Grpc).apply(&release);
        let of = |precedence| Some((validate(&key(), &release, &mesh(precedence)).ok()?, precedence));
        [Precedence::Specification, Precedence::MethodOfAnyServiceFirst].into_iter().map(of).collect()
    })
}

/// Every call of a small world.
fn calls() -> Vec<Request> {
    const VALUES: [Option<&str>; 4] = [None, Some("test"), Some("1"), Some("2")];
    let paths = ["/a/a", "/a/b", "/a/c", "/b/a", "/b/b", "/ab/a", "/ab/b", "/c/c"];
    let headers =
        || VALUES.into_iter().flat_map(|one| VALUES.map(|other| [("traffic", one), ("beta", other)]));
    let call = |path, headers: [(&'static str, Option<&'static str>); 2]| Request {
        method: "POST",
        path,
        headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        query_params: Vec::new(),
    };
    paths.into_iter().flat_map(|path| headers().map(move |headers| call(path, headers))).collect()
}

fn listed(release: &ValidRelease) -> Vec<Rule> {
    release
        .candidates()
        .iter()
        .map(|version| (version.service.to_string(), version.matches.to_vec()))
        .collect()
}

/// The rules with a condition, in the order of the plan. Versions and Services have the same names here.
fn planned(plan: &RoutePlan) -> Vec<Rule> {
    let own = plan.rules().split_last().map_or(&[][..], |(_, own)| own);
    own.iter().map(|rule| (rule.backends[0].service.to_string(), rule.matches.to_vec())).collect()
}

/// The version and the match that a call goes by; `None` is the default rule.
fn chosen(rules: &[Rule], call: &Request, precedence: Precedence) -> Option<(String, RouteMatch)> {
    let matches: Vec<_> = rules.iter().map(|(_, matches)| matches).collect();
    let (rule, entry) = choose(&matches, call, precedence)?;
    Some((rules[rule].0.clone(), rules[rule].1[entry].clone()))
}

/// Of what a regular expression matches nothing is known.
fn has_expression(entry: &RouteMatch) -> bool {
    let RouteMatch::Grpc(call) = entry else { return false };
    call.method.as_ref().is_some_and(|call| call.kind == ValueMatchType::RegularExpression)
        || entry.headers().iter().any(|header| header.kind == ValueMatchType::RegularExpression)
}

fn is_met_openly(rules: &[Rule], call: &Request) -> bool {
    rules.iter().enumerate().any(|(place, (_, ones))| {
        let others = rules.iter().skip(place + 1).flat_map(|(_, others)| others);
        let others: Vec<_> = others.filter(|other| call.meets(other)).collect();
        ones.iter()
            .filter(|one| call.meets(one))
            .any(|one| others.iter().any(|other| is_left_open(one, other)))
    })
}

fn is_said_to_be_open(plan: &RoutePlan, version: &str, other: &str) -> bool {
    plan.notices.iter().any(|notice| {
        let Notice::LeftOpen { one, other: found } = notice else { return false };
        let found = [one.version.as_str(), found.version.as_str()];
        found == [version, other] || found == [other, version]
    })
}

fn is(found: &VersionMatch, (version, entry): (&str, &RouteMatch)) -> bool {
    (found.version.as_str(), &*found.entry) == (version, entry)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_mesh_chooses_what_the_specification_says_unless_a_notice_names_both(canaries in canaries()) {
        for (release, precedence) in canaries {
            let plan = plan_of(&release);
            let (listed, planned) = (listed(&release), planned(&plan));
            for call in calls().iter().filter(|call| !is_met_openly(&listed, call)) {
                let wanted = chosen(&listed, call, Precedence::Specification).map(|(version, _)| version);
                let found = chosen(&planned, call, precedence).map(|(version, _)| version);
                let is_named = plan.notices.iter().any(|notice| matches!(notice, Notice::OtherChoice { chosen, specified }
                    if found.as_deref() == Some(chosen.version.as_str()) && wanted.as_deref() == Some(specified.version.as_str())));
                prop_assert!(wanted == found || is_named, "{call:?}: {wanted:?}, not {found:?}\n{planned:#?}");
            }
        }
    }

    #[test]
    fn under_the_specification_there_is_nothing_to_move_and_no_other_choice(canaries in canaries()) {
        let (release, _) = &canaries[0];
        let plan = plan_of(release);
        prop_assert_eq!(planned(&plan), listed(release));
        let is_other = plan.notices.iter().any(|notice| matches!(notice, Notice::OtherChoice { .. }));
        prop_assert!(!is_other, "{:?}", plan.notices);
    }

    #[test]
    fn another_choice_is_said_only_of_two_matches_that_one_call_may_meet(canaries in canaries()) {
        for (release, _) in canaries {
            for notice in plan_of(&release).notices {
                let (Notice::OtherChoice { chosen: one, specified: other } | Notice::LeftOpen { one, other }) = notice else {
                    continue;
                };
                let are_met = calls().iter().any(|call| call.meets(&one.entry) && call.meets(&other.entry));
                let may_be = has_expression(&one.entry) || has_expression(&other.entry);
                prop_assert!(are_met || may_be, "{one} and {other}");
            }
        }
    }

    #[test]
    fn what_is_said_to_be_never_chosen_never_is(canaries in canaries()) {
        for (release, precedence) in canaries {
            let plan = plan_of(&release);
            let planned = planned(&plan);
            for call in calls() {
                let choice = chosen(&planned, &call, precedence);
                for notice in &plan.notices {
                    let is_wrong = match (notice, &choice) {
                        (Notice::NeverChosen { idle, .. }, Some((version, entry))) => is(idle, (version, entry)),
                        (Notice::TakesEverything { .. }, None) => true,
                        _ => false,
                    };
                    prop_assert!(!is_wrong, "{call:?} goes by {choice:?}, but: {notice}");
                }
            }
        }
    }

    #[test]
    fn a_match_that_an_earlier_rule_has_is_said_to_be_never_chosen(canaries in canaries()) {
        for (release, _) in canaries {
            let plan = plan_of(&release);
            let planned = planned(&plan);
            for (place, (version, matches)) in planned.iter().enumerate() {
                let earlier: Vec<_> = planned.iter().take(place).flat_map(|(_, matches)| matches).collect();
                for entry in matches.iter().filter(|entry| earlier.contains(entry)) {
                    let is_said = plan.notices.iter().any(|notice| match notice {
                        Notice::NeverChosen { idle, .. } | Notice::Repeated(idle) => is(idle, (version, entry)),
                        _ => false,
                    });
                    prop_assert!(is_said, "{version}: {entry:?}\n{planned:#?}");
                }
            }
        }
    }

    #[test]
    fn where_an_expression_and_another_match_take_one_call_it_is_said_that_their_order_is_open(canaries in canaries()) {
        for (release, _) in canaries {
            let plan = plan_of(&release);
            let planned = planned(&plan);
            for notice in &plan.notices {
                if let Notice::LeftOpen { one, other } = notice {
                    prop_assert!(is_left_open(&one.entry, &other.entry), "{notice}");
                }
            }
            for (place, one) in planned.iter().enumerate() {
                for other in planned.iter().skip(place + 1) {
                    let meet = |call: &Request| {
                        let met = |rule: &Rule| rule.1.iter().filter(|entry| call.meets(entry)).cloned().collect::<Vec<_>>();
                        met(one).iter().any(|one| met(other).iter().any(|other| is_left_open(one, other)))
                    };
                    let is_said = is_said_to_be_open(&plan, &one.0, &other.0);
                    prop_assert!(is_said || !calls().iter().any(meet), "{one:?} and {other:?}");
                }
            }
        }
    }
}
