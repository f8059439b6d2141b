//! Other Gateways and hostnames: those before keep the rules until the declared ones have them, and drain.

use iter8_core::{
    Capabilities, GatewaysObservation, Hostname, Limits, Observation, RoutePlan, ValidRelease, Verdict,
    conditions, plan,
};
use iter8_testkit::strategies::Cluster;

use crate::world::{declared_for, document};

/// A release at these Gateways, with these hostnames where there are any, in flow style.
fn text(gateways: &str, hostnames: &str) -> String {
    let hostnames = if hostnames.is_empty() { String::new() } else { format!("hostnames: {hostnames}\n") };
    format!(
        "environment: deployment-gtw\ngateway: {gateways}\n{hostnames}application: {{strategy: canary, versions: [{{image: web:1}}]}}"
    )
}

fn at(gateways: &str, hostnames: &str) -> ValidRelease {
    document(&text(gateways, hostnames))
}

/// A cluster in which the release runs and everybody has accepted its routes.
fn running(release: &ValidRelease) -> Cluster {
    let mut cluster = Cluster::from(Observation::all_ready(release));
    step(&mut cluster, release);
    cluster.report(&Verdict::Accepted);
    cluster.wait(60);
    cluster
}

fn step(cluster: &mut Cluster, release: &ValidRelease) -> RoutePlan {
    let plan = plan(release, cluster.now());
    cluster.carry_out(release, &plan, usize::MAX);
    plan
}

/// The names of the parents, and the hostnames.
fn route(plan: &RoutePlan) -> (Vec<&str>, Vec<&str>) {
    let route = plan.route.as_ref().unwrap();
    let parents = route.gateway_parents().map(|parent| parent.name.as_str()).collect();
    (parents, route.gateway_hostnames().map(Hostname::as_str).collect())
}

fn parents(plan: &RoutePlan) -> Vec<&str> {
    route(plan).0
}

fn ready(release: &ValidRelease, cluster: &Cluster) -> String {
    let plan = plan(release, cluster.now());
    conditions(&plan, cluster.now(), &[]).last().map(|ready| ready.message.clone()).unwrap()
}

#[test]
fn a_gateway_keeps_the_route_until_the_one_in_its_place_has_accepted_it_and_its_drain_is_over() {
    let (before, after) = (at("old", "[shop.example.com]"), at("new", "[shop.example.com]"));
    let mut cluster = running(&before);
    for _ in 0..2 {
        assert_eq!(parents(&step(&mut cluster, &after)), ["new", "old"]);
        cluster.report(&Verdict::Stale);
        cluster.wait(60);
    }
    assert_eq!(ready(&after, &cluster), "the parents have not yet accepted the route");

    cluster.report(&Verdict::Accepted);
    let drains = step(&mut cluster, &after);
    let now = cluster.now().now;
    assert_eq!((parents(&drains), drains.look_again), (vec!["new", "old"], Some(now.plus_seconds(5))));
    cluster.report(&Verdict::Accepted);
    assert_eq!(ready(&after, &cluster), "Gateway test/old: requests under way may finish");

    cluster.wait(4);
    assert_eq!(parents(&step(&mut cluster, &after)), ["new", "old"]);
    cluster.wait(1);
    let gone = step(&mut cluster, &after);
    assert_eq!(parents(&gone), ["new"]);
    assert_eq!(gone.route.unwrap().leaving, None);
    cluster.report(&Verdict::Accepted);
    assert_eq!(plan(&after, cluster.now()).look_again, None);
}

#[test]
fn a_gateway_has_to_say_that_it_has_the_route_though_it_need_not_say_of_which_generation() {
    let (before, after) = (at("old", ""), at("new", ""));
    let mut cluster = running(&before);
    step(&mut cluster, &after);
    cluster.wait(3600);
    assert_eq!(
        ready(&after, &cluster),
        "Gateway test/old: kept until the declared Gateways have accepted the route",
        "it says nothing: it may not be there"
    );
    let waits = plan(&after, cluster.now());
    assert_eq!((parents(&waits), waits.look_again), (vec!["new", "old"], None));

    let mut seen = cluster.now().clone();
    let live = seen.route.as_mut().unwrap();
    live.written = Some(seen.now);
    for gateway in &mut live.gateways.as_mut().unwrap().parents {
        gateway.verdict = Verdict::AcceptedUnversioned;
    }
    let waits = plan(&after, &seen);
    assert_eq!(waits.look_again, Some(seen.now.plus_seconds(5)));
    assert_eq!(waits.route.unwrap().leaving.unwrap().draining_since, None);
    seen.now = seen.now.plus_seconds(5);
    let drains = plan(&after, &seen).route.unwrap().leaving.unwrap();
    assert_eq!(drains.draining_since, Some(seen.now));
}

