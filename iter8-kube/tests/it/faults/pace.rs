//! How fast the controller asks an API server that is too busy.

use http::StatusCode;
use iter8_testkit::fault::{Exchange, Faults};

/// Whether nothing was asked for as long as an answer `429 Too Many Requests` said, but what was on its way by then or
/// belongs to the election.
pub(crate) fn check(faults: &Faults) -> Result<(), String> {
    let exchanges = faults.exchanges();
    let of_election = |exchange: &&Exchange| exchange.request.contains("/leases");
    for refused in exchanges.iter().filter(|it| it.status == Some(StatusCode::TOO_MANY_REQUESTS)) {
        let Some(answered) = refused.answered else { continue };
        let early = exchanges
            .iter()
            .filter(|it| !of_election(it))
            .find(|it| it.sent > answered && it.sent < answered + iter8_testkit::fault::RETRY_AFTER);
        if let Some(early) = early {
            let after = early.sent - answered;
            return Err(format!(
                "{} was sent {after:?} after {} was answered 429",
                early.request, refused.request
            ));
        }
    }
    Ok(())
}
