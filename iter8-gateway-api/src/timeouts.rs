//! Timeouts, in both directions.

use gateway_api::httproutes::HttpRouteRulesTimeouts;
use iter8_core::Timeouts;

/// `None` where there is none.
pub(crate) fn render(timeouts: &Timeouts) -> Option<HttpRouteRulesTimeouts> {
    (!timeouts.is_empty()).then(|| HttpRouteRulesTimeouts {
        backend_request: timeouts.backend_request.map(|duration| duration.to_string()),
        request: timeouts.request.map(|duration| duration.to_string()),
    })
}

/// `None` for what is no duration.
pub(crate) fn observe(live: Option<&HttpRouteRulesTimeouts>) -> Option<Timeouts> {
    let Some(HttpRouteRulesTimeouts { backend_request, request }) = live else {
        return Some(Timeouts::default());
    };
    let duration = |text: &Option<String>| text.as_ref().map(|text| text.parse()).transpose().ok();
    Some(Timeouts { request: duration(request)?, backend_request: duration(backend_request)? })
}
