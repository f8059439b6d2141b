//! What this program sees of the routes, and when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use gateway_api::httproutes::HttpRoute;
use kube::api::Api;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Error;

/// How long a route may take: then the bench ends with an error.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks. What counts is the time at which the watch has seen a route, not that of the look.
const LOOK: Duration = Duration::from_millis(2);

type Seen = HashMap<String, (usize, Instant)>;

/// The number of rules of each route, and since when it has them.
#[derive(Debug)]
pub(crate) struct Routes {
    seen: Arc<Mutex<Seen>>,
    watch: JoinHandle<()>,
}

impl Routes {
    pub(crate) fn watch(client: Client) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = Arc::clone(&seen);
        let routes = watcher(Api::<HttpRoute>::all(client), watcher::Config::default());
        let watch = routes.default_backoff().applied_objects().for_each(move |route| {
            if let Ok(route) = route {
                let rules = route.spec.rules.as_ref().map_or(0, Vec::len);
                let mut seen = noted.lock().unwrap_or_else(PoisonError::into_inner);
                let known = seen.entry(route.name_any()).or_insert_with(|| (0, Instant::now()));
                if known.0 != rules {
                    *known = (rules, Instant::now());
                }
            }
            std::future::ready(())
        });
        Self { seen, watch: tokio::spawn(watch) }
    }

    /// When the route was first seen with this many rules.
    pub(crate) async fn until(&self, name: &str, rules: usize) -> Result<Instant, Error> {
        self.until_all(std::slice::from_ref(&name.to_owned()), rules).await
    }

    /// When the last of these routes was first seen with this many rules.
    pub(crate) async fn until_all(&self, names: &[String], rules: usize) -> Result<Instant, Error> {
        let begun = Instant::now();
        loop {
            if let Some(last) = self.last(names, rules) {
                return Ok(last);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("not all of {} routes have {rules} rules", names.len()).into());
            }
            sleep(LOOK).await;
        }
    }

    fn last(&self, names: &[String], rules: usize) -> Option<Instant> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let times = names.iter().map(|name| seen.get(name).filter(|seen| seen.0 == rules).map(|seen| seen.1));
        times.collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

impl Drop for Routes {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
