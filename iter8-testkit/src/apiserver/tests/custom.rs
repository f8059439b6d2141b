//! Custom resources.

use super::*;

fn definition() -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "minimum": 1},
            "color": {"type": "string", "default": "red"},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties":
                    {"name": {"type": "string"}, "weight": {"type": "integer"}}}},
        }},
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
    }});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
    "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"}, "versions": [
        {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}},
        {"name": "v1beta1", "served": true, "storage": false, "schema": {"openAPIV3Schema": schema}},
    ]}})
}

fn api_in(client: Client, version: &str) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "example.com".to_owned(),
        version: version.to_owned(),
        api_version: format!("example.com/{version}"),
        kind: "Thing".to_owned(),
        plural: "things".to_owned(),
    };
    Api::default_namespaced_with(client, &resource)
}

async fn defined(server: &ApiServer) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
    };
    let definitions: Api<DynamicObject> = Api::all_with(server.client(), &resource);
    let things = api_in(server.client(), "v1");
    assert_eq!(refusal(things.list(&ListParams::default()).await).0, 404);
    definitions.create(&PostParams::default(), &object(definition())).await.unwrap();
    let created = definitions.get("things.example.com").await.unwrap();
    assert_eq!(created.data["status"]["conditions"][1]["type"], "Established");
    things
}

fn thing(spec: &Value) -> DynamicObject {
    object(json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}))
}

#[tokio::test]
async fn a_definition_serves_its_kind_with_pruning_and_defaults() {
    let server = ApiServer::new();
    let things = defined(&server).await;
    let created =
        things.create(&PostParams::default(), &thing(&json!({"size": 1, "surplus": 1}))).await.unwrap();
    assert_eq!(created.data["spec"], json!({"size": 1, "color": "red"}));
    assert_eq!(created.metadata.generation, Some(1));
    let other = api_in(server.client(), "v1beta1").get("a").await.unwrap();
    assert_eq!(other.types.unwrap().api_version, "example.com/v1beta1");
}

#[tokio::test]
async fn a_value_that_the_schema_refuses_is_invalid() {
    let server = ApiServer::new();
    let things = defined(&server).await;
    let kube::Error::Api(status) =
        things.create(&PostParams::default(), &thing(&json!({"size": 0}))).await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        status.message,
        "Thing.example.com \"a\" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
    );
}

#[tokio::test]
async fn status_and_spec_are_written_apart() {
    let server = ApiServer::new();
    let things = defined(&server).await;
    things.create(&PostParams::default(), &thing(&json!({"size": 1}))).await.unwrap();
    let patch = json!({"spec": {"size": 2}, "status": {"ready": true}});
    let after = things.patch_status("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((&after.data["spec"]["size"], &after.data["status"]["ready"]), (&json!(1), &json!(true)));
    assert_eq!(after.metadata.generation, Some(1));
    let patch = json!({"spec": {"size": 2}, "status": {"ready": false}});
    let after = things.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    assert_eq!((&after.data["spec"]["size"], &after.data["status"]["ready"]), (&json!(2), &json!(true)));
    assert_eq!(after.metadata.generation, Some(2));
}

#[tokio::test]
async fn lists_with_keys_merge_when_they_are_applied() {
    let server = ApiServer::new();
    let things = defined(&server).await;
    let apply = |manager: &'static str, name: &'static str| {
        let things = things.clone();
        async move {
            let object = thing(&json!({"size": 1, "parts": [{"name": name, "weight": 1}]}));
            things.patch("a", &PatchParams::apply(manager), &Patch::Apply(&object)).await.unwrap()
        }
    };
    apply("one", "x").await;
    let both = apply("two", "y").await;
    assert_eq!(both.data["spec"]["parts"], json!([{"name": "x", "weight": 1}, {"name": "y", "weight": 1}]));
}
