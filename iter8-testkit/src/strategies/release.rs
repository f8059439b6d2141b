//! Release documents.

use iter8_core::{
    Application, Capabilities, CarriedFilter, Declared, DeclaredFilter, Environment, FilterType, Header,
    HeaderModifier, Hostname, HttpMatch, Method, ParentRef, PathMatch, PathMatchType, Protocol, Release,
    ReleaseKey, RouteFilter, RouteMatch, RouteOptions, Specification, Strategy as Routing, Timeouts,
    ValidRelease, Value, ValueMatch, ValueMatchType, Version, validate,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::gateways::gateway;
use super::protocol::fit_for_protocol;

/// Names that a version may have; a version without one is called after its place in the list.
pub(super) const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A Service that is no version, to which users copy requests.
pub(super) const AUDIT: &str = "audit";

/// Path conditions; the requests of this module go to these paths and to some near them.
const PATHS: [(PathMatchType, &str); 8] = [
    (PathMatchType::PathPrefix, "/"),
    (PathMatchType::PathPrefix, "/a"),
    (PathMatchType::PathPrefix, "/a/"),
    (PathMatchType::PathPrefix, "/a/b"),
    (PathMatchType::Exact, "/a"),
    (PathMatchType::Exact, "/a/b"),
    (PathMatchType::RegularExpression, "/a.*"),
    (PathMatchType::RegularExpression, "/a(/b)?"),
];

/// The Release that the generated documents belong to: `web` in namespace `test`.
///
/// ```
/// assert_eq!(iter8_testkit::strategies::key().to_string(), "test/web");
/// ```
#[must_use]
pub fn key() -> ReleaseKey {
    ReleaseKey { name: name("web"), namespace: name("test") }
}

/// A name that is known to be legal.
pub(super) fn name<N: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> N {
    #[expect(clippy::expect_used, reason = "every name of this vocabulary is legal; a test says so at once")]
    text.parse().expect("a legal name")
}

/// A number that is known to be in its range.
pub(super) fn number<N: TryFrom<i128, Error: std::fmt::Debug>>(number: i128) -> N {
    #[expect(clippy::expect_used, reason = "every number of this vocabulary is in its range")]
    number.try_into().expect("a number in its range")
}

/// Documents of any strategy with one to four versions.
///
/// Not every one of them is valid for every mesh: see [`valid_releases`].
///
/// ```
/// use iter8_testkit::strategies::{config, releases};
/// use proptest::test_runner::TestRunner;
///
/// TestRunner::new(config()).run(&releases(), |release| {
///     proptest::prop_assert!((1..=4).contains(&release.application.versions.len()));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_core::Release>>(())
/// ```
pub fn releases() -> impl Strategy<Value = Release> {
    let strategies =
        vec![Routing::None, Routing::Canary, Routing::Canary, Routing::BlueGreen, Routing::Mirror];
    select(strategies).prop_flat_map(releases_of)
}

/// Documents of one strategy with one to four versions, for HTTP or gRPC.
///
/// ```
/// use iter8_core::Strategy;
/// use iter8_testkit::strategies::{config, releases_of};
/// use proptest::test_runner::TestRunner;
///
/// TestRunner::new(config()).run(&releases_of(Strategy::Mirror), |release| {
///     proptest::prop_assert_eq!(release.application.strategy, Some(Strategy::Mirror));
///     proptest::prop_assert!(release.application.versions.iter().all(|version| version.weight.is_none()));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_core::Release>>(())
/// ```
pub fn releases_of(strategy: Routing) -> impl Strategy<Value = Release> {
    let names = subsequence(&NAMES[..], 1..=4).prop_shuffle();
    let rest = (gateways(), option::of(0..9_u32), route_options(), protocols());
    (names, vec((versions(), any::<bool>()), 4), rest).prop_map(
        move |(names, versions, (gateways, drain_seconds, route, protocol))| {
            let versions = names
                .iter()
                .zip(versions)
                .map(|(own, (version, is_named))| Version { name: is_named.then(|| name(own)), ..version });
            let release = Release {
                environment: Some(Environment::DeploymentGtw),
                hostnames: gateways.iter().skip(1).map(|_| name::<Hostname>("example.org")).collect(),
                gateways,
                application: Application {
                    strategy: Some(strategy),
                    protocol,
                    drain_seconds,
                    route,
                    versions: versions.collect(),
                    ..Application::default()
                },
                ..Release::default()
            };
            fit_for(strategy, release)
        },
    )
}

/// Valid releases for a mesh that can do this.
///
/// ```
/// use iter8_core::Capabilities;
/// use iter8_testkit::strategies::{config, key, valid_releases};
/// use proptest::test_runner::TestRunner;
///
/// TestRunner::new(config()).run(&valid_releases(&Capabilities::specification()), |release| {
///     proptest::prop_assert_eq!(&release.key, &key());
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_core::ValidRelease>>(())
/// ```
pub fn valid_releases(capabilities: &Capabilities) -> impl Strategy<Value = ValidRelease> + use<> {
    let capabilities = capabilities.clone();
    releases().prop_filter_map("not valid for this mesh", move |release| {
        validate(&key(), &release, &capabilities).ok()
    })
}

/// The document with another strategy, without what is an error there.
pub(super) fn fit_for(strategy: Routing, mut release: Release) -> Release {
    release.application.strategy = Some(strategy);
    if strategy == Routing::Mirror {
        for version in &mut release.application.versions {
            (version.weight, version.matches) = (None, Vec::new());
        }
    }
    fit_for_protocol(release)
}

/// HTTP in most cases, by default or not.
fn protocols() -> impl Strategy<Value = Option<Protocol>> {
    prop_oneof![2 => Just(None), 1 => Just(Some(Protocol::Http)), 1 => Just(Some(Protocol::Grpc))]
}

/// An entry of the list without a name.
pub(super) fn versions() -> impl Strategy<Value = Version> {
    let pods = (0..3_u32, option::of(1..=3_u32), 0..3_u8);
    let ports = select(vec![None, None, Some(8080), Some(8081)]);
    let weights = option::of(select(vec![0, 1, 50, 1_000_000]));
    let percents = option::of(select(vec![0, 10, 100]));
    let own_service = prop::bool::weighted(0.1);
    (pods, ports, weights, percents, matches_of_one(), own_service).prop_map(
        |((image, replicas, label), port, weight, percent, matches, own_service)| Version {
            image: Some(format!("web:{image}")),
            replicas,
            labels: (label > 0).then(|| ("build".to_owned(), label.to_string())).into_iter().collect(),
            port: port.map_or(Declared::Absent, |port| Declared::Value(number(port))),
            weight: weight.map(number),
            mirror_percent: percent.map(number),
            matches,
            service: own_service.then(own_service_specification),
            ..Version::default()
        },
    )
}

/// A Service of the user's own, whose port has a name in the Pods.
fn own_service_specification() -> Specification {
    let port = Value::from([("port", 81_u16.into()), ("targetPort", "http".into())]);
    let spec = Value::from([("ports", vec![port].into())]);
    Specification { spec: spec.as_map().cloned(), ..Specification::default() }
}

/// The matches of one candidate: none, or up to three.
pub(super) fn matches_of_one() -> impl Strategy<Value = Vec<RouteMatch>> {
    prop_oneof![
        1 => Just(Vec::new()),
        2 => vec(select(few_matches()), 1..=2),
        2 => vec(route_matches(), 1..=3),
    ]
}

/// Matches that two versions often have in common.
fn few_matches() -> Vec<RouteMatch> {
    let method = RouteMatch::Http(HttpMatch { method: Some(Method::Get), ..HttpMatch::default() });
    vec![RouteMatch::header("traffic", "test"), RouteMatch::header("beta", "1"), method]
}

/// Matches by path, method, headers and query parameters, exact, by prefix and by regular expression.
///
/// ```
/// use iter8_testkit::strategies::{config, every_request, route_matches};
/// use proptest::test_runner::TestRunner;
///
/// let requests = every_request();
/// TestRunner::new(config()).run(&route_matches(), |entry| {
///     proptest::prop_assert!(requests.iter().any(|request| request.meets(&entry)));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_core::RouteMatch>>(())
/// ```
pub fn route_matches() -> impl Strategy<Value = RouteMatch> {
    let path = option::of(select(&PATHS[..]));
    let method = option::weighted(0.3, select(vec![Method::Get, Method::Post]));
    let headers = subsequence(vec!["traffic", "beta"], 0..=2);
    let params = subsequence(vec!["p", "q"], 0..=2);
    let values = || vec((prop::bool::weighted(0.2), 0..3_u8), 2);
    (path, method, (headers, values()), (params, values())).prop_map(|(path, method, headers, params)| {
        RouteMatch::Http(HttpMatch {
            path: path.map(|(kind, value)| PathMatch { kind, value: value.to_owned() }),
            method,
            headers: value_matches(&headers.0, &headers.1),
            query_params: value_matches(&params.0, &params.1),
        })
    })
}

fn value_matches(names: &[&str], values: &[(bool, u8)]) -> Vec<ValueMatch> {
    let value_match = |(name, (is_pattern, value)): (&&str, &(bool, u8))| ValueMatch {
        kind: if *is_pattern { ValueMatchType::RegularExpression } else { ValueMatchType::Exact },
        name: (*name).to_owned(),
        value: if *is_pattern {
            "[12]".to_owned()
        } else {
            ["test", "1", "2"].into_iter().nth((*value).into()).unwrap_or("1").to_owned()
        },
    };
    names.iter().zip(values).map(value_match).collect()
}

/// No Gateway in most cases.
pub(super) fn gateways() -> impl Strategy<Value = Vec<ParentRef>> {
    let public = gateway("public", None, None);
    let shared = gateway("shared", Some("infra"), None);
    let listener = |section| gateway("public", None, Some(section));
    let at_port = ParentRef { port: Some(number(8080)), ..listener("other") };
    let some = vec![
        vec![public.clone()],
        vec![public, shared.clone()],
        vec![listener("http"), listener("https")],
        vec![listener("https"), shared],
        vec![at_port],
    ];
    prop_oneof![3 => Just(Vec::new()), 2 => select(some)]
}

/// The user's own on the routes; nothing in most cases.
pub(super) fn route_options() -> impl Strategy<Value = RouteOptions> {
    let header = |value: &str| Header { name: "x-note".to_owned(), value: value.to_owned() };
    let set = HeaderModifier { set: vec![header("a")], ..HeaderModifier::default() };
    let changed = HeaderModifier {
        add: vec![header("b")],
        remove: vec!["x-old".to_owned()],
        ..HeaderModifier::default()
    };
    let filters = vec![
        DeclaredFilter::Supported(RouteFilter::RequestHeaderModifier(set)),
        DeclaredFilter::Supported(RouteFilter::ResponseHeaderModifier(changed)),
    ];
    let audit =
        Value::from([("backendRef", Value::from([("name", AUDIT.into()), ("port", Value::Integer(80))]))]);
    let audit = CarriedFilter::new(FilterType::RequestMirror, &audit);
    let audit = DeclaredFilter::Supported(RouteFilter::Carried(audit));
    let filters =
        (subsequence(filters, 0..=2), prop::bool::weighted(0.3)).prop_map(move |(filters, is_copied)| {
            filters.into_iter().chain(is_copied.then(|| audit.clone())).collect::<Vec<_>>()
        });
    let some = (filters, option::of(select(vec!["3s", "1m30s"])), any::<bool>()).prop_map(
        |(filters, request, is_labelled)| RouteOptions {
            labels: is_labelled.then(|| ("team".to_owned(), "a".to_owned())).into_iter().collect(),
            timeouts: Timeouts { request: request.map(name), ..Timeouts::default() },
            filters,
            ..RouteOptions::default()
        },
    );
    prop_oneof![3 => Just(RouteOptions::default()), 1 => some]
}
