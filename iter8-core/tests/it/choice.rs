//! What a mesh chooses by the planned rules, against what the specification chooses in list order, for every request
//! of a small world. The choosers are written from the texts and know nothing of the planner.

mod grpc;

use iter8_core::{
    HttpMatch, Notice, Observation, PathMatchType, Precedence, RouteMatch, RoutePlan, ValidRelease,
    ValueMatch, ValueMatchType, VersionMatch, plan,
};
use iter8_testkit::strategies::config;
use proptest::prelude::*;

use crate::world::{for_linkerd, release};

const PATHS: [&str; 7] = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

/// A request; a value of `None` is a header or parameter that is not there.
#[derive(Debug, Clone)]
struct Request {
    path: &'static str,
    method: &'static str,
    headers: [(&'static str, Option<&'static str>); 2],
    params: [(&'static str, Option<&'static str>); 2],
}

fn requests() -> Vec<Request> {
    let (values, fewer) = ([None, Some("1"), Some("2")], [None, Some("1")]);
    let mut requests = Vec::new();
    for (path, method) in PATHS.iter().flat_map(|path| METHODS.map(|method| (*path, method))) {
        for (h, i) in values.iter().flat_map(|h| fewer.map(|i| (*h, i))) {
            for (p, q) in values.iter().flat_map(|p| fewer.map(|q| (*p, q))) {
                let (headers, params) = ([("h", h), ("i", i)], [("p", p), ("q", q)]);
                requests.push(Request { path, method, headers, params });
            }
        }
    }
    requests
}

/// The regular expressions of this world.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern {
        "/a.*" => text.starts_with("/a"),
        "/a(/b)?" => text == "/a" || text == "/a/b",
        "[12]" => text == "1" || text == "2",
        other => panic!("{other} is none of them"),
    }
}

