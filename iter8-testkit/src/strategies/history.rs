//! Histories: a user edits, workloads come and go, a controller plans now and then.

use iter8_core::{Capabilities, Observation, Release, RoutePlan, ValidRelease, Verdict, plan, validate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::cluster::{Cluster, Progress};
use super::edit::{Edit, edits};
use super::release::{key, releases};

/// One step of a history.
///
/// ```
/// use iter8_testkit::strategies::{History, Progress, Step};
///
#[doc = include_str!("../example_canary.txt")]
/// let install = [Step::Reconcile { lag: 0, writes: usize::MAX }, Step::Settle];
/// let steps = install.into_iter().chain([Step::Workload(0, Progress::Crashed)]).collect();
/// let history = History { release: document, steps };
/// let end = history.play(&Capabilities::specification(), |_| Ok::<_, String>(()))?;
/// assert_eq!(end.now().versions[primary].endpoints.ready, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// The user edits the document. An edit that makes it invalid is refused and changes nothing.
    Declare(Edit),
    /// The user goes back to a document of before, so many documents ago.
    RollBack(usize),
    /// Something happens to a version; the place counts, modulo their number, the versions that have objects.
    Workload(usize, Progress),
    /// All rollouts are finished.
    Settle,
    /// The parents say something of the route.
    Parents(Verdict),
    /// Time passes, in seconds.
    Wait(u32),
    /// The controller plans from what it sees, so many steps behind, and dies after so many writes.
    Reconcile {
        /// By how many steps its watches are behind.
        lag: usize,
        /// How many writes it does at most.
        writes: usize,
    },
}

/// A document, and what happens from then on.
///
/// ```
/// use iter8_testkit::strategies::{History, Step};
///
#[doc = include_str!("../example_canary.txt")]
/// let reconcile = Step::Reconcile { lag: 0, writes: usize::MAX };
/// let history = History { release: document, steps: vec![reconcile.clone(), Step::Settle, reconcile] };
/// let end = history.play(&Capabilities::specification(), |_| Ok::<_, String>(()))?;
/// assert!(end.now().route.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct History {
    /// The first document.
    pub release: Release,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A moment of a history, at which the release is planned.
///
/// ```
/// use iter8_testkit::strategies::{History, Step};
///
#[doc = include_str!("../example_canary.txt")]
/// let reconcile = |lag| Step::Reconcile { lag, writes: usize::MAX };
/// let history = History { release: document, steps: vec![reconcile(0), Step::Settle, reconcile(2)] };
/// let mut late = 0;
/// history.play(&Capabilities::specification(), |moment| {
///     late += u32::from(moment.seen != moment.actual);
///     Ok::<_, String>(())
/// })?;
/// assert_eq!(late, 1, "two steps behind, a controller sees the Pods as they were before they were ready");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Moment {
    /// What is declared.
    pub release: ValidRelease,
    /// What the controller sees.
    pub seen: Observation,
    /// What it plans.
    pub plan: RoutePlan,
    /// What there is, before this is carried out.
    pub actual: Observation,
    /// Whether nothing has failed so far: every version that could serve can still do so, but for those that the
    /// controller has deleted.
    pub is_healthy: bool,
}

