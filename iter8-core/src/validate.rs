//! [`Release`] → [`ValidRelease`]: fills in defaults and finds everything that is wrong.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::mem::take;

mod carried;
mod expression;
mod gateways;
mod limits;
mod matches;
mod mesh;
mod metadata;
mod readiness_probe;
mod route;
mod specification;
mod version;

use mesh::Mesh;

use crate::capabilities::Capabilities;
use crate::field_path::Path;
use crate::filter::FilterType;
use crate::name::{Hostname, Namespace, ServiceName};
use crate::notice::Notice;
use crate::parent_ref::ParentRef;
use crate::plan::PlannedMirror;
use crate::precedence::Arrangement;
use crate::release::{Environment, Release, ReleaseKey, RouteOptions, Strategy, Version};
use crate::shared::List;
use crate::valid_release::{ValidRelease, ValidVersion};
use crate::violation::{ENOUGH, InvalidReleaseError, Violation};
use crate::weight::Port;
use crate::{Document, FieldPath};

/// Seconds a removed version keeps its Pods after the route has left it, unless declared otherwise.
const DEFAULT_DRAIN_SECONDS: u32 = 5;

/// The longest drain that can be declared: a day.
const LONGEST_DRAIN_SECONDS: u32 = 86_400;

/// Reads and validates a document for a routing backend: [`Release::from_document`], then [`validate`].
///
/// # Errors
/// Everything that is wrong with the document at once, each with its field path, the value found,
/// what to write instead and, if the document came from a text, line and column.
///
/// ```
/// use iter8_core::{Capabilities, Document, ReleaseKey, declare};
///
/// let document = Document::from_yaml("environment: deployment-gtw\napplication:\n  stratgy: canary\n")?;
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let error = declare(&key, &document, &Capabilities::specification()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "2:1: application.versions: at least one version is required; write a list with the primary first\n\
///      3:3: application.stratgy: unknown field `stratgy`; did you mean `strategy`?"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn declare(
    key: &ReleaseKey,
    document: &Document,
    capabilities: &Capabilities,
) -> Result<ValidRelease, InvalidReleaseError> {
    let (release, mut violations) = Release::read(document);
    let has_enough = violations.len() >= ENOUGH;
    let (valid, mut found) = if has_enough { (None, Vec::new()) } else { check(key, release, capabilities) };
    if !violations.is_empty() {
        let unread: BTreeSet<_> = violations.iter().map(|violation| &violation.path).collect();
        found.retain(|violation| violation.is_news(&unread));
    }
    violations.extend(found);
    document.locate(&mut violations);
    violations.sort_by_key(|violation| violation.position);
    if violations.len() >= ENOUGH {
        violations.truncate(ENOUGH);
        violations.push(Violation::new(
            FieldPath::root(),
            "whatever else there is is not looked at while so much is wrong",
        ));
    }
    finish(valid, violations)
}

/// Validates a release for a routing backend with these capabilities.
///
/// # Errors
/// Everything that is wrong with the release at once.
///
/// ```
/// use iter8_core::{Application, Capabilities, Environment, Release, ReleaseKey, Strategy, validate};
///
/// let release = Release {
///     environment: Some(Environment::DeploymentGtw),
///     application: Application { strategy: Some(Strategy::Canary), ..Application::default() },
///     ..Release::default()
/// };
/// let key = ReleaseKey { name: "web".parse()?, namespace: "test".parse()? };
/// let error = validate(&key, &release, &Capabilities::specification()).unwrap_err();
/// assert_eq!(error.violations()[0].path.to_string(), "application.versions");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn validate(
    key: &ReleaseKey,
    release: &Release,
    capabilities: &Capabilities,
) -> Result<ValidRelease, InvalidReleaseError> {
    let (valid, violations) = check(key, release.clone(), capabilities);
    finish(valid, violations)
}

