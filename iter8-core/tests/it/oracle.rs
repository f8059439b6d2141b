//! The planner against the naive one of the testkit.

use iter8_core::{Capabilities, Limits, Precedence, RouteCapabilities, plan};
use iter8_testkit::oracle::check;
use iter8_testkit::strategies::{Situation, config, histories, situations};
use proptest::prelude::*;

fn specification() -> Capabilities {
    Capabilities::specification()
}

/// A mesh with so little room that versions have to wait.
fn narrow() -> Capabilities {
    let limits = Limits { rules: 3, backends_per_rule: 3, hostnames: 5, ..Limits::HTTP_ROUTE };
    let http = RouteCapabilities { precedence: Precedence::PathLengthFirst, ..RouteCapabilities::HTTP };
    Capabilities { limits, http, ..Capabilities::specification() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_plan_is_what_the_text_says_in_any_situation(situation in situations(&specification())) {
        let Situation { release, observation } = situation;
        check(&release, &observation, &plan(&release, &observation))?;
    }

    #[test]
    fn a_plan_is_what_the_text_says_where_not_every_version_fits(situation in situations(&narrow())) {
        let Situation { release, observation } = situation;
        check(&release, &observation, &plan(&release, &observation))?;
    }

    #[test]
    fn every_plan_of_a_history_is_what_the_text_says(history in histories()) {
        history.play(&specification(), |moment| check(&moment.release, &moment.seen, &moment.plan))?;
    }
}
