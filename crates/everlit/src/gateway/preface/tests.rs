//! Requests as backends see them. What is expected is what lighttpd 1.4.69 sends, unless a comment says otherwise.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::board::Board;
use crate::clock::Now;
use crate::config::StatCache;
use crate::exchange::Physical;
use crate::files::FileCache;
use crate::gateway::header_map::{Forwarded, HeaderMap};
use crate::http1::body;
use crate::http1::head::{self, Limits, Parsed};
use crate::net::Peer;
use crate::request::Request;
use crate::response::Response;
use crate::route::uri::{self, ParseOptions};

/// A request as it is asked for, and what the server made of it.
pub(in crate::gateway) struct Asked<'a> {
    pub(in crate::gateway) head: String,
    pub(in crate::gateway) peer: Peer,
    pub(in crate::gateway) listener: &'a str,
    pub(in crate::gateway) scheme: &'static str,
    /// Pushed after the client's own repeated fields.
    pub(in crate::gateway) overrides: &'a [(&'a str, &'a str)],
    pub(in crate::gateway) environment: &'a [(&'a str, &'a str)],
    /// `PATH_INFO`, if there is one.
    pub(in crate::gateway) path_info: &'a str,
    pub(in crate::gateway) settings: Settings,
}

impl<'a> Asked<'a> {
    pub(in crate::gateway) fn new(head: impl Into<String>) -> Asked<'a> {
        Asked {
            head: head.into(),
            peer: Peer::V4 {
                ip: [192, 0, 2, 7],
                port: 1234,
            },
            listener: "198.51.100.1:80",
            scheme: "http",
            overrides: &[],
            environment: &[],
            path_info: "",
            settings: Settings::default(),
        }
    }

    /// The finished head.
    pub(in crate::gateway) fn preface(
        &self,
        protocol: Protocol,
        terms: &Terms<'_>,
        length: Length,
    ) -> Result<Vec<u8>, TooLong> {
        let text = format!("{}\r\n\r\n", self.head.replace('\n', "\r\n"));
        let limits = Limits {
            head_bytes: 65535,
            ..Limits::default()
        };
        let Parsed::Head(head) = head::parse(text.as_bytes(), &limits) else {
            panic!("not a request: {text}");
        };
        let options = ParseOptions::default();
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(Vec<u8>, Vec<u8>)> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()))
                .collect()
        };
        let mut overrides = head.fields.repeated();
        overrides.extend(pairs(self.overrides));
        let uri = match head.method {
            head::Method::Connect => uri::parse(b"/", &options).unwrap(),
            _ => uri::parse(head.target, &options).unwrap(),
        };
        let path = String::from_utf8(uri.path.to_vec()).unwrap();
        let file = path.strip_suffix(self.path_info).unwrap();
        let mut physical = Physical {
            document_root: b"/srv/www".to_vec(),
            base: b"/srv/www".to_vec(),
            relative: file.into(),
            path: format!("/srv/www{file}").into(),
            path_info: self.path_info.into(),
            ..Physical::default()
        };
        let exchange = Exchange {
            request: Request {
                uri,
                host: head.host.map_or("".as_bytes().into(), |host| {
                    uri::host(host, &options).unwrap()
                }),
                head: &head,
                peer: self.peer,
                neighbour: &self.peer,
                listener: self.listener,
                local_port: 80,
                scheme: self.scheme,
                tls: None,
                secured: None,
                told: None,
                permit: Default::default(),
                rewritten: Default::default(),
                overrides,
                environment: pairs(self.environment),
            },
            physical: &mut physical,
            flags: Default::default(),
            first: Default::default(),
            new_target: None,
            captured: Default::default(),
            entry: None,
            handler: None,
            forward: None,
            response: &mut Response::default(),
            scripts: &mut Default::default(),
            lasting: Default::default(),
            files: &mut FileCache::new(StatCache::Simple),
            knowledge: &mut Default::default(),
            trust: crate::route::Trust::Good,
            board: &Board::default(),
            now: Now::read(),
        };
        let preface = Preface::new(protocol, &exchange, &self.settings, terms)?;
        let image = minicbor::to_vec(&preface).unwrap();
        assert_eq!(minicbor::decode::<Preface>(&image).unwrap(), preface);
        Ok(preface.finish(length))
    }

    fn http(&self, upgrade: Upgrade, length: Length) -> String {
        let terms = Terms::of_program(upgrade);
        let bytes = self.preface(Protocol::Http, &terms, length).unwrap();
        String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
    }
}

