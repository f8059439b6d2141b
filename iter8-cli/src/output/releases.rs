//! Releases for people.

use iter8_core::{ConditionType, Value};
use iter8_kube::{NoticeStatus, Release, ReleaseStatus, VersionStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::table::{Cell, Table};
use super::{Paint, Style, plan};
use crate::duration;

/// A line for each Release.
pub(crate) fn table(releases: &[Release], with_namespace: bool, style: Style) -> String {
    let columns = ["NAMESPACE", "NAME", "STRATEGY", "PRIMARY", "CANDIDATES", "READY", "AGE", "REASON"];
    let skipped = usize::from(!with_namespace);
    let mut table = Table::new(columns.get(skipped..).unwrap_or_default());
    for release in releases {
        let status = release.status.clone().unwrap_or_default();
        let ready = condition(&status, ConditionType::Ready);
        let state = ready.map_or("Unknown", |ready| ready.status.as_str());
        let cells = [
            release.namespace().unwrap_or_default().into(),
            release.name_any().into(),
            strategy(release).into(),
            status.primary.clone().unwrap_or_default().into(),
            status.candidates.clone().unwrap_or_default().into(),
            Cell::painted(Paint::of(state), state),
            age(release).into(),
            reason(&status).into(),
        ];
        table.row(cells.into_iter().skip(skipped));
    }
    table.render(style)
}

/// One Release with its versions and conditions.
pub(crate) fn tree(release: &Release, style: Style) -> String {
    let status = release.status.clone().unwrap_or_default();
    let ready = condition(&status, ConditionType::Ready);
    let state = ready.map_or("Unknown", |ready| ready.status.as_str());
    let (state, words) = match state {
        "True" | "False" if is_behind(release, &status) => {
            ("Unknown", "the controller has not taken note of the latest change")
        }
        "True" => (state, "ready"),
        "False" => (state, "not ready"),
        _ => (state, "no controller has taken note of it"),
    };
    let mut parts = vec![format!(
        "{} ({} in namespace {}): {}\n",
        style.paint(Paint::Bold, &release.name_any()),
        strategy(release),
        release.namespace().unwrap_or_default(),
        style.paint(Paint::of(state), words)
    )];
    parts.push(versions(&status).render(style));
    parts.extend((!status.conditions.is_empty()).then(|| "\n".to_owned()));
    parts.extend(status.conditions.iter().map(|condition| line(condition, style)));
    let note = |notice: &NoticeStatus| format!("{} {}\n", style.paint(Paint::Warn, "note:"), notice.message);
    parts.extend((!status.notices.is_empty()).then(|| "\n".to_owned()));
    parts.extend(status.notices.iter().map(note));
    parts.concat()
}

/// A condition; further lines of its message are set in.
fn line(condition: &Condition, style: Style) -> String {
    let state = style.paint(Paint::of(&condition.status), &format!("{:<7}", condition.status));
    let message: Vec<_> = condition.message.lines().collect();
    format!("{:<16} {state} {}: {}\n", condition.type_, condition.reason, message.join("\n    "))
}

/// Whether the status speaks of an earlier document.
fn is_behind(release: &Release, status: &ReleaseStatus) -> bool {
    status.observed_generation.is_some_and(|seen| release.metadata.generation.is_some_and(|now| seen < now))
}

fn versions(status: &ReleaseStatus) -> Table {
    let mut table = Table::default();
    let share = Share {
        total: status.versions.iter().filter_map(|version| version.weight).map(u64::from).sum(),
        is_of_the_rest: status.versions.iter().any(|version| !version.matches.is_empty()),
    };
    let last = status.versions.len().saturating_sub(1);
    for (index, version) in status.versions.iter().enumerate() {
        let branch = if index == last { "└─" } else { "├─" };
        let readiness = version.readiness.as_str();
        table.row([
            format!("{branch} {}", version.name).into(),
            version.role.as_str().into(),
            Cell::painted(Paint::of(readiness), readiness),
            requests(version, &share).into(),
            version.reason.as_str().into(),
        ]);
    }
    table
}

/// What weights are shares of.
struct Share {
    /// The sum of the weights.
    total: u64,
    /// Whether some requests go elsewhere, by what they are like.
    is_of_the_rest: bool,
}

/// Which requests are the version's.
fn requests(version: &VersionStatus, share: &Share) -> String {
    if !version.matches.is_empty() {
        return version.matches.join(" or ");
    }
    match version.weight.map(u64::from) {
        None => String::new(),
        Some(weight) if weight == share.total && share.is_of_the_rest => "all others".to_owned(),
        Some(weight) => plan::percent(weight, share.total),
    }
}

fn condition(status: &ReleaseStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// Why a Release is ready or not, in one line: what is wrong with its document counts first.
fn reason(status: &ReleaseStatus) -> &str {
    let refusal = condition(status, ConditionType::Accepted).filter(|accepted| accepted.status == "False");
    let told = refusal.or_else(|| condition(status, ConditionType::Ready));
    told.map_or("no controller has taken note of it", |condition| {
        condition.message.lines().next().unwrap_or_default()
    })
}

/// The strategy of the document; the default is `none`.
fn strategy(release: &Release) -> String {
    let document = release.spec.document().unwrap_or_default();
    let application = document.root().get("application");
    let strategy = application.and_then(|application| application.get("strategy")).and_then(Value::as_str);
    strategy.filter(|strategy| !strategy.is_empty()).unwrap_or("none").to_owned()
}

fn age(release: &Release) -> String {
    let Some(created) = &release.metadata.creation_timestamp else { return String::new() };
    let seconds = Timestamp::now().as_second().saturating_sub(created.0.as_second());
    duration::age(u64::try_from(seconds).unwrap_or_default())
}
