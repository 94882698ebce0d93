//! Which requests go to backends, and to which.

use std::borrow::Cow;

use super::support::*;
use crate::board::Board;
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::gateway::{Forward, Target, Upgrade};
use crate::http1::head::{self, Limits, Parsed};
use crate::net::Peer;
use crate::route::{Desk, Origin, handler, phases};

/// What becomes of a request, without anybody carrying it to a backend.
struct Outcome {
    status: u16,
    forward: Option<Box<Forward>>,
    path: String,
    path_info: String,
    error_handled: bool,
}

fn outcome(desk: &mut Desk, request: &str) -> Outcome {
    let text = format!("{}\r\n\r\n", request.replace('|', "\r\n"));
    let Parsed::Head(head) = head::parse(text.as_bytes(), &Limits::default()) else {
        panic!("not a request: {text}");
    };
    let peer = Peer::V4 {
        ip: [192, 0, 2, 7],
        port: 1234,
    };
    let origin = Origin {
        peer: &peer,
        listener: "127.0.0.1:8080",
        local_port: 8080,
        scheme: "http",
        tls: None,
        secured: None,
    };
    desk.clear();
    let uri = crate::route::target(&head, &desk.site.server.parse).unwrap();
    let host = Cow::Borrowed(head.host.unwrap_or_default());
    let mut exchange = Exchange {
        request: crate::route::request(&head, uri, host, origin),
        physical: &mut desk.physical,
        flags: desk.site.server.flags,
        first: Default::default(),
        new_target: None,
        captured: Default::default(),
        entry: None,
        handler: None,
        forward: None,
        response: &mut desk.response,
        files: &mut desk.files,
        knowledge: &mut desk.knowledge,
        trust: crate::route::Trust::Good,
        board: &Board::default(),
        scripts: &mut desk.scripts,
        lasting: Default::default(),
        now: Now::read(),
    };
    let settings = phases::run(&desk.site, &mut desk.resolver, &mut exchange);
    let error_handled = exchange.response.status >= 400
        && handler::run(&desk.site, &mut desk.resolver, &settings, &mut exchange).is_some();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Outcome {
        status: exchange.response.status,
        path: text(&exchange.physical.path),
        path_info: text(&exchange.physical.path_info),
        forward: exchange.forward,
        error_handled,
    }
}

/// `protocol name path_info`, or the status.
fn summary(root: &Root, outcome: &Outcome) -> String {
    let Some(forward) = &outcome.forward else {
        return outcome.status.to_string();
    };
    // An error that a handler answers stands until it has.
    assert!(outcome.status == 0 || outcome.error_handled);
    let name = match &forward.target {
        Target::Host { group, host, .. } => group.hosts[*host].name.clone(),
        Target::Chore => "chore".to_owned(),
        Target::Program(program) => match &program.interpreter {
            Some(interpreter) => interpreter.to_str().unwrap().to_owned(),
            None => "itself".to_owned(),
        },
    };
    let top = root.path("root");
    let path = outcome
        .path
        .strip_prefix(top.to_str().unwrap())
        .unwrap_or_default();
    let protocol = forward.preface.protocol;
    format!("{protocol:?} {name} {path} {}", outcome.path_info)
        .trim_end()
        .to_owned()
}