#[test]
fn what_concerns_one_connection_stays_here() {
    let asked = Asked {
        overrides: &[
            ("X-Added", "y"),
            ("X-Gone", ""),
            ("X-Name d", "z"),
            ("X-Two", "a\r\nb: c"),
            ("Auth", "module"),
        ],
        ..Asked::new(
            "GET /px/a%2fb/../c%20d?x=%41 HTTP/1.1\nHost: H.Example:8000\nConnection: keep-alive, X-Named , auth\n\
             X-A: 1\nx-a: 2\nX_A: 3\nProxy: evil\nProxy-Connection: x\nAuthorization: Basic YTpi\nTE: trailers\n\
             Keep-Alive: 5\nX-Empty:\nUpgrade: h2c\nHTTP2-Settings: x\nX-Forwarded-For: 203.0.113.9\nX-Host: old\n\
             X-Forwarded-Proto: gopher\nX-Forwarded-Host: old\nForwarded: for=x\nSet-Cookie: d\nTrailer: X\n\
             x-named: 1\nX-Gone: 1\nAuth: client\nExpect: 100-continue",
        )
    };
    // lighttpd also sends TE, Keep-Alive and Trailer, and does not look at what Connection names.
    let expected = "GET /px/a/c%20d?x=A HTTP/1.1\nHost: h.example:8000\nX_A: 3\nAuthorization: Basic YTpi\n\
                    Forwarded: for=x\nx-a: 1, 2\nX-Added: y\nX-Two: a  b: c\nAuth: module\n\
                    X-Forwarded-For: 203.0.113.9, 192.0.2.7\nX-Host: h.example:8000\n\
                    X-Forwarded-Host: h.example:8000\nX-Forwarded-Proto: http\n\n";
    let found = asked.http(Upgrade::Asked, Length::Nothing);
    assert_eq!(found, expected);
}

#[test]
fn a_body_is_announced_by_us() {
    const TELLS: &str =
        "X-Forwarded-For: 192.0.2.7\nX-Host: a\nX-Forwarded-Host: a\nX-Forwarded-Proto: http\n";
    for (method, sent, length, told) in [
        ("GET", "", Length::Nothing, ""),
        ("HEAD", "", Length::Nothing, ""),
        ("DELETE", "", Length::Nothing, "Content-Length: 0\n"),
        (
            "PUT",
            "Content-Length: 0",
            Length::Nothing,
            "Content-Length: 0\n",
        ),
        (
            "POST",
            "Content-Length: 3",
            Length::Known(3),
            "Content-Length: 3\n",
        ),
        (
            "POST",
            "Transfer-Encoding: chunked",
            Length::Known(7),
            "Content-Length: 7\n",
        ),
        (
            "POST",
            "Transfer-Encoding: chunked",
            Length::Chunked,
            "Transfer-Encoding: chunked\n",
        ),
    ] {
        let head = format!("{method} /x HTTP/1.1\nHost: a\n{sent}");
        let found = Asked::new(head.trim_end()).http(Upgrade::No, length);
        assert_eq!(
            found,
            format!("{method} /x HTTP/1.1\nHost: a\n{TELLS}{told}\n")
        );
    }
}

#[test]
fn a_protocol_is_changed_if_both_want_it() {
    let tells = |upgrade, fields: &str| {
        let head = format!("GET /up HTTP/1.1\nHost: a\n{fields}");
        let found = Asked::new(head.trim_end()).http(upgrade, Length::Nothing);
        found.contains("\nUpgrade: websocket\nConnection: upgrade\n\n")
    };
    let asks = "Upgrade: websocket\nConnection: keep-alive, Upgrade";
    assert!(tells(Upgrade::Asked, asks));
    assert!(!tells(Upgrade::No, asks));
    assert!(!tells(Upgrade::Asked, "Upgrade: websocket"));
    // lighttpd passes these on.
    for other in ["h2c", "HTTP/2.0", "websocket, h2c"] {
        let head = format!("GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: {other}");
        let found = Asked::new(head).http(Upgrade::Asked, Length::Nothing);
        assert!(!found.contains("pgrade"), "{found}");
    }
}

