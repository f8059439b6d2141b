//! Random histories of declared changes, each from a seed.

use std::fmt::Write;

/// Numbers that look random and are the same for the same seed (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of 0 to `sides` - 1.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(sides).unwrap()).unwrap()
    }
}

#[derive(Debug, Clone)]
struct Version {
    name: String,
    image: usize,
    weight: usize,
    replicas: usize,
    /// The value of header `traffic` that is its own as a candidate.
    traffic: &'static str,
}

/// A declared release that changes.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    strategy: &'static str,
    versions: Vec<Version>,
    gateway: Option<&'static str>,
    drain: usize,
    names: usize,
    images: usize,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Promote,
    Remove,
    Add,
    Rename,
    Reorder,
    Redefine,
    Replicas,
    Strategy,
    Gateway,
    Weights,
    Drain,
}

const CHANGES: [Change; 14] = [
    Change::Promote,
    Change::Promote,
    Change::Promote,
    Change::Remove,
    Change::Add,
    Change::Add,
    Change::Rename,
    Change::Reorder,
    Change::Redefine,
    Change::Replicas,
    Change::Strategy,
    Change::Gateway,
    Change::Weights,
    Change::Drain,
];

impl Declared {
    /// A primary and a candidate.
    pub(crate) fn new() -> Self {
        let mut declared =
            Self { strategy: "canary", versions: Vec::new(), gateway: None, drain: 1, names: 0, images: 0 };
        declared.add("test");
        declared.add("test");
        declared
    }

    fn add(&mut self, traffic: &'static str) {
        let (name, image) = (self.name(), self.image());
        self.versions.push(Version { name, image, weight: 50, replicas: 1, traffic });
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("web-v{}", self.names)
    }

    fn image(&mut self) -> usize {
        self.images += 1;
        self.images
    }

    /// After a rollback names and images that come later are new all the same.
    pub(crate) fn forget_no_name_of(&mut self, other: &Self) {
        (self.names, self.images) = (self.names.max(other.names), self.images.max(other.images));
    }

    /// Changes something; `None` if there is nothing of that kind to change.
    pub(crate) fn change(&mut self, dice: &mut Dice) -> Option<Change> {
        let change = CHANGES[dice.roll(CHANGES.len())];
        let count = self.versions.len();
        let any = dice.roll(count);
        match change {
            Change::Promote => return self.promote(),
            Change::Remove if count > 1 => drop(self.versions.remove(1 + dice.roll(count - 1))),
            Change::Add if count < 3 => self.add(if count == 1 { "test" } else { "beta" }),
            Change::Rename => self.versions[any].name = self.name(),
            Change::Reorder if count > 1 => self.versions.swap(0, 1 + dice.roll(count - 1)),
            Change::Redefine => self.versions[any].image = self.image(),
            Change::Replicas => self.versions[any].replicas = 1 + dice.roll(3),
            Change::Strategy => {
                let others = ["canary", "blue-green", "none"].into_iter().filter(|s| *s != self.strategy);
                self.strategy = others.collect::<Vec<_>>()[dice.roll(2)];
            }
            Change::Gateway => {
                let others = [None, Some("edge"), Some("other")].into_iter().filter(|it| *it != self.gateway);
                self.gateway = others.collect::<Vec<_>>()[dice.roll(2)];
            }
            Change::Weights if self.strategy == "blue-green" => self.versions[any].weight = dice.roll(3) * 50,
            Change::Drain => self.drain = dice.roll(3),
            Change::Remove | Change::Add | Change::Reorder | Change::Weights => return None,
        }
        Some(change)
    }

    /// The first candidate becomes the primary; `None` if there is none.
    pub(crate) fn promote(&mut self) -> Option<Change> {
        if self.versions.len() < 2 {
            return None;
        }
        let promoted = self.versions.remove(1);
        self.versions[0].image = promoted.image;
        Some(Change::Promote)
    }

    /// The image that requests with header `traffic: test` get once this is in force, where it is one.
    pub(crate) fn tested(&self) -> Option<String> {
        let mut candidates = self.versions.iter().skip(1);
        let version = match self.strategy {
            "canary" => candidates.find(|version| version.traffic == "test").unwrap_or(&self.versions[0]),
            "none" => &self.versions[0],
            _ if self.versions.len() == 1 => &self.versions[0],
            _ => return None,
        };
        Some(format!("web:{}", version.image))
    }

    /// The document.
    pub(crate) fn document(&self) -> String {
        let gateway = self.gateway.map(|name| format!("gateway: {name}\n")).unwrap_or_default();
        let mut text = format!(
            "environment: deployment-gtw\n{gateway}application:\n  strategy: {}\n  drainSeconds: {}\n  versions:\n",
            self.strategy, self.drain,
        );
        for (index, version) in self.versions.iter().enumerate() {
            let Version { name, image, weight, replicas, traffic } = version;
            writeln!(
                text,
                "  - metadata: {{name: {name}}}\n    image: web:{image}\n    replicas: {replicas}"
            )
            .unwrap();
            if self.strategy == "blue-green" {
                writeln!(text, "    weight: {weight}").unwrap();
            }
            if self.strategy == "canary" && index > 0 {
                writeln!(text, "    matches: [{{headers: [{{name: traffic, value: {traffic}}}]}}]").unwrap();
            }
        }
        text
    }
}
