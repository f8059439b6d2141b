//! What a user does to a document.

use iter8_core::{
    Declared, Hostname, ParentRef, Port, Protocol, Release, RouteMatch, RouteOptions, Strategy as Routing,
    Version, VersionName, Weight,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::release::{NAMES, fit_for, gateways, matches_of_one, name, number, route_options, versions};

/// A change of a document. Places are counted modulo the length of the list.
///
/// ```
/// use iter8_testkit::strategies::Edit;
///
#[doc = include_str!("../example_canary.txt")]
/// let edited = Edit::Swap(0, 1).apply(&document);
/// assert_eq!(edited.application.versions, [version("web:2"), version("web:1")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Edit {
    /// The first candidate becomes the primary: the primary leaves the list.
    Promote,
    /// One version changes.
    Version(usize, VersionEdit),
    /// Two versions change places.
    Swap(usize, usize),
    /// A version leaves the list.
    Remove(usize),
    /// A version is new in the list.
    Insert(usize, Box<Version>),
    /// Another strategy.
    Strategy(Routing),
    /// Another protocol.
    Protocol(Protocol),
    /// Other Gateways.
    Gateways(Vec<ParentRef>),
    /// Other hostnames.
    Hostnames(Vec<Hostname>),
    /// Another drain.
    DrainSeconds(u32),
    /// Other timeouts, filters or labels of the routes.
    Route(RouteOptions),
}

impl Edit {
    /// The document after the edit; it may not be a valid one.
    ///
    /// ```
    /// use iter8_core::{Application, Release, Version};
    /// use iter8_testkit::strategies::Edit;
    ///
    /// let version = |image: &str| Version { image: Some(image.into()), ..Version::default() };
    /// let versions = vec![version("web:1"), version("web:2")];
    /// let release = Release { application: Application { versions, ..Application::default() }, ..Release::default() };
    /// assert_eq!(Edit::Promote.apply(&release).application.versions, [version("web:2")]);
    /// ```
    #[must_use]
    pub fn apply(&self, release: &Release) -> Release {
        let mut edited = release.clone();
        let versions = &mut edited.application.versions;
        let count = versions.len().max(1);
        let at = |place: &usize| place.checked_rem(count).unwrap_or_default();
        match self {
            Self::Promote => remove(versions, 0),
            Self::Remove(place) => remove(versions, at(place)),
            Self::Insert(place, version) => {
                versions.insert(at(place).min(versions.len()), (**version).clone());
            }
            Self::Swap(one, other) => {
                if !versions.is_empty() {
                    versions.swap(at(one), at(other));
                }
            }
            Self::Strategy(strategy) => edited.application.strategy = Some(*strategy),
            Self::Protocol(protocol) => edited.application.protocol = Some(*protocol),
            Self::Gateways(gateways) => edited.gateways.clone_from(gateways),
            Self::Hostnames(hostnames) => edited.hostnames.clone_from(hostnames),
            Self::DrainSeconds(seconds) => edited.application.drain_seconds = Some(*seconds),
            Self::Route(options) => edited.application.route = options.clone(),
            Self::Version(place, edit) => {
                if let Some(version) = versions.get_mut(at(place)) {
                    edit.apply(version);
                }
            }
        }
        let strategy = edited.application.strategy.unwrap_or_default();
        fit_for(strategy, edited)
    }
}

/// A change of one version.
///
/// ```
/// use iter8_testkit::strategies::{Edit, VersionEdit};
///
#[doc = include_str!("../example_canary.txt")]
/// let edited = Edit::Version(1, VersionEdit::Image("web:3".into())).apply(&document);
/// assert_eq!(edited.application.versions, [version("web:1"), version("web:3")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VersionEdit {
    /// Another image.
    Image(String),
    /// Another number of Pods.
    Replicas(Option<u32>),
    /// Another label.
    Label(String),
    /// Other matches.
    Matches(Vec<RouteMatch>),
    /// Another weight.
    Weight(Weight),
    /// Another port.
    Port(Port),
    /// Everything but the name is declared anew.
    Redefine(Box<Version>),
    /// Another name, or none.
    Rename(Option<VersionName>),
}

impl VersionEdit {
    fn apply(&self, version: &mut Version) {
        match self {
            Self::Image(image) => version.image = Some(image.clone()),
            Self::Replicas(replicas) => version.replicas = *replicas,
            Self::Label(label) => {
                version.labels.insert("build".to_owned(), label.clone());
            }
            Self::Matches(matches) => version.matches.clone_from(matches),
            Self::Weight(weight) => version.weight = Some(*weight),
            Self::Port(port) => version.port = Declared::Value(*port),
            Self::Redefine(other) => *version = Version { name: version.name.clone(), ..(**other).clone() },
            Self::Rename(name) => version.name.clone_from(name),
        }
    }
}

/// A list has at least one version.
fn remove(versions: &mut Vec<Version>, place: usize) {
    if versions.len() > 1 {
        versions.remove(place);
    }
}

/// Edits of every kind; promotions are the most frequent.
///
/// ```
/// use iter8_testkit::strategies::{config, edits};
/// use proptest::test_runner::TestRunner;
///
#[doc = include_str!("../example_canary.txt")]
/// TestRunner::new(config()).run(&edits(), |edit| {
///     proptest::prop_assert!(!edit.apply(&document).application.versions.is_empty(), "one version stays");
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn edits() -> impl Strategy<Value = Edit> {
    let place = || 0..4_usize;
    let hostnames = ["example.org", "shop.example.org"].map(name::<Hostname>);
    let named = (versions(), select(&NAMES[..]), any::<bool>()).prop_map(|(version, own, is_named)| {
        Box::new(Version { name: is_named.then(|| name(own)), ..version })
    });
    let names = prop_oneof![1 => Just(None), 3 => select(&NAMES[..]).prop_map(|own| Some(name(own)))];
    let strategies = select(vec![Routing::None, Routing::Canary, Routing::BlueGreen, Routing::Mirror]);
    let of_version = prop_oneof![
        3 => (0..4_u32).prop_map(|image| VersionEdit::Image(format!("web:{image}"))),
        1 => proptest::option::of(1..=3_u32).prop_map(VersionEdit::Replicas),
        1 => (0..3_u8).prop_map(|label| VersionEdit::Label(label.to_string())),
        1 => matches_of_one().prop_map(VersionEdit::Matches),
        1 => select(vec![0, 1, 50]).prop_map(|weight| VersionEdit::Weight(number(weight))),
        1 => select(vec![80, 8080]).prop_map(|port| VersionEdit::Port(number(port))),
        1 => versions().prop_map(|version| VersionEdit::Redefine(Box::new(version))),
        1 => names.prop_map(VersionEdit::Rename),
    ];
    prop_oneof![
        4 => Just(Edit::Promote),
        8 => (place(), of_version).prop_map(|(at, edit)| Edit::Version(at, edit)),
        1 => (place(), place()).prop_map(|(one, other)| Edit::Swap(one, other)),
        2 => place().prop_map(Edit::Remove),
        3 => (place(), named).prop_map(|(at, version)| Edit::Insert(at, version)),
        1 => strategies.prop_map(Edit::Strategy),
        1 => select(vec![Protocol::Http, Protocol::Grpc]).prop_map(Edit::Protocol),
        1 => gateways().prop_map(Edit::Gateways),
        1 => subsequence(hostnames.to_vec(), 0..=2).prop_map(Edit::Hostnames),
        1 => (0..9_u32).prop_map(Edit::DrainSeconds),
        1 => route_options().prop_map(Edit::Route),
    ]
}
