use super::*;

const LEASE: Duration = Duration::from_secs(10);

fn record(holder: Option<&str>, version: u64) -> Record {
    Record {
        holder: holder.map(ToOwned::to_owned),
        duration: LEASE,
        transitions: 3,
        version: version.to_string(),
    }
}

fn candidate(identity: &str) -> Candidate {
    Candidate::new(identity.to_owned(), LEASE)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_lease_that_is_not_there_is_created_and_a_free_one_taken() {
    let now = Instant::now();
    let mut replica = candidate("a");
    assert_eq!(replica.step(now), Step::Watch, "not before it is known that there is none");
    replica.saw(None, now);
    assert_eq!(replica.step(now), Step::Create);
    replica.saw(Some(record(None, 7)), now);
    assert_eq!(replica.step(now), Step::Take { version: "7".to_owned(), transitions: 3 });
}

#[test]
fn a_lease_of_another_is_taken_a_lease_after_its_last_renewal_was_seen() {
    let now = Instant::now();
    let mut replica = candidate("b");
    replica.saw(Some(record(Some("a"), 7)), now);
    assert_eq!(replica.step(now + seconds(9)), Step::WaitUntil(now + LEASE));
    replica.saw(Some(record(Some("a"), 8)), now + seconds(9));
    assert_eq!(replica.step(now + seconds(18)), Step::WaitUntil(now + seconds(9) + LEASE));
    // Seeing the same again is no renewal.
    replica.saw(Some(record(Some("a"), 8)), now + seconds(18));
    let taken = Step::Take { version: "8".to_owned(), transitions: 3 };
    assert_eq!(replica.step(now + seconds(19)), taken);
}

#[test]
fn a_held_lease_is_renewed_after_a_third_and_gives_the_right_to_write_for_nine_tenths() {
    let now = Instant::now();
    let mut replica = candidate("a");
    replica.wrote(record(Some("a"), 7), now);
    assert_eq!(replica.step(now + seconds(3)), Step::WaitUntil(now + LEASE / 3));
    assert_eq!(replica.step(now + seconds(4)), Step::Renew { version: "7".to_owned() });
    assert_eq!(replica.writes_until(), Some(now + seconds(9)));
    assert_eq!(replica.gives_up_at(now + seconds(4)), now + seconds(4) + LEASE / 3);
    assert_eq!(replica.gives_up_at(now + seconds(8)), now + seconds(9));
    assert_eq!(replica.gives_up_at(now + seconds(20)), now + seconds(20) + LEASE / 3);
}

#[test]
fn a_renewal_whose_answer_is_lost_gives_no_more_time() {
    let now = Instant::now();
    let mut replica = candidate("a");
    replica.wrote(record(Some("a"), 7), now);
    replica.failed(now + seconds(5));
    replica.saw(Some(record(Some("a"), 8)), now + seconds(5));
    assert_eq!(replica.writes_until(), Some(now + seconds(9)));
    assert_eq!(replica.step(now + seconds(6)), Step::Renew { version: "8".to_owned() });
}

#[test]
fn who_has_lost_the_lease_does_not_write() {
    let now = Instant::now();
    let mut replica = candidate("a");
    replica.wrote(record(Some("a"), 7), now);
    // A watch that lags behind shows the leader before; that is no loss.
    replica.saw(Some(record(Some("b"), 6)), now);
    assert!(replica.writes_until().is_some());
    replica.saw(Some(record(Some("b"), 8)), now);
    assert_eq!((replica.writes_until(), replica.held_version()), (None, None));
    replica.wrote(record(Some("a"), 9), now);
    replica.saw(None, now);
    assert_eq!(replica.writes_until(), None, "a Lease that is deleted is nobody's");
}

#[test]
fn a_failed_attempt_is_not_repeated_at_once() {
    let now = Instant::now();
    let mut replica = candidate("a");
    replica.saw(None, now);
    replica.failed(now);
    assert_eq!(replica.step(now), Step::WaitUntil(now + seconds(1)));
    assert_eq!(replica.step(now + seconds(1)), Step::Create);
}

/// Two replicas on one Lease, the writes of each delayed by any time and seen by the other after any time: for every
/// combination, nobody may write before the other has stopped.
#[test]
fn the_leader_stops_before_the_follower_may_begin() {
    let start = Instant::now();
    for request in 0..8 {
        for delivery in 0..8 {
            let mut leader = candidate("a");
            let mut follower = candidate("b");
            // Written at some time between the request and its answer, seen by the follower after that.
            leader.wrote(record(Some("a"), 7), start);
            follower.saw(Some(record(Some("a"), 7)), start + seconds(request) + seconds(delivery));
            let stops = leader.writes_until().unwrap();
            let Step::WaitUntil(begins) = follower.step(stops) else { panic!("{follower:?} begins") };
            assert!(stops + LEASE / 10 <= begins);
        }
    }
}