impl History {
    /// The history without failures of versions.
    ///
    /// ```
    /// use iter8_testkit::strategies::{History, Progress, Step};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let steps = vec![Step::Workload(0, Progress::Crashed), Step::Settle];
    /// let history = History { release: document, steps };
    /// assert_eq!(history.without_failures().steps, [Step::Settle]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn without_failures(mut self) -> Self {
        self.steps.retain(|step| !matches!(step, Step::Workload(_, progress) if progress.is_failure()));
        self
    }

    /// Plays the history and lets every plan be looked at, first that of a late controller, with its lag, then that of
    /// one which sees everything; and in the end as many plans as are needed until nothing changes any more.
    ///
    /// A document that is not valid with these capabilities is no history: nothing is planned.
    ///
    /// # Errors
    /// The first error of `look`.
    ///
    /// ```
    /// use iter8_testkit::strategies::{History, Step};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let history = History { release: document, steps: vec![Step::Reconcile { lag: 0, writes: usize::MAX }] };
    /// let outcome = history.play(&Capabilities::specification(), |moment| {
    ///     if moment.plan.route.is_none() { Err("no Pod is ready yet") } else { Ok(()) }
    /// });
    /// assert_eq!(outcome.unwrap_err(), "no Pod is ready yet");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn play<E>(
        &self,
        capabilities: &Capabilities,
        mut look: impl FnMut(&Moment) -> Result<(), E>,
    ) -> Result<Cluster, E> {
        let mut cluster = Cluster::default();
        let Ok(mut valid) = validate(&key(), &self.release, capabilities) else { return Ok(cluster) };
        let mut documents = vec![self.release.clone()];
        let mut is_healthy = true;
        for step in &self.steps {
            match step {
                Step::Declare(_) | Step::RollBack(_) => {
                    let Some(document) = next_document(&documents, step) else { continue };
                    let Ok(next) = validate(&key(), &document, capabilities) else { continue };
                    documents.push(document);
                    valid = next;
                }
                Step::Workload(place, progress) => {
                    let count = cluster.now().versions.len();
                    let place = place.checked_rem(count).unwrap_or_default();
                    if let Some(name) = cluster.now().versions.keys().nth(place).cloned() {
                        cluster.progress(&name, progress);
                        is_healthy &= !progress.is_failure();
                    }
                }
                Step::Settle => settle(&mut cluster),
                Step::Parents(verdict) => cluster.report(verdict),
                Step::Wait(seconds) => cluster.wait(*seconds),
                Step::Reconcile { lag, writes } => {
                    let seen = cluster.seen(*lag);
                    let plan = plan(&valid, &seen);
                    let moment = Moment {
                        release: valid.clone(),
                        seen,
                        plan,
                        actual: cluster.now().clone(),
                        is_healthy,
                    };
                    look(&moment)?;
                    cluster.carry_out(&valid, &moment.plan, *writes);
                }
            }
            cluster.remember();
            let (seen, plan) = (cluster.now().clone(), plan(&valid, cluster.now()));
            look(&Moment { release: valid.clone(), seen, plan, actual: cluster.now().clone(), is_healthy })?;
        }
        Ok(cluster)
    }

    /// The document that is declared in the end.
    ///
    /// ```
    /// use iter8_testkit::strategies::{Edit, History, Step};
    ///
    #[doc = include_str!("../example_canary.txt")]
    /// let history = History { release: document, steps: vec![Step::Declare(Edit::Promote)] };
    /// let last = history.last_document(&Capabilities::specification()).ok_or("not valid")?;
    /// assert_eq!(last.primary().image.as_deref(), Some("web:2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn last_document(&self, capabilities: &Capabilities) -> Option<ValidRelease> {
        let mut valid = validate(&key(), &self.release, capabilities).ok()?;
        let mut documents = vec![self.release.clone()];
        for step in &self.steps {
            let Some(document) = next_document(&documents, step) else { continue };
            if let Ok(next) = validate(&key(), &document, capabilities) {
                documents.push(document);
                valid = next;
            }
        }
        Some(valid)
    }
}

fn settle(cluster: &mut Cluster) {
    let names: Vec<_> = cluster.now().versions.keys().cloned().collect();
    for name in names {
        cluster.progress(&name, &Progress::Finished);
    }
}

/// The document after a step that changes it.
fn next_document(documents: &[Release], step: &Step) -> Option<Release> {
    match step {
        Step::Declare(edit) => documents.last().map(|document| edit.apply(document)),
        Step::RollBack(ago) => {
            let ago = ago.checked_rem(documents.len()).unwrap_or_default();
            documents.iter().rev().nth(ago).cloned()
        }
        Step::Workload(..) | Step::Settle | Step::Parents(_) | Step::Wait(_) | Step::Reconcile { .. } => None,
    }
}

/// Histories of up to thirty steps, beginning with an installation that may still be under way.
///
/// ```
/// use iter8_core::Capabilities;
/// use iter8_testkit::strategies::{config, histories};
/// use proptest::test_runner::TestRunner;
///
/// TestRunner::new(config()).run(&histories(), |history| {
///     history.play(&Capabilities::specification(), |moment| {
///         let default = moment.plan.rules().last();
///         proptest::prop_assert!(default.is_none_or(|rule| rule.matches.is_empty()));
///         Ok(())
///     })?;
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<iter8_testkit::strategies::History>>(())
/// ```
pub fn histories() -> impl Strategy<Value = History> {
    (releases(), vec(steps(), 0..=30)).prop_map(|(release, steps)| {
        let install = [Step::Reconcile { lag: 0, writes: usize::MAX }, Step::Settle];
        History { release, steps: install.into_iter().chain(steps).collect() }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    use Progress::{
        Crashed, DeploymentDeleted, Finished, Noticed, OldPodServes, ServiceDeleted, Stalled, Surging,
        Terminating,
    };
    let progress = select(vec![
        Noticed,
        Noticed,
        Surging,
        Surging,
        Terminating,
        OldPodServes,
        Finished,
        Finished,
        Finished,
        Finished,
        Finished,
        Stalled,
        Crashed,
        Crashed,
        ServiceDeleted,
        DeploymentDeleted,
    ]);
    let refused = Verdict::Refused { reason: "NotAllowed".into(), message: "no".into() };
    let verdicts = select(vec![
        Verdict::Accepted,
        Verdict::AcceptedUnversioned,
        Verdict::Stale,
        Verdict::Silent,
        refused,
    ]);
    prop_oneof![
        4 => edits().prop_map(Step::Declare),
        1 => (0..3_usize).prop_map(Step::RollBack),
        4 => (0..5_usize, progress).prop_map(|(place, progress)| Step::Workload(place, progress)),
        1 => Just(Step::Settle),
        1 => verdicts.prop_map(Step::Parents),
        2 => (1..10_u32).prop_map(Step::Wait),
        6 => (select(vec![0, 0, 1, 2, 3]), select(vec![usize::MAX, usize::MAX, 0, 1, 2, 3, 4]))
            .prop_map(|(lag, writes)| Step::Reconcile { lag, writes }),
    ]
}
