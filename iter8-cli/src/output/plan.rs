//! A plan for people.

use clap::ValueEnum;
use iter8_core::{
    FrontService, Hostname, Notice, PlannedRoute, PlannedRule, RouteMatch, RoutePlan, ValidRelease,
};

use super::table::{Cell, Table};
use super::{Paint, Style};

/// How a plan is printed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

/// The versions, the rules, and what a person should know besides.
pub(crate) fn tables(release: &ValidRelease, plan: &RoutePlan, style: Style) -> String {
    let strategy = style.paint(Paint::Bold, plan.strategy.as_str());
    let rules = if plan.rules().is_empty() { "no route\n".to_owned() } else { rules(plan).render(style) };
    let mut parts = vec![format!("{strategy} of {}\n", release.key), versions(plan).render(style), rules];
    parts.extend(plan.route.as_ref().filter(|route| route.gateway_parents().next().is_some()).map(gateways));
    parts.extend(plan.front.as_ref().map(front));
    let notice = |text: &Notice| format!("{} {text}\n", style.paint(Paint::Warn, "note:"));
    parts.extend((!plan.notices.is_empty()).then(|| plan.notices.iter().map(notice).collect()));
    parts.join("\n")
}

/// Where the front Service leads to without a route.
fn front(front: &FrontService) -> String {
    let port = front.target_port.as_ref().map_or_else(|| front.port.to_string(), ToString::to_string);
    let labels: Vec<_> = front.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "where no route applies, Service {}:{} leads to port {port} of Pods {}\n",
        front.name,
        front.port,
        labels.join(",")
    )
}

/// The parents of the Gateways' route, which has the same rules.
fn gateways(route: &PlannedRoute) -> String {
    let parents: Vec<_> = route.gateway_parents().map(|parent| parent.in_words(&route.namespace)).collect();
    let hosts: Vec<_> = route.gateway_hostnames().map(Hostname::as_str).collect();
    let leaving = route.leaving.as_ref();
    let leaving = leaving.map(|leaving| format!("leaving: {}\n", leaving.in_words(&route.namespace)));
    let (parents, hosts) = (parents.join(", "), hosts.join(", "));
    format!("the same rules apply at {parents} for {hosts}\n{}", leaving.unwrap_or_default())
}

fn versions(plan: &RoutePlan) -> Table {
    let mut table = Table::new(&["VERSION", "ROLE", "READINESS", "WEIGHT", "REASON"]);
    for version in &plan.versions {
        let readiness = version.readiness.state();
        table.row([
            version.name.as_str().into(),
            version.role.as_str().into(),
            Cell::painted(Paint::of(readiness), readiness),
            version.weight.map(|weight| weight.to_string()).unwrap_or_default().into(),
            version.reason.to_string().into(),
        ]);
    }
    table
}

fn rules(plan: &RoutePlan) -> Table {
    let mut table = Table::new(&["RULE", "REQUESTS", "GO TO", "REASON"]);
    for (index, rule) in plan.rules().iter().enumerate() {
        table.row([
            index.to_string().into(),
            requests(&rule.matches).into(),
            backends(rule).into(),
            rule.reason.to_string().into(),
        ]);
    }
    table
}

fn requests(matches: &[RouteMatch]) -> String {
    if matches.is_empty() {
        return "all others".to_owned();
    }
    matches.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn backends(rule: &PlannedRule) -> String {
    let total: u64 = rule.backends.iter().map(|backend| u64::from(backend.weight.get())).sum();
    let backends = rule.backends.iter().map(|backend| {
        let name = format!("{}:{}", backend.service, backend.port);
        let weight = u64::from(backend.weight.get());
        if weight == total { name } else { format!("{name} {}", percent(weight, total)) }
    });
    let copies = rule
        .mirrors
        .iter()
        .map(|mirror| format!("copies of {}% to {}:{}", mirror.percent, mirror.service, mirror.port));
    backends.chain(copies).collect::<Vec<_>>().join(", ")
}

/// A share with at most one decimal; what is more than nothing never shows as 0%.
pub(super) fn percent(part: u64, total: u64) -> String {
    let tenths = part.saturating_mul(1000).saturating_add(total / 2).checked_div(total).unwrap_or_default();
    match (tenths / 10, tenths % 10) {
        (0, 0) if part > 0 => "<0.1%".to_owned(),
        (whole, 0) => format!("{whole}%"),
        (whole, rest) => format!("{whole}.{rest}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_small_share_does_not_show_as_nothing() {
        assert_eq!(percent(0, 10), "0%");
        assert_eq!(percent(30, 100), "30%");
        assert_eq!(percent(1, 3), "33.3%");
        assert_eq!(percent(1, 1_000_001), "<0.1%");
    }
}
