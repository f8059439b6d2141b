//! Writing to the cluster: the asynchronous seam.

mod managers;

use std::fmt;

use async_trait::async_trait;
use iter8_core::ObjectKind;
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, TestOperation};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::error::Error;
use crate::labels::MANAGER;
use crate::resource::{ReleaseStatus, WatchedRelease};
use managers::is_ours;

/// Which object.
///
/// ```
/// use iter8_kube::{Target, workload::SERVICE};
///
/// let target = Target { kind: SERVICE, namespace: "test".into(), name: "web".into() };
/// assert_eq!(target.to_string(), "Service test/web");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.kind, self.namespace, self.name)
    }
}

/// The outcome of a create.
///
/// ```
/// use iter8_kube::{Applier, Created, ServerSideApplier, Target, workload::SERVICE};
/// use iter8_testkit::apiserver::ApiServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let applier = ServerSideApplier::new(ApiServer::new().client());
/// let target = Target { kind: SERVICE, namespace: "default".into(), name: "web".into() };
/// let service = serde_json::from_value(serde_json::json!({
///     "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]},
/// }))?;
/// assert!(matches!(applier.create(&target, &service).await?, Created::New(_)));
/// assert!(matches!(applier.create(&target, &service).await?, Created::Existed(_)), "and is left alone");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum Created {
    /// The object is there, as it was created.
    New(Box<DynamicObject>),
    /// An object of this name was there before, and is as it was.
    Existed(Box<DynamicObject>),
}

/// Whatever writes the objects of a release.
///
/// An applier of your own can record or refuse what would be written:
///
/// ```
/// use async_trait::async_trait;
/// use iter8_kube::{Applier, Created, Error, ReleaseStatus, Target};
/// use kube::api::DynamicObject;
///
/// /// Writes nothing.
/// struct DryRun;
///
/// #[async_trait]
/// impl Applier for DryRun {
///     async fn create(&self, target: &Target, object: &DynamicObject) -> Result<Created, Error> {
///         println!("create {target}");
///         Ok(Created::New(Box::new(object.clone())))
///     }
///
///     async fn apply(
///         &self,
///         target: &Target,
///         object: &DynamicObject,
///         _: &DynamicObject,
///     ) -> Result<DynamicObject, Error> {
///         println!("apply {target}");
///         Ok(object.clone())
///     }
///
///     async fn annotate(
///         &self,
///         _: &Target,
///         live: &DynamicObject,
///         _: &str,
///         _: Option<&str>,
///     ) -> Result<DynamicObject, Error> {
///         Ok(live.clone())
///     }
///
///     async fn delete(&self, target: &Target, _: &DynamicObject) -> Result<(), Error> {
///         println!("delete {target}");
///         Ok(())
///     }
///
///     async fn report(&self, _: &str, _: &str, _: &str, _: &ReleaseStatus) -> Result<Option<String>, Error> {
///         Ok(None)
///     }
/// }
///
/// use iter8_kube::{Options, Scope};
/// let options = Options::new(Scope::Cluster).applier(std::sync::Arc::new(DryRun));
/// assert!(options.applier.is_some());
/// ```
#[async_trait]
pub trait Applier: Send + Sync {
    /// Creates an object; one that exists is left alone.
    ///
    /// # Errors
    /// The API server refuses the object or cannot be reached.
    async fn create(&self, target: &Target, object: &DynamicObject) -> Result<Created, Error>;

    /// Makes the fields that `object` names be as they are there, and takes away those that an earlier
    /// apply named and this one does not. `live` is the object that was looked at: no other that has taken its name
    /// since is touched, and where `object` has a resourceVersion, none that has changed since. Of its managedFields it
    /// is known who wrote, and not which fields.
    ///
    /// # Errors
    /// The API server refuses the object or cannot be reached.
    async fn apply(
        &self,
        target: &Target,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> Result<DynamicObject, Error>;

    /// Sets an annotation of an object that was looked at, or takes it away; no other that has taken its name since is
    /// touched.
    ///
    /// # Errors
    /// The object is gone, or the API server cannot be reached.
    async fn annotate(
        &self,
        target: &Target,
        live: &DynamicObject,
        key: &str,
        value: Option<&str>,
    ) -> Result<DynamicObject, Error>;

    /// Deletes an object that has not changed since it was looked at; one that is gone counts as deleted, even if
    /// another one has taken its name.
    ///
    /// # Errors
    /// The object has changed, or the API server refuses, or cannot be reached.
    async fn delete(&self, target: &Target, live: &DynamicObject) -> Result<(), Error>;

    /// Whether the Release of this uid is there, and is of this generation if one is given, for all that the API server
    /// knows; whoever does not ask it says so.
    ///
    /// # Errors
    /// The API server cannot be reached.
    async fn is_current(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        generation: Option<i64>,
    ) -> Result<bool, Error> {
        let _ = (namespace, name, uid, generation);
        Ok(true)
    }

    /// Writes the status of the Release of this uid, and of no other that has taken its name since; the resourceVersion
    /// to which that has led, if it is known.
    ///
    /// # Errors
    /// [`Error::ReleaseGone`], or the API server cannot be reached.
    async fn report(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        status: &ReleaseStatus,
    ) -> Result<Option<String>, Error>;
}

/// The kind in the terms of kube.
pub(crate) fn api_resource(kind: &ObjectKind) -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(kind.group, kind.version, kind.kind),
        kind.plural,
    )
}