fn table(root: &Root, configuration: &str, rows: &[(&str, &str)]) {
    let mut desk = root.desk(configuration);
    let mut wrong = Vec::new();
    for (request, expected) in rows {
        let found = summary(root, &outcome(&mut desk, request));
        if found != *expected {
            wrong.push(format!(
                "{request}\n  expected {expected}\n  got      {found}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_proxy_answers_whatever_there_is() {
    let root = Root::new();
    let proxy = r#"server.modules += ( "mod_proxy" )
        proxy.server = ( "/app" => ( ( "socket" => "/a" ) ), ".js" => ( ( "socket" => "/j" ) ) )"#;
    table(
        &root,
        proxy,
        &[
            ("GET /app HTTP/1.0", "Http /a /app"),
            ("GET /app/x/y?q HTTP/1.0", "Http /a /app /x/y"),
            ("GET /x.js HTTP/1.0", "Http /j /x.js"),
            ("GET /hello.txt/x.js HTTP/1.0", "Http /j /hello.txt/x.js"),
            ("GET /hello.txt HTTP/1.0", "200"),
            ("GET /nothing HTTP/1.0", "404"),
            // Other hooks still refuse.
            ("GET /app~ HTTP/1.0", "403"),
            ("PUT /app HTTP/1.0|Content-Length: 3", "Http /a /app"),
            ("DELETE /app HTTP/1.0", "Http /a /app"),
            ("OPTIONS /app HTTP/1.0", "Http /a /app"),
            ("PROPFIND /app HTTP/1.0", "Http /a /app"),
            ("CONNECT h:443 HTTP/1.1|Host: h:443", "405"),
            ("PUT /hello.txt HTTP/1.0|Content-Length: 3", "501"),
        ],
    );
    let all = r#"server.modules += ( "mod_proxy" )
        proxy.server = ( "" => ( ( "socket" => "/a" ) ) )
        proxy.header = ( "connect" => "enable" )"#;
    table(
        &root,
        all,
        &[
            ("GET /hello.txt HTTP/1.0", "Http /a /hello.txt"),
            ("GET /dir HTTP/1.0", "Http /a /dir"),
            ("GET / HTTP/1.0", "Http /a /"),
            ("CONNECT h:443 HTTP/1.1|Host: h:443", "Http /a"),
        ],
    );
    // For the server, but not allowed.
    let refused = all.replace("\"connect\" => \"enable\"", "\"connect\" => \"disable\"");
    let connect = "CONNECT h:443 HTTP/1.1|Host: h:443";
    table(&root, &refused, &[(connect, "405")]);
}

#[test]
fn fastcgi_answers_for_files() {
    let root = Root::new();
    let fastcgi = r#"server.modules += ( "mod_fastcgi" )
        index-file.names = ( "script.php" )
        fastcgi.server = ( ".php" => ( ( "socket" => "/p" ) ), "/dir/" => ( ( "socket" => "/d" ) ) )
        fastcgi.map-extensions = ( ".bin" => ".php" )"#;
    let fastcgi = fastcgi.replace("index-file.names =", "index-file.names :=");
    table(
        &root,
        &fastcgi,
        &[
            ("GET /script.php HTTP/1.0", "FastCgi /p /script.php"),
            (
                "GET /script.php/x/y HTTP/1.0",
                "FastCgi /p /script.php /x/y",
            ),
            (
                "PUT /script.php HTTP/1.0|Content-Length: 3",
                "FastCgi /p /script.php",
            ),
            ("GET / HTTP/1.0", "FastCgi /p /script.php"),
            ("GET /nothing.php HTTP/1.0", "404"),
            ("GET /dir HTTP/1.0", "301"),
            ("GET /hello.txt HTTP/1.0", "200"),
        ],
    );
    // mod_staticfile answers first where it is named first, but for what it leaves to others.
    table(&root, &fastcgi, &[("GET /big.bin HTTP/1.0", "200")]);
    let first =
        format!("{fastcgi}\nstatic-file.exclude-extensions := ( \".php\", \".bin\", \".css\" )");
    table(
        &root,
        &first,
        &[
            ("GET /big.bin HTTP/1.0", "FastCgi /p /big.bin"),
            ("GET /dir/file.css HTTP/1.0", "FastCgi /d /dir/file.css"),
        ],
    );
}

#[test]
fn fastcgi_answers_for_urls_where_files_do_not_matter() {
    let root = Root::new();
    let scgi = r#"server.modules += ( "mod_scgi" )
        scgi.protocol = "uwsgi"
        scgi.server = ( "/app/" => ( ( "socket" => "/a", "check-local" => "disable" ) ),
                        ".php" => ( ( "socket" => "/p", "check-local" => "disable" ) ) )
        index-file.names += ( "../script.php" )
        $HTTP["host"] == "s" { scgi.protocol = "scgi" }"#;
    table(
        &root,
        scgi,
        &[
            ("GET /app/x/y HTTP/1.0", "Uwsgi /a /app/x /y"),
            ("GET /app/x HTTP/1.0|Host: s", "Scgi /a /app/x"),
            ("GET /nothing.php HTTP/1.0", "Uwsgi /p /nothing.php"),
            ("GET /app HTTP/1.0", "404"),
        ],
    );
    let root_path = r#"server.modules += ( "mod_scgi" )
        scgi.server = ( "/" => ( ( "socket" => "/a", "check-local" => "disable", "fix-root-scriptname" => "enable" ) ) )"#;
    table(&root, root_path, &[("GET /x/y HTTP/1.0", "Scgi /a  /x/y")]);
}

#[test]
fn an_authorizer_is_asked_before_a_responder() {
    let root = Root::new();
    let both = r#"server.modules += ( "mod_fastcgi" )
        fastcgi.server = ( "/dir" => ( ( "socket" => "/a", "mode" => "authorizer", "check-local" => "disable" ) ),
                           "" => ( ( "socket" => "/r", "check-local" => "disable" ) ) )"#;
    table(
        &root,
        both,
        &[
            ("GET /dir/file.css HTTP/1.0", "FastCgi /a /dir/file.css"),
            ("GET /hello.txt HTTP/1.0", "FastCgi /r /hello.txt"),
        ],
    );
}

#[test]
fn programs_answer_for_files() {
    let root = Root::new();
    let cgi = r#"server.modules := ( "mod_cgi", "mod_indexfile", "mod_staticfile" )
        cgi.assign = ( ".php" => "/usr/bin/php-cgi", "alpha.txt" => "" )"#;
    table(
        &root,
        cgi,
        &[
            (
                "GET /script.php HTTP/1.0",
                "Cgi /usr/bin/php-cgi /script.php",
            ),
            (
                "GET /script.php/x HTTP/1.0",
                "Cgi /usr/bin/php-cgi /script.php /x",
            ),
            (
                "POST /alpha.txt HTTP/1.0|Content-Length: 3",
                "Cgi itself /alpha.txt",
            ),
            ("DELETE /alpha.txt HTTP/1.0", "Cgi itself /alpha.txt"),
            ("GET /hello.txt HTTP/1.0", "200"),
            ("GET /nothing.php HTTP/1.0", "404"),
        ],
    );
    let only_executable = format!("{cgi}\ncgi.execute-x-only = \"enable\"");
    table(
        &root,
        &only_executable,
        &[("GET /alpha.txt HTTP/1.0", "200")],
    );
}

#[test]
fn an_error_handler_may_be_a_backend() {
    let root = Root::new();
    for directive in ["server.error-handler", "server.error-handler-404"] {
        let fastcgi = format!(
            r#"server.modules += ( "mod_fastcgi" )
            fastcgi.server = ( ".php" => ( ( "socket" => "/p" ) ) )
            {directive} = "/script.php""#
        );
        let mut desk = root.desk(&fastcgi);
        let found = outcome(&mut desk, "GET /nothing?q HTTP/1.0");
        assert!(found.error_handled);
        assert_eq!(summary(&root, &found), "FastCgi /p /script.php");
    }
}

#[test]
fn without_a_host_that_is_up_it_is_503() {
    let root = Root::new();
    let proxy = r#"server.modules += ( "mod_proxy" )
        proxy.server = ( "" => ( ( "socket" => "/a" ), ( "socket" => "/b" ) ) )"#;
    let mut desk = root.desk(proxy);
    let mut hosts = Vec::new();
    for expected in ["Http /a /x", "Http /b /x", "503"] {
        let found = outcome(&mut desk, "GET /x HTTP/1.0");
        assert_eq!(summary(&root, &found), expected);
        if let Some(Target::Host { group, host, .. }) = found.forward.map(|forward| forward.target)
        {
            group.hosts[host]
                .state
                .failed(Now::read().monotonic.as_secs(), 1000);
            hosts.push(host);
        }
    }
    assert_eq!(hosts, [0, 1]);
}

#[test]
fn tunnels_are_for_those_that_may_and_can() {
    let root = Root::new();
    let text = |more: &str| {
        format!(
            "server.modules += ( \"mod_proxy\" )\nproxy.server = ( \"\" => ( ( \"socket\" => \"/a\" ) ) )\n{more}"
        )
    };
    let upgrade = |more: &str, request: &str| {
        let found = outcome(&mut root.desk(&text(more)), request);
        found.forward.unwrap().upgrade
    };
    let websocket = "GET /x HTTP/1.1|Host: h|Connection: upgrade|Upgrade: websocket";
    let may = "proxy.header = ( \"upgrade\" => \"enable\", \"connect\" => \"enable\" )";
    let old = "proxy.header = ( \"upgrade\" => \"enable\", \"force-http10\" => \"enable\" )";
    assert_eq!(upgrade("", websocket), Upgrade::No);
    assert_eq!(upgrade(may, websocket), Upgrade::Asked);
    assert_eq!(upgrade(old, websocket), Upgrade::No);
    assert_eq!(upgrade(may, "GET /x HTTP/1.1|Host: h"), Upgrade::No);
    assert_eq!(
        upgrade(may, "GET /x HTTP/1.0|Upgrade: websocket"),
        Upgrade::No
    );
    let body = "POST /x HTTP/1.1|Host: h|Upgrade: websocket|Content-Length: 1";
    assert_eq!(upgrade(may, body), Upgrade::No);
    let connect = "CONNECT h:443 HTTP/1.1|Host: h:443";
    assert_eq!(upgrade(may, connect), Upgrade::Connect);
}

#[test]
fn fastcgi_has_no_tunnels() {
    let root = Root::new();
    for (module, upgrade) in [("fastcgi", Upgrade::No), ("scgi", Upgrade::Asked)] {
        let text = format!(
            r#"server.modules += ( "mod_{module}" )
            {module}.server = ( "" => ( ( "socket" => "/a", "check-local" => "disable", "upgrade" => "enable" ) ) )"#
        );
        let websocket = "GET /x HTTP/1.1|Host: h|Connection: upgrade|Upgrade: websocket";
        let found = outcome(&mut root.desk(&text), websocket);
        assert_eq!(found.forward.unwrap().upgrade, upgrade, "{module}");
    }
}

#[test]
fn the_path_is_divided_once() {
    let root = Root::new();
    let scgi = r#"server.modules += ( "mod_scgi" )
        scgi.server = ( "/al/" => ( ( "socket" => "/a", "check-local" => "disable" ) ) )"#;
    let found = outcome(&mut root.desk(scgi), "GET /al/x/y HTTP/1.0");
    let variables = found.forward.unwrap().preface.bytes;
    // Where no file matters, an alias does not either (lighttpd: it is not asked).
    let script = format!("SCRIPT_FILENAME\0{}root/al/x\0", root.path("").display());
    for expected in [script.as_str(), "SCRIPT_NAME\0/al/x\0", "PATH_INFO\0/y\0"] {
        let is_there = memchr::memmem::find(&variables, expected.as_bytes()).is_some();
        assert!(is_there, "{expected}: {}", variables.escape_ascii());
    }
}

#[test]
fn a_label_may_replace_the_host() {
    let root = Root::new();
    let proxy = r#"server.modules += ( "mod_proxy" )
        proxy.server = ( "/one" => ( "label" => ( "socket" => "/a" ) ), "" => ( ( "socket" => "/b" ) ) )
        proxy.replace-http-host = "enable""#;
    let mut desk = root.desk(proxy);
    for (request, expected) in [
        ("GET /one HTTP/1.1|Host: h", "\r\nHost: label\r\n"),
        ("GET /two HTTP/1.1|Host: h", "\r\nHost: h\r\n"),
    ] {
        let head = outcome(&mut desk, request).forward.unwrap().preface.bytes;
        let is_there = memchr::memmem::find(&head, expected.as_bytes()).is_some();
        assert!(is_there, "{}", head.escape_ascii());
    }
}