fn is_met(entry: &HttpMatch, request: &Request) -> bool {
    let path = entry.path.as_ref().is_none_or(|path| match path.kind {
        PathMatchType::Exact => path.value == request.path,
        PathMatchType::RegularExpression => fits(&path.value, request.path),
        // Element by element; an empty last element, a trailing slash, is none.
        PathMatchType::PathPrefix => {
            let elements = |path: &str| -> Vec<String> {
                path.split('/').filter(|element| !element.is_empty()).map(str::to_owned).collect()
            };
            elements(request.path).starts_with(&elements(&path.value))
        }
    });
    let value = |wanted: &ValueMatch, found: Option<&str>| match wanted.kind {
        ValueMatchType::Exact => found == Some(wanted.value.as_str()),
        ValueMatchType::RegularExpression => found.is_some_and(|found| fits(&wanted.value, found)),
    };
    let found = |there: &[(&str, Option<&'static str>)], name: &str| {
        there.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
    };
    path && entry.method.is_none_or(|method| method.as_str() == request.method)
        && entry.headers.iter().all(|h| value(h, found(&request.headers, &h.name.to_lowercase())))
        && entry.query_params.iter().all(|p| value(p, found(&request.params, &p.name)))
}

/// A version and its matches.
type Rule = (String, Vec<HttpMatch>);

/// The version and the match that a request goes by; the default rule, if by none.
fn choose(rules: &[Rule], request: &Request, precedence: Precedence) -> Option<(String, HttpMatch)> {
    let all = rules.iter().flat_map(|(version, matches)| matches.iter().map(move |entry| (version, entry)));
    let mut left: Vec<_> = all.filter(|(_, entry)| is_met(entry, request)).collect();
    let is_of = |entry: &HttpMatch, kind| entry.path.as_ref().is_some_and(|path| path.kind == kind);
    let prefix = |entry: &HttpMatch| {
        entry.path.as_ref().map_or(0, |path| path.value.trim_end_matches('/').len()).max(1)
    };
    let mut keep_most = |rank: &dyn Fn(&HttpMatch) -> usize| {
        let most = left.iter().map(|(_, entry)| rank(entry)).max().unwrap_or(0);
        left.retain(|(_, entry)| rank(entry) == most);
    };
    let method = |entry: &HttpMatch| usize::from(entry.method.is_some());
    match precedence {
        Precedence::Specification => {
            keep_most(&|entry| usize::from(is_of(entry, PathMatchType::Exact)));
            keep_most(&|entry| usize::from(is_of(entry, PathMatchType::RegularExpression)));
            keep_most(&|entry| {
                if is_of(entry, PathMatchType::RegularExpression) { 0 } else { prefix(entry) }
            });
            keep_most(&method);
            keep_most(&|entry| entry.headers.len());
            keep_most(&|entry| entry.query_params.len());
        }
        Precedence::PathLengthFirst => {
            let is_whole = |entry: &HttpMatch| {
                is_of(entry, PathMatchType::Exact) || is_of(entry, PathMatchType::RegularExpression)
            };
            keep_most(&|entry| if is_whole(entry) { request.path.len() } else { prefix(entry) });
            keep_most(&|entry| entry.headers.len());
            keep_most(&|entry| entry.query_params.len());
            keep_most(&method);
        }
        other => panic!("{other:?} is not tested"),
    }
    left.first().map(|(version, entry)| ((*version).clone(), (*entry).clone()))
}

/// "The precedence of `RegularExpression` path matches are implementation-specific."
fn is_open(one: &HttpMatch, other: &HttpMatch) -> bool {
    let is_pattern = |entry: &HttpMatch| {
        entry.path.as_ref().is_some_and(|path| path.kind == PathMatchType::RegularExpression)
    };
    one.path != other.path && (is_pattern(one) || is_pattern(other))
}

/// The first two matches of different rules that a request meets and whose order is open.
fn met_openly(rules: &[Rule], request: &Request) -> Option<[(String, HttpMatch); 2]> {
    let all = rules.iter().flat_map(|(version, matches)| matches.iter().map(move |entry| (version, entry)));
    let met: Vec<_> = all.filter(|(_, entry)| is_met(entry, request)).collect();
    met.iter().enumerate().find_map(|(index, (version, one))| {
        let is_other = |(other, entry): &&(&String, &HttpMatch)| other != version && is_open(one, entry);
        let (other, entry) = met.iter().skip(index + 1).find(is_other)?;
        Some([((*version).clone(), (*one).clone()), ((*other).clone(), (*entry).clone())])
    })
}

fn http(matches: &[RouteMatch]) -> Vec<HttpMatch> {
    let http = |entry: &RouteMatch| match entry {
        RouteMatch::Http(entry) => entry.clone(),
        RouteMatch::Grpc(_) => panic!("{entry} in an HTTPRoute"),
    };
    matches.iter().map(http).collect()
}

/// The rules with a condition, in the order of the document.
fn listed(release: &ValidRelease) -> Vec<Rule> {
    release.candidates().iter().map(|version| (version.name.to_string(), http(&version.matches))).collect()
}

/// The rules with a condition, in the order of the plan. Versions and Services have the same names here.
fn planned(plan: &RoutePlan) -> Vec<Rule> {
    let own = plan.rules().iter().filter(|rule| !rule.matches.is_empty());
    own.map(|rule| (rule.backends[0].service.to_string(), http(&rule.matches))).collect()
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        4 => (prop_oneof![Just("Exact"), Just("PathPrefix")], proptest::sample::select(&PATHS[..]))
            .prop_map(|(kind, value)| format!("path: {{type: {kind}, value: {value}}}")),
        1 => proptest::sample::select(vec!["/a.*", "/a(/b)?"])
            .prop_map(|value| format!("path: {{type: RegularExpression, value: '{value}'}}")),
    ]
}

fn values(field: &'static str, names: [&'static str; 2]) -> impl Strategy<Value = String> {
    let value = |values: &'static [&'static str]| {
        let exact = proptest::sample::select(values).prop_map(|value| Some(format!("value: '{value}'")));
        let pattern = Just(Some("type: RegularExpression, value: '[12]'".to_owned()));
        prop_oneof![3 => Just(None), 3 => exact, 1 => pattern]
    };
    [value(&["1", "2"]), value(&["1"])].prop_map(move |found| {
        let entries = names.iter().zip(found);
        let entries: Vec<_> =
            entries.filter_map(|(name, value)| Some(format!("{{name: {name}, {}}}", value?))).collect();
        if entries.is_empty() { String::new() } else { format!("{field}: [{}]", entries.join(", ")) }
    })
}