#[test]
fn without_a_host_it_is_http_1_0() {
    let asked = Asked {
        peer: Peer::Unix,
        ..Asked::new("GET /old HTTP/1.0")
    };
    assert_eq!(
        asked.http(Upgrade::No, Length::Nothing),
        "GET /old HTTP/1.0\nX-Forwarded-Proto: http\n\n"
    );
}

#[test]
fn a_module_may_change_the_host() {
    let asked = Asked {
        overrides: &[("host", "backend.example")],
        ..Asked::new("GET / HTTP/1.1\nHost: a")
    };
    let expected = "GET / HTTP/1.1\nHost: backend.example\nX-Forwarded-For: 192.0.2.7\n\
                    X-Host: backend.example\nX-Forwarded-Host: backend.example\nX-Forwarded-Proto: http\n\n";
    assert_eq!(asked.http(Upgrade::No, Length::Nothing), expected);
}

#[test]
fn a_tunnel_has_no_head() {
    let asked = Asked::new("CONNECT a:443 HTTP/1.1\nHost: a:443");
    assert_eq!(asked.http(Upgrade::Asked, Length::Nothing), "");
}

#[test]
fn a_host_has_its_terms() {
    let mut group = crate::gateway::host::tests::group("/app", 1);
    group.role = Role::Authorizer;
    let terms = Terms::of(&group, &group.hosts[0], Upgrade::Asked);
    assert_eq!(terms.role, Role::Authorizer);
    assert_eq!(terms.upgrade, Upgrade::Asked);
}

fn variables() -> Asked<'static> {
    Asked {
        environment: &[("foo-bar", "baz")],
        ..Asked::new("POST /app/x HTTP/1.1\nHost: a\nContent-Length: 3")
    }
}