fn finish(
    valid: Option<ValidRelease>,
    violations: Vec<Violation>,
) -> Result<ValidRelease, InvalidReleaseError> {
    let unfinished = || Violation::new(FieldPath::root(), "cannot be planned");
    match (InvalidReleaseError::from_violations(violations), valid) {
        // What is not valid may have far more matches than can be compared with one another.
        (None, Some(valid)) => Ok(valid.arranged()),
        (Some(error), _) => Err(error),
        (None, None) => Err(InvalidReleaseError::of(unfinished())),
    }
}

/// The release where it can be built at all, and what is wrong with it.
fn check(
    key: &ReleaseKey,
    mut release: Release,
    capabilities: &Capabilities,
) -> (Option<ValidRelease>, Vec<Violation>) {
    let mut violations = Vec::new();
    let path = &Path::APPLICATION;
    let environment = required_environment(&release, &mut violations);
    let application = &release.application;
    let mesh = Mesh::new(capabilities, application.protocol.unwrap_or_default());
    let strategy = strategy(&release, environment, mesh, path, &mut violations);

    let metadata_path = path.field("metadata");
    own_namespace(application.namespace.as_ref(), key, &metadata_path, &mut violations);
    metadata::check_labels(&application.labels, &metadata_path, &mut violations);
    metadata::check_annotations(&application.annotations, &metadata_path, &mut violations);
    let (filters, mirrors) = route::check(application, &key.namespace, mesh, &mut violations);
    gateways::check(&release.gateways, &key.namespace, &mut violations);
    let mut notices = mesh::check(&release, strategy, mesh, &mut violations);
    if let Some(seconds) = application.drain_seconds.filter(|seconds| *seconds > LONGEST_DRAIN_SECONDS) {
        let message = format!("must be at most {LONGEST_DRAIN_SECONDS} seconds (a day)");
        violations.push(Violation::new(path.field("drainSeconds"), message).value(&seconds));
    }

    let Some(name) = application_name(key, &release, &metadata_path, &mut violations) else {
        return (None, violations);
    };
    if application.versions.is_empty() {
        let violation = Violation::new(path.field("versions"), "at least one version is required");
        violations.push(violation.of_absence().hint("write a list with the primary first"));
    }
    limits::check(strategy, application, &release.hostnames, mesh, &mut violations);
    let has_front = environment == Environment::DeploymentGtw;
    let warnings = warnings(&release, strategy, has_front);
    let application = &mut release.application;
    let versions = take(&mut application.versions);
    let (labels, annotations) =
        (take(&mut application.labels).into(), take(&mut application.annotations).into());
    let context = version::Context {
        key,
        application: &name,
        port: application.port,
        labels: &labels,
        annotations: &annotations,
        has_front,
        strategy,
        mesh,
    };
    let versions: Vec<_> = versions
        .into_iter()
        .enumerate()
        .filter_map(|(index, declared)| version::version(&context, index, declared, &mut violations))
        .collect();
    unique_names(&context, &versions, &mut violations);
    foreign_mirrors(&context, &versions, &mirrors, &mut violations);

    notices.extend(
        versions.iter().enumerate().flat_map(|(index, version)| version_notices(mesh, index, version)),
    );

    if strategy == Strategy::Canary {
        notices.extend(mesh::left_open_to_default(mesh, &release.gateways, &versions));
    }

    let mut versions = versions.into_iter();
    let Some(primary) = versions.next() else { return (None, violations) };
    let RouteOptions { labels: route_labels, annotations: route_annotations, timeouts, .. } =
        take(&mut release.application.route);
    let valid = ValidRelease {
        key: key.clone(),
        environment,
        strategy,
        service_port: release.application.service_port.unwrap_or(Port::HTTP),
        drain_seconds: release.application.drain_seconds.unwrap_or(DEFAULT_DRAIN_SECONDS),
        hostnames: hostnames(&name, key, release.hostnames, &release.gateways),
        gateways: release.gateways.into(),
        route_labels: labels.with(route_labels),
        route_annotations: annotations.with(route_annotations),
        labels,
        annotations,
        timeouts,
        filters: filters.into(),
        mirrors: mirrors.into_iter().map(|(_, mirror)| mirror).collect(),
        warnings,
        notices,
        protocol: mesh.protocol,
        app_protocols: mesh.app_protocols(),
        limits: capabilities.limits,
        copying: mesh.copying(),
        has_default_match: mesh.has_default_match(),
        precedence: mesh.routes.precedence,
        application: name,
        primary,
        candidates: versions.collect(),
        arrangement: Arrangement::default(),
    };
    (Some(valid), violations)
}

