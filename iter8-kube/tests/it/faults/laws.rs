//! The laws of the plan, at each write, judged by what its process knew when it planned it.
//!
//! Nothing here asks the planner: a request goes where the simulator says by the routes alone, and a version is
//! ready if the EndpointSlices that the process had been told of have a ready endpoint of its Service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use iter8_testkit::apiserver::RecordedChange;
use iter8_testkit::simulator::{Parent, Precedence, Request, RouteSet};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::knowledge::{Knowledge, View};
use super::world::{NAMESPACE, RELEASE};

type Object = Option<Arc<Value>>;

/// The cluster between two changes, and what it was before.
struct Cluster<'a> {
    now: Timestamp,
    knowledge: &'a Knowledge,
    objects: BTreeMap<(String, String), Arc<Value>>,
    /// The states of each object by resourceVersion.
    history: BTreeMap<(String, String), Vec<(u64, Object)>>,
    /// When a route last named each Service.
    last_named: BTreeMap<String, Timestamp>,
    /// Who answers a request without a header, since there is a route.
    in_force: BTreeSet<String>,
    /// Whether the Release has been ready: from then on no request may be lost.
    was_ready: bool,
}

/// Whether the laws held at all of these changes; how many writes of routes were judged.
pub(crate) fn check(changes: &[RecordedChange], knowledge: &Knowledge) -> Result<usize, String> {
    let mut cluster = Cluster {
        now: Timestamp::MIN,
        knowledge,
        objects: BTreeMap::new(),
        history: BTreeMap::new(),
        last_named: BTreeMap::new(),
        in_force: BTreeSet::new(),
        was_ready: false,
    };
    let mut judged = 0;
    for (index, change) in changes.iter().enumerate() {
        judged += usize::from(cluster.take(change).map_err(|why| {
            let before = changes[..index].iter().filter(|it| !matches!(&*it.resource, "leases" | "events"));
            let before: Vec<_> = before.rev().take(30).map(short).collect();
            format!("{why}\nat {}: {:#?}\nbefore it:\n{}", short(change), change.object, before.join("\n"))
        })?);
    }
    Ok(judged)
}

fn short(change: &RecordedChange) -> String {
    let RecordedChange { time, version, resource, name, user_agent, .. } = change;
    let gone = if change.object.is_none() { " gone" } else { "" };
    format!("{time} {version} {resource} {name}{gone} by {user_agent}")
}

