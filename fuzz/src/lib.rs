//! What several targets need: a place where requests are answered, and a driver for a connection without a socket.

pub mod tls;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use everlit::http1::machine::{Http1, Need};
use everlit::net::Peer;
use everlit::pack::Progress;
use everlit::route::Origin;
use everlit::source::Source;
use everlit::transport::outbox::Segment;
use everlit::worker::bench::{Bench, Counters};
use everlit::worker::logs::{Logs, Target};

/// What is served: something of every module. Nobody is behind the backends: their answers are what is tried.
const CONFIGURATION: &str = r#"
    server.document-root = "@ROOT@"
    server.modules = ("mod_access", "mod_alias", "mod_setenv", "mod_accesslog", "mod_proxy", "mod_fastcgi",
        "mod_scgi")
    proxy.server = ("/http" => (("host" => "127.0.0.1", "port" => 1)))
    fastcgi.server = ("/fastcgi" => (("host" => "127.0.0.1", "port" => 1, "check-local" => "disable")))
    scgi.server = ("/scgi" => (("host" => "127.0.0.1", "port" => 1, "check-local" => "disable")))
    proxy.header = ("upgrade" => "enable", "map-urlpath" => ("/http" => "/"))
    index-file.names = ("index.html")
    dir-listing.activate = "enable"
    url.access-deny = ("~", ".inc")
    alias.url = ("/alias/" => "@ROOT@/sub/", "/file" => "@ROOT@/a.txt")
    accesslog.filename = "/dev/null"
    accesslog.format = "%h %V %u %t \"%r\" %>s %b %I %O %X %D %{Cookie}i %{Referer}i %q"
    server.error-handler-404 = "/a.txt"
    setenv.add-response-header = ("X-Added" => "y")
    $HTTP["url"] =~ "^/([a-z]+)" { setenv.set-request-header = ("X-Url" => "y") }
    $HTTP["host"] =$ ".example" { server.max-keep-alive-requests = 3 }
    $HTTP["query-string"] =~ "x=([0-9]+)" { server.max-request-size = 1 }
    $REQUEST_HEADER["X-Kind"] == "special" { dir-listing.activate = "disable" }
"#;

/// The same for modules that decide where a request goes, who may make it, and what is made of its answer.
const MODULES: &str = r#"
    server.document-root = "@ROOT@"
    server.modules = ("mod_rewrite", "mod_redirect", "mod_auth", "mod_authn_file", "mod_secdownload", "mod_simple_vhost",
        "mod_evhost", "mod_userdir", "mod_expire", "mod_extforward", "mod_setenv", "mod_ssi", "mod_status", "mod_deflate")
    index-file.names = ("index.html", "page.shtml")
    mimetype.assign = (".html" => "text/html", ".txt" => "text/plain", ".shtml" => "text/html")
    url.rewrite-once = ("^/once/([^?]*)(\?(.*))?$" => "/$1?from=${esc:$3}", "^/n/(.*)" => "/sub/${tolower:$1}${qsa}")
    url.rewrite-repeat = ("^/loop(.*)" => "/loop$1x", "^/short/(.)(.*)" => "/short/$2")
    url.rewrite-if-not-file = ("^/clean/(.*)$" => "/page.shtml?q=${escpsnde:$1}")
    $HTTP["host"] =~ "^www\.(.*)$" { url.redirect = ("^/(.*)" => "https://%1/$1") }
    $HTTP["url"] =^ "/moved" {
        url.redirect = ("^/moved/b/(.*)" => "/x/${decb64u:$1}/${encb64u:$1}",
            "^/moved(/[^?]*)\??(.*)$" => "${url.scheme}://${url.authority}$1?${url.query}&${nocase:$2}&${escape:$2}")
    }
    auth.backend = "htpasswd"
    auth.backend.htpasswd.userfile = "@ROOT@/htpasswd"
    auth.backend.plain.userfile = "@ROOT@/plain"
    auth.require = (
        "/basic" => ("method" => "basic", "realm" => "some", "require" => "valid-user"),
        "/digest" => ("method" => "digest", "realm" => "other", "require" => "user=joe", "algorithm" => "MD5|SHA-256"))
    $HTTP["url"] =^ "/digest" { auth.backend = "plain" }
    $HTTP["url"] =^ "/down/" {
        secdownload.algorithm = "hmac-sha256" secdownload.secret = "s"
        secdownload.document-root = "@ROOT@/" secdownload.uri-prefix = "/down/" secdownload.timeout = 60
    }
    $HTTP["host"] =$ ".simple" { simple-vhost.server-root = "@ROOT@/hosts/" simple-vhost.document-root = "/" }
    $HTTP["host"] =$ ".ev" { evhost.path-pattern = "@ROOT@/%{1.1}/%_/%3/%0/" }
    $HTTP["host"] =$ ".users" { userdir.path = "" userdir.basepath = "@ROOT@/" }
    expire.url = ("" => "access plus 1 hours")
    extforward.forwarder = ("all" => "trust")
    extforward.headers = ("Forwarded", "X-Forwarded-For")
    ssi.extension = (".shtml")
    status.status-url = "/status"
    deflate.mimetypes = ("text/")
    deflate.allowed-encodings = ("br", "gzip", "deflate", "zstd")
    $HTTP["query-string"] =~ "e=([^&]*)" { setenv.set-response-header = ("X-Set" => "y") }
