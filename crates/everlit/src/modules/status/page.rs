//! The pages of mod_status.
//!
//! In: figures. Out: HTML, text or JSON; text and JSON with lighttpd's names, because programs read them. Must hold: nothing
//! that a client said is in a page unescaped.

use std::fmt::Write;

use crate::board::{Board, RECENT};
use crate::clock::Now;
use crate::http1::state::Phase;

/// Who answers.
pub(super) struct About<'a> {
    pub(super) tag: &'a str,
    pub(super) host: &'a str,
    pub(super) name: &'a str,
}

/// Letter and words for what connections do: lighttpd's, where it has them.
fn words(phase: Phase) -> (char, &'static str) {
    match phase {
        Phase::Idle => ('k', "keep-alive"),
        Phase::Head => ('r', "read"),
        Phase::Asking => ('a', "ask"),
        Phase::Body => ('Q', "read-post"),
        Phase::Waiting => ('h', "handle-req"),
        Phase::Tunnel => ('t', "tunnel"),
        Phase::Sending => ('W', "write"),
        Phase::Lingering => ('C', "close"),
    }
}

/// Letters are not repeated more often than this.
const BOARD_MAX: u64 = 10_000;

/// One letter for each connection.
fn score(board: &Board) -> String {
    let mut score = String::new();
    for phase in Phase::ALL {
        let count = board.connections(phase).min(BOARD_MAX) as usize;
        score.extend(std::iter::repeat_n(words(phase).0, count));
    }
    score
}

fn open(board: &Board) -> u64 {
    Phase::ALL
        .into_iter()
        .map(|phase| board.connections(phase))
        .sum()
}

fn uptime(board: &Board, now: Now) -> u64 {
    now.unix.as_secs().saturating_sub(board.totals().started)
}

/// `?auto`
pub(super) fn text(board: &Board, now: Now) -> String {
    let totals = board.totals();
    format!(
        "Total Accesses: {}\nTotal kBytes: {}\nUptime: {}\nBusyServers: {}\nIdleServers: 0\nScoreboard: {}\n",
        totals.requests,
        totals.bytes / 1024,
        uptime(board, now),
        open(board),
        score(board)
    )
}

/// `?json`, `?jsonp=NAME`
pub(super) fn json(board: &Board, now: Now, query: &[u8]) -> String {
    let totals = board.totals();
    let rate = board.rate(now);
    let json = format!(
        "{{\n\t\"RequestsTotal\": {},\n\t\"TrafficTotal\": {},\n\t\"Uptime\": {},\n\t\"BusyServers\": {},\n\t\
         \"IdleServers\": 0,\n\t\"RequestAverage5s\":{},\n\t\"TrafficAverage5s\":{}\n}}",
        totals.requests,
        totals.bytes / 1024,
        uptime(board, now),
        open(board),
        rate.requests,
        rate.bytes / 1024
    );
    match query.strip_prefix(b"jsonp=").and_then(name) {
        Some(name) => format!("{name}({json});"),
        None => json,
    }
}

/// The name of a function, and nothing that could be more.
fn name(text: &[u8]) -> Option<&str> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_good = text.first()?.is_ascii_alphabetic() && text.iter().all(is_name);
    is_good.then(|| std::str::from_utf8(text).ok())?
}

/// Figures by name.
pub(super) fn statistics(board: &Board, now: Now) -> String {
    let totals = board.totals();
    let rate = board.rate(now);
    let mut out = format!(
        "bytes.per-second: {}\nbytes.total: {}\n",
        rate.bytes, totals.bytes
    );
    let mut names: Vec<_> = Phase::ALL
        .map(|phase| (words(phase).1, board.connections(phase)))
        .into();
    names.sort_unstable();
    for (name, count) in names {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "connections.{name}: {count}");
    }
    let _ = write!(
        out,
        "requests.per-second: {}\nrequests.total: {}\nuptime: {}\n",
        rate.requests,
        totals.requests,
        uptime(board, now)
    );
    out
}

const STYLE: &str = "table { border-collapse: collapse } td, th { padding: 0.2em 0.8em; text-align: left; \
                     border-bottom: thin solid #ccc } pre { white-space: pre-wrap; word-break: break-all }";

