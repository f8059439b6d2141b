use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::json;

use super::*;

fn config_maps(client: Client) -> Api<ConfigMap> {
    Api::default_namespaced(client)
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

async fn label(api: &Api<ConfigMap>, name: &str, value: &str) -> kube::Result<ConfigMap> {
    let patch = json!({"metadata": {"labels": {"state": value}}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await
}

fn code(answer: kube::Result<ConfigMap>) -> Option<u16> {
    match answer {
        Err(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

/// What a watch tells: `+` added, `~` modified, `-` deleted, with name and state.
async fn told(api: &Api<ConfigMap>, version: &str, until: &str) -> Vec<String> {
    let mut events = api.watch(&WatchParams::default(), version).await.unwrap().boxed();
    let mut told = Vec::new();
    while let Ok(Some(event)) = events.try_next().await {
        let (sign, object) = match event {
            WatchEvent::Added(object) => ('+', object),
            WatchEvent::Modified(object) => ('~', object),
            WatchEvent::Deleted(object) => ('-', object),
            WatchEvent::Error(status) => {
                told.push(status.code.to_string());
                continue;
            }
            WatchEvent::Bookmark(_) => continue,
        };
        let state = object.labels().get("state").cloned().unwrap_or_default();
        told.push(format!("{sign}{}{state}", object.name_any()));
        if told.last().is_some_and(|last| last == until) {
            break;
        }
    }
    told
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let rates = Rates { internal_error: 200, conflict: 200, answer_lost: 200, ..Rates::default() };
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let server = ApiServer::new();
        config_maps(server.client()).create(&PostParams::default(), &config_map("a")).await.unwrap();
        let faults = Faults::seeded(seed, rates.clone());
        let api = config_maps(faults.client(&server, "test"));
        for number in 0..50 {
            let _ = label(&api, "a", &number.to_string()).await;
        }
        runs.push(faults.injected());
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].len() > 15, "{:?}", runs[0]);
}

#[tokio::test]
async fn a_refused_request_has_no_effect_and_a_lost_answer_has() {
    let server = ApiServer::new();
    let healthy = config_maps(server.client());
    healthy.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let state = || async { healthy.get("a").await.unwrap().labels().get("state").cloned() };

    for (rates, wanted) in [
        (Rates { conflict: 1000, ..Rates::default() }, 409),
        (Rates { too_many_requests: 1000, ..Rates::default() }, 429),
        (Rates { internal_error: 1000, ..Rates::default() }, 500),
    ] {
        let api = config_maps(Faults::seeded(1, rates).client(&server, "test"));
        assert_eq!(code(label(&api, "a", "x").await), Some(wanted));
        assert_eq!(state().await, None);
    }
    let lost = Faults::seeded(1, Rates { answer_lost: 1000, ..Rates::default() });
    assert!(label(&config_maps(lost.client(&server, "test")), "a", "x").await.is_err());
    assert_eq!(state().await.as_deref(), Some("x"));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_ended_before_or_after_its_request_takes_effect() {
    for (moment, wanted) in [(Moment::Before, 1), (Moment::After, 2)] {
        let server = ApiServer::new();
        let faults = Faults::none().kill_at(2, moment);
        let api = config_maps(faults.client(&server, "test"));
        let work = async {
            for name in ["a", "b", "c"] {
                api.create(&PostParams::default(), &config_map(name)).await.unwrap();
            }
        };
        tokio::select! {
            () = work => panic!("it goes on"),
            () = faults.killed() => {}
        }
        let left = config_maps(server.client()).list(&ListParams::default()).await.unwrap();
        assert_eq!(left.items.len(), wanted, "{moment:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_watch_can_skip_states_but_never_the_last_one() {
    let server = ApiServer::new();
    let healthy = config_maps(server.client());
    let start = healthy.create(&PostParams::default(), &config_map("a")).await.unwrap();
    for state in ["1", "2", "3"] {
        label(&healthy, "a", state).await.unwrap();
    }
    healthy.create(&PostParams::default(), &config_map("b")).await.unwrap();
    label(&healthy, "b", "4").await.unwrap();

    let version = start.resource_version().unwrap();
    let lag = Duration::from_secs(5);
    let in_order = Faults::seeded(3, Rates { lag, ..Rates::default() });
    let api = config_maps(in_order.client(&server, "test"));
    assert_eq!(told(&api, &version, "~b4").await, ["~a1", "~a2", "~a3", "+b", "~b4"]);
    let skipping = Faults::seeded(3, Rates { lag, skip_states: true, ..Rates::default() });
    let api = config_maps(skipping.client(&server, "test"));
    let begin = Instant::now();
    let told = told(&api, &version, "+b4").await;
    assert!(told.contains(&"~a3".to_owned()) && told.last().unwrap() == "+b4", "{told:?}");
    assert!(told.len() < 5 && begin.elapsed() <= lag, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_in_each_of_the_ways_there_are() {
    for (rates, wanted) in [
        (Rates { watch_cut: 1000, ..Rates::default() }, vec![]),
        (Rates { watch_ended: 1000, ..Rates::default() }, vec![]),
        (Rates { watch_gone: 1000, ..Rates::default() }, vec!["410"]),
    ] {
        let server = ApiServer::new();
        let start =
            config_maps(server.client()).create(&PostParams::default(), &config_map("a")).await.unwrap();
        label(&config_maps(server.client()), "a", "1").await.unwrap();
        let api = config_maps(Faults::seeded(1, rates).client(&server, "test"));
        assert_eq!(told(&api, &start.resource_version().unwrap(), "").await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_asked_and_was_told_is_known_afterwards() {
    let server = ApiServer::new();
    let healthy = config_maps(server.client());
    let start = healthy.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let lag = Duration::from_secs(5);
    let faults = Faults::seeded(3, Rates { lag, latency: Duration::from_secs(1), ..Rates::default() });
    let (api, begin) = (config_maps(faults.client(&server, "test")), Instant::now());
    let list = api.list(&ListParams::default()).await.unwrap();
    let later = label(&healthy, "a", "1").await.unwrap();
    told(&api, &list.metadata.resource_version.unwrap(), "~a1").await;

    let path = "/api/v1/namespaces/default/configmaps";
    let asked: Vec<_> = faults.exchanges().into_iter().map(|it| (it.request, it.sent - begin)).collect();
    let second = Duration::from_secs(1);
    assert_eq!(asked, [(format!("GET {path}"), Duration::ZERO), (format!("WATCH {path}"), second)]);
    let told = faults.told();
    let about: Vec<_> = told.iter().map(|it| (it.object.clone(), it.version.to_string())).collect();
    let object = Some(("default".to_owned(), "a".to_owned()));
    let versions = [start, later].map(|object| object.resource_version().unwrap());
    assert_eq!(about, [(None, versions[0].clone()), (object, versions[1].clone())]);
    assert!(told[1].at >= begin + second * 2, "it is known when it has arrived");
    assert!(told.iter().all(|it| it.path == path));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_stopped_learns_nothing_and_goes_on_with_the_write_it_was_about_to_send() {
    let server = ApiServer::new();
    let healthy = config_maps(server.client());
    let start = healthy.create(&PostParams::default(), &config_map("a")).await.unwrap();
    server.record_changes();
    let minute = Duration::from_mins(1);
    let faults = Faults::none().pause_at_write(2, minute);
    let api = config_maps(faults.client(&server, "stopped"));
    label(&api, "a", "1").await.unwrap();

    let begin = Instant::now();
    let version = start.resource_version().unwrap();
    let writes = async {
        label(&api, "a", "2").await.unwrap();
        begin.elapsed()
    };
    let read = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        api.get("a").await.unwrap();
        begin.elapsed()
    };
    let others = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        label(&healthy, "a", "3").await.unwrap();
    };
    let watch = async {
        let told = told(&api, &version, "~a2").await;
        (told, begin.elapsed())
    };
    let (wrote, read, (), (told, learnt)) = tokio::join!(writes, read, others, watch);
    assert_eq!((wrote, read, learnt), (minute, minute, minute));
    assert_eq!(told, ["~a1", "~a3", "~a2"], "it is the last to write");
    let changes = server.changes();
    let by: Vec<_> = changes.iter().filter(|it| it.name == "a").map(|it| it.user_agent.as_str()).collect();
    assert_eq!(by, ["", "stopped", "iter8-testkit", "stopped"]);
    let reached: Vec<_> = faults.exchanges().iter().filter_map(|it| it.reached).collect();
    assert!(reached.contains(&(begin + minute)), "{reached:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_cut_off_reaches_nobody_and_gets_no_answer() {
    let server = ApiServer::new();
    let faults = Faults::seeded(1, Rates { slow: 1000, slowest: Duration::from_secs(9), ..Rates::default() });
    let (own, others) = (config_maps(faults.client(&server, "own")), config_maps(server.client()));
    let created = tokio::spawn({
        let own = own.clone();
        async move { own.create(&PostParams::default(), &config_map("a")).await }
    });
    while others.get_opt("a").await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    faults.disconnect(Duration::from_mins(1));
    assert!(created.await.unwrap().is_err(), "it has been done, and no answer comes");
    assert!(own.create(&PostParams::default(), &config_map("b")).await.is_err());
    assert!(others.get_opt("b").await.unwrap().is_none(), "it has not been done");
    let unreachable = faults.injected().iter().filter(|it| it.fault == Fault::Unreachable).count();
    assert_eq!(unreachable, 2);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(own.get("a").await.is_ok());
}
