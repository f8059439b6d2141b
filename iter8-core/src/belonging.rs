//! Which version an object belongs to.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use crate::name::VersionName;
use crate::observation::{
    DeploymentObservation, EndpointsObservation, Rollout, ServiceObservation, VersionObservation,
};
use crate::valid_release::ValidRelease;

/// Which version each Service and Deployment of a release belongs to.
///
/// That is the version whose label it carries, unless that version gives its object another name by now (in
/// `serviceSpecification` or `deploymentSpecification`). Then the object is what is left of a version that has been
/// removed: it serves until the version is ready under its new names, is drained, and goes. That version is called like
/// the Service that is left. A Deployment without such a Service, or whose Pods the Service in its place selects as
/// well, is one for itself.
///
/// ```
/// use iter8_core::{Belonging, VersionObservation};
///
#[doc = include_str!("example_release.txt")]
/// let web_0 = "web-0".parse()?;
/// let mut service = VersionObservation::ready(release.primary()).service.ok_or("none")?;
/// service.name = "old".parse()?;
/// service.declaration = None;
/// let belonging = Belonging::new(&release, [(&web_0, &service)], [(&web_0, "web-0"), (&web_0, "older")]);
/// assert_eq!(belonging.of_service(&web_0, "web-0").as_str(), "web-0");
/// assert_eq!(belonging.of_service(&web_0, "old").as_str(), "old");
/// assert_eq!(belonging.of_deployment(&web_0, "older").as_str(), "old");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belonging {
    /// The versions that Services are left of, by label and name.
    services: BTreeMap<(VersionName, String), VersionName>,
    deployments: BTreeMap<(VersionName, String), VersionName>,
}

impl Belonging {
    /// Of these Services and Deployments, each with the version in its label.
    ///
    /// ```
    /// use iter8_core::Belonging;
    ///
    #[doc = include_str!("example_release.txt")]
    /// assert_eq!(Belonging::new(&release, [], []), Belonging::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new<'a>(
        release: &ValidRelease,
        services: impl IntoIterator<Item = (&'a VersionName, &'a ServiceObservation)>,
        deployments: impl IntoIterator<Item = (&'a VersionName, &'a str)>,
    ) -> Self {
        // A name that a version of the document has cannot be that of another one.
        let own = |name: &str| name.parse().ok().filter(|own| release.version(own).is_none());
        let mut belonging = Self::default();
        let mut with_pods = BTreeMap::new();
        for (label, service) in services {
            let Some(version) = release.version(label).filter(|version| version.service != service.name)
            else {
                continue;
            };
            let Some(own) = own(service.name.as_str()) else { continue };
            let selector = service.declaration.as_ref().map(|declaration| &declaration.selector);
            if selector != Some(&version.selector) {
                with_pods.entry(label).or_insert_with(|| own.clone());
            }
            belonging.services.insert((label.clone(), service.name.to_string()), own);
        }
        for (label, name) in deployments {
            let is_left = release.version(label).is_some_and(|version| version.deployment.as_str() != name);
            let own = with_pods.get(label).cloned().or_else(|| own(name));
            if let Some(own) = own.filter(|_| is_left) {
                belonging.deployments.insert((label.clone(), name.to_owned()), own);
            }
        }
        belonging
    }

    /// The version that a Service of this name belongs to which carries this label.
    ///
    /// ```
    /// use iter8_core::Belonging;
    ///
    /// let web_0 = "web-0".parse()?;
    /// assert_eq!(*Belonging::default().of_service(&web_0, "web-0"), web_0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of_service<'a>(&'a self, label: &'a VersionName, name: &str) -> &'a VersionName {
        self.services.get(&(label.clone(), name.to_owned())).unwrap_or(label)
    }

    /// The version that a Deployment of this name belongs to which carries this label.
    ///
    /// ```
    /// use iter8_core::Belonging;
    ///
    /// let web_0 = "web-0".parse()?;
    /// assert_eq!(*Belonging::default().of_deployment(&web_0, "web-0"), web_0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of_deployment<'a>(&'a self, label: &'a VersionName, name: &str) -> &'a VersionName {
        self.deployments.get(&(label.clone(), name.to_owned())).unwrap_or(label)
    }

    /// The versions as these Services, with their endpoints and the rollout that those name, and Deployments show them.
    ///
    /// ```
    /// use iter8_core::Belonging;
    ///
    /// assert!(Belonging::default().versions([], []).is_empty());
    /// ```
    pub fn versions(
        &self,
        services: impl IntoIterator<
            Item = (VersionName, ServiceObservation, EndpointsObservation, Option<Rollout>),
        >,
        deployments: impl IntoIterator<Item = (VersionName, DeploymentObservation)>,
    ) -> BTreeMap<VersionName, VersionObservation> {
        let mut versions: BTreeMap<VersionName, VersionObservation> = BTreeMap::new();
        for (label, service, endpoints, rollout) in services {
            let version = versions.entry(self.of_service(&label, service.name.as_str()).clone()).or_default();
            if version.service.is_none() {
                *version = VersionObservation {
                    service: Some(service),
                    endpoints,
                    endpoints_rollout: rollout,
                    deployment: version.deployment.take(),
                };
            }
        }
        for (label, deployment) in deployments {
            let name = self.of_deployment(&label, deployment.name.as_str()).clone();
            versions.entry(name).or_default().deployment.get_or_insert(deployment);
        }
        self.share(&mut versions);
        versions
    }

    /// The versions that are left of another one, and of which.
    ///
    /// ```
    /// use iter8_core::Belonging;
    ///
    /// assert!(Belonging::default().left_of().is_empty());
    /// ```
    #[must_use]
    pub fn left_of(&self) -> BTreeMap<VersionName, VersionName> {
        let all = self.services.iter().chain(&self.deployments);
        all.map(|((label, _), left)| (left.clone(), label.clone())).collect()
    }

    /// Where only one of the two objects has another name, the other one stands for both.
    fn share(&self, versions: &mut BTreeMap<VersionName, VersionObservation>) {
        for ((label, _), left) in self.deployments.iter().chain(&self.services) {
            let deployment = versions.get(label).and_then(|version| version.deployment.clone());
            let Some(left_over) = versions.get_mut(left) else { continue };
            match (deployment, &left_over.service) {
                // The Pods are those of the version itself.
                (Some(deployment), Some(_)) => {
                    left_over.deployment.get_or_insert(deployment);
                }
                // Until the new Deployment is there, the old one is what serves.
                (None, None) => {
                    let deployment = left_over.deployment.take();
                    versions.remove(left);
                    versions.entry(label.clone()).or_default().deployment = deployment;
                }
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
    }
}
