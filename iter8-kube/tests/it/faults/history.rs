//! Histories of what is declared, and of Pods that fail for a while.

use std::fmt;
use std::time::Duration;

use super::random::Random;

/// What happens to a Release, in order.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) start_delay: Duration,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) what: What,
    /// Until the next step; none to wait until nothing happens any more.
    pub(crate) then: Option<Duration>,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Declare(String),
    Delete,
    /// The Pods of this Deployment fail.
    Fail(String),
    Recover(String),
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Pods start in {:?}", self.start_delay)?;
        for step in &self.steps {
            match &step.what {
                What::Declare(document) => writeln!(f, "declare\n{document}")?,
                other => writeln!(f, "{other:?}")?,
            }
            writeln!(f, "then {:?}", step.then)?;
        }
        Ok(())
    }
}

impl History {
    /// The tutorial from the first version to the end, each step after the one before has settled. Each version has an
    /// image of its own, so that the promotion is a rollout.
    pub(crate) fn tutorial() -> Self {
        let (initial, candidate, promoted) = (
            include_str!("../../../../testdata/tutorial/1-initial.yaml"),
            include_str!("../../../../testdata/tutorial/2-candidate.yaml"),
            include_str!("../../../../testdata/tutorial/3-promoted.yaml"),
        );
        let (image, next) = ("image: kennethreitz/httpbin", "image: kennethreitz/httpbin-next");
        let (primary, rest) = candidate.split_once(image).unwrap();
        let candidate = format!("{primary}{image}{}", rest.replace(image, next));
        assert_eq!(candidate.matches(next).count(), 1);
        let declared = [initial.to_owned(), candidate, promoted.replace(image, next)].map(What::Declare);
        let steps = declared.into_iter().chain([What::Delete]);
        Self {
            start_delay: Duration::from_secs(3),
            steps: steps.map(|what| Step { what, then: None }).collect(),
        }
    }

    /// The tutorial, each step some time after the one before, with a way back: what a controller that was stopped
    /// goes on with is out of date.
    pub(crate) fn hurried() -> Self {
        let mut history = Self::tutorial();
        history.steps.truncate(3);
        history.steps.extend_from_within(1..2);
        history.steps.iter_mut().for_each(|step| step.then = Some(Duration::from_secs(20)));
        history.steps.last_mut().unwrap().then = None;
        history
    }

    pub(crate) fn random(random: &mut Random) -> Self {
        let start_delay = if random.one_in(3) { Duration::ZERO } else { random.seconds(20) };
        let mut document = Document::first(random);
        let mut steps = Vec::new();
        let mut failing: Option<String> = None;
        for _ in 0..3 + random.below(5) {
            let what = match (random.below(10), failing.take()) {
                (_, Some(name)) => What::Recover(name),
                (0, None) if !steps.is_empty() => {
                    let name = document.versions[random.index(document.versions.len())].name.to_owned();
                    failing = Some(name.clone());
                    What::Fail(name)
                }
                (1, None) if !steps.is_empty() => What::Delete,
                (_, None) => {
                    document.change(random);
                    What::Declare(document.to_string())
                }
            };
            steps.push(Step { what, then: Some(random.seconds(60)) });
        }
        let last = failing.map(What::Recover).into_iter();
        let end = if random.one_in(4) { What::Delete } else { What::Declare(document.to_string()) };
        steps.extend(last.chain([end]).map(|what| Step { what, then: None }));
        Self { start_delay, steps }
    }
}

struct Document {
    strategy: &'static str,
    drain: u64,
    versions: Vec<Version>,
}

#[derive(Clone, Copy)]
struct Version {
    name: &'static str,
    image: u64,
    weight: u64,
    replicas: u64,
    /// Whether its requests have a header of their own, or that of another version as well.
    is_shared: bool,
}

const NAMES: [&str; 5] = ["web-a", "web-b", "web-c", "web-d", "web-e"];

impl Document {
    fn first(random: &mut Random) -> Self {
        let strategy = if random.one_in(3) { "blue-green" } else { "canary" };
        let first = Version {
            name: NAMES[random.index(NAMES.len())],
            image: 0,
            weight: 50,
            replicas: 1,
            is_shared: false,
        };
        Self { strategy, drain: random.below(8), versions: vec![first] }
    }

    fn change(&mut self, random: &mut Random) {
        let at = random.index(self.versions.len());
        let has_candidates = self.versions.len() > 1;
        match random.below(10) {
            0..=2 if self.versions.len() < 4 => {
                let taken = |name: &&&str| self.versions.iter().all(|version| version.name != **name);
                let name = NAMES.iter().find(taken).copied().unwrap_or("web-f");
                let (image, weight, replicas) = (random.below(5), random.below(100), 1 + random.below(3));
                self.versions.push(Version { name, image, weight, replicas, is_shared: random.one_in(4) });
            }
            3 if has_candidates => {
                // The way of the tutorial: the primary becomes what the candidate was.
                let candidate = self.versions.remove(1.max(at));
                self.versions[0].image = candidate.image;
            }
            4 if has_candidates => {
                let promoted = self.versions.remove(at);
                self.versions.insert(0, promoted);
            }
            5 if has_candidates => drop(self.versions.remove(at)),
            6 => self.versions[at].replicas = 1 + random.below(3),
            7 => self.versions[at].is_shared = !self.versions[at].is_shared,
            8 => self.strategy = ["canary", "blue-green", "none"][random.index(3)],
            _ => {
                self.versions[at].image = random.below(5);
                self.versions[at].weight = random.below(100);
            }
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "environment: deployment-gtw\napplication:")?;
        writeln!(f, "  strategy: {}\n  drainSeconds: {}\n  versions:", self.strategy, self.drain)?;
        for (index, Version { name, image, weight, replicas, is_shared }) in self.versions.iter().enumerate()
        {
            writeln!(f, "  - metadata: {{name: {name}}}\n    image: web:{image}\n    replicas: {replicas}")?;
            if self.strategy == "blue-green" {
                writeln!(f, "    weight: {weight}")?;
            } else if self.strategy == "canary" && index > 0 {
                let value = if *is_shared { "test" } else { name };
                writeln!(f, "    matches: [{{headers: [{{name: traffic, value: {value}}}]}}]")?;
            }
        }
        Ok(())
    }
}