#[test]
fn a_new_gateway_that_refuses_the_route_does_not_take_the_place_of_the_old_one() {
    let (before, after) = (at("old", ""), at("new", ""));
    let mut cluster = running(&before);
    step(&mut cluster, &after);
    let mut seen = cluster.now().clone();
    let refused = Verdict::Refused { reason: "NotAllowed".into(), message: "no".into() };
    let live = seen.route.as_mut().unwrap().gateways.as_mut().unwrap();
    live.parents[0].verdict = refused.clone();
    seen.now = seen.now.plus_seconds(3600);
    assert_eq!(parents(&plan(&after, &seen)), ["new", "old"]);
    // The other way round there is nothing to keep.
    let live = seen.route.as_mut().unwrap().gateways.as_mut().unwrap();
    live.parents[1].verdict = refused;
    assert_eq!(parents(&plan(&after, &seen)), ["new"]);
}

#[test]
fn a_gateway_that_refuses_the_route_after_all_ends_the_drain_of_those_before() {
    let (before, after) = (at("edge", "[a.example.com]"), at("edge", "[b.example.com]"));
    let mut cluster = running(&before);
    step(&mut cluster, &after);
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &after);
    cluster.report(&Verdict::Refused { reason: "NotAllowed".into(), message: "no".into() });
    cluster.wait(60);
    // It is the Gateway of both, so that nothing of it is leaving but a hostname.
    let kept = step(&mut cluster, &after);
    assert_eq!(route(&kept).1, ["b.example.com", "a.example.com"]);
    assert_eq!(kept.route.unwrap().leaving.unwrap().draining_since, None);
    cluster.report(&Verdict::Accepted);
    let again = step(&mut cluster, &after).route.unwrap().leaving.unwrap();
    assert_eq!(again.draining_since, Some(cluster.now().now));
}

#[test]
fn hostnames_are_kept_like_gateways() {
    let (before, after) = (at("edge", "[a.example.com, b.example.com]"), at("edge", "[c.example.com]"));
    let mut cluster = running(&before);
    let both = step(&mut cluster, &after);
    assert_eq!(route(&both), (vec!["edge"], vec!["c.example.com", "a.example.com", "b.example.com"]));
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &after);
    cluster.report(&Verdict::Accepted);
    assert_eq!(
        ready(&after, &cluster),
        "hostname a.example.com, hostname b.example.com: requests under way may finish"
    );
    cluster.wait(5);
    assert_eq!(route(&step(&mut cluster, &after)).1, ["c.example.com"]);
}

#[test]
fn without_gateways_in_the_document_those_before_only_drain() {
    let (before, after) = (at("edge", "[a.example.com]"), at("[]", ""));
    let mut cluster = running(&before);
    let drains = step(&mut cluster, &after);
    assert_eq!(route(&drains), (vec!["edge"], vec!["a.example.com"]));
    assert_eq!(drains.look_again, Some(cluster.now().now.plus_seconds(5)));
    cluster.wait(5);
    assert_eq!(route(&step(&mut cluster, &after)), (vec![], vec![]));
    assert_eq!(cluster.now().route.as_ref().unwrap().gateways, Some(GatewaysObservation::default()));
}

#[test]
fn a_drain_begins_anew_where_others_are_leaving() {
    let (before, after) = (at("old", ""), at("new", ""));
    let mut cluster = running(&before);
    step(&mut cluster, &after);
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &after);
    cluster.wait(4);
    let rolled_back = step(&mut cluster, &before);
    assert_eq!(parents(&rolled_back), ["old", "new"]);
    assert_eq!(rolled_back.route.unwrap().leaving.unwrap().draining_since, None, "that was the drain of old");
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &before);
    cluster.wait(4);
    assert_eq!(parents(&plan(&before, cluster.now())), ["old", "new"]);
    cluster.wait(1);
    assert_eq!(parents(&plan(&before, cluster.now())), ["old"]);
}

