use std::prelude::v1::*;

mod grpc;

use super::http::Specificity;
use super::*;
use crate::notice::{Notice, VersionMatch};
use crate::{HttpMatch, Method, PathMatch, PathMatchType, ValueMatchType, VersionName};

const BOTH: [Precedence; 2] = [Precedence::Specification, Precedence::PathLengthFirst];

/// `exact /a`, `prefix /a`, `regex /a.*`, `GET`, `x=y` (a header), `?x=y`; several with spaces between.
fn entry(text: &str) -> RouteMatch {
    RouteMatch::Http(http_entry(text))
}

fn exact(name: &str, value: &str) -> ValueMatch {
    ValueMatch { kind: ValueMatchType::Exact, name: name.to_owned(), value: value.to_owned() }
}

fn http_entry(text: &str) -> HttpMatch {
    let mut entry = HttpMatch::default();
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let mut path = |kind| entry.path = Some(PathMatch { kind, value: words.next().unwrap().to_owned() });
        match word {
            "exact" => path(PathMatchType::Exact),
            "prefix" => path(PathMatchType::PathPrefix),
            "regex" => path(PathMatchType::RegularExpression),
            _ => match (word.strip_prefix('?'), word.split_once('=')) {
                (Some(param), _) => {
                    let (name, value) = param.split_once('=').unwrap();
                    entry.query_params.push(exact(name, value));
                }
                (None, Some((name, value))) => entry.headers.push(exact(name, value)),
                (None, None) => {
                    entry.method =
                        Some(Method::ALL.into_iter().find(|method| method.as_str() == word).unwrap());
                }
            },
        }
    }
    entry
}

/// The names of the rules in the order of the mesh, and the notices in words.
fn arranged(precedence: Precedence, lists: &[&[&str]]) -> (String, Vec<String>) {
    let names: Vec<VersionName> =
        ["a", "b", "c", "d"].iter().take(lists.len()).map(|name| name.parse().unwrap()).collect();
    let matches: Vec<Vec<_>> =
        lists.iter().map(|list| list.iter().map(|text| entry(text)).collect()).collect();
    let claimants: Vec<_> =
        names.iter().zip(&matches).map(|(version, matches)| Claimant { version, matches }).collect();
    let Order { rules, notices } = Arrangement::new(&claimants, precedence).into_whole();
    let order = rules.into_iter().map(|index| names[index].as_str()).collect();
    (order, notices.iter().map(ToString::to_string).collect())
}

fn in_linkerd(lists: &[&[&str]]) -> (String, Vec<String>) {
    arranged(Precedence::PathLengthFirst, lists)
}

#[test]
fn the_specification_goes_by_exact_path_prefix_method_headers_and_query() {
    let descending = [
        "exact /",
        "regex /.*",
        "prefix /a/b",
        "prefix /a/ GET",
        "prefix /a h=1 i=1",
        "prefix /a h=1 ?p=1 ?q=1",
        "prefix /a h=1 ?p=1",
        "prefix /a",
        "prefix /",
    ];
    for pair in descending.windows(2) {
        let [one, other] =
            [pair[0], pair[1]].map(|text| Specificity::of(&http_entry(text), Precedence::Specification));
        assert!(one > other, "{pair:?}");
    }
}

#[test]
fn linkerd_goes_by_length_of_the_path_headers_query_and_method() {
    let descending = [
        "prefix /a/b",
        "exact /a h=1 i=1",
        "prefix /a h=1 ?p=1",
        "exact /a h=1 GET",
        "prefix /a/ h=1",
        "exact /a ?p=1",
        "prefix /a GET",
        "exact /a",
        "prefix /",
    ];
    for pair in descending.windows(2) {
        let [one, other] =
            [pair[0], pair[1]].map(|text| Specificity::of(&http_entry(text), Precedence::PathLengthFirst));
        assert!(one > other, "{pair:?}");
    }
    for precedence in BOTH {
        for same in [["prefix /", ""], ["prefix /a", "prefix /a/"], ["h=1", "i=2"]] {
            let [one, other] = same.map(|text| Specificity::of(&http_entry(text), precedence));
            assert_eq!(one, other, "{same:?}");
        }
    }
}