/// Writes with server-side apply, as field manager `iter8`.
///
/// ```
/// use iter8_kube::{Applier, ServerSideApplier, Target, workload::SERVICE};
/// use iter8_testkit::apiserver::ApiServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let applier = ServerSideApplier::new(ApiServer::new().client());
/// let target = Target { kind: SERVICE, namespace: "default".into(), name: "web".into() };
/// let looked_at = serde_json::from_value(serde_json::json!({"metadata": {"name": "web", "uid": "a uid"}}))?;
/// applier.delete(&target, &looked_at).await?; // it is not there, so it is gone
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerSideApplier {
    client: Client,
}

impl fmt::Debug for ServerSideApplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSideApplier").finish_non_exhaustive()
    }
}

impl ServerSideApplier {
    /// An applier on this client.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use iter8_kube::{Applier, ServerSideApplier, Target, workload::SERVICE};
    /// use iter8_testkit::apiserver::ApiServer;
    /// use k8s_openapi::api::core::v1::Service;
    /// use kube::{Api, ResourceExt};
    ///
    /// let client = ApiServer::new().client();
    /// let applier = ServerSideApplier::new(client.clone());
    /// let target = Target { kind: SERVICE, namespace: "default".into(), name: "web".into() };
    /// let service = serde_json::from_value(serde_json::json!({
    ///     "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]},
    /// }))?;
    /// applier.create(&target, &service).await?;
    ///
    /// let stored = Api::<Service>::default_namespaced(client).get("web").await?;
    /// assert_eq!(stored.managed_fields()[0].manager.as_deref(), Some("iter8"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    fn api(&self, kind: &ObjectKind, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &api_resource(kind))
    }

    /// Without `fieldValidation=Strict` a create drops fields that it does not know without a word (an apply does not).
    /// kube's parameters of a create do not have it.
    async fn create_strictly(
        &self,
        api: &Api<DynamicObject>,
        object: &DynamicObject,
    ) -> Result<DynamicObject, kube::Error> {
        let path = api.resource_url();
        let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
        let request = http::Request::post(format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict"));
        let request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        self.client.request(request.map_err(kube::Error::HttpError)?).await
    }

    /// What a create wrote belongs to the manager's operation `Update`, and the `spec` of an object that is adopted to
    /// others; an apply could not take fields of them away. So before the first apply they are handed over to the
    /// operation `Apply`. The object goes by the resourceVersion that this gives it, if it had one.
    async fn hand_over(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        object: &mut DynamicObject,
    ) -> Result<(), kube::Error> {
        let Some(live) = api.get_opt(name).await? else { return Ok(()) };
        let mut entries = live.managed_fields().to_vec();
        let has_changed = object.metadata.resource_version.is_some()
            && object.metadata.resource_version != live.metadata.resource_version;
        // What comes next is refused where it is another object.
        let is_another = object.metadata.uid.is_some() && object.metadata.uid != live.metadata.uid;
        if has_changed || is_another || entries.iter().any(|entry| is_ours(entry, "Apply")) {
            return Ok(());
        }
        match entries.iter_mut().find(|entry| is_ours(entry, "Update")) {
            Some(created) => created.operation = Some("Apply".to_owned()),
            None => managers::hand_over_spec(&mut entries, object),
        }
        let patch = json!({
            "metadata": { "managedFields": entries, "resourceVersion": live.metadata.resource_version },
        });
        let handed_over = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        if let Some(version) = &mut object.metadata.resource_version {
            version.clone_from(&handed_over.resource_version().unwrap_or_default());
        }
        Ok(())
    }
}

