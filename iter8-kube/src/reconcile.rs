//! Observe → plan → render → apply → report. What is decided here is decided in the core.

mod live;
mod removal;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use iter8_core::{
    Claim, ObjectKind, ObjectRole, Obstacle, Owner, RoutePlan, RoutingBackend, Timestamp, ValidRelease,
    conditions, declare, plan, refusal, scaler,
};
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use tokio::time::Instant;
use tracing::{Instrument, debug, info, warn};

use self::live::{
    difference, form, has_lost_marks, is_as_written, is_draining, live_of, names_another_rollout, rival,
};
use crate::applier::{Created, Target};
use crate::cache::Owned;
use crate::context::Context;
use crate::error::Error;
use crate::resource::Release;
use crate::workload::{self, BuildError, Desired};
use crate::{drift, labels, observe, status, task};

/// Brings the cluster one step nearer to what a Release declares, and reports.
///
/// # Guarantees
/// - Every step can be cut off after any API call and taken up again by another process.
/// - Nothing is written where nothing has changed.
/// - Nothing is written to an object that is not owned by this Release.
///
/// # Errors
/// An API call failed; the caller tries again with backoff.
pub(crate) async fn reconcile<B: RoutingBackend>(
    release: Arc<Release>,
    context: Arc<Context<B>>,
) -> Result<Action, Error> {
    if let Some(rest) = context.pace.rest() {
        return Ok(Action::requeue(rest));
    }
    let (namespace, name) = (release.namespace().unwrap_or_default(), release.name_any());
    let seen = context.queue.taken(&namespace, &name);
    // Every Release is looked at when this replica begins to lead.
    if release.metadata.deletion_timestamp.is_some() || !context.gate.is_open() {
        return Ok(Action::await_change());
    }
    let uid = release.uid().unwrap_or_default();
    if context.retries.is_gone(&namespace, &name, &uid) {
        return Ok(Action::await_change()); // the watch is late; what it tells is looked at
    }
    let begun = Instant::now();
    let work = {
        let (release, context, seen) = (Arc::clone(&release), Arc::clone(&context), seen.unwrap_or(begun));
        async move { Reconciliation::new(&release, &context, seen).run().await }
    };
    // kube polls all reconciliations in one task, in which a document that takes long would delay all others.
    let outcome = task::apart(work.in_current_span()).await;
    let outcome = outcome.unwrap_or_else(|panic| Err(Error::Panicked(task::said(panic))));
    let reconciliation = Reconciliation::new(&release, &context, begun);
    let outcome = match outcome {
        // Each object that is written for it is collected at once, which is an event: a race that nobody wins.
        Err(error) if error.is_conflict() => {
            let is_there = reconciliation.is_current(None).await.unwrap_or(true);
            Err(if is_there { error } else { Error::ReleaseGone })
        }
        Err(Error::Panicked(what)) => {
            // What cannot be said now is said the next time.
            let _ = reconciliation.report_failure(&what).await;
            Err(Error::Panicked(what))
        }
        outcome => outcome,
    };
    context.metrics.reconciled(begun.elapsed(), outcome.as_ref().is_err_and(Error::is_failure));
    let action = match outcome {
        // The Release is about to be deleted with its namespace.
        Err(error) if error.is_of_terminating_namespace() => Action::await_change(),
        outcome => outcome?,
    };
    context.retries.succeeded(&namespace, &name);
    Ok(action)
}

/// What to do after an error: try again, later each time.
#[expect(clippy::needless_pass_by_value, reason = "the form that kube_runtime::Controller asks for")]
pub(crate) fn on_error<B>(release: Arc<Release>, error: &Error, context: Arc<Context<B>>) -> Action {
    let (namespace, name) = (release.namespace().unwrap_or_default(), release.name_any());
    if matches!(error, Error::NotLeading) {
        debug!(namespace, release = name, %error, "reconciliation ended early");
        return Action::await_change();
    }
    if matches!(error, Error::ReleaseGone) {
        debug!(namespace, release = name, %error, "reconciliation ended early");
        // Whatever is written for it is collected at once, and that again is an event: a race that nobody wins.
        context.retries.gone(&namespace, &name, release.uid().unwrap_or_default());
        return Action::await_change();
    }
    let delay = context.retries.failed(&namespace, &name).max(context.pace.rest().unwrap_or_default());
    warn!(namespace, release = name, %error, retry_in = ?delay, "reconciliation failed");
    Action::requeue(delay)
}

/// Bytes of a document that is not read in passing. Most have less than a tenth of it, and less than this takes at most
/// a few milliseconds, whatever it is.
const LARGE: usize = 64 * 1024;