"#;

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
    static MODULES_BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Lends another place, whose configuration has most modules.
pub fn with_modules<T>(work: impl FnOnce(&mut Bench) -> T) -> T {
    MODULES_BENCH.with_borrow_mut(|bench| work(bench.get_or_insert_with(|| bench_of(MODULES))))
}

/// Lends the one place there is to `work`. Its clock stands still.
pub fn with_bench<T>(work: impl FnOnce(&mut Bench) -> T) -> T {
    BENCH.with_borrow_mut(|bench| work(bench.get_or_insert_with(|| bench_of(CONFIGURATION))))
}

fn bench_of(configuration: &str) -> Bench {
    let root = documents();
    let source = Source::Text {
        name: "fuzz".to_owned(),
        text: configuration.replace("@ROOT@", root.to_str().expect("a path in UTF-8")),
        directory: root,
    };
    let (site, _) = everlit::config::load(&source).expect("a good configuration");
    let null = fs::File::create("/dev/null").expect("there is always a null device");
    let logs = Logs::new(vec![Target::Stream(Arc::new(null.into()))]);
    Bench::new(Arc::new(site), logs, Arc::new(Counters::default()))
}

fn documents() -> PathBuf {
    let root = std::env::temp_dir().join(format!("everlit-fuzz-{}", std::process::id()));
    fs::create_dir_all(root.join("sub/empty")).expect("a directory for documents");
    let large = vec![b'x'; 300 * 1024];
    for (name, content) in [
        ("a.txt", &b"alpha\n"[..]),
        ("empty.txt", b""),
        ("large.bin", &large),
        ("sub/index.html", b"<p>index</p>\n"),
        ("sub/file.inc", b"secret\n"),
        ("htpasswd", b"joe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"),
        ("plain", b"joe:secret\n"),
        (
            "page.shtml",
            b"<!--#set var=\"a\" value=\"$QUERY_STRING\" --><!--#if expr='$a = /x/ || $HTTP_USER_AGENT' -->\n\
              <!--#echo var=\"a\" --><!--#echo var=\"REQUEST_URI\" --><!--#endif --><!--#include virtual=\"a.txt\" -->\
              <!--#printenv --><!--#include virtual=\"page.shtml\" -->",
        ),
    ] {
        fs::write(root.join(name), content).expect("a document");
    }
    root
}

/// What came of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was sent; files by position and length.
    pub sent: Vec<u8>,
    /// Whether the server has ended it, or its direction of it.
    pub ended: bool,
}

/// Where all connections come from.
pub const ORIGIN: Origin<'static> = Origin {
    peer: &Peer::V4 {
        ip: [127, 0, 0, 1],
        port: 4711,
    },
    listener: "127.0.0.1:80",
    local_port: 80,
    scheme: "http",
    tls: None,
    secured: None,
};

/// Feeds input to a connection as the worker does, with a socket that takes everything at once.
pub fn drive(http: &mut Http1, input: &[u8], outcome: &mut Outcome, bench: &mut Bench) {
    let mut rest = input;
    while !rest.is_empty() && http.wants_input() {
        let (used, need) = http.receive(rest, ORIGIN, bench);
        assert!(used <= rest.len());
        rest = &rest[used..];
        match need {
            Need::Input => assert!(used > 0, "stuck"),
            Need::Flush => flush(http, outcome, bench),
            Need::Close => outcome.ended = true,
            Need::Linger => outcome.ended = true,
        }
        if outcome.ended {
            return;
        }
    }
}

/// Sends what is owed, if anything is.
pub fn flush(http: &mut Http1, outcome: &mut Outcome, bench: &mut Bench) {
    let Some((outbox, sent)) = http.outbox() else {
        return;
    };
    for segment in std::mem::take(outbox).into_segments() {
        match segment {
            Segment::Bytes(bytes) => {
                *sent = sent.saturating_add(bytes.len() as u64);
                outcome.sent.extend_from_slice(&bytes);
            }
            Segment::File(range) => {
                *sent = sent.saturating_add(range.length);
                let text = format!("[file from {} so much {}]", range.offset, range.length);
                outcome.sent.extend_from_slice(text.as_bytes());
            }
            Segment::Packed(mut packing) => loop {
                let mut some = Vec::new();
                let progress = packing.fill(&mut some).expect("its files are there");
                *sent = sent.saturating_add(some.len() as u64);
                outcome.sent.extend_from_slice(&some);
                if progress == Progress::Over {
                    break;
                }
            },
        }
    }
    let (need, unread) = http.flushed(bench);
    match need {
        Need::Input | Need::Flush => {}
        Need::Close | Need::Linger => {
            outcome.ended = true;
            return;
        }
    }
    if !unread.is_empty() {
        drive(http, &unread, outcome, bench);
    }
}
