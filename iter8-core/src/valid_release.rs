//! A release that can be planned: every default filled in, every rule of the declaration checked.

use alloc::string::String;
use alloc::vec::Vec;

use crate::capabilities::{Limits, Precedence};
use crate::digest::{Encode, Hasher};
use crate::filter::{RouteFilter, Timeouts};
use crate::name::{Hostname, Namespace, ObjectName, ServiceName, VersionName};
use crate::notice::Notice;
use crate::observation::{TargetPort, VersionDeclaration};
use crate::parent_ref::ParentRef;
use crate::plan::PlannedMirror;
use crate::precedence::{Arrangement, Claimant};
use crate::release::{Environment, Protocol, ReleaseKey, Specification, Strategy};
use crate::route_match::RouteMatch;
use crate::shared::{Labels, List, Text};
use crate::weight::{Percent, Port, Weight};
use crate::{Digest, Value};

/// A validated release; [`validate`](crate::validate) and [`declare`](crate::declare) make it.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// assert_eq!((release.application.as_str(), release.service_port.get(), release.drain_seconds), ("web", 80, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ValidRelease {
    /// Which Release this is.
    pub key: ReleaseKey,
    /// The name of the application: of its front Service and its route.
    pub application: ServiceName,
    /// What kind of workload the versions are.
    pub environment: Environment,
    /// How requests are spread.
    pub strategy: Strategy,
    /// The port of the front Service.
    pub service_port: Port,
    /// Seconds a version keeps its Pods after the route has left it.
    pub drain_seconds: u32,
    /// The Gateways that also get the routes.
    pub gateways: List<ParentRef>,
    /// The hostnames of the Gateways' route; without Gateways those that are declared all the same.
    pub hostnames: List<Hostname>,
    /// Labels of the front Service.
    pub labels: Labels,
    /// Annotations of the front Service.
    pub annotations: Labels,
    /// Labels of the routes, merged.
    pub route_labels: Labels,
    /// Annotations of the routes, merged.
    pub route_annotations: Labels,
    /// Timeouts of every rule.
    pub timeouts: Timeouts,
    /// Filters of every rule, mirrors to Services of the namespace apart.
    pub filters: List<RouteFilter>,
    /// Where every rule copies requests to, besides what the strategy copies.
    pub mirrors: List<PlannedMirror>,
    /// What has no effect.
    pub warnings: Vec<Notice>,
    /// What a person should know besides.
    pub notices: Vec<Notice>,
    /// What the requests are.
    pub protocol: Protocol,
    /// The `appProtocol` that ports of Services need, by the capabilities the release was validated for.
    pub app_protocols: AppProtocols,
    /// How much fits into a route, by the capabilities it was validated for.
    pub limits: Limits,
    /// The protocols whose routes can copy requests, by the same capabilities.
    pub copying: List<Protocol>,
    /// Whether the default rule has a match.
    pub(crate) has_default_match: bool,
    /// How the mesh chooses among rules, by the same capabilities.
    pub(crate) precedence: Precedence,
    // INVARIANT: not empty; the first is the primary.
    pub(crate) primary: ValidVersion,
    pub(crate) candidates: Vec<ValidVersion>,
    // Of the candidates, as `precedence` has it.
    pub(crate) arrangement: Arrangement,
}

