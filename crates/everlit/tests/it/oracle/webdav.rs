//! WebDAV: the same changes asked of both servers, each of which has documents of its own.
//!
//! In: a script of requests, for several configurations. Out: every difference in status, fields and documents. Must hold:
//! as for the other questions; what differs from one run to the next (tags, dates, tokens, the order of a directory) is
//! made equal before it is compared, and nothing else.

use std::path::Path;

use super::compare::{Difference, Outcome, Side, compare};
use super::known::{EVERYWHERE, Known};
use super::known_webdav::OF_WEBDAV;
use super::requests::Request;
use crate::support::documents::Documents;
use crate::support::http::show;
use crate::support::servers::{Configuration, Server, lighttpd_is_there, lighttpd_version};
use crate::webdav::MODULE;

const BASE: &str = r#"
    server.modules = ("mod_access", "mod_alias", "mod_webdav")
    server.tag = "server"
    url.access-deny = (".inc")
    mimetype.assign = (".txt" => "text/plain", ".html" => "text/html")
"#;

const CASES: &[(&str, &str)] = &[
    (
        "webdav",
        "webdav.activate = \"enable\"\nwebdav.sqlite-db-name = \"@DIR@/dav.db\"",
    ),
    ("webdav, no database", "webdav.activate = \"enable\""),
    (
        "webdav, options",
        r#"
            webdav.activate = "enable"
            webdav.sqlite-db-name = "@DIR@/dav.db"
            webdav.opts = ("partial-put-copy-modify" => "enable", "propfind-depth-infinity" => "enable")
            server.force-lowercase-filenames = "enable"
        "#,
    ),
    (
        "webdav, read only",
        "webdav.activate = \"enable\"\nwebdav.sqlite-db-name = \"@DIR@/dav.db\"\nwebdav.is-readonly = \"enable\"",
    ),
    (
        "webdav, here and there",
        r#"
            webdav.sqlite-db-name = "@DIR@/dav.db"
            alias.url = ("/by/" => "@ROOT@/sub/")
            $HTTP["url"] =^ "/by/" { webdav.activate = "enable" }
        "#,
    ),
    (
        "webdav, below a directory",
        r#"
            webdav.sqlite-db-name = "@DIR@/dav.db"
            $HTTP["url"] =~ "^/d($|/)" {
                webdav.activate = "enable"
                webdav.is-readonly = "enable"
                $HTTP["remote-ip"] == "127.0.0.0/8" { webdav.is-readonly = "disable" }
            }
            dir-listing.activate = "enable"
            server.max-request-size = 1
        "#,
    ),
    (
        "webdav, the old way to put parts",
        r#"
            webdav.activate = "enable"
            webdav.sqlite-db-name = "@DIR@/dav.db"
            webdav.log-xml = "enable"
            webdav.opts = ("deprecated-unsafe-partial-put" => "enable", "unsafe-propfind-follow-symlink" => "enable")
            server.stat-cache-engine = "disable"
        "#,
    ),
];

/// One server and the tokens that it has given, by the number of the request.
struct Party {
    side: Side,
    tokens: Vec<(String, String)>,
}

impl Party {
    fn ask(&mut self, step: &Step) -> Outcome {
        let mut head = step.head.clone();
        for (name, token) in &self.tokens {
            head = head.replace(name, token);
        }
        let mut text = String::new();
        for line in head.lines() {
            match text.is_empty() {
                true => text.push_str(&format!("{line} HTTP/1.1\r\nHost: oracle.example\r\n")),
                false => text.push_str(&format!("{line}\r\n")),
            }
        }
        if !step.body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", step.body.len()));
        }
        let mut outcome = self.side.ask(&Request::raw(
            &step.name,
            format!("{text}\r\n{}", step.body).as_bytes(),
        ));
        if let Outcome::Answered(response) = &mut outcome {
            if let (Some(name), Some(token)) = (step.token, response.text("Lock-Token")) {
                let token = token.trim_matches(['<', '>']).to_owned();
                self.tokens.push((name.to_owned(), token));
            }
            let body = String::from_utf8_lossy(&response.body).into_owned();
            response.body = if response.status == 207 {
                // Time goes on.
                let left = ("<D:timeout>Second-", 0, "LEFT");
                ordered(&without(&same(&body), &[left])).into_bytes()
            } else if body.contains("D:") {
                same(&body).into_bytes()
            } else {
                body.into_bytes()
            };
            // A copy is made now, and tags are as long as they are.
            let is_document = response
                .body
                .starts_with(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>");
            response.fields.retain(|(name, _)| {
                let is_length = name.eq_ignore_ascii_case("Content-Length");
                let is_date = name.eq_ignore_ascii_case("Last-Modified");
                !(is_date || is_length && is_document)
            });
            for (_, value) in &mut response.fields {
                *value = same(&String::from_utf8_lossy(value)).into_bytes();
            }
        }
        outcome
    }
}