fn pairs_of_cgi(asked: &Asked<'_>) -> Vec<(String, String)> {
    let terms = Terms::of_program(Upgrade::No);
    let block = asked
        .preface(Protocol::Cgi, &terms, Length::Known(3))
        .unwrap();
    let block = String::from_utf8(block).unwrap();
    let pairs = block.split_terminator('\0').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

#[test]
fn scgi_is_a_netstring() {
    let terms = Terms::of_program(Upgrade::No);
    let block = variables()
        .preface(Protocol::Scgi, &terms, Length::Known(3))
        .unwrap();
    let text = String::from_utf8(block).unwrap();
    let (size, rest) = text.split_once(':').unwrap();
    let rest = rest.strip_suffix(',').unwrap();
    assert_eq!(size, rest.len().to_string());
    assert!(rest.starts_with("CONTENT_LENGTH\x003\0QUERY_STRING\0\0REQUEST_URI\0/app/x\0"));
    assert!(rest.ends_with("FOO_BAR\0baz\0SCGI\x001\0"));
    let mut found: Vec<&str> = rest.split_terminator('\0').collect();
    found.truncate(found.len() - 2);
    found.rotate_left(2);
    let expected = pairs_of_cgi(&variables());
    let expected: Vec<_> = expected
        .iter()
        .flat_map(|(name, value)| [&name[..], value])
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn uwsgi_is_a_packet() {
    let terms = Terms::of_program(Upgrade::No);
    let packet = variables()
        .preface(Protocol::Uwsgi, &terms, Length::Known(3))
        .unwrap();
    let [0, low, high, 0] = packet[..4] else {
        panic!("{packet:?}");
    };
    assert_eq!(
        usize::from(u16::from_le_bytes([low, high])),
        packet.len() - 4
    );
    let (mut rest, mut found) = (&packet[4..], Vec::new());
    let mut text = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (text, after) = after.split_at(usize::from(u16::from_le_bytes(*length)));
        rest = after;
        Some(String::from_utf8(text.to_vec()).unwrap())
    };
    while let Some(name) = text() {
        found.push((name, text().unwrap()));
    }
    assert_eq!(found[0], ("CONTENT_LENGTH".to_owned(), "3".to_owned()));
    found.rotate_left(1);
    assert_eq!(found, pairs_of_cgi(&variables()));
}

#[test]
fn uwsgi_has_a_limit() {
    let terms = Terms::of_program(Upgrade::No);
    let long = |length: usize| {
        let asked = Asked::new(format!("GET /{} HTTP/1.1\nHost: a", "x".repeat(length)));
        asked.preface(Protocol::Uwsgi, &terms, Length::Nothing)
    };
    // The path is told three times.
    let packet = long(21_000).unwrap();
    assert_eq!(
        packet.len() - 4,
        usize::from(u16::from_le_bytes([packet[1], packet[2]]))
    );
    assert_eq!(long(22_000), Err(TooLong));
    assert_eq!(long(65_000), Err(TooLong));
}

/// Role, pairs of each PARAMS record, and how many bytes the records took.
fn read_fastcgi(mut bytes: &[u8]) -> (u8, Vec<Vec<(String, String)>>) {
    let mut contents = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let &[1, kind, 0, 1, high, low, 0, 0] = head else {
            panic!("{head:?}");
        };
        let (content, rest) = rest.split_at(usize::from(u16::from_be_bytes([high, low])));
        contents.push((kind, content));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    let ((1, &[0, role, 0, ..]), (4, [])) = (contents.remove(0), contents.pop().unwrap()) else {
        panic!("{contents:?}");
    };
    let length = |bytes: &mut &[u8]| match **bytes {
        [short @ ..=127, ..] => {
            *bytes = &bytes[1..];
            usize::from(short)
        }
        [a, b, c, d, ..] => {
            *bytes = &bytes[4..];
            u32::from_be_bytes([a & 0x7f, b, c, d]) as usize
        }
        _ => panic!("{bytes:?}"),
    };
    let records = contents.into_iter().map(|(kind, mut content)| {
        assert!(kind == 4 && !content.is_empty());
        let mut pairs = Vec::new();
        while !content.is_empty() {
            let (name, value) = (length(&mut content), length(&mut content));
            let text = String::from_utf8(content[..name + value].to_vec()).unwrap();
            pairs.push((text[..name].to_owned(), text[name..].to_owned()));
            content = &content[name + value..];
        }
        pairs
    });
    (role, records.collect())
}

#[test]
fn fastcgi_has_parameters() {
    let terms = Terms::of_program(Upgrade::No);
    let bytes = variables()
        .preface(Protocol::FastCgi, &terms, Length::Known(3))
        .unwrap();
    let (role, records) = read_fastcgi(&bytes);
    assert_eq!((role, records.len()), (1, 2));
    assert_eq!(records.concat(), pairs_of_cgi(&variables()));
}

#[test]
fn an_authorizer_is_told_of_no_body_and_no_script() {
    let terms = Terms {
        role: Role::Authorizer,
        ..Terms::of_program(Upgrade::No)
    };
    let bytes = variables()
        .preface(Protocol::FastCgi, &terms, Length::Nothing)
        .unwrap();
    let (role, records) = read_fastcgi(&bytes);
    let names: Vec<_> = records.concat().into_iter().map(|(name, _)| name).collect();
    assert_eq!((role, records.len()), (2, 1));
    for name in ["CONTENT_LENGTH", "SCRIPT_NAME", "PATH_INFO"] {
        assert!(!names.iter().any(|other| other == name), "{name}");
    }
}

/// Pairs stay together, because PHP reads each record by itself.
#[test]
fn many_parameters_take_several_records() {
    let terms = Terms::of_program(Upgrade::No);
    for (count, length) in [(1, 127), (1, 128), (100, 600), (3, 21_000), (1, 65_000)] {
        let fields: String = (0..count)
            .map(|n| format!("\nX-{n}: {}", "x".repeat(length)))
            .collect();
        let asked = Asked::new(format!(
            "GET /{} HTTP/1.1\nHost: a{fields}",
            "p".repeat(300)
        ));
        let bytes = asked
            .preface(Protocol::FastCgi, &terms, Length::Known(3))
            .unwrap();
        let (_, records) = read_fastcgi(&bytes);
        assert_eq!(records.concat(), pairs_of_cgi(&asked), "{count}, {length}");
    }
}

#[test]
fn a_record_is_filled_but_no_pair_is_cut() {
    let terms = Terms::of_program(Upgrade::No);
    let records = |length: usize| {
        let fields = format!("X-A: {}\nX-B: {}", "x".repeat(40_000), "y".repeat(length));
        let asked = Asked::new(format!("GET / HTTP/1.1\nHost: a\n{fields}"));
        let bytes = asked
            .preface(Protocol::FastCgi, &terms, Length::Nothing)
            .unwrap();
        let content = usize::from(u16::from_be_bytes([bytes[20], bytes[21]]));
        (read_fastcgi(&bytes).1.len(), content)
    };
    let room = 65_535 - records(200).1;
    for length in 200 + room - 10..200 + room + 10 {
        let (count, content) = records(length);
        // Two lengths are thought to take eight bytes; that of a short name takes one.
        assert_eq!(
            count,
            if length + 3 <= 200 + room { 2 } else { 3 },
            "{content}"
        );
    }
}

/// Header fields as somebody may send who wants to be taken for somebody else.
fn some_fields() -> impl Strategy<Value = String> {
    let names = vec![
        "Connection",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy",
        "Keep-Alive",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Proto",
        "Forwarded",
        "Cookie",
        "Transfer_Encoding",
        "Content_Length",
        "A",
        "a-b",
        "a_b",
    ];
    let values = vec![
        "Host",
        "content-length, X-Forwarded-For",
        "upgrade",
        "websocket",
        "chunked",
        "a\tb \u{e4}",
        "",
        "0",
    ];
    let field = (prop::sample::select(names), prop::sample::select(values));
    prop::collection::vec(field, 0..12).prop_map(|fields| {
        let lines = fields.iter();
        lines
            .map(|(name, value)| format!("\n{name}: {value}"))
            .collect()
    })
}

proptest! {
    /// What an HTTP backend gets is one request, with the body that we announced, whatever the client said of it.
    #[test]
    fn a_backend_reads_one_request(fields in some_fields(), passes in any::<bool>(), size in 0..3_u64) {
        let head = format!("PUT /%20HTTP%2f1.1?c=%20A:%20 HTTP/1.1\nHost: a{fields}");
        let upgrade = if passes { Upgrade::Asked } else { Upgrade::No };
        let length = [Length::Nothing, Length::Known(5), Length::Chunked][size as usize];
        let found = Asked {
            overrides: &[("X-Module", "a\r\n\r\nGET / HTTP/1.1"), ("X: y\r\nZ", "a")],
            ..Asked::new(head)
        };
        let terms = Terms::of_program(upgrade);
        let bytes = found.preface(Protocol::Http, &terms, length).unwrap();
        let limits = Limits { head_bytes: 65535, ..Limits::default() };
        let Parsed::Head(head) = head::parse(&bytes, &limits) else {
            panic!("{}", bytes.escape_ascii());
        };
        prop_assert_eq!(head.length, bytes.len());
        prop_assert_eq!(head.host, Some(&b"a"[..]));
        prop_assert_eq!(head.framing, match length {
            Length::Nothing => body::Framing::Empty,
            Length::Known(length) => body::Framing::Length(length),
            Length::Chunked => body::Framing::chunked(),
        });
        let forwarded = head.fields.find("X-Forwarded-For").unwrap();
        prop_assert!(forwarded.ends_with(b"192.0.2.7"));
        prop_assert_eq!(head.fields.find("X-Forwarded-Proto").unwrap(), b"http");
        prop_assert_eq!(head.fields.find("Upgrade").is_some(), head.fields.find("Connection").is_some());
        prop_assert!(passes || head.fields.find("Upgrade").is_none());
        prop_assert!(head.fields.find("TE").is_none() && head.fields.find("Proxy").is_none());
    }

    /// Every CGI-like protocol tells the same variables, each once.
    #[test]
    fn variables_are_the_same_everywhere(fields in some_fields()) {
        let asked = Asked {
            environment: &[("a-b", "c\0d"), ("HTTP_A_B", "mine"), ("A_B", "last")],
            ..Asked::new(format!("PUT /x HTTP/1.1\nHost: a{fields}"))
        };
        let pairs = pairs_of_cgi(&asked);
        let mut names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), pairs.len());
        prop_assert!(pairs.contains(&("HTTP_A_B".to_owned(), "mine".to_owned())));
        prop_assert!(!pairs.iter().any(|(name, _)| name == "HTTP_PROXY"));
        let terms = Terms::of_program(Upgrade::No);
        let bytes = asked.preface(Protocol::FastCgi, &terms, Length::Known(3)).unwrap();
        prop_assert_eq!(read_fastcgi(&bytes).1.concat(), pairs);
    }
}