/// A match in flow style.
fn entries() -> impl Strategy<Value = String> {
    let method = prop_oneof![3 => Just(""), 1 => Just("method: GET"), 1 => Just("method: POST")];
    let headers = prop_oneof![values("headers", ["h", "i"]), values("headers", ["H", "i"])];
    (path(), method, headers, values("queryParams", ["p", "q"])).prop_map(
        |(path, method, headers, params)| {
            let fields: Vec<_> = [path, method.to_owned(), headers, params]
                .into_iter()
                .filter(|field| !field.is_empty())
                .collect();
            format!("{{{}}}", fields.join(", "))
        },
    )
}

/// The candidates of a release in flow style, in each of which some matches of the others may occur again.
fn versions() -> impl Strategy<Value = Vec<String>> {
    let candidate =
        proptest::collection::vec(proptest::sample::select((0..6_usize).collect::<Vec<_>>()), 1..=3);
    let pool = proptest::collection::vec(entries(), 6);
    (pool, proptest::collection::vec(candidate, 1..=5)).prop_map(|(pool, candidates)| {
        let candidates = candidates.into_iter().map(|picks| {
            let matches: Vec<_> = picks.iter().map(|pick| pool[*pick].as_str()).collect();
            format!("{{image: web:2, matches: [{}]}}", matches.join(", "))
        });
        std::iter::once("{image: web:1}".to_owned()).chain(candidates).collect()
    })
}

/// The release for either mesh.
fn releases(versions: &[String]) -> [(ValidRelease, Precedence); 2] {
    let versions: Vec<_> = versions.iter().map(String::as_str).collect();
    [
        (release("canary", &versions), Precedence::Specification),
        (for_linkerd("canary", &versions), Precedence::PathLengthFirst),
    ]
}

