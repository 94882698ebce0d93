//! A server with two configurations that differ in everything, and what each of them answers.

use std::fs;

use crate::backends::backend::pattern;
use crate::support::http::{Asked, Client, Response};
use crate::support::unpack::unpacked;
use crate::support::{Built, Server, Setup};

/// Length of a download that is compressed: more than two sockets hold.
pub(super) const LARGE: usize = 12 << 20;
/// KiB a second of one that may only go so fast, and its length in bytes.
pub(super) const RATE: u16 = 256;
pub(super) const PACED: usize = 8 * RATE as usize * 1024;

/// Users whose passwords take their time: bcrypt, yescrypt, SHA-512.
pub(super) const SLOW: [(&str, &str, &str); 3] = [
    (
        "bcrypt",
        "secret",
        "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
    ),
    (
        "yescrypt",
        "pass",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$YP0stL6kdhTxZHyKcn31A0B0eVQQETG9Sia9T6wA4Y9",
    ),
    (
        "sha",
        "secret",
        "$6$rounds=1000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0",
    ),
];

/// Which configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    One,
    Two,
}

impl Which {
    /// Which one is in force after so many more reloads than one.
    pub(super) fn after(number: usize) -> Which {
        match number.is_multiple_of(2) {
            true => Which::Two,
            false => Which::One,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Which::One => "one",
            Which::Two => "two",
        }
    }
}

/// What is asked: a path, a host, more fields.
pub(super) struct Question {
    path: &'static str,
    host: &'static str,
    fields: &'static str,
    /// The status that each answers with.
    statuses: [u16; 2],
}

const fn get(path: &'static str, statuses: [u16; 2]) -> Question {
    Question {
        path,
        host: "test",
        fields: "",
        statuses,
    }
}

const fn at(host: &'static str, path: &'static str, statuses: [u16; 2]) -> Question {
    Question {
        host,
        ..get(path, statuses)
    }
}

const fn with(fields: &'static str, path: &'static str, statuses: [u16; 2]) -> Question {
    Question {
        fields,
        ..get(path, statuses)
    }
}

/// Credentials of joe: "one" and "two" are his passwords.
const AS_ONE: &str = "Authorization: Basic am9lOm9uZQ==\r\n";
const AS_TWO: &str = "Authorization: Basic am9lOnR3bw==\r\n";

/// All that clients ask.
pub(super) const QUESTIONS: &[Question] = &[
    get("/doc.txt", [200, 200]),
    // Documents that only one of them has.
    get("/one.txt", [200, 404]),
    get("/two.txt", [404, 200]),
    get("/dir/", [200, 200]),
    get("/dir", [301, 301]),
    // Hosts.
    at("vhost", "/doc.txt", [200, 200]),
    at("only.one", "/doc.txt", [200, 200]),
    at("only.two", "/doc.txt", [200, 200]),
    at("a.ev", "/doc.txt", [200, 200]),
    // Rewrites and redirects.
    get("/r/doc", [200, 200]),
    get("/missing/doc", [200, 404]),
    get("/old/x?q=1", [301, 308]),
    get("/moved", [302, 200]),
    // Logins.
    get("/private.txt", [401, 401]),
    with(AS_ONE, "/private.txt", [200, 401]),
    with(AS_TWO, "/private.txt", [401, 401]),
    with(AS_ONE, "/members.txt", [200, 200]),
    with(AS_TWO, "/members.txt", [401, 200]),
    get("/guarded.txt", [401, 200]),
    // Bodies that are made.
    with("Accept-Encoding: gzip\r\n", "/text.txt", [200, 200]),
    with("Range: bytes=10-12\r\n", "/text.txt", [206, 206]),
];

impl Question {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Question {
            path, host, fields, ..
        } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").into_bytes()
    }

    pub(super) fn name(&self) -> String {
        format!("{} of {} {}", self.path, self.host, self.fields.trim_end())
    }
}

/// An answer, without what is different each time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Answer {
        let body = unpacked(&response);
        let said = response.fields.iter().filter(|(name, _)| name != "Date");
        let fields = said.map(|(name, value)| {
            let value = String::from_utf8_lossy(value).into_owned();
            (name.clone(), without_nonce(value))
        });
        Answer {
            status: response.status,
            fields: fields.collect(),
            body,
        }
    }
}

fn without_nonce(value: String) -> String {
    let Some((before, rest)) = value.split_once("nonce=\"") else {
        return value;
    };
    let (_, after) = rest.split_once('"').expect("a nonce ends");
    format!("{before}nonce{after}")
}

/// What each of them answers to each question.
pub(super) type Known = Vec<[Answer; 2]>;

/// The server.
pub(super) struct Place {
    pub(super) server: Server,
}

impl Place {
    /// With the first configuration.
    pub(super) fn start() -> Place {
        let setup = Setup::new(Built::Everlit);
        let include = format!("include \"{}\"", setup.path("part.conf").display());
        for which in [Which::One, Which::Two] {
            documents(&setup, which);
        }
        write(&setup, Which::One);
        let setup = setup.setting("server.max-worker = 2").setting(&include);
        Place {
            server: Server::start(setup),
        }
    }

    /// Writes the configuration that the next reload is for.
    pub(super) fn write(&self, which: Which) {
        write(&self.server.setup, which);
    }