#[test]
fn matches_overlap_unless_a_request_cannot_meet_both() {
    for (one, other, expected) in [
        ("", "exact /a GET h=1", true),
        ("GET", "POST", false),
        ("h=1", "H=2", false),
        ("h=1", "i=2", true),
        ("?p=1", "?P=2", true),
        ("?p=1", "?p=2", false),
        ("exact /a", "exact /b", false),
        ("exact /a/b", "prefix /a", true),
        ("exact /ab", "prefix /a", false),
        ("exact /a", "prefix /a/", true),
        ("prefix /a", "prefix /a/b", true),
        ("prefix /a/b", "prefix /a/c", false),
        ("regex /x", "exact /y", true),
    ] {
        assert_eq!(may_overlap(&entry(one), &entry(other)), expected, "{one} and {other}");
        assert_eq!(may_overlap(&entry(other), &entry(one)), expected, "{other} and {one}");
    }
    let mut pattern = http_entry("h=1");
    pattern.headers[0].kind = ValueMatchType::RegularExpression;
    assert!(may_overlap(&RouteMatch::Http(pattern), &entry("h=2")));
}

#[test]
fn a_match_covers_those_with_more_conditions() {
    for (one, other, covered) in [
        ("", "exact /a GET h=1", true),
        ("prefix /a", "exact /a/b", true),
        ("prefix /a", "prefix /a/", true),
        ("prefix /a", "exact /ab", false),
        ("exact /a", "prefix /a", false),
        ("h=1", "H=1 i=2", true),
        ("h=1 i=2", "h=1", false),
        ("h=1", "h=2", false),
        ("GET", "", false),
        ("regex /a.*", "regex /a.* GET", true),
        ("regex /a.*", "exact /ab", false),
        ("", "regex /a.*", true),
    ] {
        assert_eq!(covers(&entry(one), &entry(other)), covered, "{one} over {other}");
    }
}

#[test]
fn an_exact_path_moves_ahead_of_the_equal_prefix_in_linkerd_only() {
    let lists: [&[&str]; 3] = [&["h=1"], &["prefix /ab"], &["exact /ab"]];
    let (order, notices) = in_linkerd(&lists);
    assert_eq!(order, "acb");
    assert_eq!(
        notices,
        [
            "the rule of c comes ahead of that of b: in list order the mesh would choose b (path prefix /ab) over c \
          (path /ab), and the Gateway API says otherwise"
        ]
    );
    assert_eq!(arranged(Precedence::Specification, &lists), ("abc".to_owned(), vec![]));
}

#[test]
fn an_arrangement_is_plain_where_nothing_moves_and_nothing_is_to_be_said() {
    let is_plain = |lists: &[&str]| {
        let names: Vec<VersionName> = ["a", "b"].map(|name| name.parse().unwrap()).into();
        let matches: Vec<_> = lists.iter().map(|text| [entry(text)]).collect();
        let claimants: Vec<_> =
            names.iter().zip(&matches).map(|(version, matches)| Claimant { version, matches }).collect();
        Arrangement::new(&claimants, Precedence::PathLengthFirst).is_plain()
    };
    assert!(is_plain(&["h=1", "i=1"]));
    assert!(!is_plain(&["prefix /a", "exact /a"]), "a rule moves");
    assert!(!is_plain(&["h=1", "h=1"]), "the second is never chosen");
}

#[test]
fn nothing_moves_where_the_list_order_is_right() {
    for lists in [
        [&["h=1"][..], &["i=1"], &["prefix /a"]],
        [&["exact /a"], &["prefix /a"], &["prefix /a"]],
        [&["prefix /a"], &["exact /a/b"], &["exact /b"]],
    ] {
        assert_eq!(in_linkerd(&lists).0, "abc", "{lists:?}");
    }
}

#[test]
fn a_header_against_a_method_is_reported_since_no_order_helps() {
    let (order, notices) = in_linkerd(&[&["h=1"], &["GET"]]);
    assert_eq!(order, "ab");
    assert_eq!(
        notices,
        [
            "a request that meets both b (method GET) and a (header h=1) may go to a: the Gateway API says b, but the \
          mesh chooses otherwise, and no order of the rules is right for all of their matches"
        ]
    );
    assert_eq!(arranged(Precedence::Specification, &[&["h=1"], &["GET"]]).1, Vec::<String>::new());
}

#[test]
fn two_versions_are_reported_once_for_each_that_loses_requests() {
    let (_, notices) = in_linkerd(&[&["h=1", "i=1"], &["GET", "POST"]]);
    assert_eq!(notices.len(), 1, "{notices:?}");
    let (_, notices) = in_linkerd(&[&["h=1", "POST"], &["GET", "i=1"]]);
    assert_eq!(notices.len(), 2, "{notices:?}");
}

