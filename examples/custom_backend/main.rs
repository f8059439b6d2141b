//! A routing backend of your own: iter8 for a mesh that does not speak the Gateway API.
//!
//! The mesh of this example is made up. It is told where requests go by a custom resource `TrafficSplit`
//! (`traffic_split.rs`). The backend (`backend.rs`) is three things:
//!
//! 1. what the mesh can do, as data: `Capabilities`; releases that ask for more are refused with a message,
//! 2. `render`: a plan becomes objects,
//! 3. `observe`: objects, with whatever the API server and people have made of them, become rules again.
//!
//! It needs `iter8-core` only. Whether it keeps what the controller relies on is checked in `tests.rs`. With `iter8_kube::run(client, ExampleMesh, ...)` it is a whole controller.
//!
//! ```sh
//! cargo run -p iter8-examples --example custom-backend    # prints the TrafficSplit of a canary
//! cargo test -p iter8-examples --example custom-backend   # its tests
//! ```
#![expect(clippy::print_stdout, reason = "a program that prints an object")]

mod backend;
#[cfg(test)]
mod tests;
mod traffic_split;

use iter8_core::{Document, Observation, ReleaseKey, RoutingBackend, declare, plan};

use backend::ExampleMesh;

const DOCUMENT: &str = "
environment: deployment-gtw
application:
  strategy: canary
  versions:
  - image: web:1
  - image: web:2
    matches:
    - headers: [{name: traffic, value: test}]
    - path: {type: PathPrefix, value: /beta}
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = ReleaseKey { name: "web".parse()?, namespace: "shop".parse()? };
    let release = declare(&key, &Document::from_yaml(DOCUMENT)?, ExampleMesh.capabilities())?;
    let plan = plan(&release, &Observation::all_ready(&release));
    for object in ExampleMesh.render(&plan) {
        println!("{}", serde_json::to_string_pretty(&object)?);
    }
    Ok(())
}
