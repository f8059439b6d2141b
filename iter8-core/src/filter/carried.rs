//! Filters that the core carries without reading them.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::FilterType;
use crate::name::{Namespace, ServiceName};
use crate::plan::PlannedMirror;
use crate::weight::{Percent, Port};
use crate::{Fields, Value};

/// A filter of which the core needs to know no more than that a mesh has its type: `URLRewrite`, `CORS`, `ExtensionRef`
/// and mirrors to what is no Service of the release's namespace.
///
/// What the API server fills in is filled in, so that a declared filter and the same one read back are equal.
///
/// ```
/// use iter8_core::{CarriedFilter, FilterType, Value};
///
/// let written = CarriedFilter::new(FilterType::Cors, &Value::from([("allowOrigins", vec!["*"].into())]));
/// assert_eq!(written.kind(), FilterType::Cors);
/// assert_eq!(written.value().get("maxAge"), Some(&Value::Integer(5)), "the default of the Gateway API");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CarriedFilter {
    kind: FilterType,
    value: Value,
}

/// Documents have no number that is not equal to itself.
impl Eq for CarriedFilter {}

impl CarriedFilter {
    /// The filter of this type with what stands in the field of the type.
    ///
    /// ```
    /// use iter8_core::{CarriedFilter, FilterType, Value};
    ///
    /// let value = Value::from([("hostname", "example.org".into()), ("path", Value::Null)]);
    /// let filter = CarriedFilter::new(FilterType::UrlRewrite, &value);
    /// assert_eq!(filter.value().get("path"), None, "null means absent");
    /// ```
    #[must_use]
    pub fn new(kind: FilterType, value: &Value) -> Self {
        let value = without_nulls(value);
        let value = match kind {
            FilterType::RequestMirror => {
                let service = [("group", Value::from("")), ("kind", "Service".into())];
                let hundred = [("denominator", Value::Integer(100))];
                let value = with(value, "backendRef", |backend| with_defaults(backend, &service));
                with(value, "fraction", |fraction| with_defaults(fraction, &hundred))
            }
            FilterType::Cors => with_defaults(&value, &[("maxAge", Value::Integer(5))]),
            FilterType::RequestHeaderModifier
            | FilterType::ResponseHeaderModifier
            | FilterType::RequestRedirect
            | FilterType::UrlRewrite
            | FilterType::ExtensionRef => value,
        };
        Self { kind, value }
    }

    /// Its type.
    ///
    /// ```
    /// use iter8_core::{CarriedFilter, FilterType, Value};
    ///
    /// let filter = CarriedFilter::new(FilterType::UrlRewrite, &Value::from([("hostname", "example.org".into())]));
    /// assert_eq!(filter.kind().to_string(), "URLRewrite");
    /// ```
    #[must_use]
    pub const fn kind(&self) -> FilterType {
        self.kind
    }

    /// What stands in the field of its type.
    ///
    /// ```
    /// use iter8_core::{CarriedFilter, FilterType, Value};
    ///
    /// let value = Value::from([("hostname", "example.org".into())]);
    /// assert_eq!(CarriedFilter::new(FilterType::UrlRewrite, &value).value(), &value);
    /// ```
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The copy of requests that it is: all or a percentage, to a Service of the namespace.
    pub(crate) fn mirror(&self, namespace: &Namespace) -> Option<PlannedMirror> {
        if self.kind != FilterType::RequestMirror || self.value.get("fraction").is_some() {
            return None;
        }
        let backend = self.value.get("backendRef")?;
        let text = |field: &str| backend.get(field).and_then(Value::as_str);
        let is_near = backend.get("namespace").is_none() || text("namespace") == Some(namespace.as_str());
        if text("group") != Some("") || text("kind") != Some("Service") || !is_near {
            return None;
        }
        Some(PlannedMirror {
            service: ServiceName::of(text("name")?.into()).ok()?,
            port: Port::try_from(backend.get("port")?.as_integer()?).ok()?,
            percent: match self.value.get("percent") {
                None => Percent::ALL,
                Some(percent) => Percent::try_from(percent.as_integer()?).ok()?,
            },
        })
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Map(fields) => Value::Map(
            fields
                .iter()
                .filter(|(_, value)| **value != Value::Null)
                .map(|(name, value)| (owned(name), without_nulls(value)))
                .collect(),
        ),
        Value::List(entries) => Value::List(entries.iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
            value.clone()
        }
    }
}

/// The map with another value in a field that it has.
fn with(value: Value, name: &str, change: impl Fn(&Value) -> Value) -> Value {
    let Value::Map(fields) = &value else { return value };
    let mut changed = Vec::new();
    for (own, value) in fields {
        let own = owned(own);
        let value = if own == name { change(value) } else { value.clone() };
        changed.push((own, value));
    }
    Value::Map(changed.into_iter().collect())
}

/// The map with these fields where it does not have them.
fn with_defaults(value: &Value, defaults: &[(&str, Value)]) -> Value {
    let Value::Map(fields) = value else { return value.clone() };
    let missing = defaults.iter().filter(|(name, _)| !fields.contains_key(name));
    let declared = fields.iter().map(|(name, value)| (owned(name), value.clone()));
    let fields: Vec<_> = missing.map(|(name, value)| (owned(name), value.clone())).chain(declared).collect();
    Value::Map(fields.into_iter().collect::<Fields>())
}

fn owned(name: &str) -> String {
    name.to_owned()
}