#[test]
fn of_two_moves_that_exclude_each_other_none_is_made() {
    let (order, notices) = in_linkerd(&[&["prefix /a", "exact /b"], &["exact /a", "prefix /b"]]);
    assert_eq!((order.as_str(), notices.len()), ("ab", 2));
    assert!(
        notices[0].starts_with("a request that meets both b (path /a) and a (path prefix /a) may go to a")
    );
    assert!(notices[1].starts_with("no request reaches b (path /a)"), "{notices:?}");
    // In a circle of three the move that would close it is not made.
    let circle: [&[&str]; 3] =
        [&["prefix /a", "exact /c"], &["exact /a", "prefix /b"], &["exact /b", "prefix /c"]];
    let (order, notices) = in_linkerd(&circle);
    assert_eq!((order.as_str(), notices.len()), ("bac", 3));
    assert!(notices[0].starts_with("the rule of b comes ahead of that of a"), "{notices:?}");
    assert!(notices[2].starts_with("no request reaches c (path /b)"), "{notices:?}");
}

#[test]
fn what_the_specification_leaves_open_is_said_and_the_list_order_stays() {
    for precedence in BOTH {
        let (order, notices) = arranged(precedence, &[&["regex /v.*"], &["exact /v2"]]);
        assert_eq!(order, "ab");
        assert_eq!(
            notices,
            [
                "a request that meets both a (path ~ /v.*) and b (path /v2) goes where the mesh likes: the Gateway API does \
                 not say where regular expressions come"
            ]
        );
        for lists in [[&["prefix /v h=1"][..], &["regex /v.*"]], [&["regex /v.*"], &["regex /.*"]]] {
            let (order, notices) = arranged(precedence, &lists);
            assert_eq!((order.as_str(), notices.len()), ("ab", 1), "{lists:?}");
            assert!(notices[0].contains("goes where the mesh likes"), "{notices:?}");
        }
        let same = arranged(precedence, &[&["regex /v.* h=1"], &["regex /v.* h=1 i=2"]]);
        assert_eq!(same, ("ab".to_owned(), vec![]), "the more headers come first");
    }
}

#[test]
fn a_match_that_another_version_has_is_never_chosen() {
    for precedence in BOTH {
        let (order, notices) = arranged(precedence, &[&["prefix /a h=1"], &["POST", "prefix /a/ H=1"]]);
        assert_eq!(order, "ab");
        let never = "no request reaches b (path prefix /a/, header H=1): a (path prefix /a, header h=1) comes first \
                     and takes them all";
        assert!(notices.iter().any(|notice| notice == never), "{notices:?}");
        let reached = arranged(precedence, &[&["h=1"], &["h=1 GET"]]).1;
        assert_eq!(reached, Vec::<String>::new(), "the more specific match comes first");
    }
}

#[test]
fn a_match_that_is_there_twice_is_said() {
    let version: VersionName = "a".parse().unwrap();
    let matches = [entry("h=1"), entry("GET"), entry("H=1")];
    let claimant = Claimant { version: &version, matches: &matches };
    let Order { notices, .. } = Arrangement::new(&[claimant], Precedence::Specification).into_whole();
    assert_eq!(notices, [Notice::Repeated(VersionMatch::new(&version, &entry("H=1")))]);
}

const WORDS: [&str; 12] = [
    "",
    "h=1",
    "H=2",
    "GET",
    "GET h=1",
    "?p=1",
    "prefix /a",
    "exact /a",
    "prefix /a h=1",
    "regex /a.*",
    "exact /a/b",
    "POST",
];

proptest::proptest! {
    #![proptest_config(iter8_testkit::strategies::config())]

    #[test]
    fn the_order_of_some_rules_is_the_same_whether_or_not_it_was_worked_out_for_all(
        lists in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..4), 1..6),
        chosen in proptest::collection::vec(proptest::bool::ANY, 6),
    ) {
        let names: Vec<VersionName> = (0..lists.len()).map(|index| format!("v{index}").parse().unwrap()).collect();
        let matches: Vec<Vec<_>> =
            lists.iter().map(|list| list.iter().map(|text| entry(text)).collect()).collect();
        let claimants: Vec<_> =
            names.iter().zip(&matches).map(|(version, matches)| Claimant { version, matches }).collect();
        let present: Vec<_> = (0..lists.len()).filter(|index| chosen[*index]).collect();
        let some: Vec<_> = present.iter().map(|index| claimants[*index]).collect();
        for precedence in BOTH {
            let all = Arrangement::new(&claimants, precedence);
            let mut anew = Arrangement::new(&some, precedence).into_whole();
            for rule in &mut anew.rules {
                *rule = present[*rule];
            }
            proptest::prop_assert_eq!(&all.of(&claimants, &present), &anew);
            if all.is_plain() {
                proptest::prop_assert_eq!(anew, Order { rules: present.clone(), notices: Vec::new() });
            }
        }
    }
}