impl ValidRelease {
    /// The version that gets every request no candidate gets.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(release.primary().image.as_deref(), Some("web:1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn primary(&self) -> &ValidVersion {
        &self.primary
    }

    /// The other versions, in the order of the document.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(release.candidates().len(), 1);
    /// assert_eq!(release.candidates()[0].matches[0].to_string(), "header traffic=test");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn candidates(&self) -> &[ValidVersion] {
        &self.candidates
    }

    /// How the mesh chooses among rules, by the capabilities that the release was validated for.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(release.precedence(), iter8_core::Precedence::Specification);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn precedence(&self) -> Precedence {
        self.precedence
    }

    /// Works out the order of the candidates' rules.
    pub(crate) fn arranged(mut self) -> Self {
        if self.strategy == Strategy::Canary {
            self.arrangement = Arrangement::new(&self.claimants(), self.precedence);
        }
        self
    }

    /// The candidates as they claim their rules.
    pub(crate) fn claimants(&self) -> Vec<Claimant<'_>> {
        let claimants = self.candidates.iter();
        claimants
            .map(|candidate| Claimant { version: &candidate.name, matches: &candidate.matches })
            .collect()
    }

    /// All versions, the primary first.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(release.versions().map(|version| version.name.as_str()).collect::<Vec<_>>(), ["web-0", "web-1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn versions(&self) -> impl Iterator<Item = &ValidVersion> {
        core::iter::once(&self.primary).chain(&self.candidates)
    }

    /// The version of this name.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let candidate = release.version(&"web-1".parse()?).ok_or("none")?;
    /// assert_eq!(candidate.service.as_str(), "web-1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn version(&self, name: &VersionName) -> Option<&ValidVersion> {
        self.versions().find(|version| version.name == *name)
    }

    /// Whether requests reach the versions through a front Service.
    pub(crate) fn has_front(&self) -> bool {
        match self.environment {
            Environment::DeploymentGtw => true,
            Environment::Deployment => false,
        }
    }

    /// The namespace of the release and of everything it owns.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(release.namespace().as_str(), "test");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.key.namespace
    }
}

/// The `appProtocol` that the port of a Service needs for requests of each protocol.
///
/// ```
/// use iter8_core::AppProtocols;
///
#[doc = include_str!("example_release.txt")]
/// assert_eq!(release.app_protocols, AppProtocols { http: None, grpc: Some("kubernetes.io/h2c".into()) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppProtocols {
    /// For HTTP requests.
    pub http: Option<Text>,
    /// For gRPC requests.
    pub grpc: Option<Text>,
}

impl AppProtocols {
    /// That of this protocol.
    ///
    /// ```
    /// use iter8_core::{AppProtocols, Protocol};
    ///
    /// let protocols = AppProtocols { http: None, grpc: Some("grpc".into()) };
    /// assert_eq!(protocols.of(Protocol::Grpc).map(|name| name.as_str()), Some("grpc"));
    /// ```
    #[must_use]
    pub const fn of(&self, protocol: Protocol) -> Option<&Text> {
        match protocol {
            Protocol::Http => self.http.as_ref(),
            Protocol::Grpc => self.grpc.as_ref(),
        }
    }
}

/// A validated version.
///
/// ```
#[doc = include_str!("example_release.txt")]
/// let primary = release.primary();
/// assert_eq!((primary.name.as_str(), primary.port.get(), primary.weight.get()), ("web-0", 80, 50));
/// assert_eq!(primary.selector.get("app").map(String::as_str), Some("web-0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ValidVersion {
    /// The name of the version, of its Pods' label `app` and of the generated container.
    pub name: VersionName,
    /// The name of its Service.
    pub service: ServiceName,
    /// The name of its Deployment.
    pub deployment: ObjectName,
    /// The port of its Service that the route names.
    pub port: Port,
    /// The port of the generated container and Service.
    pub container_port: Port,
    /// Where the routed port leads to in the Pods.
    pub target_port: TargetPort,
    /// The `appProtocol` of the routed port.
    pub app_protocol: Option<Text>,
    /// The labels by which its Service selects Pods.
    pub selector: Labels,
    /// Weight under blue-green.
    pub weight: Weight,
    /// Share of requests copied under mirror.
    pub mirror_percent: Percent,
    /// Requests it takes as a canary candidate: any of these.
    pub matches: List<RouteMatch>,
    /// Image of the generated container; `None` only where there is a Deployment of the user's own.
    pub image: Option<String>,
    /// Number of Pods, where declared.
    pub replicas: Option<u32>,
    /// Readiness probe of the generated container.
    pub readiness_probe: Option<Value>,
    /// Resources of the generated container.
    pub resources: Option<Value>,
    /// Environment variables of the generated container.
    pub env: Option<Value>,
    /// Labels of the Deployment, merged.
    pub deployment_labels: Labels,
    /// Annotations of the Deployment, merged.
    pub deployment_annotations: Labels,
    /// Labels of the Service, merged.
    pub service_labels: Labels,
    /// Annotations of the Service, merged.
    pub service_annotations: Labels,
    /// The user's own Deployment.
    pub deployment_specification: Option<Specification>,
    /// The user's own Service.
    pub service_specification: Option<Specification>,
    pub(crate) deployment_digest: Digest,
    pub(crate) service_digest: Digest,
}