fn warnings(release: &Release, strategy: Strategy, has_front: bool) -> Vec<Notice> {
    let mut warnings = release.warnings.clone();
    let application = &release.application;
    let is_routed = strategy != Strategy::None;
    let has_gateways = !release.gateways.is_empty();
    let is_at_gateways = is_routed && has_gateways;
    let is_for_mirrors = strategy == Strategy::Mirror;
    let has_percent = |version: &Version| version.mirror_percent.is_some();
    let has_matches = |version: &Version| !version.matches.is_empty();
    let is_weighed = matches!(strategy, Strategy::BlueGreen | Strategy::Mirror);
    let is_matched = matches!(strategy, Strategy::Canary | Strategy::Mirror);
    let (primary, candidates) = application.versions.split_at(application.versions.len().min(1));
    for (has_no_effect, field) in [
        (!is_routed && application.route != RouteOptions::default(), "application.route"),
        (!is_routed && has_gateways, "gateway"),
        (!is_at_gateways && !release.hostnames.is_empty(), "hostnames"),
        (!has_front && application.service_port.is_some(), "application.servicePort"),
        (primary.iter().any(has_percent), "application.versions[0].mirrorPercent"),
        (!is_for_mirrors && candidates.iter().any(has_percent), "application.versions[].mirrorPercent"),
        (is_routed && primary.iter().any(has_matches), "application.versions[0].matches"),
        (!is_matched && candidates.iter().any(has_matches), "application.versions[].matches"),
        (
            !is_weighed && application.versions.iter().any(|version| version.weight.is_some()),
            "application.versions[].weight",
        ),
    ] {
        if has_no_effect {
            warnings.push(Notice::NoEffect { field });
        }
    }
    warnings
}

/// What a person should know of a version.
fn version_notices(mesh: Mesh<'_>, index: usize, version: &ValidVersion) -> Vec<Notice> {
    let mut notices = Vec::new();
    if !readiness_probe::is_declared(version) {
        notices.push(Notice::NoReadinessProbe { version: version.name.clone() });
    }
    if let Some(wanted) = mesh.routes.app_protocol
        && version.app_protocol.as_deref() != Some(wanted)
    {
        let path = version::path(index);
        let path = path.field("serviceSpecification");
        let path = path.field("spec");
        let path = path.field("ports").into();
        notices.push(Notice::OtherAppProtocol { mesh: mesh.name(), path, wanted });
    }
    notices
}

fn required_environment(release: &Release, violations: &mut Vec<Violation>) -> Environment {
    if release.environment.is_none() {
        let violation = Violation::new(FieldPath::root().field("environment"), "is required");
        violations.push(
            violation.hint("write `deployment-gtw` (Deployments with routing) or `deployment` (without)"),
        );
    }
    release.environment.unwrap_or_default()
}