    /// Asks both, with nobody else there; the first is in force afterwards.
    pub(super) fn answers(&self) -> Known {
        let mut client = Client::connect(self.server.address());
        let mut ask = || -> Vec<Answer> {
            let ask = |question: &Question| {
                client.send(&question.bytes());
                client.response(Asked::ForAnything).unwrap().into()
            };
            QUESTIONS.iter().map(ask).collect()
        };
        let ones = ask();
        self.write(Which::Two);
        self.server.reload().unwrap();
        let twos = ask();
        self.write(Which::One);
        self.server.reload().unwrap();
        let known: Known = ones
            .into_iter()
            .zip(twos)
            .map(|(one, two)| [one, two])
            .collect();
        for (question, [one, two]) in QUESTIONS.iter().zip(&known) {
            let name = question.name();
            assert_eq!([one.status, two.status], question.statuses, "{name}");
            let is_moved = (300..400).contains(&one.status);
            assert!(one.fields != two.fields, "{name}: {one:?}");
            assert!(is_moved || one.body != two.body, "{name}: {one:?}");
        }
        known
    }

    pub(super) fn generations(&self) -> usize {
        self.server.status().generations.len()
    }
}

fn documents(setup: &Setup, which: Which) {
    let name = which.name();
    let root = setup.path(name);
    for directory in ["root/dir", "vhost", "only", "ev/a.ev"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let file = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
    for document in ["private", "members", "guarded", "slow", "digest"] {
        file(
            &format!("root/{document}.txt"),
            &format!("{document} of {name}"),
        );
    }
    file("root/doc.txt", &format!("document of {name}"));
    file(&format!("root/{name}.txt"), &format!("only of {name}"));
    file("root/moved", &format!("moved of {name}"));
    file(
        &format!("root/dir/{name}.html"),
        &format!("index of {name}"),
    );
    file(
        &format!("root/to-{name}-doc"),
        &format!("rewritten of {name}"),
    );
    file("root/text.txt", &format!("a text of {name}\n").repeat(100));
    file("vhost/doc.txt", &format!("vhost of {name}"));
    file("only/doc.txt", &format!("only host of {name}"));
    file("ev/a.ev/doc.txt", &format!("evhost of {name}"));
    file("404.html", &format!("nothing there, says {name}"));
    file("401.html", &format!("who are you, says {name}"));
    file("users", &format!("joe:{name}\n"));
    let slow = SLOW.map(|(user, _, hash)| format!("{user}:{hash}\n"));
    file("htpasswd", &slow.concat());
    file("secret", "joe:secret\n");
    fs::write(root.join("root/large.txt"), pattern(LARGE)).unwrap();
    fs::write(root.join("root/paced"), pattern(PACED)).unwrap();
}

fn write(setup: &Setup, which: Which) {
    let name = which.name();
    let place = setup.path(name).display().to_string();
    let common = format!(
        r#"
server.document-root := "{place}/root"
server.modules += ( "mod_rewrite", "mod_redirect", "mod_setenv", "mod_auth", "mod_evhost", "mod_deflate" )
server.tag = "everlit {name}"
server.max-keep-alive-requests = 60000
server.errorfile-prefix = "{place}/"
server.feature-flags = ( "auth.delay-invalid-creds" => "disable", "auth.http-goaway-invalid-creds" => "disable" )
mimetype.assign = ( ".txt" => "text/plain", "" => "application/{name}" )
index-file.names = ( "{name}.html" )
deflate.mimetypes = ( "text/" )
deflate.allowed-encodings = ( "gzip" )
setenv.set-response-header = ( "X-Config" => "{name}" )
$HTTP["host"] == "vhost" {{
    server.document-root = "{place}/vhost"
    setenv.set-response-header = ( "X-Config" => "{name}", "X-Host" => "vhost of {name}" )
}}
$HTTP["host"] == "only.{name}" {{ server.document-root = "{place}/only" }}
$HTTP["host"] =~ "\.ev$" {{ evhost.path-pattern = "{place}/ev/%_/" }}
url.rewrite-once = ( "^/r/(.*)$" => "/to-{name}-$1" )
$HTTP["url"] == "/slow.txt" {{
    auth.backend = "htpasswd"
    auth.backend.htpasswd.userfile = "{place}/htpasswd"
}}
auth.backend = "plain"
auth.backend.plain.userfile = "{place}/users"
$HTTP["url"] == "/digest.txt" {{ auth.backend.plain.userfile = "{place}/secret" }}
"#
    );
    let own = match which {
        Which::One => format!(
            r#"
url.rewrite-if-not-file = ( "^/missing/" => "/doc.txt" )
url.redirect = ( "^/old/(.*)$" => "/one/$1", "^/moved$" => "http://one.example/" )
$HTTP["url"] =~ "^/moved" {{ url.redirect-code = 302 }}
auth.require = (
    "/private" => ( "method" => "basic", "realm" => "one", "require" => "valid-user" ),
    "/members" => ( "method" => "basic", "realm" => "members of one", "require" => "user=joe" ),
    "/guarded" => ( "method" => "digest", "realm" => "one", "require" => "valid-user" ),
    "/slow" => ( "method" => "basic", "realm" => "one", "require" => "valid-user" ),
    "/digest" => ( "method" => "digest", "realm" => "r", "require" => "valid-user" ) )
$HTTP["url"] == "/paced" {{ server.kbytes-per-second = {RATE} }}
"#
        ),
        Which::Two => format!(
            r#"
$HTTP["url"] == "/doc.txt" {{ server.kbytes-per-second = 60000 }}
url.redirect = ( "^/old/(.*)$" => "https://two.example/$1?two" )
url.redirect-code = 308
auth.require = (
    "/private" => ( "method" => "digest", "realm" => "two", "algorithm" => "SHA-256", "require" => "valid-user" ),
    "/slow" => ( "method" => "basic", "realm" => "two", "require" => "valid-user" ),
    "/digest" => ( "method" => "digest", "realm" => "r", "require" => "valid-user" ) )
$HTTP["url"] == "/paced" {{ server.kbytes-per-second = {RATE} }}
"#
        ),
    };
    let text = common + &own;
    let new = setup.path("part.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, setup.path("part.conf")).unwrap();
}