struct Reconciliation<'a, B> {
    release: &'a Arc<Release>,
    context: &'a Context<B>,
    /// When the first event was seen that this reconciliation answers.
    seen: Instant,
    /// Whether an object has been written or deleted.
    has_written: AtomicBool,
}

impl<'a, B> Reconciliation<'a, B> {
    const fn new(release: &'a Arc<Release>, context: &'a Context<B>, seen: Instant) -> Self {
        Self { release, context, seen, has_written: AtomicBool::new(false) }
    }

    /// Takes in an object that has been written. The watch tells nothing new of it.
    fn take_in(&self, kind: &ObjectKind, object: DynamicObject) {
        self.has_written.store(true, Ordering::Relaxed);
        self.context.cache.written(kind, object);
    }
}

impl<B: RoutingBackend> Reconciliation<'_, B> {
    async fn run(&self) -> Result<Action, Error> {
        let unreadable = |error: &dyn std::fmt::Display| Error::Unreadable(error.to_string());
        let key = self.release.key().map_err(|error| unreadable(&error))?;
        let read = {
            let (release, key) = (Arc::clone(self.release), key.clone());
            let backend = Arc::clone(&self.context.backend);
            move || {
                let document = release.spec.document()?;
                Ok::<_, serde_json::Error>(declare(&key, &document, backend.capabilities()))
            }
        };
        let read = if self.release.spec.size() > LARGE {
            self.context.reader.compute(read).await.map_err(|panic| Error::Panicked(task::said(panic)))?
        } else {
            read()
        };
        let now = (self.context.clock)();
        let (before, generation) = (self.context.reported.of(self.release), self.release.metadata.generation);
        let before = before.as_ref();
        let declared = match read.map_err(|error| unreadable(&error))? {
            Ok(declared) => declared,
            Err(error) => {
                let refused = status::refused(before, generation, &refusal(&error), now);
                let again = self.report(before, &refused).await?;
                return Ok(again.map_or_else(Action::await_change, Action::requeue));
            }
        };

        let mut objects = self.context.cache.objects_of(key.namespace.as_str(), key.name.as_str());
        // What an earlier Release of this name owned is not ours: it is being collected.
        objects.retain(|owned| self.claim(&owned.object) == Claim::Ours);
        let endpoints = |service: &str| self.context.cache.endpoints_of(key.namespace.as_str(), service);
        let mut observation = observe::observe(&declared, &*self.context.backend, &objects, endpoints, now);
        let kinds = self.context.backend.kinds_for(declared.protocol);
        observation.routing_api_missing = kinds.iter().any(|kind| self.context.cache.is_missing(kind.kind));
        let plan = plan(&declared, &observation);
        if status::has_become_ready(before, &plan) {
            self.context.routing.became_ready(key.namespace.as_str(), key.name.as_str(), self.seen);
        }

        self.announce(&plan).await;
        let obstacles = self.write(&declared, &plan, &objects, now).await?;
        self.context.routing.settled(key.namespace.as_str(), key.name.as_str());
        let conditions = conditions(&plan, &observation, &obstacles);
        let status = status::planned(before, generation, &plan, &conditions, now);
        let again = self.report(before, &status).await?;
        // What was written is not in the plan, and a status that stays as it is will be no event.
        let is_behind = before == Some(&status) && self.has_written.load(Ordering::Relaxed);
        let document = (self.release.uid().unwrap_or_default(), generation.unwrap_or_default());
        let key = (key.namespace.as_str(), key.name.as_str());
        let retry = self.context.retries.obstructed(key, document, &obstacles, now);
        let again = again.into_iter().chain(retry).chain(is_behind.then_some(Duration::ZERO)).min();
        Ok(next(&plan, again, now))
    }

    /// Applies what differs, then takes away what is not needed any more.
    async fn write(
        &self,
        declared: &ValidRelease,
        plan: &RoutePlan,
        objects: &[Owned],
        now: Timestamp,
    ) -> Result<Vec<(ObjectRole, Obstacle)>, Error> {
        let desired = match workload::desired(declared, plan, &*self.context.backend) {
            Ok(desired) => desired,
            // It will not be built another time either.
            Err(BuildError { what, source }) => {
                let refused = Obstacle::Refused { object: what, message: source.to_string() };
                return Ok(vec![(ObjectRole::Version, refused)]);
            }
        };
        let mut obstacles = Vec::new();
        let mut blocked = Vec::new();
        let mut failed = None;
        for desired in desired.iter().filter(|desired| !self.context.cache.is_missing(desired.kind.kind)) {
            let role = self.role(&desired.kind, &desired.object);
            if !role.may_be_written(&blocked) {
                continue;
            }
            let rewrite = plan.repair && role == ObjectRole::Route && self.is_altered(plan, desired, objects);
            let obstacle = match self.ensure(desired, objects, rewrite, now).await {
                Ok(obstacle) => obstacle,
                Err(error) => match self.refused(desired, error) {
                    Ok(obstacle) => Some(obstacle),
                    // What is planned goes by what was seen, so the route need not wait for an object that the API server
                    // does not take just now: a version may have failed, and this be why its Deployment is to change.
                    Err(error) if role == ObjectRole::Version && error.is_of_server() => {
                        failed = failed.or(Some(error));
                        continue;
                    }
                    Err(error) => {
                        if error.is_unknown_kind() {
                            self.context.cache.doubt(desired.kind.kind);
                        }
                        return Err(error);
                    }
                },
            };
            if obstacle.as_ref().is_some_and(Obstacle::blocks) {
                blocked.push(role);
            }
            obstacles.extend(obstacle.map(|obstacle| (role, obstacle)));
        }
        self.take_away(declared, plan, objects, &desired, now).await?;
        failed.map_or(Ok(obstacles), Err)
    }

    /// Whether this route, of those that are live, is not the planned one.
    fn is_altered(&self, plan: &RoutePlan, desired: &Desired, objects: &[Owned]) -> bool {
        let live = live_of(desired, objects).map(std::slice::from_ref);
        let seen = live.and_then(|live| observe::route(&*self.context.backend, live));
        seen.is_some_and(|seen| plan.route.as_ref().is_some_and(|planned| !planned.is_in(&seen)))
    }

    /// Makes an object be as desired, which `rewrite` knows it is not; `Some` if something is in the way.
    async fn ensure(
        &self,
        desired: &Desired,
        objects: &[Owned],
        rewrite: bool,
        now: Timestamp,
    ) -> Result<Option<Obstacle>, Error> {
        let target = self.target(&desired.kind, desired.name());
        let mut object = desired.spelt_out();
        object.metadata.owner_references = self.release.controller_owner_ref(&()).map(|owner| vec![owner]);
        let live = live_of(desired, objects);
        if live.and_then(|live| scaler(observe::writers(&live.object))).is_some()
            && let Some(spec) = object.data.get_mut("spec").and_then(serde_json::Value::as_object_mut)
        {
            spec.remove("replicas");
        }
        if let Some(live) = live
            && self.role(&desired.kind, &object).is_ours_alone()
            && let (Some(wanted), Some(live)) = (object.data.get_mut("spec"), live.object.data.get("spec"))
        {
            drift::clear_lists(wanted, live);
        }
        match live {
            None => {
                if self.context.has_applied(&target, &self.form(desired), now) {
                    // Somebody deletes it; or it is collected, because the Release is gone and the watch does not tell.
                    if !self.is_current(None).await? {
                        return Err(Error::ReleaseGone);
                    }
                    if !self.context.may_make_again(&target, now) {
                        return Ok(self.context.fight(&target, true, now));
                    }
                }
                self.create(&target, desired, &object, now).await
            }
            Some(live) if !rewrite && self.is_as_desired(&target, desired, &object, &live.object) => {
                Ok(self.context.fight(&target, false, now))
            }
            Some(live) => {
                if !self.may_write(&target, desired, &object, &live.object, now) {
                    return Ok(self.context.fight(&target, false, now));
                }
                self.apply(&target, &object, &live.object).await?;
                self.context.applied(&target, &self.form(desired), now);
                if is_draining(&live.object) {
                    self.mark_draining(&target, &live.object, None).await?;
                }
                Ok(self.context.fight(&target, false, now))
            }
        }
    }

    /// Whether an object that is not as desired is to be written now, or somebody else fights over it.
    ///
    /// It is a repair where the object says that it is what we have written last, or where we know it: who takes away
    /// what it says is no less a rival.
    fn may_write(
        &self,
        target: &Target,
        desired: &Desired,
        object: &DynamicObject,
        live: &DynamicObject,
        now: Timestamp,
    ) -> bool {
        if names_another_rollout(object, live) {
            return true;
        }
        let is_repair = is_as_written(desired, live)
            || has_lost_marks(live) && self.context.has_applied(target, &self.form(desired), now);
        if !is_repair {
            return true;
        }
        let field = difference(object, live);
        self.context.may_repair(target, field.as_deref().unwrap_or("spec"), rival(live), now)
    }

    /// What an object is written as. A Release that is made again writes the same anew.
    fn form(&self, desired: &Desired) -> String {
        format!("{} {}", desired.digest.as_str(), self.release.metadata.uid.as_deref().unwrap_or_default())
    }

    fn role(&self, kind: &ObjectKind, object: &DynamicObject) -> ObjectRole {
        if self.context.backend.kinds().contains(kind) {
            ObjectRole::Route
        } else if object.labels().contains_key(labels::VERSION) {
            ObjectRole::Version
        } else {
            ObjectRole::Front
        }
    }

    /// An object that is refused for good is reported and not tried again and again; the others go on.
    fn refused(&self, desired: &Desired, error: Error) -> Result<Obstacle, Error> {
        if error.is_of_terminating_namespace() {
            return Err(error);
        }
        let object = self.target(&desired.kind, desired.name()).to_string();
        let obstacle =
            error.refusal().map(|message| Obstacle::Refused { object, message: message.to_owned() });
        obstacle.ok_or(error)
    }

    fn is_as_desired(
        &self,
        target: &Target,
        desired: &Desired,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> bool {
        if !is_as_written(desired, live) {
            return false;
        }
        let (Ok(wanted), Ok(live)) = (serde_json::to_value(object), serde_json::to_value(live)) else {
            return false;
        };
        drift::has_whole_maps(&wanted, &live)
            && (drift::is_contained(&wanted, &live)
                || self.context.is_remembered(target, &form(&wanted, &live)))
    }

    async fn create(
        &self,
        target: &Target,
        desired: &Desired,
        object: &DynamicObject,
        now: Timestamp,
    ) -> Result<Option<Obstacle>, Error> {
        match self.context.applier.create(target, object).await? {
            Created::New(created) => {
                info!(object = %target, "created");
                self.wrote(target, object, *created);
                if self.context.has_applied(target, &self.form(desired), now) {
                    self.context.made_again(target, now);
                }
                self.context.applied(target, &self.form(desired), now);
                Ok(None)
            }
            Created::Existed(existing) => match self.claim(&existing) {
                Claim::Ours if self.role(&target.kind, object).leads_requests() => {
                    // The plan was made without it.
                    self.context.cache.found(&target.kind, *existing);
                    Err(Error::Outdated(target.to_string()))
                }
                // Its label is gone, so that no watch tells of it.
                Claim::Ours if !self.may_write(target, desired, object, &existing, now) => {
                    Ok(self.context.fight(target, false, now))
                }
                Claim::Ours | Claim::Adoptable => {
                    self.context.cache.found(&target.kind, (*existing).clone());
                    self.apply(target, object, &existing).await?;
                    self.context.applied(target, &self.form(desired), now);
                    Ok(None)
                }
                Claim::Collecting => Ok(Some(Obstacle::Collecting { object: target.to_string() })),
                Claim::Foreign { owner } => {
                    Ok(Some(Obstacle::NameConflict { object: target.to_string(), owner }))
                }
            },
        }
    }

    async fn apply(
        &self,
        target: &Target,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> Result<(), Error> {
        let mut guarded = object.clone();
        if self.role(&target.kind, object).leads_requests() {
            guarded.metadata.resource_version = live.resource_version();
        }
        let applied = self.context.applier.apply(target, &guarded, live).await?;
        info!(object = %target, "applied");
        self.wrote(target, object, applied);
        Ok(())
    }

    fn wrote(&self, target: &Target, object: &DynamicObject, live: DynamicObject) {
        if let (Ok(wanted), Ok(live)) = (serde_json::to_value(object), serde_json::to_value(&live))
            && !drift::is_contained(&wanted, &live)
        {
            self.context.remember(target, form(&wanted, &live));
        }
        self.take_in(&target.kind, live);
        if self.context.backend.kinds().contains(&target.kind) {
            self.context.routing.routed(&target.namespace, &self.release.name_any());
        }
    }

    fn claim(&self, existing: &DynamicObject) -> Claim {
        let owners: Vec<_> = existing
            .owner_references()
            .iter()
            .map(|owner| Owner {
                group: owner.api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                uid: owner.uid.clone(),
                controls: owner.controller == Some(true),
            })
            .collect();
        let ours = Owner {
            group: Release::group(&()).into_owned(),
            kind: Release::kind(&()).into_owned(),
            name: self.release.name_any(),
            uid: self.release.uid().unwrap_or_default(),
            controls: true,
        };
        let adopt = existing.annotations().get(labels::ADOPT).is_some_and(|adopt| adopt == "true");
        Claim::of(&ours, &owners, adopt)
    }

    fn target(&self, kind: &ObjectKind, name: &str) -> Target {
        let namespace = self.release.namespace().unwrap_or_default();
        Target { kind: kind.clone(), namespace, name: name.to_owned() }
    }
}

/// When to look again without being told of a change.
fn next(plan: &RoutePlan, retry: Option<Duration>, now: Timestamp) -> Action {
    let planned =
        plan.look_again.map(|at| Duration::from_millis(at.as_millis().saturating_sub(now.as_millis())));
    planned.into_iter().chain(retry).min().map_or_else(Action::await_change, Action::requeue)
}
