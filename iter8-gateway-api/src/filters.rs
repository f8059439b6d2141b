//! The filters that iter8 writes of itself, and reading them back.

use gateway_api::httproutes::{
    HttpRouteRulesBackendRefsFilters, HttpRouteRulesBackendRefsFiltersResponseHeaderModifier,
    HttpRouteRulesBackendRefsFiltersResponseHeaderModifierAdd, HttpRouteRulesBackendRefsFiltersType,
    HttpRouteRulesFilters, HttpRouteRulesFiltersRequestMirror, HttpRouteRulesFiltersType,
};
use iter8_core::{ObservedMirror, Percent, PlannedMirror, ServiceName, VERSION_HEADER};

use crate::reference;

/// The filter of a backendRef that adds the response header `app-version`.
pub(crate) fn app_version(service: &ServiceName) -> HttpRouteRulesBackendRefsFilters {
    let header = HttpRouteRulesBackendRefsFiltersResponseHeaderModifierAdd {
        name: VERSION_HEADER.to_owned(),
        value: service.to_string(),
    };
    HttpRouteRulesBackendRefsFilters {
        r#type: HttpRouteRulesBackendRefsFiltersType::ResponseHeaderModifier,
        response_header_modifier: Some(HttpRouteRulesBackendRefsFiltersResponseHeaderModifier {
            add: Some(vec![header]),
            ..HttpRouteRulesBackendRefsFiltersResponseHeaderModifier::default()
        }),
        cors: None,
        extension_ref: None,
        request_header_modifier: None,
        request_mirror: None,
        request_redirect: None,
        url_rewrite: None,
    }
}

/// The filter of a rule that copies requests.
pub(crate) fn mirror(mirror: &PlannedMirror) -> HttpRouteRulesFilters {
    let percent = Some(mirror.percent).filter(|percent| *percent != Percent::ALL);
    HttpRouteRulesFilters {
        r#type: HttpRouteRulesFiltersType::RequestMirror,
        request_mirror: Some(HttpRouteRulesFiltersRequestMirror {
            backend_ref: reference::mirror(&mirror.service, mirror.port),
            fraction: None,
            percent: percent.map(|percent| percent.get().into()),
        }),
        cors: None,
        extension_ref: None,
        request_header_modifier: None,
        request_redirect: None,
        response_header_modifier: None,
        url_rewrite: None,
    }
}

/// The mirror that a live filter is; `None` for a filter that [`mirror`] does not write.
pub(crate) fn observe_mirror(
    filter: &HttpRouteRulesFilters,
    route_namespace: Option<&str>,
) -> Option<ObservedMirror> {
    if filter.r#type != HttpRouteRulesFiltersType::RequestMirror {
        return None;
    }
    let HttpRouteRulesFiltersRequestMirror { backend_ref, fraction, percent } =
        filter.request_mirror.as_ref()?;
    if fraction.is_some() {
        return None;
    }
    Some(ObservedMirror {
        service: reference::service(backend_ref, route_namespace)?,
        port: reference::port(backend_ref.port)?,
        percent: match percent {
            None => Percent::ALL,
            Some(percent) => Percent::try_from(i128::from(*percent)).ok()?,
        },
    })
}
