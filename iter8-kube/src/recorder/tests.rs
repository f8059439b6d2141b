use iter8_testkit::apiserver::ApiServer;
use kube::api::ListParams;
use kube::runtime::events::EventType;

use super::*;

fn said(note: &str) -> Event {
    Event {
        type_: EventType::Normal,
        reason: "VersionReady".to_owned(),
        note: Some(note.to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

fn on(name: &str) -> ObjectReference {
    ObjectReference {
        name: Some(name.to_owned()),
        namespace: Some("default".to_owned()),
        ..ObjectReference::default()
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// What the Events say, each with its count.
async fn published(client: &Client) -> Vec<(String, i32)> {
    let events: Api<Written> = Api::namespaced(client.clone(), "default");
    let mut found: Vec<_> = events
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .map(|event| (event.note.unwrap(), event.series.map_or(1, |series| series.count)))
        .collect();
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn an_event_that_occurs_again_is_counted_and_another_one_is_another() {
    let client = ApiServer::new().client();
    let recorder = Recorder::new(client.clone(), "one".to_owned());
    for (note, seconds) in
        [("web-0 is Ready", 1), ("web-1 is Ready", 1), ("web-0 is Ready", 2), ("web-0 is Ready", 3)]
    {
        recorder.publish(&said(note), &on("web"), at(seconds)).await.unwrap();
    }
    let counted = [("web-0 is Ready".to_owned(), 3), ("web-1 is Ready".to_owned(), 1)];
    assert_eq!(published(&client).await, counted);

    tokio::time::advance(SERIES).await;
    recorder.publish(&said("web-1 is Ready"), &on("web"), at(400)).await.unwrap();
    assert_eq!(published(&client).await.len(), 3, "it is long ago");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_gone_is_written_anew() {
    let client = ApiServer::new().client();
    let recorder = Recorder::new(client.clone(), "one".to_owned());
    let events: Api<Written> = Api::namespaced(client.clone(), "default");
    recorder.publish(&said("a"), &on("web"), at(1)).await.unwrap();
    let name = events.list(&ListParams::default()).await.unwrap().items[0].metadata.name.clone().unwrap();
    events.delete(&name, &kube::api::DeleteParams::default()).await.unwrap();
    recorder.publish(&said("a"), &on("web"), at(2)).await.unwrap();
    assert_eq!(published(&client).await, [("a".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn two_controllers_that_say_the_same_at_the_same_time_write_one_event() {
    let client = ApiServer::new().client();
    for instance in ["one", "two"] {
        let recorder = Recorder::new(client.clone(), instance.to_owned());
        recorder.publish(&said("a"), &on("web"), at(1)).await.unwrap();
    }
    assert_eq!(published(&client).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_last_events_are_remembered() {
    let recorder = Recorder::new(ApiServer::new().client(), "one".to_owned());
    for number in 0..REMEMBERED + 10 {
        recorder.publish(&said(&number.to_string()), &on("web"), at(1)).await.unwrap();
    }
    assert_eq!(recorder.recent().len(), REMEMBERED);
    assert!(recorder.known(content(&said("9"), &on("web"))).is_none());
    assert!(recorder.known(content(&said("10"), &on("web"))).is_some());
}

#[test]
fn an_event_has_a_legal_name_however_long_that_of_the_object_is() {
    for length in [1, 235, 236, 237, 253] {
        let of = format!("{}-a", "a".repeat(length)).split_off(2);
        let name = name(&of, 7, at(1));
        assert!(name.len() <= 253 && !name.contains("-."), "{name}");
    }
    assert_ne!(name("web", 7, at(1)), name("web", 7, at(2)));
    assert_ne!(name("web", 7, at(1)), name("web", 8, at(1)));
}
