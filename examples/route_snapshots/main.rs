//! Snapshot tests of routes, as you would keep them beside your release documents.
//!
//! Every document in `releases/` has a snapshot in `snapshots/`: for three states of the cluster the rules with their
//! reasons, and the route that is written when every version is ready. A change of a document, or of iter8, shows
//! in review as a change of who gets which requests.
//!
//! ```sh
//! cargo test -p iter8-examples --test route-snapshots                      # compares
//! INSTA_UPDATE=always cargo test -p iter8-examples --test route-snapshots  # accepts; look at the difference
//! ```

use std::fs;
use std::path::Path;

use iter8_core::{
    Document, Observation, PlannedRule, ReleaseKey, RoutingBackend, ValidRelease, declare, plan,
};
use iter8_gateway_api::{GatewayApiBackend, MeshProfile};
use serde::Serialize;

/// What a snapshot shows.
#[derive(Serialize)]
struct Routing {
    nothing_is_ready: Vec<String>,
    only_the_primary_is_ready: Vec<String>,
    every_version_is_ready: Vec<String>,
    route: Vec<<GatewayApiBackend as RoutingBackend>::Object>,
}

fn routing(release: &ValidRelease, backend: &GatewayApiBackend) -> Routing {
    let primary = &release.primary().name;
    let only_primary = Observation::ready_where(release, |version| version.name == *primary);
    let all = plan(release, &Observation::all_ready(release));
    let rules = |observation| plan(release, &observation).rules().iter().map(in_words).collect();
    Routing {
        nothing_is_ready: rules(Observation::default()),
        only_the_primary_is_ready: rules(only_primary),
        every_version_is_ready: all.rules().iter().map(in_words).collect(),
        route: backend.render(&all),
    }
}

/// `header traffic=test → shop-1: shop-1: it is ready`
fn in_words(rule: &PlannedRule) -> String {
    let matches: Vec<_> = rule.matches.iter().map(ToString::to_string).collect();
    let requests = if matches.is_empty() { "the rest".to_owned() } else { matches.join(" or ") };
    let backends: Vec<_> =
        rule.backends.iter().map(|backend| format!("{} ({})", backend.service, backend.weight)).collect();
    format!("{requests} → {}; {}", backends.join(", "), rule.reason)
}

#[test]
fn the_documents_route_as_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("route_snapshots");
    let backend = GatewayApiBackend::new(MeshProfile::linkerd());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);

    let mut names = Vec::new();
    for file in fs::read_dir(folder.join("releases")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let document = Document::from_yaml(&fs::read_to_string(&path).unwrap()).unwrap();
        let key = ReleaseKey { name: name.parse().unwrap(), namespace: "shop".parse().unwrap() };
        // A document that the controller would refuse fails here, with all that is wrong with it.
        let release = declare(&key, &document, backend.capabilities())
            .unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
        settings.bind(|| insta::assert_yaml_snapshot!(name.as_str(), routing(&release, &backend)));
        names.push(format!("{name}.snap"));
    }

    // A snapshot whose document has gone would look reviewed for ever.
    for file in fs::read_dir(folder.join("snapshots")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let waits_for_review = file.ends_with(".snap.new");
        assert!(waits_for_review || names.contains(&file), "snapshots/{file} belongs to no document");
    }
}
