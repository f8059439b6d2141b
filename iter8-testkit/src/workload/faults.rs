//! What goes wrong on request: the knobs of the runner.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// The knobs, and a bell that rings when one was turned.
#[derive(Debug, Default)]
pub(super) struct Faults {
    knobs: Mutex<Knobs>,
    turned: Notify,
}

#[derive(Debug, Default)]
struct Knobs {
    start_delay: Duration,
    failing_deployments: BTreeSet<String>,
    failing_images: BTreeSet<String>,
}

impl Faults {
    pub(super) fn set_start_delay(&self, delay: Duration) {
        self.knobs().start_delay = delay;
    }

    pub(super) fn start_delay(&self) -> Duration {
        self.knobs().start_delay
    }

    pub(super) fn fail_deployment(&self, name: &str) {
        self.knobs().failing_deployments.insert(name.to_owned());
        self.turned.notify_one();
    }

    pub(super) fn recover_deployment(&self, name: &str) {
        self.knobs().failing_deployments.remove(name);
        self.turned.notify_one();
    }

    pub(super) fn deployment_fails(&self, name: &str) -> bool {
        self.knobs().failing_deployments.contains(name)
    }

    pub(super) fn fail_image(&self, image: &str) {
        self.knobs().failing_images.insert(image.to_owned());
        self.turned.notify_one();
    }

    pub(super) fn recover_image(&self, image: &str) {
        self.knobs().failing_images.remove(image);
        self.turned.notify_one();
    }

    pub(super) fn image_fails(&self, image: &str) -> bool {
        self.knobs().failing_images.contains(image)
    }

    /// Wait until a knob was turned that concerns Pods which run already.
    pub(super) async fn turned(&self) {
        self.turned.notified().await;
    }

    fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