/// The sections of the parents, where they have one.
fn sections(plan: &RoutePlan) -> Vec<Option<String>> {
    let parents = plan.route.as_ref().unwrap().gateway_parents();
    parents.map(|parent| parent.section_name.as_ref().map(ToString::to_string)).collect()
}

#[test]
fn a_parent_that_has_all_listeners_of_another_one_takes_its_place_at_once() {
    let http = at("[{name: edge, sectionName: http}]", "");
    let at_once = |after: &ValidRelease| step(&mut running(&http), after).route.unwrap().leaving.is_none();
    assert!(at_once(&at("edge", "")));
    assert!(at_once(&at("[{name: edge, namespace: test, sectionName: http}]", "")));
    let https = at("[{name: edge, sectionName: https}]", "");
    assert_eq!(
        sections(&step(&mut running(&http), &https)),
        [Some("https".to_owned()), Some("http".to_owned())],
        "two listeners are two parents"
    );
    let port = at("[{name: edge, sectionName: http, port: 80}]", "");
    assert!(!at_once(&port) && step(&mut running(&port), &http).route.unwrap().leaving.is_none());
}

#[test]
fn a_listener_waits_for_the_whole_gateway_to_drain_beside_which_no_route_can_have_it() {
    let (before, after) =
        (at("[{name: edge}, {name: old}]", ""), at("[{name: edge, sectionName: https}, {name: new}]", ""));
    let mut cluster = running(&before);
    let waits = step(&mut cluster, &after);
    assert_eq!(parents(&waits), ["new", "edge", "old"]);
    assert_eq!(sections(&waits), [None, None, None]);
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &after);
    cluster.report(&Verdict::Accepted);
    assert_eq!(
        ready(&after, &cluster),
        "Gateway test/edge, Gateway test/old: requests under way may finish; one route cannot have besides, yet: \
         Gateway test/edge, section https"
    );
    cluster.wait(5);
    let gone = step(&mut cluster, &after);
    assert_eq!(
        (parents(&gone), sections(&gone)),
        (vec!["edge", "new"], vec![Some("https".to_owned()), None])
    );
}

#[test]
fn where_old_and_new_do_not_fit_together_the_last_new_ones_wait() {
    let limits = Limits { hostnames: 3, ..Limits::HTTP_ROUTE };
    let narrow = Capabilities { limits, ..Capabilities::specification() };
    let at = |hostnames: &str| declared_for(&text("edge", hostnames), &narrow);
    let before = at("[a.example.com, b.example.com]");
    let after = at("[c.example.com, d.example.com, b.example.com]");
    let mut cluster = running(&before);
    let waits = step(&mut cluster, &after);
    assert_eq!(route(&waits).1, ["c.example.com", "b.example.com", "a.example.com"]);
    assert_eq!(waits.route.unwrap().leaving.unwrap().waiting_hostnames, ["d.example.com".parse().unwrap()]);
    cluster.report(&Verdict::Accepted);
    step(&mut cluster, &after);
    cluster.wait(5);
    assert_eq!(route(&step(&mut cluster, &after)).1, ["c.example.com", "d.example.com", "b.example.com"]);
}

#[test]
fn of_more_gateways_than_fit_the_last_new_ones_wait() {
    let names = |prefix: &str, count: usize| {
        let names: Vec<_> = (0..count).map(|number| format!("{{name: {prefix}{number}}}")).collect();
        format!("[{}]", names.join(", "))
    };
    let (before, after) = (at(&names("old", 2), ""), at(&names("new", 32), ""));
    let plan = step(&mut running(&before), &after);
    let parents = parents(&plan);
    assert_eq!((parents.len(), &parents[29..]), (32, &["new29", "old0", "old1"][..]));
}

#[test]
fn a_gateway_or_hostname_that_is_only_added_has_to_be_written_before_the_route_is_programmed() {
    let before = at("edge", "[a.example.com]");
    for after in
        [at("[{name: edge}, {name: other}]", "[a.example.com]"), at("edge", "[a.example.com, b.example.com]")]
    {
        let mut cluster = running(&before);
        assert_eq!(ready(&before, &cluster), "every version is ready and routed as declared");
        assert_eq!(ready(&after, &cluster), "the route is being written");
        assert!(step(&mut cluster, &after).repair);
        cluster.report(&Verdict::Accepted);
        assert_eq!(ready(&after, &cluster), "every version is ready and routed as declared");
    }
}
