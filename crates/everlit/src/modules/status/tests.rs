//! The pages, as clients get them.

use std::sync::Arc;
use std::time::Duration;

use crate::board::Board;
use crate::clock::Now;
use crate::config::tests::support::{ask, load};
use crate::http1::state::Phase;
use crate::response::Body;
use crate::route::Desk;
use crate::worker::bench::Counters;

fn desk() -> Desk {
    let text = "server.document-root = \"/nonexistent\"\nserver.tag = \"<tag>\"\nserver.modules = ( \"mod_status\" )\n\
                status.status-url = \"/status\"\nstatus.config-url = \"/config\"\nstatus.statistics-url = \"/figures\"";
    let mut desk = Desk::new(Arc::new(load(text).0));
    let counters = Arc::new(Counters::default());
    let now = Now {
        unix: Now::read().unix - Duration::from_secs(100_000),
        ..Now::read()
    };
    counters.request(now);
    counters.sent(3000, now);
    counters.moved(None, Some(Phase::Sending));
    counters.moved(None, Some(Phase::Idle));
    counters.moved(None, Some(Phase::Idle));
    desk.board = Arc::new(Board::new(
        vec![counters],
        desk.site.pipeline.modules.clone(),
        Vec::new(),
        now,
    ));
    desk
}

fn body(desk: &mut Desk, target: &str) -> String {
    ask(desk, &format!("GET {target} HTTP/1.1\nHost: h<b>.example"));
    if desk.response.status == 400 {
        ask(desk, &format!("GET {target} HTTP/1.1\nHost: h.example"));
    }
    assert_eq!(desk.response.status, 200, "{target}");
    match &desk.response.body {
        Body::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_read_lighttpds_names() {
    let mut desk = desk();
    let text = body(&mut desk, "/status?auto");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["Total Accesses: 1", "Total kBytes: 2"]);
    assert!(lines[2].starts_with("Uptime: 1000"), "{text}");
    assert_eq!(
        lines[3..],
        ["BusyServers: 3", "IdleServers: 0", "Scoreboard: kkW"]
    );

    let json = body(&mut desk, "/status?json");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names = [
        "RequestsTotal",
        "TrafficTotal",
        "Uptime",
        "BusyServers",
        "IdleServers",
        "RequestAverage5s",
        "TrafficAverage5s",
    ];
    assert!(names.iter().all(|name| value[name].is_u64()), "{json}");
    assert_eq!(value.as_object().unwrap().len(), names.len());
    for (query, begins) in [
        ("jsonp=cb_1", "cb_1({"),
        ("jsonp=1", "{"),
        ("jsonp=alert(1)//", "{"),
        ("jsonp=", "{"),
    ] {
        let text = body(&mut desk, &format!("/status?{query}"));
        assert!(text.starts_with(begins), "{query}: {text}");
        assert_eq!(text.ends_with(");"), begins != "{", "{query}");
    }
}

#[test]
fn people_read_pages() {
    let mut desk = desk();
    let page = body(&mut desk, "/status?refresh=5");
    for part in [
        "content=\"5\"",
        "&lt;tag&gt;",
        "1 days 3 hours 46 min",
        "3 connections",
        "<td>2</td><td>k = keep-alive</td>",
        "1 req<",
        "2 kbyte<",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!body(&mut desk, "/status?refresh=%22").contains("http-equiv"));
    assert!(body(&mut desk, "/config").contains("mod_indexfile<br>mod_status<br>mod_dirlisting"));
    let figures = body(&mut desk, "/figures");
    assert!(
        figures.contains("connections.keep-alive: 2\n") && figures.contains("requests.total: 1\n")
    );
    ask(&mut desk, "GET /status/ HTTP/1.1\nHost: h");
    assert_eq!(desk.response.status, 404);
}
