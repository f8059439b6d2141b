//! Server-side apply and `managedFields`.

use super::*;

fn service(ports: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": ports}})
}

fn fields_of(object: &impl ResourceExt, manager: &str) -> Value {
    let entries = object.managed_fields();
    let entry = entries.iter().find(|entry| entry.manager.as_deref() == Some(manager));
    entry.and_then(|entry| entry.fields_v1.clone()).map(|fields| fields.0).unwrap_or_default()
}

#[tokio::test]
async fn two_managers_share_a_list_and_fight_over_a_field() {
    let server = ApiServer::new();
    let api: Api<Service> = Api::default_namespaced(server.client());
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    let first = service(&json!([{"name": "http", "port": 80}]));
    api.patch("web", &one, &Patch::Apply(&first)).await.unwrap();
    let second = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"name": "admin", "port": 90, "appProtocol": "http"}]}});
    let both = api.patch("web", &two, &Patch::Apply(&second)).await.unwrap();
    let ports = |service: &Service| {
        service.spec.as_ref().unwrap().ports.iter().flatten().map(|port| port.port).collect::<Vec<_>>()
    };
    assert_eq!(ports(&both), [80, 90]);
    let fight =
        service(&json!([{"name": "http", "port": 80, "targetPort": 1}, {"port": 90, "appProtocol": "grpc"}]));
    let kube::Error::Api(status) = api.patch("web", &one, &Patch::Apply(&fight)).await.unwrap_err() else {
        panic!()
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Apply failed with 1 conflict: conflict with \"two\": .spec.ports[port=90,protocol=\"TCP\"].appProtocol"
    );
    let causes = status.details.clone().unwrap().causes;
    assert_eq!(causes[0].field, ".spec.ports[port=90,protocol=\"TCP\"].appProtocol");
    let forced = api.patch("web", &one.clone().force(), &Patch::Apply(&fight)).await.unwrap();
    assert_eq!(
        forced.spec.as_ref().unwrap().ports.as_ref().unwrap()[1].app_protocol.as_deref(),
        Some("grpc")
    );
    let left = api
        .patch("web", &one, &Patch::Apply(&service(&json!([{"name": "http", "port": 80}]))))
        .await
        .unwrap();
    assert_eq!(ports(&left), [80, 90], "the other manager still owns its port");
}

#[tokio::test]
async fn what_a_manager_no_longer_applies_goes() {
    let server = ApiServer::new();
    let api: Api<ConfigMap> = Api::default_namespaced(server.client());
    let apply = |data: Value| {
        let api = api.clone();
        async move {
            let object =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
            api.patch("a", &PatchParams::apply("one"), &Patch::Apply(&object)).await.unwrap()
        }
    };
    let first = apply(json!({"a": "1", "b": "2"})).await;
    assert_eq!(fields_of(&first, "one"), json!({"f:data": {"f:a": {}, "f:b": {}}}));
    let patch = json!({"data": {"c": "3"}});
    api.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let second = apply(json!({"a": "1"})).await;
    let keys: Vec<_> = second.data.as_ref().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["a", "c"]);
    let third = apply(json!({"a": "1"})).await;
    assert_eq!(
        third.resource_version(),
        second.resource_version(),
        "an apply that changes nothing writes nothing"
    );
    assert_eq!(fields_of(&third, "iter8-testkit"), json!({"f:data": {"f:c": {}}}));
}

#[tokio::test]
async fn a_create_owns_what_it_sets_and_its_defaults() {
    let server = ApiServer::new();
    let api: Api<Deployment> = Api::default_namespaced(server.client_as("kubectl-create"));
    let mut web = deployment("web");
    web.metadata.labels = Some([("app".to_owned(), "web".to_owned())].into());
    let created = api.create(&PostParams::default(), &web).await.unwrap();
    assert_eq!(
        fields_of(&created, "kubectl-create"),
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {
                "f:progressDeadlineSeconds": {}, "f:replicas": {}, "f:revisionHistoryLimit": {}, "f:selector": {},
                "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}},
                "f:template": {
                    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                    "f:spec": {
                        "f:containers": {"k:{\"name\":\"main\"}": {
                            ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
                            "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
                        }},
                        "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {},
                        "f:terminationGracePeriodSeconds": {},
                    },
                },
            },
        })
    );
}

#[tokio::test]
async fn an_update_takes_over_only_what_it_changes() {
    let server = ApiServer::new();
    let api: Api<Deployment> = Api::default_namespaced(server.client());
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": deployment("web").spec});
    api.patch("web", &PatchParams::apply("owner"), &Patch::Apply(&object)).await.unwrap();
    let scaled = json!({"spec": {"replicas": 3}});
    let scaler: Api<Deployment> = Api::default_namespaced(server.client_as("scaler/2"));
    let scaled = scaler.patch("web", &PatchParams::default(), &Patch::Strategic(&scaled)).await.unwrap();
    assert_eq!(fields_of(&scaled, "scaler"), json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(scaled.metadata.generation, Some(2));
    let again = api.patch("web", &PatchParams::apply("owner"), &Patch::Apply(&object)).await.unwrap();
    assert_eq!(again.spec.unwrap().replicas, Some(3), "a field that nobody applies stays as it was set");
}

#[tokio::test]
async fn fields_that_the_type_does_not_have_cannot_be_applied() {
    let server = ApiServer::new();
    let api: Api<Service> = Api::default_namespaced(server.client());
    let mut object = service(&json!([{"port": 80}]));
    object["spec"]["surplus"] = json!(1);
    let kube::Error::Api(status) =
        api.patch("web", &PatchParams::apply("one"), &Patch::Apply(&object)).await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(status.code, 500);
    assert_eq!(
        status.message,
        "failed to create typed patch object (/web; v1, Kind=Service): .spec.surplus: field not declared in schema"
    );
}