fn begin(title: &str, tag: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n@REFRESH@</head>\n<body>\n<h1>{title} ({})</h1>\n",
        escaped(tag)
    )
}

/// For people. `query`: `refresh=SECONDS` has the browser ask again.
pub(super) fn html(board: &Board, now: Now, about: &About<'_>, query: &[u8]) -> String {
    let totals = board.totals();
    let rate = board.rate(now);
    let seconds = uptime(board, now);
    let refresh = match refresh(query) {
        Some(seconds) => format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n"),
        None => String::new(),
    };
    let mut out = begin("Server-Status", about.tag).replace("@REFRESH@", &refresh);
    let started = httpdate::fmt_http_date(
        std::time::UNIX_EPOCH + std::time::Duration::from_secs(totals.started),
    );
    let per_second = |total: u64| total / seconds.max(1);
    let rows = [
        (
            "Hostname",
            format!("{} ({})", escaped(about.host), escaped(about.name)),
        ),
        ("Uptime", duration(seconds)),
        ("Started at", started),
        ("Requests since start", scaled(totals.requests, 1000, "req")),
        ("Traffic since start", scaled(totals.bytes, 1024, "byte")),
        (
            "Requests, average",
            scaled(per_second(totals.requests), 1000, "req/s"),
        ),
        (
            "Traffic, average",
            scaled(per_second(totals.bytes), 1024, "byte/s"),
        ),
        (
            "Requests, last seconds",
            format!("{} in {RECENT} s", scaled(rate.requests, 1000, "req/s")),
        ),
        (
            "Traffic, last seconds",
            format!("{} in {RECENT} s", scaled(rate.bytes, 1024, "byte/s")),
        ),
    ];
    out.push_str("<table>\n");
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    let _ = writeln!(
        out,
        "</table>\n<h2>{} connections</h2>\n<pre>{}</pre>\n<table>",
        open(board),
        score(board)
    );
    for phase in Phase::ALL {
        let (letter, word) = words(phase);
        let count = board.connections(phase);
        let _ = writeln!(out, "<tr><td>{count}</td><td>{letter} = {word}</td></tr>");
    }
    out.push_str("</table>\n</body>\n</html>\n");
    out
}

/// What the server is made of.
pub(super) fn config(board: &Board, tag: &str) -> String {
    let mut out = begin("Configuration", tag).replace("@REFRESH@", "");
    let codings = ["gzip", "deflate"]
        .into_iter()
        .chain(cfg!(feature = "brotli").then_some("br"))
        .chain(cfg!(feature = "zstd").then_some("zstd"))
        .collect::<Vec<_>>()
        .join(", ");
    let _ = write!(
        out,
        "<table>\n<tr><th colspan=\"2\">Server-Features</th></tr>\n\
         <tr><td>RegEx Conditionals</td><td>enabled</td></tr>\n\
         <tr><td>Compression</td><td>{codings}</td></tr>\n\
         <tr><th colspan=\"2\">Network Engine</th></tr>\n\
         <tr><td>fd-Event-Handler</td><td>epoll</td></tr>\n\
         <tr><th colspan=\"2\">Config-File-Settings</th></tr>\n\
         <tr><td>Loaded Modules</td><td>{}</td></tr>\n</table>\n</body>\n</html>\n",
        board.modules.join("<br>")
    );
    out
}

/// Seconds until the browser asks again, at most a week.
fn refresh(query: &[u8]) -> Option<u32> {
    let digits = query.strip_prefix(b"refresh=")?;
    let seconds: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (seconds > 0).then(|| seconds.min(604_800))
}

fn duration(seconds: u64) -> String {
    let mut out = String::new();
    for (unit, length, modulus) in [
        (" days ", 86_400, u64::MAX),
        (" hours ", 3600, 24),
        (" min ", 60, 60),
    ] {
        let count = seconds / length % modulus;
        if count > 0 {
            let _ = write!(out, "{count}{unit}");
        }
    }
    let _ = write!(out, "{} s", seconds % 60);
    out
}

/// `12 kreq`
fn scaled(value: u64, step: u64, unit: &str) -> String {
    let (mut value, mut prefix) = (value, "");
    for next in ["k", "M", "G", "T", "P"] {
        if value <= step {
            break;
        }
        value /= step;
        prefix = next;
    }
    format!("{value} {prefix}{unit}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