impl ValidVersion {
    /// The digest of what is declared of the Deployment.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let [primary, candidate] = [release.primary(), &release.candidates()[0]];
    /// assert_ne!(primary.deployment_digest(), candidate.deployment_digest(), "they have different images");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn deployment_digest(&self) -> &Digest {
        &self.deployment_digest
    }

    /// The digest of what is declared of the Service, routing included.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let primary = release.primary();
    /// assert_ne!(primary.service_digest(), primary.deployment_digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn service_digest(&self) -> &Digest {
        &self.service_digest
    }

    /// What must be known of the version after it has left the document.
    ///
    /// ```
    #[doc = include_str!("example_release.txt")]
    /// let candidate = &release.candidates()[0];
    /// assert_eq!(candidate.declaration().matches, candidate.matches, "it keeps its requests until it is replaced");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn declaration(&self) -> VersionDeclaration {
        VersionDeclaration {
            deployment: self.deployment.clone(),
            port: self.port,
            target_port: self.target_port.clone(),
            selector: self.selector.clone(),
            weight: self.weight,
            mirror_percent: self.mirror_percent,
            matches: self.matches.clone(),
        }
    }

    /// Computes the digests from everything else.
    pub(crate) fn with_digests(mut self) -> Self {
        self.deployment_digest = Digest::encoding(&DeclaredDeployment(&self));
        self.service_digest = Digest::encoding(&DeclaredService(&self));
        self
    }
}

/// What is declared of a version's Deployment.
struct DeclaredDeployment<'a>(&'a ValidVersion);

impl Encode for DeclaredDeployment<'_> {
    fn encode(&self, hash: &mut Hasher) {
        let version = self.0;
        let replicas = version.replicas.map(i128::from);
        let name = version.deployment.as_str();
        let (labels, annotations) = (&version.deployment_labels, &version.deployment_annotations);
        if let Some(own) = &version.deployment_specification {
            return hash.map(&[
                ("annotations", annotations),
                ("labels", labels),
                ("metadata", &own.metadata),
                ("name", &name),
                ("replicas", &replicas),
                ("spec", &own.spec),
            ]);
        }
        hash.map(&[
            ("annotations", annotations),
            ("env", &version.env),
            ("image", &version.image.as_deref().unwrap_or_default()),
            ("labels", labels),
            ("name", &name),
            ("port", &i128::from(version.container_port.get())),
            ("readinessProbe", &version.readiness_probe),
            ("replicas", &replicas),
            ("resources", &version.resources),
            ("version", &version.name.as_str()),
        ]);
    }
}

/// What is declared of a version's Service, routing included.
struct DeclaredService<'a>(&'a ValidVersion);

impl Encode for DeclaredService<'_> {
    fn encode(&self, hash: &mut Hasher) {
        let version = self.0;
        let weight = i128::from(version.weight.get());
        let target_port = version.target_port.to_value();
        let (annotations, labels) = (&version.service_annotations, &version.service_labels);
        let (name, deployment) = (version.service.as_str(), version.deployment.as_str());
        let (port, mirror_percent) =
            (i128::from(version.port.get()), i128::from(version.mirror_percent.get()));
        let own = version.service_specification.as_ref();
        let mut fields: Vec<(&str, &dyn Encode)> = Vec::with_capacity(12);
        let app_protocol = version.app_protocol.as_deref().filter(|_| own.is_none());
        fields.push(("annotations", annotations));
        fields.extend(app_protocol.as_ref().map(|text| ("appProtocol", text as &dyn Encode)));
        fields.extend([
            ("deployment", &deployment as &dyn Encode),
            ("labels", labels),
            ("matches", &version.matches),
        ]);
        fields.extend(own.map(|own| ("metadata", &own.metadata as &dyn Encode)));
        fields.extend([
            ("mirrorPercent", &mirror_percent as &dyn Encode),
            ("name", &name),
            ("port", &port),
            ("selector", &version.selector),
        ]);
        fields.extend(own.map(|own| ("spec", &own.spec as &dyn Encode)));
        fields.extend([("targetPort", &target_port as &dyn Encode), ("weight", &weight)]);
        hash.map(&fields);
    }
}