#[test]
fn forwarded_tells_of_the_client() {
    let all = Forwarded {
        by: true,
        for_: true,
        host: true,
        proto: true,
        remote_user: true,
    };
    let only_for = Forwarded {
        for_: true,
        ..Forwarded::default()
    };
    let forwarded = |forwarded: Forwarded, asked: Asked<'_>| {
        let mut asked = asked;
        asked.settings.proxy.forwarded = forwarded;
        let found = asked.http(Upgrade::No, Length::Nothing);
        let mut lines = found.lines().filter(|line| line.starts_with("Forwarded:"));
        let line = lines.next().map(str::to_owned);
        assert_eq!(lines.next(), None, "{found}");
        line.unwrap_or_default()
    };
    let head = "GET / HTTP/1.1\nHost: a";
    assert_eq!(forwarded(Forwarded::default(), Asked::new(head)), "");
    let asked = Asked {
        environment: &[("REMOTE_USER", "a \"b\\\r\n")],
        ..Asked::new(head)
    };
    assert_eq!(
        forwarded(all, asked),
        "Forwarded: for=192.0.2.7;by=\"198.51.100.1:80\";proto=http;host=\"a\";remote_user=\"a \\\"b\\\\  \""
    );
    for (before, expected) in [
        ("Forwarded: for=x", "Forwarded: for=x, for=192.0.2.7"),
        (
            "X-Forwarded-For: 1.2.3.4, ::1",
            "Forwarded: for=\"1.2.3.4\", for=\"[::1]\", for=192.0.2.7",
        ),
        (
            "Forwarded: for=x\nX-Forwarded-For: y",
            "Forwarded: for=x, for=192.0.2.7",
        ),
    ] {
        let asked = Asked::new(format!("{head}\n{before}"));
        assert_eq!(forwarded(only_for, asked), expected);
    }
    let mut ip = [0; 16];
    ip[15] = 1;
    let asked = Asked {
        peer: Peer::V6 { ip, port: 1 },
        ..Asked::new(head)
    };
    assert_eq!(forwarded(only_for, asked), "Forwarded: for=\"[::1]\"");
    let asked = Asked {
        peer: Peer::Unix,
        ..Asked::new(head)
    };
    assert_eq!(forwarded(only_for, asked), "Forwarded: for=unknown");
}

