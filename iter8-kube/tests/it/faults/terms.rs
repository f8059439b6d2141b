//! Who writes while who holds the Lease.

use iter8_testkit::apiserver::RecordedChange;

use super::knowledge::Knowledge;
use super::world::number_of;

/// Whether every write but those that a stopped process has sent when it went on was the leader's, in the order in which
/// the API server has taken them; an error names the first one that was not.
pub(crate) fn check(changes: &[RecordedChange], knowledge: &Knowledge) -> Result<(), String> {
    let mut holder = None;
    for change in changes {
        if change.resource == "leases" {
            let lease = change.object.as_deref();
            let identity = lease.and_then(|lease| lease["spec"]["holderIdentity"].as_str());
            // A process adds a suffix to the name that it was given.
            let number = identity.and_then(|identity| identity.split('_').next());
            holder = number.and_then(|number| number.parse::<usize>().ok());
            continue;
        }
        let Some(writer) = number_of(&change.user_agent) else { continue };
        // What the API server deletes with it is not asked for.
        let is_asked_for =
            matches!(&*change.resource, "deployments" | "services" | "httproutes" | "events" | "releases");
        if is_asked_for && holder != Some(writer) && !knowledge.was_stopped_at(change) {
            return Err(format!(
                "process {writer} wrote {} {} at {}, while the Lease was held by {holder:?}",
                change.resource, change.name, change.time
            ));
        }
    }
    Ok(())
}
