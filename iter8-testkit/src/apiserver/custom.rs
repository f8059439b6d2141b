//! Kinds that a `CustomResourceDefinition` declares.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kinds::{Kind, Kinds};
use super::schema::{Field, List, ListMerge, Object, Scalar, Schema};
use super::store::text;

/// What the definition of a kind says about one version.
#[derive(Clone, Debug)]
pub(super) struct Custom {
    /// The version in which objects are stored.
    pub(super) storage_version: String,
    /// The structural schema.
    pub(super) schema: Value,
    pub(super) selectable_fields: Vec<String>,
    /// The subresource `scale`, if there is one.
    pub(super) scale: Option<ScalePaths>,
}

/// Where the numbers of a kind that scales are, as JSON pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScalePaths {
    pub(super) wanted: String,
    pub(super) found: String,
    /// The selector as text; what runs Pods has one of its own form.
    pub(super) selector: Option<String>,
}

impl ScalePaths {
    pub(super) fn of_workloads() -> Self {
        Self { wanted: "/spec/replicas".to_owned(), found: "/status/replicas".to_owned(), selector: None }
    }

    fn of(version: &Value) -> Option<Self> {
        let scale = version.pointer("/subresources/scale")?;
        let pointer = |field: &str| text(scale, &format!("/{field}")).replace('.', "/");
        Some(Self {
            wanted: pointer("specReplicasPath"),
            found: pointer("statusReplicasPath"),
            selector: Some(pointer("labelSelectorPath")),
        })
    }
}

/// Makes the kinds of a definition known, instead of those it declared before.
pub(super) fn register(kinds: &mut Kinds, definition: &Value) {
    let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
    kinds.remove_resource(group, plural);
    let versions =
        definition.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |version: &Value, flag: &str| version.get(flag).and_then(Value::as_bool).unwrap_or_default();
    let storage = versions.iter().find(|version| is(version, "storage"));
    let storage_version = storage.map(|version| text(version, "/name")).unwrap_or_default();
    for version in versions.iter().filter(|version| is(version, "served")) {
        kinds.insert(kind(definition, version, storage_version));
    }
}

/// Forgets the kinds of a definition.
pub(super) fn unregister(kinds: &mut Kinds, definition: &Value) {
    kinds.remove_resource(text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
}

fn kind(definition: &Value, version: &Value, storage_version: &str) -> Kind {
    let names = |field: &str| text(definition, &format!("/spec/names/{field}")).to_owned();
    let lists = |field: &str| {
        let list = definition.pointer(&format!("/spec/names/{field}")).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let schema = version
        .pointer("/schema/openAPIV3Schema")
        .cloned()
        .unwrap_or_else(|| json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    let selectable = version.get("selectableFields").and_then(Value::as_array);
    let selectable = selectable.into_iter().flatten().map(|field| text(field, "/jsonPath"));
    let or_default = |given: String, default: String| if given.is_empty() { default } else { given };
    Kind {
        group: text(definition, "/spec/group").to_owned(),
        version: text(version, "/name").to_owned(),
        name: names("kind"),
        list_name: or_default(names("listKind"), format!("{}List", names("kind"))),
        plural: names("plural"),
        singular: or_default(names("singular"), names("kind").to_lowercase()),
        short_names: lists("shortNames"),
        categories: lists("categories"),
        namespaced: text(definition, "/spec/scope") == "Namespaced",
        status: version.pointer("/subresources/status").is_some(),
        generation: true,
        schema: root_schema(&schema),
        custom: Some(std::sync::Arc::new(Custom {
            storage_version: storage_version.to_owned(),
            scale: ScalePaths::of(version),
            selectable_fields: selectable.map(|path| path.trim_start_matches('.').to_owned()).collect(),
            schema,
        })),
    }
}

fn root_schema(schema: &Value) -> Schema {
    let mut root = match merge_schema(schema) {
        Schema::Object(object) => object,
        _ => Object { other: Some(Box::new(Schema::Free)), ..Object::default() },
    };
    add_type_and_metadata(&mut root.fields);
    Schema::Object(root)
}

fn add_type_and_metadata(fields: &mut BTreeMap<String, Field>) {
    for name in ["apiVersion", "kind"] {
        fields.insert(name.to_owned(), Field::plain(Schema::Scalar(Scalar::String)));
    }
    fields.insert("metadata".to_owned(), Field::plain(Schema::Named("ObjectMeta".to_owned())));
}

/// How values of a structural schema merge.
fn merge_schema(schema: &Value) -> Schema {
    if flag(schema, "x-kubernetes-int-or-string") {
        return Schema::Scalar(Scalar::IntOrString);
    }
    match text(schema, "/type") {
        "object" => object_schema(schema),
        "array" => {
            let items = schema.get("items").map_or(Schema::Opaque, merge_schema);
            let merge = match text(schema, "/x-kubernetes-list-type") {
                "set" => ListMerge::Set,
                "map" => {
                    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                    ListMerge::Map(keys.map(str::to_owned).collect())
                }
                _ => ListMerge::Atomic,
            };
            Schema::List(Box::new(List { items, merge }))
        }
        "string" => Schema::Scalar(Scalar::String),
        "integer" => Schema::Scalar(Scalar::Int64),
        "number" => Schema::Scalar(Scalar::Number),
        "boolean" => Schema::Scalar(Scalar::Bool),
        _ => Schema::Free,
    }
}

fn object_schema(schema: &Value) -> Schema {
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut object = Object {
        atomic: text(schema, "/x-kubernetes-map-type") == "atomic",
        other: match schema.get("additionalProperties") {
            Some(Value::Object(items)) => Some(Box::new(merge_schema(&Value::Object(items.clone())))),
            Some(Value::Bool(true)) => Some(Box::new(Schema::Free)),
            _ if flag(schema, "x-kubernetes-preserve-unknown-fields") => Some(Box::new(Schema::Free)),
            _ if properties.is_none_or(Map::is_empty) => Some(Box::new(Schema::Free)),
            _ => None,
        },
        fields: BTreeMap::new(),
    };
    for (name, property) in properties.into_iter().flatten() {
        let default = property.get("default").cloned();
        object.fields.insert(name.clone(), Field { default, ..Field::plain(merge_schema(property)) });
    }
    if flag(schema, "x-kubernetes-embedded-resource") {
        add_type_and_metadata(&mut object.fields);
    }
    Schema::Object(object)
}

/// Whether a schema sets a flag.
pub(super) fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or_default()
}
