//! What the generators of the testkit reach: a law that is never put to the test holds of nothing.

use std::collections::{BTreeMap, BTreeSet};

use iter8_core::{Capabilities, Protocol, Reason, Removal, Role, Strategy as Routing};
use iter8_testkit::strategies::{Edit, History, Moment, Progress, Step, VersionEdit, histories};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{TestCaseError, TestRunner};

/// As many as one property sees.
const CASES: u32 = 256;

fn some_histories() -> Vec<History> {
    let mut runner = TestRunner::deterministic();
    (0..CASES).map(|_| histories().new_tree(&mut runner).unwrap().current()).collect()
}

/// How often each class occurs; each must.
#[derive(Default)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn note(&mut self, class: impl Into<String>) {
        *self.0.entry(class.into()).or_default() += 1;
    }

    #[track_caller]
    fn assert_all(&self, classes: &[&str]) {
        let missed: BTreeSet<_> = classes.iter().filter(|class| !self.0.contains_key(**class)).collect();
        assert!(missed.is_empty(), "never: {missed:?}\n{:#?}", self.0);
    }
}

fn edit(edit: &Edit) -> &'static str {
    match edit {
        Edit::Promote => "promotion",
        Edit::Version(_, VersionEdit::Rename(_)) => "rename",
        Edit::Version(_, VersionEdit::Matches(_)) => "other matches",
        Edit::Version(_, VersionEdit::Weight(_)) => "other weight",
        Edit::Version(_, VersionEdit::Port(_)) => "other port",
        Edit::Version(_, VersionEdit::Redefine(_)) => "redefinition",
        Edit::Version(..) => "other Pods",
        Edit::Swap(..) => "other order",
        Edit::Remove(_) => "removal",
        Edit::Insert(..) => "new version",
        Edit::Strategy(_) => "other strategy",
        Edit::Protocol(_) => "other protocol",
        Edit::Gateways(_) => "other Gateways",
        Edit::Hostnames(_) => "other hostnames",
        Edit::DrainSeconds(_) => "other drain",
        Edit::Route(_) => "other route options",
        other => panic!("{other:?} has no class yet"),
    }
}

#[test]
fn histories_have_every_kind_of_edit_failure_and_verdict() {
    let mut counts = Counts::default();
    for step in some_histories().iter().flat_map(|history| &history.steps) {
        match step {
            Step::Declare(found) => counts.note(edit(found)),
            Step::RollBack(_) => counts.note("rollback"),
            Step::Workload(_, progress) => {
                counts.note(format!("{progress:?}"));
                counts.note(if progress.is_failure() { "failure" } else { "progress" });
            }
            Step::Parents(iter8_core::Verdict::Refused { .. }) => counts.note("refusal"),
            Step::Reconcile { lag, writes } => {
                counts.note(if *lag > 0 { "late controller" } else { "controller" });
                counts.note(if *writes < 5 { "dying controller" } else { "living controller" });
            }
            _ => {}
        }
    }
    let edits = [
        "promotion",
        "rename",
        "other matches",
        "other weight",
        "other port",
        "redefinition",
        "other Pods",
        "other order",
        "removal",
        "new version",
        "other strategy",
        "other protocol",
        "other Gateways",
        "other hostnames",
        "other drain",
        "other route options",
        "rollback",
    ];
    counts.assert_all(&edits);
    let progress = [
        Progress::Noticed,
        Progress::Surging,
        Progress::Terminating,
        Progress::OldPodServes,
        Progress::Finished,
        Progress::Stalled,
        Progress::Crashed,
        Progress::ServiceDeleted,
        Progress::DeploymentDeleted,
    ];
    let progress = progress.map(|progress| format!("{progress:?}"));
    counts.assert_all(&progress.each_ref().map(String::as_str));
    counts.assert_all(&["refusal", "late controller", "dying controller"]);
}

fn note(counts: &mut Counts, moment: &Moment) {
    let (release, plan) = (&moment.release, &moment.plan);
    if plan.route.is_some() {
        counts.note(format!("{} over {}", release.strategy, release.protocol));
    }
    for version in &plan.versions {
        counts.note(version.readiness.state());
        match &version.role {
            Role::Removed(removal) => counts.note(match removal {
                Removal::Retained => "retained",
                Removal::Leaving => "leaving",
                Removal::DrainBegins => "drain begins",
                Removal::Draining { .. } => "draining",
                Removal::Due => "due",
                other => panic!("{other:?} has no class yet"),
            }),
            Role::Primary | Role::Candidate => {}
            other => panic!("{other:?} has no class yet"),
        }
        match &version.reason {
            Reason::HeldStrategy(_) => counts.note("strategy held"),
            Reason::HeldProtocol(_) => counts.note("protocol held"),
            Reason::PreviousPrimary { .. } => counts.note("primary before"),
            Reason::KeepsRule(_) | Reason::KeepsWeight { .. } => {
                counts.note("redefined version keeps its rule");
            }
            _ => {}
        }
    }
    if let Some(leaving) = plan.route.as_ref().and_then(|route| route.leaving.as_ref()) {
        let waits = leaving.draining_since.is_none();
        counts.note(if waits { "Gateways wait to leave" } else { "Gateways drain" });
        if !leaving.hostnames.is_empty() && leaving.gateways.is_empty() {
            counts.note("only hostnames leave");
        }
    }
    if plan.keeps_other_routes {
        counts.note("routes of the protocol before stay");
    }
    if plan.repair {
        counts.note("repair");
    }
}

#[test]
fn histories_lead_to_every_state_that_the_laws_speak_of() {
    let mut counts = Counts::default();
    for history in some_histories() {
        let played = history.play(&Capabilities::specification(), |moment| {
            note(&mut counts, moment);
            Ok::<_, TestCaseError>(())
        });
        played.unwrap();
    }
    for strategy in [Routing::Canary, Routing::BlueGreen, Routing::Mirror] {
        for protocol in [Protocol::Http, Protocol::Grpc] {
            counts.assert_all(&[&format!("{strategy} over {protocol}")]);
        }
    }
    counts.assert_all(&["Ready", "Updating", "NotReady"]);
    counts.assert_all(&["retained", "leaving", "drain begins", "draining", "due"]);
    counts.assert_all(&[
        "strategy held",
        "protocol held",
        "primary before",
        "redefined version keeps its rule",
    ]);
    counts.assert_all(&["routes of the protocol before stay", "repair"]);
    counts.assert_all(&["Gateways wait to leave", "Gateways drain", "only hostnames leave"]);
}