/// Without what differs from run to run.
fn same(text: &str) -> String {
    let differing = [
        ("urn:uuid:", 36, "TOKEN"),
        ("<D:getetag>", 0, "TAG"),
        ("\"dateTime.rfc1123\">", 0, "DATE"),
    ];
    without(text, &differing)
}

/// What follows a text, so many bytes of it or up to the next element, gives way to a word.
fn without(text: &str, differing: &[(&str, usize, &str)]) -> String {
    let mut text = text.to_owned();
    for (before, after, instead) in differing {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(before) {
            let (head, tail) = rest.split_at(at + before.len());
            out.push_str(head);
            let end = match after {
                0 => tail.find('<').unwrap_or(tail.len()),
                // A namespace begins like a token.
                length if tail.len() >= *length && !tail.starts_with("c2f41010") => *length,
                _ => {
                    rest = tail;
                    continue;
                }
            };
            out.push_str(instead);
            rest = &tail[end..];
        }
        out.push_str(rest);
        text = out;
    }
    text
}

/// With the members of a directory in the order of their names.
fn ordered(text: &str) -> String {
    const END: &str = "</D:response>\n";
    let Some((head, rest)) = text.split_once("<D:response>") else {
        return text.to_owned();
    };
    let Some((responses, tail)) = rest.rsplit_once(END) else {
        return text.to_owned();
    };
    let mut all: Vec<&str> = responses.split(END).collect();
    let mut all: Vec<&str> = all
        .drain(..)
        .map(|response| response.trim_start_matches("<D:response>"))
        .collect();
    all.sort_unstable();
    let all: String = all
        .iter()
        .map(|response| format!("<D:response>{response}{END}"))
        .collect();
    format!("{head}{all}{tail}")
}

/// One request of the script.
struct Step {
    name: String,
    head: String,
    body: String,
    /// What its token is called from then on.
    token: Option<&'static str>,
}

const XML: &str = "Content-Type: application/xml";

fn propfind(inside: &str) -> String {
    format!("<propfind xmlns=\"DAV:\">{inside}</propfind>")
}

fn proppatch(inside: &str) -> String {
    format!("<D:propertyupdate xmlns:D=\"DAV:\">{inside}</D:propertyupdate>")
}

fn set(property: &str) -> String {
    proppatch(&format!("<D:set><D:prop>{property}</D:prop></D:set>"))
}

fn lockinfo(scope: &str) -> String {
    format!(
        "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:{scope}/></D:lockscope>\
         <D:locktype><D:write/></D:locktype></D:lockinfo>"
    )
}

struct Script(Vec<Step>);

impl Script {
    fn ask(&mut self, head: &str, body: &str) -> &mut Script {
        let name = format!("{} {}", head.replace('\n', " | "), show(body.as_bytes()));
        let name = name.trim_end().to_owned();
        let is_same = |step: &&Step| step.head == head && step.body == body;
        let times = self.0.iter().filter(is_same).count();
        let name = match times {
            0 => name,
            times => format!("{name} ({})", times + 1),
        };
        self.0.push(Step {
            name,
            head: head.to_owned(),
            body: body.to_owned(),
            token: None,
        });
        self
    }

    fn asks(&mut self, heads: &[&str]) -> &mut Script {
        for head in heads {
            self.ask(head, "");
        }
        self
    }

    fn lock(&mut self, head: &str, scope: &str, token: &'static str) -> &mut Script {
        self.ask(&format!("{head}\n{XML}"), &lockinfo(scope));
        if let Some(step) = self.0.last_mut() {
            step.token = Some(token);
        }
        self
    }
}