#[async_trait]
impl Applier for ServerSideApplier {
    async fn create(&self, target: &Target, object: &DynamicObject) -> Result<Created, Error> {
        let api = self.api(&target.kind, &target.namespace);
        match self.create_strictly(&api, object).await {
            Ok(created) => Ok(Created::New(Box::new(created))),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let existing = api.get(&target.name).await.map_err(Error::api("get", target.to_string()))?;
                Ok(Created::Existed(Box::new(existing)))
            }
            Err(error) => Err(Error::api("create", target.to_string())(error)),
        }
    }

    async fn apply(
        &self,
        target: &Target,
        object: &DynamicObject,
        live: &DynamicObject,
    ) -> Result<DynamicObject, Error> {
        let api = self.api(&target.kind, &target.namespace);
        let mut guarded = object.clone();
        guarded.metadata.uid = live.uid();
        let params = PatchParams::apply(MANAGER).force();
        if !live.managed_fields().iter().any(|entry| is_ours(entry, "Apply")) {
            if !live.managed_fields().iter().any(|entry| is_ours(entry, "Update")) {
                // It is adopted; if it cannot be, it is not touched either. As an apply would after the handing over,
                // a merge puts our lists in place of theirs.
                let trial = PatchParams { dry_run: true, force: false, ..params.clone() };
                let tried = api.patch(&target.name, &trial, &Patch::Merge(&guarded)).await;
                tried.map_err(Error::api("apply", target.to_string()))?;
            }
            let handed_over = self.hand_over(&api, &target.name, &mut guarded).await;
            handed_over.map_err(Error::api("take over", target.to_string()))?;
        }
        api.patch(&target.name, &params, &Patch::Apply(&guarded))
            .await
            .map_err(Error::api("apply", target.to_string()))
    }

    async fn annotate(
        &self,
        target: &Target,
        live: &DynamicObject,
        key: &str,
        value: Option<&str>,
    ) -> Result<DynamicObject, Error> {
        let api = self.api(&target.kind, &target.namespace);
        let patch = json!({ "metadata": { "uid": live.metadata.uid, "annotations": { key: value } } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patched = api.patch(&target.name, &params, &Patch::Merge(patch)).await;
        patched.map_err(Error::api("annotate", target.to_string()))
    }

    async fn delete(&self, target: &Target, live: &DynamicObject) -> Result<(), Error> {
        let api = self.api(&target.kind, &target.namespace);
        let preconditions = Preconditions { uid: live.uid(), resource_version: live.resource_version() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        let refused = Error::api("delete", target.to_string());
        match api.delete(&target.name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                match api.get_metadata_opt(&target.name).await {
                    Ok(Some(present)) if present.uid() == live.uid() => {
                        Err(refused(kube::Error::Api(status)))
                    }
                    Ok(_) => Ok(()),
                    Err(error) => Err(refused(error)),
                }
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// By a list, which the controller may do anyway.
    async fn is_current(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        generation: Option<i64>,
    ) -> Result<bool, Error> {
        let api: Api<WatchedRelease> = Api::namespaced(self.client.clone(), namespace);
        let named = ListParams::default().fields(&format!("metadata.name={name}"));
        let listed = api.list_metadata(&named).await;
        let listed = listed.map_err(Error::api("look for", format!("Release {namespace}/{name}")))?;
        let mut live = listed.iter().filter(|live| live.metadata.uid.as_deref() == Some(uid));
        Ok(live.any(|live| generation.is_none() || live.metadata.generation == generation))
    }

    /// An apply or a merge to the status does not look at the uid; a test of a JSON patch does.
    async fn report(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        status: &ReleaseStatus,
    ) -> Result<Option<String>, Error> {
        let api: Api<WatchedRelease> = Api::namespaced(self.client.clone(), namespace);
        let patch = json_patch::Patch(vec![
            PatchOperation::Test(TestOperation {
                path: PointerBuf::from_tokens(["metadata", "uid"]),
                value: json!(uid),
            }),
            PatchOperation::Add(AddOperation {
                path: PointerBuf::from_tokens(["status"]),
                value: json!(status),
            }),
        ]);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let refused = Error::api("report the status of", format!("Release {namespace}/{name}"));
        match api.patch_status(name, &params, &Patch::Json::<()>(patch)).await {
            Ok(reported) => Ok(reported.resource_version()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Err(Error::ReleaseGone),
            // A test that fails is answered as any other patch that cannot be applied.
            Err(kube::Error::Api(status)) if status.is_invalid() => {
                if self.is_current(namespace, name, uid, None).await? {
                    Err(refused(kube::Error::Api(status)))
                } else {
                    Err(Error::ReleaseGone)
                }
            }
            Err(error) => Err(refused(error)),
        }
    }
}