fn plan_of(release: &ValidRelease) -> RoutePlan {
    plan(release, &Observation::all_ready(release))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_mesh_chooses_what_the_specification_says_unless_a_notice_names_both(versions in versions()) {
        for (release, precedence) in releases(&versions) {
            let plan = plan_of(&release);
            let (listed, planned) = (listed(&release), planned(&plan));
            for request in requests().iter().filter(|request| met_openly(&listed, request).is_none()) {
                let version = |choice: Option<(String, HttpMatch)>| choice.map(|(version, _)| version);
                let wanted = version(choose(&listed, request, Precedence::Specification));
                let found = version(choose(&planned, request, precedence));
                let is_named = plan.notices.iter().any(|notice| match notice {
                    Notice::OtherChoice { chosen, specified } => {
                        found.as_deref() == Some(chosen.version.as_str())
                            && wanted.as_deref() == Some(specified.version.as_str())
                    }
                    _ => false,
                });
                prop_assert!(wanted == found || is_named, "{request:?}: {wanted:?}, not {found:?}\n{planned:#?}");
            }
        }
    }

    #[test]
    fn where_the_specification_leaves_the_choice_open_it_is_said_and_the_list_order_stays(versions in versions()) {
        for (release, _) in releases(&versions) {
            let plan = plan_of(&release);
            let listed = listed(&release);
            for notice in &plan.notices {
                if let Notice::LeftOpen { one, other } = notice {
                    let [one, other] = [one, other].map(|found| http(&[(*found.entry).clone()]).remove(0));
                    prop_assert!(is_open(&one, &other), "{notice}");
                }
            }
            for [one, other] in requests().iter().filter_map(|request| met_openly(&listed, request)) {
                let pair = [one.0.as_str(), other.0.as_str()];
                let is_said = plan.notices.iter().any(|notice| {
                    matches!(notice, Notice::LeftOpen { one, other } if [one.version.as_str(), other.version.as_str()] == pair)
                });
                prop_assert!(is_said, "{one:?} and {other:?}: {:?}", plan.notices);
            }
        }
    }

    #[test]
    fn a_rule_moves_only_where_the_mesh_would_choose_otherwise_and_it_is_said_why(versions in versions()) {
        let [_, (release, precedence)] = releases(&versions);
        let plan = plan_of(&release);
        let (listed, planned) = (listed(&release), planned(&plan));
        let place = |rules: &[Rule], version: &str| rules.iter().position(|(name, _)| name == version);
        let mut has_moved = false;
        for notice in &plan.notices {
            let Notice::Moved { moved, ahead_of } = notice else { continue };
            has_moved = true;
            let names = [moved, ahead_of].map(|found| found.version.as_str());
            let places = |rules: &[Rule]| names.map(|name| place(rules, name).unwrap());
            let (before, after) = (places(&listed), places(&planned));
            prop_assert!(before[0] > before[1] && after[0] < after[1], "{notice}");
            let rule = |found: &VersionMatch| (found.version.to_string(), http(&[(*found.entry).clone()]));
            let both = [rule(ahead_of), rule(moved)];
            for request in requests().iter().filter(|request| both.iter().all(|rule| is_met(&rule.1[0], request))) {
                for (precedence, name) in [(Precedence::Specification, names[0]), (precedence, names[1])] {
                    prop_assert_eq!(&choose(&both, request, precedence).unwrap().0, name, "{}", notice);
                }
            }
        }
        prop_assert!(has_moved || planned == listed, "{planned:#?}");
    }

    // With several matches in a rule two of them can want opposite orders.
    #[test]
    fn of_versions_with_one_match_each_only_what_no_order_mends_is_left(
        entries in proptest::collection::vec(entries(), 1..=5),
    ) {
        let candidates = entries.iter().map(|entry| format!("{{image: web:2, matches: [{entry}]}}"));
        let versions: Vec<_> = std::iter::once("{image: web:1}".to_owned()).chain(candidates).collect();
        let [_, (release, precedence)] = releases(&versions);
        let (listed, planned) = (listed(&release), planned(&plan_of(&release)));
        for request in requests().iter().filter(|request| met_openly(&listed, request).is_none()) {
            let Some((wanted, _)) = choose(&listed, request, Precedence::Specification) else { continue };
            if choose(&planned, request, precedence).is_some_and(|(found, _)| found == wanted) {
                continue;
            }
            let (mut best, others): (Vec<_>, Vec<_>) = planned.iter().cloned().partition(|(version, _)| *version == wanted);
            best.extend(others);
            let found = choose(&best, request, precedence).map(|(version, _)| version);
            prop_assert!(found.as_ref() != Some(&wanted), "{wanted} could have come first for {request:?}\n{planned:#?}");
        }
    }

    #[test]
    fn what_is_said_to_be_never_chosen_never_is(versions in versions()) {
        for (release, precedence) in releases(&versions) {
            let plan = plan_of(&release);
            let planned = planned(&plan);
            for request in requests() {
                let choice = choose(&planned, &request, precedence);
                for notice in &plan.notices {
                    let is_wrong = match (notice, &choice) {
                        (Notice::NeverChosen { idle: VersionMatch { version, entry }, .. }, Some(chosen)) => {
                            (version.as_str(), &**entry) == (chosen.0.as_str(), &RouteMatch::Http(chosen.1.clone()))
                        }
                        (Notice::TakesEverything { .. }, None) => true,
                        _ => false,
                    };
                    prop_assert!(!is_wrong, "{request:?} goes by {choice:?}, but: {notice}");
                }
            }
        }
    }

    #[test]
    fn a_match_that_an_earlier_rule_has_is_said_to_be_never_chosen(versions in versions()) {
        for (release, _) in releases(&versions) {
            let plan = plan_of(&release);
            let planned = planned(&plan);
            for (place, (version, matches)) in planned.iter().enumerate() {
                let earlier: Vec<_> = planned.iter().take(place).flat_map(|(_, matches)| matches).collect();
                for entry in matches.iter().filter(|entry| earlier.contains(entry)) {
                    let is_said = plan.notices.iter().any(|notice| match notice {
                        Notice::NeverChosen { idle, .. } | Notice::Repeated(idle) => {
                            (idle.version.as_str(), &*idle.entry) == (version.as_str(), &RouteMatch::Http(entry.clone()))
                        }
                        _ => false,
                    });
                    prop_assert!(is_said, "{version}: {entry:?}\n{planned:#?}");
                }
            }
        }
    }

    #[test]
    fn under_the_specification_the_rules_keep_the_order_of_the_list(versions in versions()) {
        let [(release, _), _] = releases(&versions);
        prop_assert_eq!(planned(&plan_of(&release)), listed(&release));
    }
}