fn strategy(
    release: &Release,
    environment: Environment,
    mesh: Mesh<'_>,
    path: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Strategy {
    let strategy = release.application.strategy.unwrap_or_default();
    let path = path.field("strategy");
    match (environment, strategy) {
        (Environment::Deployment, Strategy::Canary | Strategy::BlueGreen | Strategy::Mirror) => violations
            .push(
                Violation::new(path, "needs routing, which environment `deployment` does not have")
                    .value(&strategy)
                    .hint("write `environment: deployment-gtw` or `strategy: none`"),
            ),
        (Environment::DeploymentGtw, Strategy::Mirror) if !mesh.routes.has(FilterType::RequestMirror) => {
            let message = format!("strategy `mirror` needs RequestMirror, which {}", mesh.lacks());
            violations.push(Violation::new(path, message).hint("write `none`, `canary` or `blue-green`"));
        }
        (Environment::DeploymentGtw | Environment::Deployment, _) => {}
    }
    strategy
}

/// A Release touches its own namespace only: a namespaced object must not give its author rights elsewhere.
fn own_namespace(
    declared: Option<&Namespace>,
    key: &ReleaseKey,
    metadata: &Path<'_>,
    violations: &mut Vec<Violation>,
) {
    if let Some(namespace) = declared
        && *namespace != key.namespace
    {
        violations.push(
            Violation::new(metadata.field("namespace"), "is not the namespace of the release")
                .value(namespace)
                .hint(format!(
                    "a release owns objects in its own namespace only: write `{}` or nothing",
                    key.namespace
                )),
        );
    }
}

fn application_name(
    key: &ReleaseKey,
    release: &Release,
    metadata: &Path<'_>,
    violations: &mut Vec<Violation>,
) -> Option<ServiceName> {
    if let Some(name) = &release.application.name {
        return Some(name.clone());
    }
    match key.name.as_str().parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("the release's name, which names the front Service, {error}");
            let hint = "give the application a name of its own";
            violations.push(Violation::new(metadata.field("name"), message).value(&key.name).hint(hint));
            None
        }
    }
}

/// The hostnames of the Gateways' route: the user's, else those of the front Service.
fn hostnames(
    application: &ServiceName,
    key: &ReleaseKey,
    declared: Vec<Hostname>,
    gateways: &[ParentRef],
) -> List<Hostname> {
    if !declared.is_empty() || gateways.is_empty() {
        return declared.into();
    }
    let namespace = &key.namespace;
    [
        format!("{application}"),
        format!("{application}.{namespace}"),
        format!("{application}.{namespace}.svc"),
        format!("{application}.{namespace}.svc.cluster.local"),
    ]
    .into_iter()
    .filter_map(|name| name.try_into().ok())
    .collect()
}

/// What a version gets is the strategy's to say.
fn foreign_mirrors(
    context: &version::Context<'_>,
    versions: &[ValidVersion],
    mirrors: &[(usize, PlannedMirror)],
    violations: &mut Vec<Violation>,
) {
    for (index, mirror) in mirrors {
        let is_own = versions.iter().any(|version| version.service == mirror.service);
        if is_own || mirror.service == *context.application {
            let path = FieldPath::from(&Path::ROUTE).field("filters").index(*index);
            let path = path.field("requestMirror").field("backendRef").field("name");
            let violation = Violation::new(path, "is a Service of this release").value(&mirror.service);
            violations
                .push(violation.hint("choose strategy `mirror`, which copies requests to the candidates"));
        }
    }
}

fn unique_names(context: &version::Context<'_>, versions: &[ValidVersion], violations: &mut Vec<Violation>) {
    let (mut names, mut services, mut deployments) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (index, version) in versions.iter().enumerate() {
        let path = version::path(index);
        if !names.insert(version.name.as_str()) {
            let violation = Violation::new(path.field("metadata").field("name"), "duplicate version name");
            violations.push(violation.value(&version.name).hint("give every version a name of its own"));
            continue; // its objects have the same names for the same reason
        }
        let reserved = context.application.as_str();
        let is_reserved = [version.name.as_str(), version.service.as_str()].contains(&reserved);
        if context.has_front && is_reserved {
            let own = version.service_specification.as_ref();
            let own = own.filter(|_| version.service.as_str() == reserved);
            let path = version::service_name_path(&path, own);
            let violation = Violation::new(path, "is reserved for the front Service of the application");
            violations.push(violation.value(reserved).hint("choose another name"));
        }
        if !services.insert(version.service.as_str()) {
            let path = FieldPath::from(path).field("serviceSpecification").field("metadata").field("name");
            let violation = Violation::new(path, "duplicate Service name").value(&version.service);
            violations.push(violation.hint("give every Service a name of its own"));
        }
        if !deployments.insert(version.deployment.as_str()) {
            let path = FieldPath::from(path).field("deploymentSpecification").field("metadata").field("name");
            let violation = Violation::new(path, "duplicate Deployment name").value(&version.deployment);
            violations.push(violation.hint("give every Deployment a name of its own"));
        }
    }
}
