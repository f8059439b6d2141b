//! A cluster without the kind of the routes.

use std::time::Duration;

use gateway_api::httproutes::HttpRoute;
use iter8_kube::Release;
use iter8_testkit::world;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::{Api, DeleteParams};
use libtest_mimic::Failed;

use super::events;
use super::history::History;
use super::world::{NAMESPACE, Process, RELEASE, Simulation, simulated, sound};

/// From without to with, and without again; told once each, and quiet in between.
pub(crate) fn a_missing_kind_of_route_is_told_once_and_left_alone() -> Result<(), Failed> {
    simulated(async {
        let simulation = Simulation::new().await;
        let client = simulation.server.client_as("test");
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        let name = HttpRoute::crd_name();
        definitions.delete(name, &DeleteParams::default()).await.unwrap();
        simulation.supervise(vec![vec![Process::with(sound())]]);

        simulation.step(&History::tutorial().steps[0].what).await;
        simulation.stays_quiet_after(Duration::from_mins(1)).await?;
        let missing = "Warning GatewayAPINotInstalled: RouteProgrammed: ";
        assert_eq!(count(&simulation, missing), 1);
        assert_eq!(reason(&simulation).await, "GatewayAPINotInstalled");

        world::install(&client, &[HttpRoute::crd()]).await.unwrap();
        simulation.stays_quiet_after(Duration::from_mins(1)).await?;
        assert_eq!(reason(&simulation).await, "Accepted");

        definitions.delete(name, &DeleteParams::default()).await.unwrap();
        simulation.stays_quiet_after(Duration::from_mins(1)).await?;
        assert_eq!(count(&simulation, missing), 2, "{:#?}", events::told(&simulation));
        assert_eq!(reason(&simulation).await, "GatewayAPINotInstalled");
        world::install(&client, &[HttpRoute::crd()]).await.unwrap();
        simulation.stays_quiet_after(Duration::from_mins(1)).await?;
        assert_eq!(reason(&simulation).await, "Accepted");
        Ok::<_, String>(())
    })?;
    Ok(())
}

/// How many Events begin so.
fn count(simulation: &Simulation, beginning: &str) -> usize {
    // One that is told again is counted in the same Event.
    let told = events::told(simulation).into_iter().map(|told| told.replace(" again: ", ": "));
    told.filter(|told| told.starts_with(beginning)).count()
}

async fn reason(simulation: &Simulation) -> String {
    let releases: Api<Release> = Api::namespaced(simulation.server.client_as("test"), NAMESPACE);
    let status = releases.get(RELEASE).await.unwrap().status.unwrap_or_default();
    let condition = status.conditions.into_iter().find(|condition| condition.type_ == "RouteProgrammed");
    condition.map(|condition| condition.reason).unwrap_or_default()
}
