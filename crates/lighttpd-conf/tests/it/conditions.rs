//! Which blocks are in force, as tables. What `==` on host, remote-ip and socket means was asked of lighttpd itself.

use lighttpd_conf::{BlockId, Conditions, Config, Facts, Field, Matches, load_text};
use std::{cell::RefCell, net::IpAddr, path::Path};

/// A request; it notes which fields are asked for.
#[derive(Default)]
struct Request {
    fields: Vec<(Field, &'static [u8])>,
    ip: Option<IpAddr>,
    asked: RefCell<Vec<Field>>,
}

impl Facts for Request {
    fn bytes(&self, field: &Field) -> Option<&[u8]> {
        self.asked.borrow_mut().push(field.clone());
        let found = self.fields.iter().find(|(name, _)| name == field);
        found.map(|(_, bytes)| *bytes)
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

fn with(field: Field, bytes: &'static [u8]) -> Request {
    Request {
        fields: vec![(field, bytes)],
        ..Request::default()
    }
}

fn loaded(text: &str) -> (Config, Conditions) {
    let config =
        load_text(text, "test", Path::new("/")).unwrap_or_else(|report| panic!("{report}"));
    let conditions = Conditions::new(&config).unwrap_or_else(|report| panic!("{report}"));
    (config, conditions)
}

fn evaluate(text: &str, request: &Request) -> Vec<u16> {
    let mut matches = Matches::default();
    loaded(text).1.evaluate(request, &mut matches);
    matches.blocks().iter().map(|id| id.0).collect()
}

fn holds(condition: &str, request: &Request) -> bool {
    evaluate(&format!("{condition} {{ }}"), request) == [0, 1]
}

#[test]
fn without_conditions_there_is_only_the_global_block() {
    let (_, conditions) = loaded("a = 1");
    assert!(conditions.is_empty());
    assert_eq!(evaluate("a = 1", &Request::default()), [0]);
}

#[test]
fn operators() {
    let request = with(Field::Url, b"/a/b.php");
    for (condition, expected) in [
        (r#"$HTTP["url"] == "/a/b.php""#, true),
        (r#"$HTTP["url"] == "/A/b.php""#, false),
        (r#"$HTTP["url"] != "/a""#, true),
        (r#"$HTTP["url"] =^ "/a/""#, true),
        (r#"$HTTP["url"] =^ "/b/""#, false),
        (r#"$HTTP["url"] =$ ".php""#, true),
        (r#"$HTTP["url"] =~ "\.php$""#, true),
        (r#"$HTTP["url"] =~ "(?i)^/A/""#, true),
        (r#"$HTTP["url"] !~ "\.(js|css)$""#, true),
        (r#"$HTTP["url"] =~ "^/(?!b)""#, true),
        (r#"$HTTP["url"] =~ "^/a/b.php$""#, true),
    ] {
        assert_eq!(holds(condition, &request), expected, "{condition}");
    }
}

#[test]
fn bytes_that_are_not_text() {
    let request = with(Field::Url, b"/\xff\xfe");
    assert!(holds(r#"$HTTP["url"] =~ "^/..$""#, &request));
    assert!(holds(r#"$HTTP["url"] =~ "\xff""#, &request));
    assert!(holds(r#"$HTTP["url"] =^ "/""#, &request));
}

#[test]
fn what_is_missing_is_empty() {
    let request = Request::default();
    for (condition, expected) in [
        (r#"$HTTP["referer"] == """#, true),
        (r#"$HTTP["referer"] =~ "^$""#, true),
        (r#"$HTTP["referer"] != "x""#, true),
        (r#"$HTTP["referer"] =^ """#, true),
        (r#"$REQUEST_HEADER["X"] =~ "x""#, false),
        (r#"$HTTP["remote-ip"] == "0.0.0.0/0""#, false),
        (r#"$HTTP["remote-ip"] != "0.0.0.0/0""#, true),
    ] {
        assert_eq!(holds(condition, &request), expected, "{condition}");
    }
}

#[test]
fn a_host_matches_with_and_without_port() {
    for (host, condition, expected) in [
        (&b"example.com"[..], r#"== "example.com""#, true),
        (b"example.com", r#"== "example.com:8081""#, true),
        (b"example.com:8081", r#"== "example.com""#, true),
        (b"example.com:99", r#"== "example.com:8081""#, false),
        (b"example.com:99", r#"!= "example.com:8081""#, true),
        (b"example.com", r#"!= "example.com:99""#, false),
        (b"ex", r#"== "example.com""#, false),
        (b"[::1]", r#"== "[::1]:8081""#, true),
        (b"example.com", r#"== "EXAMPLE.com""#, false),
        (b"example.com:99", r#"=~ "^example\.com$""#, false),
    ] {
        let condition = format!("$HTTP[\"host\"] {condition}");
        assert_eq!(
            holds(&condition, &with(Field::Host, host)),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn addresses_and_networks() {
    for (ip, condition, expected) in [
        ("127.0.0.1", r#"== "127.0.0.1""#, true),
        ("127.0.0.1", r#"== "127.0.0.0/8""#, true),
        ("127.0.0.1", r#"== "127.0.0.9/24""#, true),
        ("127.0.0.1", r#"!= "127.0.0.0/8""#, false),
        ("::ffff:127.0.0.1", r#"== "127.0.0.1""#, true),
        ("127.0.0.1", r#"== "::ffff:127.0.0.0/104""#, true),
        ("2001:db8::1", r#"== "2001:db8::/32""#, true),
        ("2001:db8::1", r#"== "[2001:db8::1]""#, true),
        ("2001:db8::1", r#"!= "10.0.0.0/8""#, true),
    ] {
        let request = Request {
            ip: Some(ip.parse().unwrap()),
            ..Request::default()
        };
        let condition = format!("$HTTP[\"remote-ip\"] {condition}");
        assert_eq!(holds(&condition, &request), expected, "{ip} {condition}");
    }
    let local = with(Field::RemoteIp, b"/run/client");
    assert!(holds(r#"$HTTP["remote-ip"] == "/run/client""#, &local));
    let text = with(Field::RemoteIp, b"10.1.2.3");
    assert!(holds(r#"$HTTP["remote-ip"] =~ "^10\.""#, &text));
}

#[test]
fn sockets_are_compared_by_what_they_mean() {
    let request = with(Field::ServerSocket, b"0.0.0.0:8080");
    for (condition, expected) in [
        (r#"$SERVER["socket"] == ":8080""#, true),
        (r#"$SERVER["socket"] == "*:8080""#, true),
        (r#"$SERVER["socket"] == "*""#, true),
        (r#"$SERVER["socket"] != "0.0.0.0:8080""#, false),
        (r#"$SERVER["socket"] == ":80""#, false),
        (r#"$SERVER["socket"] =~ ":8080$""#, true),
    ] {
        let text = format!("server.port = 8080\n{condition} {{ }}");
        assert_eq!(evaluate(&text, &request) == [0, 1], expected, "{condition}");
    }
}

#[test]
fn sockets_to_listen_on() {
    let (config, _) = loaded(
        r#"
        server.port = 8000
        $SERVER["socket"] == "[::1]" { a = 1 }
        $SERVER["socket"] != ":81" { }
        $HTTP["host"] == "a" { $SERVER["socket"] == "/run/s" { } }
        "#,
    );
    let found: Vec<(BlockId, String)> = config
        .sockets()
        .map(|(block, condition)| {
            (
                block.id,
                config.listen_address(condition).unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (BlockId(1), "[::1]:8000".to_owned()),
            (BlockId(4), "/run/s".to_owned())
        ]
    );
    assert_eq!(loaded("ssl.engine = \"enable\"").0.default_port(), 443);
    assert_eq!(loaded("").0.default_port(), 80);
}

#[test]
fn nested_and_chained() {
    let text = r#"
        $HTTP["host"] == "a" {              # 1
            $HTTP["url"] == "/x" { }        # 2
            else $HTTP["url"] =^ "/" { }    # 3
            else { }                        # 4
        }
        elif $HTTP["host"] =^ "b" { }       # 5
        else { $HTTP["url"] == "/x" { } }   # 6 7
        $HTTP["url"] == "/x" { }            # 8
    "#;
    for (host, url, expected) in [
        (&b"a"[..], &b"/x"[..], &[0, 1, 2, 8][..]),
        (b"a", b"/y", &[0, 1, 3]),
        (b"a", b"*", &[0, 1, 4]),
        (b"b", b"/x", &[0, 5, 8]),
        (b"c", b"/x", &[0, 6, 7, 8]),
        (b"c", b"/y", &[0, 6]),
    ] {
        let request = Request {
            fields: vec![(Field::Host, host), (Field::Url, url)],
            ..Request::default()
        };
        assert_eq!(evaluate(text, &request), expected);
        let asked = request.asked.borrow();
        for field in [Field::Host, Field::Url] {
            assert!(
                asked.iter().filter(|f| **f == field).count() <= 1,
                "{asked:?}"
            );
        }
    }
}

#[test]
fn a_later_arm_stays_out_when_an_earlier_one_is_in() {
    let text = r#"
        $HTTP["url"] =^ "/" { }
        else $HTTP["url"] == "no" { }
        else $HTTP["url"] =^ "/a" { }
        else { }
    "#;
    assert_eq!(evaluate(text, &with(Field::Url, b"/a")), [0, 1]);
    assert_eq!(evaluate(text, &with(Field::Url, b"a")), [0, 4]);
}

#[test]
fn captures_are_those_of_the_blocks_own_condition() {
    let (_, conditions) = loaded(
        r#"
        $HTTP["host"] =~ "^(\w+)\.(\w+)(x)?" {                          # 1
            url.redirect = ("" => "/%1")
            $HTTP["scheme"] == "http" { url.redirect = ("" => "/%2") }  # 2
            $HTTP["url"] =~ "^/(.*)" { a = "%{esc:1}" }                 # 3
        }
        $HTTP["url"] =~ "^/p" { a = "%0" }                              # 4
        $HTTP["url"] =~ "^/(p)" { a = "100%" }                          # 5
        "#,
    );
    let request = Request {
        fields: vec![
            (Field::Host, b"www.example"),
            (Field::Url, b"/path"),
            (Field::Scheme, b"http"),
        ],
        ..Request::default()
    };
    let mut matches = Matches::default();
    // Twice, because a result is used again.
    for _ in 0..2 {
        conditions.evaluate(&request, &mut matches);
        let get = |block, group| matches.captured().of(BlockId(block))?.get(group);
        assert_eq!(get(1, 0), Some(&b"www.example"[..]));
        assert_eq!(get(1, 1), Some(&b"www"[..]));
        assert_eq!(get(1, 3), None);
        // As in lighttpd: not those of the block around it, and what was compared as a whole has a %0.
        assert_eq!(get(2, 0), Some(&b"http"[..]));
        assert_eq!(get(2, 2), None);
        assert_eq!(get(3, 1), Some(&b"path"[..]));
        // Written as an expression, so it has a %0, although it is a plain prefix.
        assert_eq!(get(4, 0), Some(&b"/p"[..]));
        // Nobody refers to it.
        assert_eq!(get(5, 0), None);
        assert_eq!(get(0, 0), None);
        assert_eq!(get(99, 0), None);
    }
}

#[test]
fn a_set_of_blocks_is_a_key() {
    let (_, conditions) = loaded(r#"$HTTP["url"] =^ "/a" { } $HTTP["url"] =$ "z" { }"#);
    let set = |url| {
        let mut matches = Matches::default();
        conditions.evaluate(&with(Field::Url, url), &mut matches);
        matches.blocks().clone()
    };
    assert_eq!(set(b"/az"), set(b"/abz"));
    assert_ne!(set(b"/a"), set(b"z"));
    let seen = std::collections::HashSet::from([set(b"/az"), set(b"/abz"), set(b"/a")]);
    assert_eq!(seen.len(), 2);
}

#[test]
fn many_blocks_and_many_fields() {
    let mut text = String::new();
    for i in 0..200 {
        text += &format!("$REQUEST_HEADER[\"H{i}\"] == \"\" {{ }}\n");
    }
    let all: Vec<u16> = (0..=200).collect();
    assert_eq!(evaluate(&text, &Request::default()), all);
}

#[test]
fn header_names_differ_in_more_than_case() {
    let text = r#"$REQUEST_HEADER["X-A"] == "1" { } $REQUEST_HEADER["x-a"] == "1" { }"#;
    assert_eq!(loaded(text).0.blocks().len(), 2);
}
