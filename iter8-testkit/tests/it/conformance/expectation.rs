//! What a case expects, compared with what became of its request.

use std::collections::BTreeMap;

use iter8_testkit::simulator::{Effect, Outcome};
use serde_json::{Value, json};

use super::{list, map, text};

/// Everything that is not as the case expects it.
pub(super) fn problems(outcome: &Outcome, case: &Value) -> Vec<String> {
    let expect = &case["expect"];
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let status = json!(outcome.status);
    match expect.get("status_any_of") {
        Some(any) => check(list(any).contains(&status), format!("status {status}, wanted one of {any}")),
        None => check(status == expect["status"], format!("status {status}, wanted {}", expect["status"])),
    }
    let passthrough = expect["passthrough"] == true;
    check(passthrough == outcome.passthrough, format!("passthrough is {}", outcome.passthrough));
    if case.get("parent") != Some(&Value::Null) {
        backends(outcome, expect, &mut check);
    }
    for (name, wanted) in map(&expect["shares"]) {
        let share = share(outcome, name);
        let off = (share - wanted.as_f64().unwrap_or_default()).abs();
        check(off <= expect["share_tolerance"].as_f64().unwrap_or_default(), format!("{name} gets {share}"));
    }
    mirrors(outcome, expect, &mut check);
    redirect(outcome, expect, &mut check);
    let common = outcome.effect_on_all();
    effect(&common, case, expect, &mut check);
    for (name, wanted) in map(&expect["per_backend"]) {
        match outcome.backends.iter().find(|backend| backend.name == *name) {
            Some(backend) => effect(&outcome.effect_on(backend), case, wanted, &mut check),
            None => check(false, format!("backend `{name}` gets nothing")),
        }
    }
    problems
}

fn backends(outcome: &Outcome, expect: &Value, check: &mut impl FnMut(bool, String)) {
    match expect.get("backend") {
        Some(Value::Null) => check(outcome.backends.is_empty(), "a backend is called".into()),
        Some(wanted) => {
            let only = share(outcome, text(wanted));
            check(only > 0.999, format!("{wanted} gets {only}"));
        }
        None => {}
    }
    if let Some(namespace) = expect["backend_namespace"].as_str() {
        let elsewhere = outcome.backends.iter().any(|backend| backend.namespace != namespace);
        check(!elsewhere, format!("a backend is not in `{namespace}`"));
    }
}

fn mirrors(outcome: &Outcome, expect: &Value, check: &mut impl FnMut(bool, String)) {
    if let Some(wanted) = expect.get("mirrored_to") {
        let found: Vec<&str> = outcome.mirrors.iter().map(|mirror| mirror.name.as_str()).collect();
        check(json!(found) == *wanted, format!("mirrored to {found:?}, wanted {wanted}"));
    }
    for (name, wanted) in map(&expect["mirror_percent"]) {
        let found = outcome.mirrors.iter().find(|mirror| mirror.name == *name).map(|mirror| mirror.percent);
        check(found == wanted.as_f64(), format!("{name} gets copies of {found:?}%"));
    }
}

fn redirect(outcome: &Outcome, expect: &Value, check: &mut impl FnMut(bool, String)) {
    let Some(wanted) = expect.get("redirect") else {
        check(outcome.redirect.is_none(), "the request is redirected".into());
        return;
    };
    let found = json!(outcome.redirect);
    for field in ["status", "scheme", "path", "hostname"] {
        if let Some(wanted) = wanted.get(field) {
            check(found[field] == *wanted, format!("redirect {field} {}, wanted {wanted}", found[field]));
        }
    }
    check(
        found["port"] == wanted["port"],
        format!("redirect port {}, wanted {}", found["port"], wanted["port"]),
    );
}

fn effect(effect: &Effect, case: &Value, expect: &Value, check: &mut impl FnMut(bool, String)) {
    let mut response: BTreeMap<String, String> = map(&case["backend_response_headers"])
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value).to_owned()))
        .collect();
    effect.response_headers.apply(&mut response);
    for (what, headers) in [("request", &effect.request.headers), ("response", &response)] {
        let found = |name: &str| headers.get(&name.to_ascii_lowercase()).map(String::as_str);
        for (name, wanted) in map(&expect[format!("{what}_headers_set")]) {
            check(found(name) == wanted.as_str(), format!("{what} header {name} is {:?}", found(name)));
        }
        for name in list(&expect[format!("{what}_headers_absent")]) {
            check(found(text(name)).is_none(), format!("{what} header {name} is there"));
        }
        for (name, any) in map(&expect[format!("{what}_headers_any_of")]) {
            let plain = |value: &str| value.replace(' ', "");
            let found = found(name).map(plain);
            let holds = list(any).iter().any(|wanted| found == Some(plain(text(wanted))));
            check(holds, format!("{what} header {name} is {found:?}, wanted one of {any}"));
        }
    }
    if let Some(wanted) = expect.get("rewritten_host") {
        check(*wanted == *effect.request.host, format!("host {}, wanted {wanted}", effect.request.host));
    }
    if let Some(wanted) = expect.get("rewritten_path") {
        check(*wanted == *effect.request.path, format!("path {}, wanted {wanted}", effect.request.path));
    }
}

fn share(outcome: &Outcome, name: &str) -> f64 {
    outcome.backends.iter().filter(|backend| backend.name == name).map(|backend| backend.share).sum()
}
