//! The table that a run prints.

use std::time::Duration;

use crate::news::{Both, Latencies};
use crate::no_news::EVENTS;
use crate::run::Figures;

/// What stands over the columns. The last one is the reference system on the same kind of machine, with its number of
/// releases.
const HEAD: [&str; 6] = ["", "iter8", "floor", "ratio", "target", "Iter8 v1.1"];

type Row = [String; 6];

/// The figures in Markdown.
pub(crate) fn format(figures: &Figures) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(cold_start(figures));
    rows.extend(latencies("ready to routed, one at a time", &figures.ready, ["at most 2x", "> 30 s (50)"]));
    rows.extend(latencies("failed to routed, one at a time", &figures.failed, ["", ""]));
    rows.extend(latencies(
        &format!("ready to routed, {} at once", figures.burst.0),
        &figures.burst.1,
        ["", ""],
    ));
    rows.extend(no_news(figures));
    rows.extend(memory(figures));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!(" {cell:<0$} |", width(column)));
        format!("|{}\n", cells.collect::<String>())
    });
    let head = lines.next().unwrap_or_default();
    let rule: Vec<_> = (0..HEAD.len()).map(|column| "-".repeat(width(column) + 2)).collect();
    format!("\n{} releases\n\n{head}|{}|\n{}", figures.releases, rule.join("|"), lines.collect::<String>())
}

fn cold_start(figures: &Figures) -> Vec<Row> {
    let (cold, floor) = (&figures.cold, figures.cold_floor);
    let routed = [
        milliseconds(cold.routed),
        milliseconds(floor),
        ratio(cold.routed, floor),
        "at most 1.3x".to_owned(),
        "29 s (50), 150 s (200)".to_owned(),
    ];
    let meanwhile = format!("{} statuses, {} Events", cold.writes.statuses, cold.writes.events);
    vec![
        row("cold start: until all are routed", routed),
        row(
            "what else was written until then",
            [meanwhile.clone(), meanwhile, String::new(), String::new(), String::new()],
        ),
        row(
            "processor time until then",
            [milliseconds(cold.cpu), String::new(), String::new(), String::new(), String::new()],
        ),
    ]
}

fn latencies(what: &str, both: &Both, [target, reference]: [&str; 2]) -> Vec<Row> {
    let figure = |percent: usize, target: &str, reference: &str| {
        let of = |latencies: &Latencies| latencies.percentile(percent);
        let (ours, floor) = (of(&both.ours), of(&both.floor));
        let figures = [
            milliseconds(ours),
            milliseconds(floor),
            ratio(ours, floor),
            target.to_owned(),
            reference.to_owned(),
        ];
        row(&format!("{what}, p{percent}"), figures)
    };
    vec![figure(50, target, reference), figure(99, "", "")]
}

fn no_news(figures: &Figures) -> Vec<Row> {
    let (no_news, idle) = (&figures.no_news, &figures.idle);
    let empty = String::new;
    let microseconds = |time: Duration| format!("{} us", time.as_micros());
    let per_minute = |count: u64| tenths(count * 600 / idle.seconds.max(1));
    let cpu = [
        microseconds(no_news.ours),
        microseconds(no_news.floor),
        ratio(no_news.ours, no_news.floor),
        "at most 100 us".to_owned(),
        "520 us".to_owned(),
    ];
    let writes = [no_news.writes.to_string(), "0".to_owned(), String::new(), "0".to_owned(), String::new()];
    let requests =
        [per_minute(idle.ours), per_minute(idle.floor), String::new(), String::new(), String::new()];
    vec![
        row("processor time for an event without news", cpu),
        row(&format!("writes for {EVENTS} events without news"), writes),
        row("requests in an idle minute, besides those of the Lease", requests),
        row(
            "requests of the Lease in an idle minute",
            [per_minute(idle.renewals), empty(), empty(), empty(), empty()],
        ),
    ]
}

fn memory(figures: &Figures) -> Vec<Row> {
    let memory = &figures.memory;
    let empty = String::new;
    let mebibytes = |kibibytes: u64| format!("{} MiB", tenths(kibibytes * 10 / 1024));
    let target = if figures.releases == 5000 { "less than 150 MiB" } else { "" };
    let reference = "168 MiB (200)".to_owned();
    let routed = [mebibytes(memory.routed), mebibytes(memory.empty), empty(), target.to_owned(), reference];
    let each = |memory: u64, empty: u64| {
        format!("{} KiB", tenths(memory.saturating_sub(empty) * 10 / (figures.releases.max(1) as u64)))
    };
    let at_once = each(memory.routed, memory.empty);
    let rested = each(memory.rested, memory.empty);
    let code = [mebibytes(memory.routed_code), mebibytes(memory.empty_code), empty(), empty(), empty()];
    vec![
        row("resident memory; floor: without releases", routed),
        row("of which code of the program that has run", code),
        row(
            "resident memory for a release",
            [at_once, empty(), empty(), "at most 24 KiB".to_owned(), empty()],
        ),
        row("the same after the idle time", [rested, empty(), empty(), "at most 24 KiB".to_owned(), empty()]),
        row("most until then", [mebibytes(memory.most), empty(), empty(), empty(), empty()]),
        row("resident memory in the end", [mebibytes(memory.last), empty(), empty(), empty(), empty()]),
    ]
}

fn row(what: &str, [ours, floor, ratio, target, reference]: [String; 5]) -> Row {
    [what.to_owned(), ours, floor, ratio, target, reference]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn ratio(ours: Duration, floor: Duration) -> String {
    format!("{:.2}x", ours.as_secs_f64() / floor.as_secs_f64())
}

/// A number of tenths as a decimal fraction.
fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}
