//! Objects that are left of a version whose specification gives them other names.

use iter8_core::{Removal, ValidRelease, VersionObservation};

use crate::world::{World, planned, release, removal};

/// A running release, and a Deployment of so many Pods that is left of its version since the objects of that have other
/// names.
fn with_left_over(replicas: u32) -> (World, ValidRelease) {
    let release = release("canary", &["{image: web:1}"]);
    let mut world = World::running(&release);
    let mut left = VersionObservation { service: None, ..world.version("web-0").clone() };
    left.deployment.as_mut().unwrap().replicas = replicas;
    world.observation.versions.insert("left".parse().unwrap(), left);
    world.observation.left_of.insert("left".parse().unwrap(), "web-0".parse().unwrap());
    (world, release)
}

#[test]
fn a_deployment_that_has_another_name_now_goes_when_the_new_one_serves_beside_it() {
    let (mut world, release) = with_left_over(2);
    world.crash("web-0");
    let plan = world.plan(&release);
    assert_eq!(removal(&plan, "left"), Some(Removal::Retained));
    let reason = planned(&plan, "left").reason.to_string();
    assert!(reason.contains("web-0"), "{reason}");

    world.finish("web-0");
    // The Service of the version selects the Pods of both.
    for (ready, expected) in [(2, Removal::Retained), (3, Removal::Due)] {
        world.version("web-0").endpoints.ready = ready;
        assert_eq!(removal(&world.plan(&release), "left"), Some(expected), "{ready} endpoints");
    }
    world.finish("web-0");
    assert_eq!(removal(&world.plan(&release), "left"), Some(Removal::Due), "it is ready by itself");

    world.crash("web-0");
    world.observation.left_of.clear();
    assert_eq!(removal(&world.plan(&release), "left"), Some(Removal::Due), "it serves for nobody");
}
