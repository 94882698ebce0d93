//! Which settings are in force for a request.

use std::rc::Rc;

use super::support::*;
use crate::config::{MAX_KNOWN, Resolver};
use crate::net::Peer;

const HOSTS: &str = r#"
server.tag = "global"
server.name = "global"
$HTTP["host"] == "a.example" {
    server.tag = "a"
    $HTTP["url"] =^ "/deep/" { server.tag = "deep" }
}
$HTTP["host"] =~ "\.example$" { server.name = "example" }
$HTTP["remote-ip"] == "198.51.100.0/24" { server.tag = "far" }
$HTTP["remote-ip"] =~ "^2001:db8::" { server.tag = "six" }
$SERVER["socket"] == "127.0.0.1:8080" { server.tag = "socket" }
$HTTP["query-string"] == "q=1" { server.tag = "query" }
$HTTP["request-method"] == "POST" { server.tag = "post" }
$HTTP["user-agent"] =^ "curl/" { server.tag = "curl" }
$HTTP["language"] =^ "de" { server.tag = "de" }
$HTTP["referer"] =$ "/from" { server.tag = "from" }
$HTTP["cookie"] =~ "sid=1" { server.tag = "cookie" }
$HTTP["scheme"] == "https" { server.tag = "https" }
$REQUEST_HEADER["X-Way"] == "this" { server.tag = "way" }
"#;

fn tags(asked: &Asked<'_>) -> (String, String) {
    let (site, _) = load(HOSTS);
    let settings = asked.resolve(&site, &mut Resolver::new(&site));
    (settings.core.tag.clone(), settings.core.name.clone())
}

#[test]
fn blocks_apply_in_the_order_of_the_file() {
    for (head, tag, name) in [
        ("GET / HTTP/1.0", "global", "global"),
        ("GET / HTTP/1.1\nHost: a.example", "a", "example"),
        ("GET / HTTP/1.1\nHost: A.EXAMPLE:80", "a", "global"),
        ("GET /deep/x HTTP/1.1\nHost: a.example", "deep", "example"),
        ("GET /deep/x HTTP/1.1\nHost: b.example", "global", "example"),
        ("GET /?q=1 HTTP/1.0", "query", "global"),
        ("POST / HTTP/1.0\nContent-Length: 0", "post", "global"),
        ("GET / HTTP/1.0\nUser-Agent: curl/8", "curl", "global"),
        ("GET / HTTP/1.0\nAccept-Language: de", "de", "global"),
        ("GET / HTTP/1.0\nReferer: http://x/from", "from", "global"),
        ("GET / HTTP/1.0\nCookie: a=b; sid=1", "cookie", "global"),
        ("GET / HTTP/1.0\nX-way: this", "way", "global"),
    ] {
        let found = tags(&Asked::new(head));
        assert_eq!(found, (tag.to_owned(), name.to_owned()), "{head}");
    }
}

#[test]
fn addresses_and_listeners_are_facts_too() {
    let far = Asked {
        peer: Peer::V4 {
            ip: [198, 51, 100, 9],
            port: 1,
        },
        ..Asked::new("GET / HTTP/1.0")
    };
    assert_eq!(tags(&far).0, "far");
    let six = Asked {
        peer: Peer::V6 {
            ip: "2001:db8::1"
                .parse::<std::net::Ipv6Addr>()
                .unwrap()
                .octets(),
            port: 1,
        },
        ..Asked::new("GET / HTTP/1.0")
    };
    assert_eq!(tags(&six).0, "six");
    let socket = Asked {
        listener: "127.0.0.1:8080",
        ..Asked::new("GET / HTTP/1.0")
    };
    assert_eq!(tags(&socket).0, "socket");
    let unix = Asked {
        peer: Peer::Unix,
        ..Asked::new("GET / HTTP/1.0")
    };
    assert_eq!(tags(&unix).0, "global");
}

#[test]
fn else_is_for_the_others() {
    let text = r#"
$HTTP["host"] == "a" { server.tag = "a" }
else $HTTP["host"] == "b" { server.tag = "b" }
else { server.tag = "other" }
"#;
    let (site, _) = load(text);
    let mut resolver = Resolver::new(&site);
    for (host, tag) in [("a", "a"), ("b", "b"), ("c", "other")] {
        let head = format!("GET / HTTP/1.1\nHost: {host}");
        let settings = Asked::new(&head).resolve(&site, &mut resolver);
        assert_eq!(settings.core.tag, tag);
    }
}

#[test]
fn the_same_blocks_give_the_same_settings_object() {
    let (site, _) = load(HOSTS);
    let mut resolver = Resolver::new(&site);
    let first = Asked::new("GET / HTTP/1.1\nHost: a.example").resolve(&site, &mut resolver);
    let second = Asked::new("GET /x HTTP/1.1\nHost: a.example").resolve(&site, &mut resolver);
    assert!(Rc::ptr_eq(&first, &second));
    let other = Asked::new("GET /x HTTP/1.1\nHost: b.example").resolve(&site, &mut resolver);
    assert!(!Rc::ptr_eq(&first, &other));
}

#[test]
fn without_conditions_there_is_one_settings_object() {
    // A listener without settings of its own is no reason to look at conditions.
    let (site, _) = load(r#"$SERVER["socket"] == "[::]:80" { }"#);
    let mut resolver = Resolver::new(&site);
    let settings = Asked::new("GET / HTTP/1.0").resolve(&site, &mut resolver);
    assert!(Rc::ptr_eq(&settings, resolver.base()));
}

#[test]
fn what_is_remembered_is_bounded() {
    let blocks = 12;
    let text: String = (0..blocks)
        .map(|n| {
            format!(
                "$HTTP[\"url\"] =~ \"{}\" {{ server.tag = \"t{n}\" }}\n",
                (b'a' + n) as char
            )
        })
        .collect();
    let (site, _) = load(&text);
    let mut resolver = Resolver::new(&site);
    for set in 0..1_u32 << blocks {
        let letters = (0..blocks).filter(|n| set >> n & 1 == 1);
        let path: String = letters.clone().map(|n| (b'a' + n) as char).collect();
        let head = format!("GET /{path} HTTP/1.0");
        let settings = Asked::new(&head).resolve(&site, &mut resolver);
        let expected = letters
            .max()
            .map_or("Everlit".to_owned(), |n| format!("t{n}"));
        assert_eq!(settings.core.tag, expected);
        assert!(resolver.known() <= MAX_KNOWN);
    }
}