#[test]
fn paths_and_hosts_are_mapped() {
    let pair = |from: &str, to: &str| vec![(from.to_owned(), to.to_owned())];
    let mut asked = Asked::new(
        "MOVE /app/x?y HTTP/1.1\nHost: a\nDestination: http://a/app/z\nReferer: http://a/app/z",
    );
    asked.settings.proxy.header = Arc::new(HeaderMap {
        urlpath: pair("/app/", "/"),
        host_request: pair("a", "inner"),
        ..HeaderMap::default()
    });
    let found = asked.http(Upgrade::No, Length::Nothing);
    for line in [
        "MOVE /x?y HTTP/1.1",
        "Host: inner",
        "Destination: http://inner/z",
        "Referer: http://a/app/z",
        "X-Host: a",
    ] {
        assert!(found.lines().any(|found| found == line), "{line}\n{found}");
    }
    let mut old = Asked::new("GET / HTTP/1.1\nHost: a");
    old.settings.proxy.header = Arc::new(HeaderMap {
        force_http10: true,
        ..HeaderMap::default()
    });
    let found = old.http(Upgrade::No, Length::Nothing);
    assert!(found.starts_with("GET / HTTP/1.0\nHost: a\n"), "{found}");
}

/// A request in AJP, taken apart: number and string of everything, in order.
fn read_ajp(bytes: &[u8]) -> Vec<String> {
    assert_eq!(bytes[..2], [0x12, 0x34]);
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    assert_eq!(length, bytes.len() - 4);
    let mut rest = &bytes[4..];
    let mut out = Vec::new();
    fn take<'b>(rest: &mut &'b [u8], count: usize) -> &'b [u8] {
        let (taken, behind) = rest.split_at(count);
        *rest = behind;
        taken
    }
    fn number(rest: &mut &[u8]) -> u16 {
        u16::from_be_bytes(take(rest, 2).try_into().unwrap())
    }
    fn string(rest: &mut &[u8], length: u16) -> String {
        if length == 0xffff {
            return "-".to_owned();
        }
        let text = take(rest, length.into()).to_vec();
        assert_eq!(take(rest, 1), b"\0");
        String::from_utf8(text).unwrap()
    }
    let [kind, method] = take(&mut rest, 2).try_into().unwrap();
    assert_eq!(kind, 2);
    out.push(method.to_string());
    for _ in 0..5 {
        let length = number(&mut rest);
        out.push(string(&mut rest, length));
    }
    out.push(number(&mut rest).to_string());
    out.push(take(&mut rest, 1)[0].to_string());
    for _ in 0..number(&mut rest) {
        let name = match number(&mut rest) {
            code @ 0xa001..=0xa00e => format!("#{}", code - 0xa000),
            length => string(&mut rest, length),
        };
        let length = number(&mut rest);
        out.push(format!("{name}={}", string(&mut rest, length)));
    }
    loop {
        match take(&mut rest, 1)[0] {
            0xff => break,
            0x0b => out.push(format!("@11={}", number(&mut rest))),
            code => {
                let length = number(&mut rest);
                out.push(format!("@{code}={}", string(&mut rest, length)));
            }
        }
    }
    assert_eq!(rest, b"");
    out
}

