//! What a person is told of a release in its cluster.

use iter8_core::{Capabilities, Document, Notice, Observation, ReleaseKey, ValidRelease, declare, plan};

const TWO: &str = "environment: deployment-gtw
application:
  strategy: canary
  versions:
  - {image: 'web:1', readinessProbe: {}, replicas: 2}
  - {image: 'web:2', readinessProbe: {}}
";

fn release(document: &str) -> ValidRelease {
    let key = ReleaseKey { name: "web".parse().unwrap(), namespace: "test".parse().unwrap() };
    declare(&key, &Document::from_yaml(document).unwrap(), &Capabilities::specification()).unwrap()
}

/// What is told of a cluster in which all is ready and as declared, but for this.
fn told(release: &ValidRelease, change: impl FnOnce(&mut Observation)) -> Vec<Notice> {
    let mut observation = Observation::all_ready(release);
    observation.front_ports = vec![release.service_port];
    change(&mut observation);
    plan(release, &observation).notices
}

#[test]
fn what_is_as_declared_is_not_told() {
    assert_eq!(told(&release(TWO), |_| {}), []);
}

#[test]
fn another_name_or_port_than_in_the_cluster_is_told() {
    let release = release(TWO);
    let reasons = |change: fn(&mut Observation)| {
        let notices = told(&release, change);
        assert!(notices.iter().all(Notice::is_of_change));
        notices.iter().map(Notice::reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(|seen| seen.former_fronts = vec!["old".parse().unwrap()]), ["ApplicationRenamed"]);
    assert_eq!(reasons(|seen| seen.front_ports = vec![8080_i64.try_into().unwrap()]), ["FrontPortChanged"]);
    assert_eq!(reasons(|seen| seen.front_ports.insert(0, 8080_i64.try_into().unwrap())), [""; 0]);
    assert_eq!(reasons(|seen| seen.front_ports.clear()), [""; 0], "there is none yet");
    let other_port = |seen: &mut Observation| {
        let version = seen.versions.values_mut().next().unwrap();
        version.service.as_mut().unwrap().declaration.as_mut().unwrap().port = 8080_i64.try_into().unwrap();
    };
    assert_eq!(reasons(other_port), ["VersionPortChanged"]);
}

#[test]
fn a_number_of_pods_that_has_no_effect_is_told() {
    let release = release(TWO);
    let scaled = |version: usize, wanted: u32| {
        let notices = told(&release, |seen| {
            let version = seen.versions.values_mut().nth(version).unwrap();
            let deployment = version.deployment.as_mut().unwrap();
            (deployment.wanted, deployment.scaled_by) = (wanted, Some("kubectl".into()));
        });
        notices.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told =
        "`replicas` of web-0 has no effect: kubectl has scaled it to another number, and who scales keeps it";
    assert_eq!(scaled(0, 3), [told]);
    assert_eq!(scaled(0, 2), [""; 0], "it is the declared one");
    assert_eq!(scaled(1, 3), [""; 0], "none is declared");
}
