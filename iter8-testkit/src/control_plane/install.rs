//! Applying the manifests of a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{ApiCapabilities, Scope, pinned_kind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::{ControlPlaneError, POLL_INTERVAL};

const FIELD_MANAGER: &str = "iter8-testkit";
/// How long the API server may take to serve a kind after its definition was accepted.
const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(20);

struct Manifest {
    path: PathBuf,
    kind: GroupVersionKind,
    object: DynamicObject,
}

/// Apply the manifests at `path`; whether custom resource definitions are among them.
pub(super) async fn install(client: &Client, path: &Path) -> Result<bool, ControlPlaneError> {
    let (definitions, others): (Vec<_>, Vec<_>) =
        read_all(path)?.into_iter().partition(|manifest| manifest.kind.kind == "CustomResourceDefinition");
    for manifest in &definitions {
        apply(client, manifest).await?;
    }
    for manifest in &definitions {
        wait_until_established(client, &manifest.object.name_any()).await?;
    }
    for manifest in &others {
        apply(client, manifest).await?;
    }
    Ok(!definitions.is_empty())
}

async fn apply(client: &Client, manifest: &Manifest) -> Result<(), ControlPlaneError> {
    let name = manifest.object.name_any();
    let what = format!("{} {name} of {}", manifest.kind.kind, manifest.path.display());
    let api_error = |source| ControlPlaneError::Api { what, source: Box::new(source) };
    let (resource, capabilities) = match discover(client, &manifest.kind).await {
        Ok(found) => found,
        Err(source) => return Err(api_error(source)),
    };
    let namespace = manifest.object.meta().namespace.as_deref().unwrap_or("default");
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(&manifest.object)).await.map_err(api_error)?;
    Ok(())
}

/// Discovery lists a new kind a moment after its definition is established.
async fn discover(
    client: &Client,
    kind: &GroupVersionKind,
) -> Result<(ApiResource, ApiCapabilities), kube::Error> {
    let deadline = Instant::now() + ESTABLISH_TIMEOUT;
    loop {
        let found = pinned_kind(client, kind).await;
        let unknown = match &found {
            Err(kube::Error::Discovery(_)) => true,
            Err(kube::Error::Api(status)) => status.is_not_found(),
            _ => false,
        };
        if !unknown || Instant::now() >= deadline {
            return found;
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn wait_until_established(client: &Client, name: &str) -> Result<(), ControlPlaneError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let established = await_condition(definitions, name, conditions::is_crd_established());
    match timeout(ESTABLISH_TIMEOUT, established).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(ControlPlaneError::NotEstablished { name: name.to_owned() }),
    }
}

fn read_all(path: &Path) -> Result<Vec<Manifest>, ControlPlaneError> {
    let mut manifests = Vec::new();
    for file in
        manifest_files(path).map_err(|source| ControlPlaneError::File { path: path.into(), source })?
    {
        let text = fs::read_to_string(&file)
            .map_err(|source| ControlPlaneError::File { path: file.clone(), source })?;
        manifests.extend(parse(&file, &text)?);
    }
    Ok(manifests)
}

fn manifest_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Manifest>, ControlPlaneError> {
    let refused = |reason| ControlPlaneError::Manifest { path: path.to_owned(), reason };
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(text).map_err(|error| refused(error.to_string()))?;
    let mut manifests = Vec::new();
    // An empty document is what a stray `---` leaves.
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        let object: DynamicObject =
            serde_json::from_value(document).map_err(|error| refused(error.to_string()))?;
        if object.metadata.name.is_none() {
            return Err(refused("`metadata.name` is missing".to_owned()));
        }
        let types = object.types.as_ref().ok_or_else(|| refused("`kind` is missing".to_owned()))?;
        let kind = GroupVersionKind::try_from(types).map_err(|error| refused(error.to_string()))?;
        manifests.push(Manifest { path: path.to_owned(), kind, object });
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        parse(Path::new("objects.yaml"), text)
            .map(|manifests| {
                manifests.iter().map(|m| format!("{} {}", m.kind.kind, m.object.name_any())).collect()
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_document_of_a_file_is_an_object() {
        let text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n";
        assert_eq!(names(text).unwrap(), ["ConfigMap a", "Deployment b"]);
    }

    #[test]
    fn a_document_that_is_no_object_is_refused_with_its_file() {
        assert!(names("kind: ConfigMap\nmetadata: {name: a}").unwrap_err().contains("`objects.yaml`"));
        assert!(
            names("apiVersion: v1\nkind: ConfigMap\nmetadata: {}").unwrap_err().contains("`metadata.name`")
        );
    }

    #[test]
    fn only_manifests_of_a_folder_are_read_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.json", "README.md", "c.yml"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let files = manifest_files(folder.path()).unwrap();
        let files: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(files, ["a.json", "b.yaml", "c.yml"]);
    }
}
