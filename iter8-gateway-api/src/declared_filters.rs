//! The filters that users declare, in both directions.

use gateway_api::httproutes::{
    HttpRouteRulesFilters, HttpRouteRulesFiltersRequestHeaderModifier as RequestModifier,
    HttpRouteRulesFiltersRequestHeaderModifierAdd as RequestAdd,
    HttpRouteRulesFiltersRequestHeaderModifierSet as RequestSet,
    HttpRouteRulesFiltersResponseHeaderModifier as ResponseModifier,
    HttpRouteRulesFiltersResponseHeaderModifierAdd as ResponseAdd,
    HttpRouteRulesFiltersResponseHeaderModifierSet as ResponseSet, HttpRouteRulesFiltersType as FilterType,
};
use iter8_core::{CarriedFilter, Header, HeaderModifier, RouteFilter};
use serde_json::json;

/// The filter of a rule; `None` for one that this backend does not know.
pub(crate) fn render(filter: &RouteFilter) -> Option<HttpRouteRulesFilters> {
    let empty = |r#type| HttpRouteRulesFilters {
        r#type,
        cors: None,
        extension_ref: None,
        request_header_modifier: None,
        request_mirror: None,
        request_redirect: None,
        response_header_modifier: None,
        url_rewrite: None,
    };
    match filter {
        RouteFilter::RequestHeaderModifier(headers) => Some(HttpRouteRulesFilters {
            request_header_modifier: Some(to_request(headers)),
            ..empty(FilterType::RequestHeaderModifier)
        }),
        RouteFilter::ResponseHeaderModifier(headers) => Some(HttpRouteRulesFilters {
            response_header_modifier: Some(to_response(headers)),
            ..empty(FilterType::ResponseHeaderModifier)
        }),
        RouteFilter::Carried(carried) => {
            let kind = carried.kind();
            serde_json::from_value(json!({"type": kind.as_str(), kind.field(): carried.value()})).ok()
        }
        _ => None,
    }
}

/// The filter that a live one is; `None` for one that [`render`] does not write.
pub(crate) fn observe(live: &HttpRouteRulesFilters) -> Option<RouteFilter> {
    match live.r#type {
        FilterType::RequestHeaderModifier => {
            live.request_header_modifier.as_ref().map(of_request).map(RouteFilter::RequestHeaderModifier)
        }
        FilterType::ResponseHeaderModifier => {
            live.response_header_modifier.as_ref().map(of_response).map(RouteFilter::ResponseHeaderModifier)
        }
        FilterType::RequestMirror => carried(live, iter8_core::FilterType::RequestMirror),
        FilterType::UrlRewrite => carried(live, iter8_core::FilterType::UrlRewrite),
        FilterType::Cors => carried(live, iter8_core::FilterType::Cors),
        FilterType::ExtensionRef => carried(live, iter8_core::FilterType::ExtensionRef),
        FilterType::RequestRedirect => None,
    }
}

fn carried(live: &HttpRouteRulesFilters, kind: iter8_core::FilterType) -> Option<RouteFilter> {
    let live = serde_json::to_value(live).ok()?;
    let value = serde_json::from_value(live.get(kind.field())?.clone()).ok()?;
    Some(RouteFilter::Carried(CarriedFilter::new(kind, &value)))
}

// The bindings have the same types twice.
macro_rules! conversions {
    ($to:ident, $of:ident, $modifier:ident, $add:ident, $set:ident) => {
        fn $to(headers: &HeaderModifier) -> $modifier {
            $modifier {
                add: some(&headers.add, |Header { name, value }| $add {
                    name: name.clone(),
                    value: value.clone(),
                }),
                remove: some(&headers.remove, String::clone),
                set: some(&headers.set, |Header { name, value }| $set {
                    name: name.clone(),
                    value: value.clone(),
                }),
            }
        }

        fn $of(live: &$modifier) -> HeaderModifier {
            let $modifier { add, remove, set } = live;
            let add = add.iter().flatten();
            let set = set.iter().flatten();
            HeaderModifier {
                set: set
                    .map(|$set { name, value }| Header { name: name.clone(), value: value.clone() })
                    .collect(),
                add: add
                    .map(|$add { name, value }| Header { name: name.clone(), value: value.clone() })
                    .collect(),
                remove: remove.clone().unwrap_or_default(),
            }
        }
    };
}

conversions!(to_request, of_request, RequestModifier, RequestAdd, RequestSet);
conversions!(to_response, of_response, ResponseModifier, ResponseAdd, ResponseSet);

/// A list as routes have it: absent where it is empty.
fn some<T, U>(entries: &[T], convert: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!entries.is_empty()).then(|| entries.iter().map(convert).collect())
}