/// Where `AT` is: `/d`, or below an alias.
fn script(at: &str) -> Vec<Step> {
    let mut s = Script(Vec::new());
    let resource_type = propfind("<prop><resourcetype/></prop>");
    // lighttpd begins an answer to OPTIONS of what is not there, and never ends it: that is not asked.
    s.asks(&["GET @/", "PROPFIND @/\nDepth: 0"]);
    for depth in ["0", "1", "infinity"] {
        for target in [
            "/links/",
            "/links/dir/",
            "/links/inside.txt",
            "/links/outside/",
            "/links/dangling",
        ] {
            s.ask(
                &format!("PROPFIND {target}\nDepth: {depth}\n{XML}"),
                &resource_type,
            );
        }
    }
    s.asks(&[
        "MKCOL @",
        "MKCOL @",
        "MKCOL @/",
        "MKCOL @/x/y",
        "MKCOL @/a.txt/x",
    ]);
    s.ask("MKCOL @/z", "body");
    s.asks(&[
        "MKCOL @/sub/",
        "MKCOL @/Upper",
        "OPTIONS /",
        "OPTIONS /sub/",
    ]);
    // PUT.
    for (target, body) in [
        ("/a.txt", "one"),
        ("/a.txt", "two"),
        ("/empty.txt", ""),
        ("/empty.txt", ""),
        ("/", "x"),
        ("/sub", "x"),
        ("/no/x.txt", "x"),
        ("/a.txt/x", "x"),
        ("/x.inc", "x"),
        ("/UPPER.TXT", "x"),
        ("/%26%20%C3%BC%3C%27.txt", "x"),
        ("/.hidden", "x"),
    ] {
        s.ask(&format!("PUT @{target}"), body);
    }
    s.asks(&["GET @/a.txt", "HEAD @/empty.txt", "GET @/upper.txt"]);
    for field in [
        "If-None-Match: *",
        "If-Match: *",
        "If-Match: \"x\"",
        "If-None-Match: \"x\"",
        "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT",
        "Expect: 100-continue",
    ] {
        for target in ["/a.txt", "/fresh.txt"] {
            s.ask(&format!("PUT @{target}\n{field}"), "three");
            s.ask("DELETE @/fresh.txt", "");
        }
    }
    s.ask("PUT @/part.txt", "0123456789");
    for range in [
        "bytes 2-4/10",
        "bytes 8-10/11",
        "bytes 2-4/*",
        "bytes 20-22/23",
        "bytes */10",
        "bytes=2-4/10",
        "rubbish",
    ] {
        s.ask(&format!("PUT @/part.txt\nContent-Range: {range}"), "abc");
        s.ask("GET @/part.txt", "");
    }
    s.ask("PUT @/none.txt\nContent-Range: bytes 0-2/3", "abc");
    s.ask("PUT @/sub\nContent-Range: bytes 0-2/3", "abc");
    // PROPFIND.
    for depth in [
        "",
        "\nDepth: 0",
        "\nDepth: 1",
        "\nDepth: infinity",
        "\nDepth: 2",
    ] {
        for target in ["/", "/a.txt", "/sub", "/none", "/a.txt/"] {
            s.ask(&format!("PROPFIND @{target}{depth}\n{XML}"), &resource_type);
        }
    }
    let named = |head: &str| format!("{head}\nDepth: 0\n{XML}");
    for inside in [
        "<allprop/>",
        "<propname/>",
        "<prop/>",
        "",
        "<prop><getetag/><x xmlns=\"urn:x\"/><displayname/><creationdate/><lockdiscovery/></prop>",
        "<allprop/><include><x xmlns=\"urn:x\"/></include>",
        "<prop><y xmlns=\"\"/></prop>",
        "<prop><a:x xmlns:a=\"\"/></prop>",
        "<prop><q:x/></prop>",
        "<prop><supportedlock/><getcontenttype/><getlastmodified/><getcontentlength/></prop>",
    ] {
        for target in ["/a.txt", "/sub/"] {
            s.ask(&named(&format!("PROPFIND @{target}")), &propfind(inside));
        }
    }
    for body in [
        "<propfind",
        "<x/>",
        "no XML",
        "<!DOCTYPE a><propfind xmlns=\"DAV:\"/>",
    ] {
        s.ask(&named("PROPFIND @/a.txt"), body);
        s.ask(&named("PROPPATCH @/a.txt"), body);
    }
    s.ask("PROPFIND @/a.txt\nDepth: 0", "<x/>");
    s.ask(
        "PROPFIND @/a.txt\nDepth: 0\nContent-Type: text/plain",
        "<x/>",
    );
    s.ask(
        "PROPFIND @/a.txt\nDepth: 0\nContent-Type: text/xml; charset=utf-8",
        &resource_type,
    );
    // PROPPATCH.
    for property in [
        "<z:one xmlns:z=\"urn:z\">1 &lt; 2 &amp;</z:one>",
        "<two xmlns=\"\">2</two>",
        "<D:displayname>Name</D:displayname>",
        "<D:getetag>x</D:getetag>",
        "<z:deep xmlns:z=\"urn:z\">a<b>c</b></z:deep>",
        "<z:first xmlns:z=\"urn:z\">1</z:first><z:second xmlns:z=\"urn:z\">2</z:second>",
    ] {
        s.ask(&named("PROPPATCH @/a.txt"), &set(property));
        s.ask(&named("PROPFIND @/a.txt"), &propfind("<allprop/>"));
    }
    let remove = "<D:remove><D:prop><z:one xmlns:z=\"urn:z\"/></D:prop></D:remove>";
    s.ask(&named("PROPPATCH @/a.txt"), &proppatch(remove));
    s.ask(&named("PROPFIND @/a.txt"), &propfind("<propname/>"));
    for target in ["/none", "/sub", "/sub/", "/a.txt/"] {
        s.ask(&named(&format!("PROPPATCH @{target}")), &proppatch(""));
    }
    s.ask(&named("PROPPATCH @/a.txt"), "");
    // COPY and MOVE.
    for method in ["COPY", "MOVE"] {
        for fields in [
            "",
            "\nDestination: @/copy.txt\nOverwrite: X",
            "\nDestination: copy.txt",
            "\nDestination: ftp://oracle.example@/copy.txt",
            "\nDestination: http://oracle.example",
            "\nDestination: http://other.example@/copy.txt",
            "\nDestination: @/%ff",
            "\nDestination: @/a.txt",
            "\nDestination: @/no/copy.txt",
            "\nDestination: @/upper.txt/copy.txt",
            "\nDestination: @/copy.txt/",
            "\nDestination: http://oracle.example@/copy.txt",
        ] {
            s.ask(&format!("{method} @/a.txt{fields}"), "");
        }
        s.asks(&["GET @/copy.txt", "GET @/a.txt"]);
        s.ask(&named("PROPFIND @/copy.txt"), &propfind("<allprop/>"));
        s.ask("PUT @/a.txt", "again");
        for fields in [
            "\nDestination: @/copy.txt\nOverwrite: F",
            "\nDestination: @/copy.txt\nOverwrite: T",
            "\nDestination: @/sub",
        ] {
            s.ask(&format!("{method} @/a.txt{fields}"), "");
            s.ask("PUT @/a.txt", "again");
        }
        s.ask(&format!("{method} @/none\nDestination: @/copy.txt"), "");
        s.ask(
            &format!("{method} @/a.txt\nDestination: @/copy.txt"),
            "body",
        );
        s.ask(&format!("{method} @/sub\nDestination: @/other"), "");
        s.ask(&format!("{method} @/sub/\nDestination: @/sub/in"), "");
        s.ask(
            &format!("{method} @/sub/\nDestination: @/other\nDepth: 1"),
            "",
        );
        s.ask(
            &format!("{method} @/sub/\nDestination: @/other\nDepth: 0"),
            "",
        );
        s.ask(&format!("{method} @/sub/\nDestination: @/other/"), "");
        s.ask("MKCOL @/sub", "");
        s.ask("PUT @/sub/in.txt", "in");
        s.ask(
            &format!("{method} @/sub/\nDestination: @/other/\nOverwrite: F"),
            "",
        );
        s.ask(&format!("{method} @/sub/\nDestination: @/no/other/"), "");
        s.ask(&format!("{method} @/sub/\nDestination: @/copy.txt"), "");
        s.ask(&format!("PROPFIND @/\nDepth: 1\n{XML}"), &resource_type);
        s.ask(
            &format!("PROPFIND @/copy.txt/\nDepth: 1\n{XML}"),
            &resource_type,
        );
        s.asks(&["MKCOL @/sub", "DELETE @/copy.txt", "DELETE @/other/"]);
    }
    // Locks.
    let discover = propfind("<prop><lockdiscovery/></prop>");
    s.lock("LOCK @/a.txt\nTimeout: Second-100", "exclusive", "TOKEN-A");
    s.lock("LOCK @/a.txt", "shared", "NONE");
    s.ask(&named("PROPFIND @/a.txt"), &discover);
    for condition in [
        "",
        "\nIf: (<TOKEN-A>)",
        "\nIf: <@/a.txt> (<TOKEN-A>)",
        "\nIf: (<urn:uuid:other>)",
        "\nIf: (Not <urn:uuid:other>)",
        "\nIf: (<TOKEN-A> [\"x\"])",
        "\nIf: (<TOKEN-A> Not [\"x\"])",
        "\nIf: (<DAV:no-lock>)",
        "\nIf: (<urn:uuid:other>) (<TOKEN-A>)",
    ] {
        s.ask(&format!("PUT @/a.txt{condition}"), "locked");
        s.ask(&format!("PUT @/upper.txt{condition}"), "not locked");
    }
    s.ask(
        &named("PROPPATCH @/a.txt"),
        &set("<z:x xmlns:z=\"z\">1</z:x>"),
    );
    s.asks(&[
        "DELETE @/a.txt",
        "MOVE @/a.txt\nDestination: @/b.txt",
        "COPY @/a.txt\nDestination: @/b.txt",
        "MOVE @/upper.txt\nDestination: @/a.txt",
        "LOCK @/a.txt\nIf: (<TOKEN-A>)",
        "LOCK @/a.txt\nIf: (<TOKEN-A>)\nTimeout: Second-3",
        "LOCK @/a.txt\nIf: (<TOKEN-A>)\nTimeout: Second-4100000000",
        "LOCK @/a.txt\nIf: (<urn:uuid:other>)",
        "LOCK @/a.txt",
        "UNLOCK @/a.txt",
        "UNLOCK @/a.txt\nLock-Token: TOKEN-A",
        "UNLOCK @/b.txt\nLock-Token: <TOKEN-A>",
        "UNLOCK @/a.txt\nLock-Token: <urn:uuid:other>",
        "UNLOCK @/a.txt\nLock-Token: <TOKEN-A>",
        "UNLOCK @/a.txt\nLock-Token: <TOKEN-A>",
    ]);
    s.lock("LOCK @/fresh.txt", "exclusive", "TOKEN-N");
    s.asks(&[
        "GET @/fresh.txt",
        "DELETE @/fresh.txt\nIf: (<TOKEN-N>)",
        "GET @/fresh.txt",
    ]);
    s.lock("LOCK @/no/x.txt", "exclusive", "NONE");
    s.lock("LOCK @/none/", "exclusive", "NONE");
    s.lock("LOCK @/sub", "shared", "NONE");
    s.lock("LOCK @/sub/\nDepth: 1", "shared", "NONE");
    s.lock("LOCK @/sub/\nDepth: infinity", "shared", "TOKEN-S");
    s.lock("LOCK @/sub/", "shared", "TOKEN-T");
    s.lock("LOCK @/sub/x.txt", "exclusive", "NONE");
    s.ask("PUT @/sub/x.txt", "x");
    s.ask("PUT @/sub/x.txt\nIf: (<TOKEN-T>)", "x");
    s.ask(&format!("PROPFIND @/sub/\nDepth: 1\n{XML}"), &discover);
    s.asks(&[
        "MKCOL @/sub/y",
        "MOVE @/a.txt\nDestination: @/sub/a.txt",
        "DELETE @/sub/",
        "UNLOCK @/sub/x.txt\nLock-Token: <TOKEN-S>",
        "UNLOCK @/sub/\nLock-Token: <TOKEN-T>",
    ]);
    for body in ["<x/>", "<D:lockinfo xmlns:D=\"DAV:\"/>", "<D:lockinfo"] {
        s.ask(&format!("LOCK @/a.txt\n{XML}"), body);
    }
    s.lock("LOCK @/sub/\nDepth: 0", "exclusive", "TOKEN-D");
    s.ask("PUT @/sub/new.txt", "new");
    s.ask("PUT @/sub/new.txt\nIf: <@/sub/> (<TOKEN-D>)", "new");
    s.asks(&["UNLOCK @/sub/\nLock-Token: <TOKEN-D>"]);
    // DELETE.
    s.asks(&[
        "DELETE @/sub/\nDepth: 0",
        "DELETE @/a.txt/",
        "DELETE @/none",
        "DELETE @/a.txt\nIf-Match: \"x\"",
        "DELETE @/a.txt",
        "DELETE @/sub#part",
        "DELETE @/sub",
        "TRACE @/",
        "SEARCH @/",
        "POST @/upper.txt",
        "DELETE @/\nDepth: infinity",
        "DELETE @/",
    ]);
    for step in &mut s.0 {
        step.head = step.head.replace('@', at);
    }
    s.0
}

