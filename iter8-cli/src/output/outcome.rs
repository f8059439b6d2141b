//! What becomes of a request, for people.

use std::collections::BTreeMap;

use iter8_testkit::simulator::{Backend, DeliveredRequest, Effect, HeaderChanges, Outcome, Parent};

use super::{Paint, Style};

/// Who gets the request, what the filters do to it, and why.
pub(crate) fn text(parent: Option<&Parent>, outcome: &Outcome, style: Style) -> String {
    let mut lines = vec![style.paint(Paint::Bold, &answer(outcome))];
    lines.push(match parent {
        Some(parent) => format!("sent to  {parent}"),
        None => "sent to  nothing that a route could be attached to; --parent says what is meant".to_owned(),
    });
    if let Some(matched) = &outcome.route {
        lines.push(format!(
            "route    {} {}/{}, rule {}, match {}",
            matched.kind, matched.namespace, matched.name, matched.rule, matched.match_index
        ));
    }
    let received = outcome.effect_on_all();
    for backend in &outcome.backends {
        let share = if backend.share < 1.0 { format!(" {}", percent(backend.share)) } else { String::new() };
        lines.push(format!("backend  {}{share}", service(&backend.namespace, &backend.name, backend.port)));
        let is_particular = backend.own.is_some();
        lines.extend(
            is_particular.then(|| changes(outcome, &outcome.effect_on(backend))).into_iter().flatten(),
        );
    }
    if outcome.backends.iter().any(|backend: &Backend| backend.own.is_none()) {
        lines.extend(changes(outcome, &received));
    }
    if outcome.failing_share > 0.0 && !outcome.backends.is_empty() {
        lines.push(format!("fails    {} (status 500)", percent(outcome.failing_share)));
    }
    for mirror in &outcome.mirrors {
        let share = if mirror.percent < 100.0 {
            format!(" {}", percent(mirror.percent / 100.0))
        } else {
            String::new()
        };
        lines.push(format!("copy to  {}{share}", service(&mirror.namespace, &mirror.name, mirror.port)));
    }
    lines.push(String::new());
    lines.push(style.paint(Paint::Dim, "why"));
    lines.extend(outcome.why.iter().map(|sentence| format!("  {sentence}")));
    lines.push(String::new());
    lines.join("\n")
}

/// The answer to "which version gets it?" in one line.
fn answer(outcome: &Outcome) -> String {
    if let Some(redirect) = &outcome.redirect {
        return format!("redirected to {} ({})", redirect.location, redirect.status);
    }
    let names: Vec<_> = outcome.backends.iter().map(|backend| backend.name.as_str()).collect();
    let failing = outcome.failing_share;
    match (outcome.status, names.as_slice()) {
        (200, []) => "goes past every route".to_owned(),
        (200, [name]) if outcome.passthrough => format!("{name} gets it: no route applies"),
        (200, [name]) if failing > 0.0 => {
            format!("{name} gets it, but {} fail with status 500", percent(failing))
        }
        (200, [name]) => format!("{name} gets it"),
        (200, _) if failing > 0.0 => {
            format!("split between {}, and {} fail with status 500", names.join(", "), percent(failing))
        }
        (200, _) => format!("split between {}", names.join(", ")),
        (204, _) => "answered on the way: status 204".to_owned(),
        (status, _) => format!("nobody gets it: status {status}"),
    }
}

/// A share as people write it: without a decimal where it is none.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

fn service(namespace: &str, name: &str, port: Option<u16>) -> String {
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("Service {namespace}/{name}{port}")
}

/// What the filters do on the way to a backend and back.
fn changes(outcome: &Outcome, effect: &Effect) -> Vec<String> {
    let mut lines = vec![format!("  receives  {}", request(&effect.request))];
    lines.extend(headers(&effect.response_headers).into_iter().map(|change| format!("  response  {change}")));
    if let Some(redirect) = effect.redirect.as_ref().filter(|_| outcome.redirect.is_none()) {
        lines.push(format!("  redirect  {} ({})", redirect.location, redirect.status));
    }
    lines
}

fn request(request: &DeliveredRequest) -> String {
    let headers = pairs(&request.headers, ": ");
    let headers = if headers.is_empty() { String::new() } else { format!(" ({})", headers.join(", ")) };
    format!("{}{}{headers}", request.host, request.path)
}

fn headers(changes: &HeaderChanges) -> Vec<String> {
    let set = pairs(&changes.set, ": ").into_iter().map(|pair| format!("sets {pair}"));
    let add = pairs(&changes.add, ": ").into_iter().map(|pair| format!("adds {pair}"));
    let remove = changes.remove.iter().map(|name| format!("takes away {name}"));
    set.chain(add).chain(remove).collect()
}

fn pairs(headers: &BTreeMap<String, String>, separator: &str) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}{separator}{value}")).collect()
}