fn ajp(asked: &Asked<'_>, length: Length) -> Vec<String> {
    let terms = Terms::of_program(Upgrade::No);
    read_ajp(&asked.preface(Protocol::Ajp, &terms, length).unwrap())
}

#[test]
fn ajp_tells_of_the_request() {
    let asked = Asked {
        environment: &[
            ("REMOTE_USER", "me"),
            ("AUTH_TYPE", "Basic"),
            ("AJP13_SECRET", "hush"),
            ("OTHER", "x"),
        ],
        ..Asked::new(
            "POST /a%2541/b?c=d HTTP/1.1\nHost: a:81\nAccept: */*\nX-Y: z\nContent-Length: 7\n\
             Expect: 100-continue\nProxy: p\nUpgrade: u\nConnection: upgrade\nuser-agent: me",
        )
    };
    assert_eq!(
        ajp(&asked, Length::Known(7)),
        [
            "4",
            "HTTP/1.1",
            "/a%2541/b",
            "192.0.2.7",
            "-",
            "a",
            "80",
            "0",
            "#8=7",
            "#11=a:81",
            "#1=*/*",
            "X-Y=z",
            "#6=upgrade",
            "#14=me",
            "@3=me",
            "@4=Basic",
            "@5=c=d",
            "@12=hush",
        ]
    );
    let asked = Asked {
        scheme: "https",
        ..Asked::new("PATCH / HTTP/1.0")
    };
    assert_eq!(
        ajp(&asked, Length::Nothing),
        [
            "255",
            "HTTP/1.0",
            "/",
            "192.0.2.7",
            "-",
            "-",
            "80",
            "1",
            "#8=0",
            "@13=PATCH"
        ]
    );
}

/// lighttpd says 400 then.
#[test]
fn what_does_not_fit_into_a_packet_of_ajp_is_refused() {
    let terms = Terms::of_program(Upgrade::No);
    let of = |length: usize| {
        let asked = Asked::new(format!("GET /{} HTTP/1.1\nHost: a", "x".repeat(length)));
        asked.preface(Protocol::Ajp, &terms, Length::Known(u64::MAX))
    };
    let most = (0..9000).rev().find(|length| of(*length).is_ok()).unwrap();
    assert_eq!(of(most).unwrap().len(), 8192);
    assert_eq!(of(9000), Err(TooLong));
}

/// It may come from another process.
#[test]
fn any_beginning_of_ajp_can_be_finished() {
    for bytes in [
        &b""[..],
        b"\0",
        b"\0\0\0\0",
        b"\xff\xff\0\0",
        b"\0\x03\0\0",
        b"\0\x04\0\0\xff\xff",
    ] {
        let protocol = Protocol::Ajp;
        let preface = Preface {
            protocol,
            bytes: bytes.to_vec(),
        };
        assert!(preface.finish(Length::Known(1)).len() <= bytes.len() + 6);
    }
}
