//! What a Deployment does next with its Pods: pure.
//!
//! The rules are those of the Deployment controller (rolling update and recreate). There are no `ReplicaSets`: the
//! Pods of a revision are those that carry its template hash.

use k8s_openapi::api::apps::v1::DeploymentSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Replicas of a Deployment that does not say (an API server without defaults leaves the field out).
const DEFAULT_REPLICAS: i32 = 1;
const DEFAULT_PERCENT: i32 = 25;

/// How a Deployment wants its Pods replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strategy {
    pub(super) replicas: i32,
    /// Pods that may exist beyond `replicas`.
    pub(super) max_surge: i32,
    /// Pods of `replicas` that may be unavailable.
    pub(super) max_unavailable: i32,
    /// All old Pods go before the first new one comes.
    pub(super) recreate: bool,
    pub(super) paused: bool,
}

impl Strategy {
    pub(super) fn of(spec: &DeploymentSpec) -> Self {
        let replicas = spec.replicas.unwrap_or(DEFAULT_REPLICAS);
        let paused = spec.paused.unwrap_or(false);
        let strategy = spec.strategy.as_ref();
        if strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
            return Self { replicas, max_surge: 0, max_unavailable: 0, recreate: true, paused };
        }
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let surge = rolling.and_then(|rolling| rolling.max_surge.as_ref());
        let unavailable = rolling.and_then(|rolling| rolling.max_unavailable.as_ref());
        let max_surge = share(surge, replicas, Rounding::Up);
        let mut max_unavailable = share(unavailable, replicas, Rounding::Down).min(replicas);
        // Both zero would never move; percentages round there.
        if max_surge == 0 && max_unavailable == 0 {
            max_unavailable = 1.min(replicas);
        }
        Self { replicas, max_surge, max_unavailable, recreate: false, paused }
    }

    /// How many Pods must be available for the Deployment to be.
    pub(super) fn min_available(&self) -> i32 {
        self.replicas - self.max_unavailable
    }
}

/// A living Pod of a Deployment: one that is being deleted is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) name: String,
    /// It has the Deployment's present template.
    pub(super) updated: bool,
    pub(super) ready: bool,
    pub(super) available: bool,
}

/// What to do now. Nothing is the default.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// How many Pods of the present template to create.
    pub(super) create: usize,
    /// Names of Pods to delete.
    pub(super) delete: Vec<String>,
}

/// The next step from `replicas`, oldest first. `old_pods_terminating` says whether Pods of earlier templates are
/// still being deleted. A paused Deployment keeps the Pods it has.
pub(super) fn next_step(strategy: &Strategy, replicas: &[Replica], old_pods_terminating: bool) -> Step {
    if strategy.paused {
        return Step::default();
    }
    let (updated, old): (Vec<_>, Vec<_>) = replicas.iter().partition(|replica| replica.updated);
    let updated_count = count(updated.len());
    let surplus = names(deletion_order(updated.clone()), updated_count - strategy.replicas);
    let missing = strategy.replicas - updated_count;

    if strategy.recreate {
        if !old.is_empty() {
            return Step { create: 0, delete: old.into_iter().map(|replica| replica.name.clone()).collect() };
        }
        let create = if old_pods_terminating { 0 } else { size(missing) };
        return Step { create, delete: surplus };
    }

    let room = strategy.replicas + strategy.max_surge - count(replicas.len());
    let create = missing.min(room).max(0);
    let wanted = updated_count + create - count(surplus.len());
    let mut delete = surplus;
    delete.extend(old_pods_to_delete(strategy, replicas, old, wanted));
    Step { create: size(create), delete }
}

/// Old Pods that can go while `wanted` updated ones exist or are being created: first the unavailable ones, whose
/// going costs nothing, then as many as there are available Pods to spare.
fn old_pods_to_delete(
    strategy: &Strategy,
    replicas: &[Replica],
    old: Vec<&Replica>,
    wanted: i32,
) -> Vec<String> {
    let available = |of_updated: bool| {
        count(replicas.iter().filter(|replica| replica.available && replica.updated == of_updated).count())
    };
    let updated_unavailable = (wanted - available(true)).max(0);
    let spare = wanted + count(old.len()) - strategy.min_available() - updated_unavailable;
    if spare <= 0 {
        return Vec::new();
    }
    let unavailable = old.iter().filter(|replica| !replica.available).count();
    let cleaned = count(unavailable).min(spare);
    let spare_available = (available(true) + available(false) - strategy.min_available()).max(0);
    names(deletion_order(old), cleaned + spare_available)
}

/// The Pods whose loss matters least come first: unavailable before available, young before old.
fn deletion_order(mut replicas: Vec<&Replica>) -> Vec<&Replica> {
    replicas.reverse();
    replicas.sort_by_key(|replica| (replica.available, replica.ready));
    replicas
}

fn names(replicas: Vec<&Replica>, limit: i32) -> Vec<String> {
    replicas.into_iter().take(size(limit)).map(|replica| replica.name.clone()).collect()
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

fn share(value: Option<&IntOrString>, replicas: i32, rounding: Rounding) -> i32 {
    let percent = match value {
        Some(IntOrString::Int(number)) => return (*number).max(0),
        Some(IntOrString::String(text)) => {
            text.strip_suffix('%').and_then(|number| number.parse().ok()).unwrap_or(DEFAULT_PERCENT)
        }
        None => DEFAULT_PERCENT,
    };
    let hundredths = i64::from(replicas.max(0)) * i64::from(percent.max(0));
    let whole = match rounding {
        Rounding::Up => hundredths.saturating_add(99) / 100,
        Rounding::Down => hundredths / 100,
    };
    i32::try_from(whole).unwrap_or(i32::MAX)
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn size(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests;