fn run(case: &'static str, text: &str, at: &str) -> (usize, Vec<Difference>) {
    let documents = [Documents::new(), Documents::new()];
    let roots = [documents[0].root(), documents[1].root()];
    let text = [BASE, text].concat();
    let start = |root: &Path, start: fn(&Configuration<'_>) -> Server| Party {
        side: Side::new(start(&Configuration { text: &text, root })),
        tokens: Vec::new(),
    };
    let mut theirs = start(&roots[0], Server::lighttpd);
    let mut ours = start(&roots[1], Server::everlit);
    let steps = script(at);
    let mut differences = Vec::new();
    for step in &steps {
        let (one, other) = (theirs.ask(step), ours.ask(step));
        if !theirs.side.is_connected() || !ours.side.is_connected() {
            theirs.side.disconnect();
            ours.side.disconnect();
        }
        let request = Request::raw(&step.name, b"");
        differences.extend(compare(case, &request, &one, &other));
    }
    (steps.len(), differences)
}

#[test]
fn oracle_of_webdav() {
    if !lighttpd_is_there() {
        return;
    }
    if !Path::new(MODULE).exists() {
        assert!(std::env::var_os("CI").is_none(), "{MODULE} is missing");
        println!("skipped: {MODULE} is missing");
        return;
    }
    let (mut asked, mut differences) = (0, Vec::new());
    for (case, text) in CASES {
        let at = match case.ends_with("there") {
            true => "/by/d",
            false => "/d",
        };
        let (steps, found) = run(case, text, at);
        println!("{steps:>6} compared: {case}");
        asked += steps;
        differences.extend(found);
    }
    let known: Vec<&Known> = EVERYWHERE.iter().chain(OF_WEBDAV).collect();
    let mut uses = vec![0; known.len()];
    let (mut unknown, mut different) = (0, std::collections::BTreeSet::new());
    for difference in &differences {
        match known.iter().position(|known| known.explains(difference)) {
            Some(index) => {
                uses[index] += 1;
                if index >= EVERYWHERE.len() {
                    different.insert((difference.case, &difference.request));
                }
            }
            None => {
                unknown += 1;
                println!("\n{}: {}", difference.case, difference.request);
                let what = &difference.what;
                println!("  {what} lighttpd: {}", show(difference.theirs.as_bytes()));
                println!("  {what} everlit:  {}", show(difference.ours.as_bytes()));
            }
        }
    }
    println!("\nknown differences:");
    for (known, uses) in known.iter().zip(&uses).skip(EVERYWHERE.len()) {
        println!("{uses:>6} {} : {}", known.show(), known.reason);
    }
    println!(
        "\n{}: {asked} answers compared, {} different as listed, {unknown} differences that nobody has explained",
        lighttpd_version(),
        different.len(),
    );
    assert_eq!(unknown, 0, "differences that nobody has explained");
    let unused: Vec<String> = known
        .iter()
        .zip(&uses)
        .skip(EVERYWHERE.len())
        .filter(|(_, uses)| **uses == 0)
        .map(|(known, _)| known.show())
        .collect();
    assert!(
        unused.is_empty(),
        "known differences that do not occur: {unused:#?}"
    );
}
