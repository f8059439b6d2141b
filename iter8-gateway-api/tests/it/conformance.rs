//! The testkit's conformance suite, for every mesh.

use iter8_gateway_api::{GatewayApiBackend, MeshProfile, Route};
use iter8_testkit::conformance::Conformance;

use crate::api_server::{fill_in, fill_in_grpc};

/// The route as the API server stores it.
fn stored(route: &Route) -> Route {
    let mut object = serde_json::to_value(route).unwrap();
    match route {
        Route::Http(_) => fill_in(&mut object["spec"]),
        Route::Grpc(_) => fill_in_grpc(&mut object["spec"]),
    }
    serde_json::from_value(object).unwrap()
}

#[test]
fn the_backend_conforms_for_every_mesh() {
    for mesh in MeshProfile::names() {
        let backend = GatewayApiBackend::new(mesh.parse().unwrap());
        let suite = Conformance::new(&backend).stored_as(|route| stored(&route));
        suite.check().unwrap_or_else(|error| panic!("{error}"));
    }
}