impl Cluster<'_> {
    fn take(&mut self, change: &RecordedChange) -> Result<bool, String> {
        self.now = change.time;
        self.note_what_is_named();
        let key = (change.resource.clone(), change.name.clone());
        self.history.entry(key.clone()).or_default().push((change.version, change.object.clone()));
        let before = match &change.object {
            Some(object) => self.objects.insert(key, object.clone()),
            None => self.objects.remove(&key),
        };
        self.note_what_is_named();
        if change.resource == "releases" {
            self.was_ready = change.object.as_ref().is_some_and(|it| self.was_ready || is_ready(it));
        }
        // What an earlier Release of the name owned is being collected, or will be.
        let is_collected =
            change.object.as_deref().or(before.as_deref()).is_none_or(|it| !self.is_of_release(it));
        let spec = |object: &Object| object.as_ref().map(|object| object["spec"].clone());
        match (change.resource.as_str(), &change.object) {
            // Fields are handed over from one operation to another before the rules are written.
            ("httproutes", object) if spec(object) == spec(&before) => Ok(false),
            ("httproutes", object) => {
                if object.is_none() {
                    self.in_force.clear();
                }
                if is_collected { Ok(false) } else { self.judge(change).map(|()| true) }
            }
            ("services", Some(front)) if change.name == RELEASE && !is_collected => {
                self.judge_front(change, front, before.as_deref()).map(|()| false)
            }
            // Without its Deployment a version has no Pods.
            ("services" | "deployments", None) if !is_collected => {
                self.judge_removal(&change.resource, &change.name).map(|()| false)
            }
            _ => Ok(false),
        }
    }

    /// Whether the present Release owns the object.
    fn is_of_release(&self, object: &Value) -> bool {
        let release = self.objects.get(&("releases".to_owned(), RELEASE.to_owned()));
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let uid = release.map(|release| &release["metadata"]["uid"]);
        owners.is_some_and(|owners| owners.iter().any(|owner| Some(&owner["uid"]) == uid))
    }

    fn routes(&self) -> impl Iterator<Item = &Value> {
        let of_kind = self.objects.iter().filter(|((kind, _), _)| kind == "httproutes");
        of_kind.map(|(_, object)| &**object)
    }

    fn note_what_is_named(&mut self) {
        let named: Vec<_> = self.routes().flat_map(named).chain(self.behind_front()).collect();
        self.last_named.extend(named.into_iter().map(|name| (name, self.now)));
    }

    /// The version whose Pods the front Service selects.
    fn behind_front(&self) -> Option<String> {
        let front = self.objects.get(&("services".to_owned(), RELEASE.to_owned()))?;
        self.selected(front)
    }

    /// The version whose Pods are those that a Service selects.
    fn selected(&self, front: &Value) -> Option<String> {
        let selector = &front["spec"]["selector"];
        let services = self.objects.iter().filter(|((kind, name), _)| kind == "services" && name != RELEASE);
        let mut same = services.filter(|(_, service)| service["spec"]["selector"] == *selector);
        same.next().map(|((_, name), _)| name.clone())
    }

    /// Law 1: the front Service, which leads where no route does, changes over to a version that was known to be ready.
    fn judge_front(
        &self,
        change: &RecordedChange,
        front: &Value,
        before: Option<&Value>,
    ) -> Result<(), String> {
        let Some(before) = before.filter(|_| self.was_ready) else { return Ok(()) };
        if before["spec"]["selector"] == front["spec"]["selector"] {
            return Ok(());
        }
        let Some(version) = self.selected(front) else {
            return Err(format!("law 1: the front Service leads to nobody: {}", front["spec"]));
        };
        let views = self.knowledge.behind(change);
        let is_ready = |version: &String| views.iter().any(|view| self.is_ready(*view, version));
        // Where nobody serves there is nothing to lose.
        if is_ready(&version) || !self.selected(before).as_ref().is_some_and(is_ready) {
            return Ok(());
        }
        Err(format!("law 1: the front Service changes over to {version}, which was not known to be ready"))
    }

    /// The object as a view has it.
    fn known(&self, view: View<'_>, resource: &str, name: &str) -> Option<&Value> {
        let version = view.of(resource, name)?;
        let states = self.history.get(&(resource.to_owned(), name.to_owned()))?;
        states.iter().rev().find(|(at, _)| *at <= version)?.1.as_deref()
    }

    /// Whether a view has a ready endpoint of the Service.
    fn is_ready(&self, view: View<'_>, service: &str) -> bool {
        let slices = self.history.keys().filter(|(resource, _)| resource == "endpointslices");
        let slices = slices.filter_map(|(_, name)| self.known(view, "endpointslices", name));
        slices.filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service).any(
            |slice| {
                slice["endpoints"].as_array().into_iter().flatten().any(|endpoint| {
                    endpoint["conditions"]["ready"] != false && endpoint["conditions"]["terminating"] != true
                })
            },
        )
    }

    /// Laws 1 to 3, at a write of a route.
    fn judge(&mut self, change: &RecordedChange) -> Result<(), String> {
        let views = self.knowledge.behind(change);
        if views.is_empty() {
            return Err("a route was written, and no process of the controller did it".to_owned());
        }
        if change.object.is_none() {
            let unrouted = views.iter().any(|view| {
                let release = self.known(*view, "releases", RELEASE);
                release.is_none_or(|release| release["spec"]["application"]["strategy"] == "none")
            });
            return if unrouted {
                Ok(())
            } else {
                Err("law 1: the route goes while the strategy routes".to_owned())
            };
        }
        let answers = self.answers()?;
        let verdicts: Vec<_> = views.iter().map(|view| self.judge_readiness(*view, &answers)).collect();
        if verdicts.iter().all(Result::is_err) {
            verdicts.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        self.in_force = answers.into_iter().next().unwrap_or_default();
        Ok(())
    }

    /// Laws 1 and 3: who answers a request without a header, and then the requests with each header.
    fn answers(&self) -> Result<Vec<BTreeSet<String>>, String> {
        let mut routes = RouteSet::new(Precedence::Spec);
        for route in self.routes() {
            routes.insert(route).map_err(|error| format!("the route cannot be read: {error}"))?;
        }
        let parent = Parent::service(NAMESPACE, RELEASE);
        let plain = Request::new("GET", &format!("http://{RELEASE}.{NAMESPACE}/get")).unwrap();
        let mut requests = vec![plain.clone()];
        let values = ["test", "web-a", "web-b", "web-c", "web-d", "web-e", "web-f"];
        requests.extend(values.map(|value| plain.clone().header("traffic", value)));
        let answer = |request: &Request| {
            let outcome = routes.route(&parent, request);
            if outcome.status != 200 || outcome.failing_share > 0.0 || outcome.passthrough {
                return Err(format!("law 1 or 3: a request is not answered: {outcome:#?}"));
            }
            Ok(outcome.backends.into_iter().map(|backend| backend.name).collect())
        };
        requests.iter().map(answer).collect()
    }

    /// Law 2.
    fn judge_readiness(&self, view: View<'_>, answers: &[BTreeSet<String>]) -> Result<(), String> {
        let plain = &answers[0];
        for backends in answers {
            for backend in backends {
                let others = || backends.iter().filter(|other| *other != backend);
                let is_kept = self.in_force.contains(backend)
                    && plain.contains(backend)
                    && !others().any(|other| self.is_ready(view, other));
                if !is_kept && !self.is_ready(view, backend) {
                    return Err(format!("law 2: {backend} gets requests and was not known to be ready"));
                }
            }
        }
        Ok(())
    }

    /// Law 7: no version goes while requests are led to it, nor before the drain is over by any of the clocks.
    fn judge_removal(&self, resource: &str, service: &str) -> Result<(), String> {
        let Some(release) = self.objects.get(&("releases".to_owned(), RELEASE.to_owned())) else {
            return Ok(());
        };
        let drain = release.pointer("/spec/application/drainSeconds").and_then(Value::as_u64).unwrap_or(5);
        let drain = Duration::from_secs(drain).saturating_sub(self.knowledge.skew);
        let Some(last) = self.last_named.get(service) else { return Ok(()) };
        let since = self.now.duration_since(*last);
        let is_named = self.routes().flat_map(named).chain(self.behind_front()).any(|name| name == service);
        if is_named || since.unsigned_abs() < drain {
            return Err(format!("law 7: {service} ({resource}) goes {since} after requests were led to it"));
        }
        Ok(())
    }
}

/// Whether a Release says that it is ready.
fn is_ready(release: &Value) -> bool {
    let conditions = release.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The Services that a route names.
fn named(route: &Value) -> Vec<String> {
    let rules = route.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
    let backends = rules.flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten());
    backends.filter_map(|backend| backend["name"].as_str()).map(str::to_owned).collect()
}
