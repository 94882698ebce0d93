//! Users, passwords, and requests that say them, right and wrong.
//!
//! Out: files beside the document root; requests. In these, `@DIGEST user|password|uri|algorithm|more@` stands for what proves
//! a password to the server that is asked: each has nonces of its own. Must hold: no password takes long.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use everlit::modules::auth::algorithm::Algorithm;

use super::configurations::{Case, Log, Types};
use super::known::{Known, known};
use super::requests::{Request, get_with};

/// All passwords are `secret`, but for that of ann.
const HTPASSWD: &str = "\
# users
apr:$apr1$.c9vojgf$hPMdweeBvoyUeik9lcvVu0
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
des:abNANd1rDfiNc
md5:$1$saltsalt$9xy1btjgzLYfb7hivXtC//
sha256:$5$rounds=1000$saltstring$AH5PD0i.riCRu4BNDy9v7OPV7u3dfLBApcXI6khquVA
sha512:$6$rounds=1000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0
bcrypt:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW
yescrypt:$y$j75$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2

no colon
plain:secret
locked:!
";

const PLAIN: &str = "joe:secret\r\nann:other:er\nempty:\n# not:this\njoe:second\nlast:secret";

/// Makes the files in this directory.
pub fn install(outside: &Path) {
    let digest = |user: &str, algorithm: Algorithm| {
        algorithm
            .hex(&[user.as_bytes(), b"realm", b"secret"])
            .to_string()
    };
    let htdigest = format!(
        "joe:other:{}\njoe:realm:{}\njoe:realm:{}\nbob:realm:{}:{}\nshort:realm:abc\n",
        "0".repeat(32),
        digest("joe", Algorithm::Md5),
        digest("joe", Algorithm::Sha256),
        digest("bob", Algorithm::Md5),
        *Algorithm::Md5.hex(&[b"bob", b"realm"]),
    );
    for (name, content) in [
        ("htpasswd", HTPASSWD),
        ("plain", PLAIN),
        ("htdigest", &htdigest),
        ("groups", "staff: joe apr\n"),
    ] {
        fs::write(outside.join(name), content).unwrap();
    }
}

/// What stands for a proof, answered: `None`, if there is none left.
pub fn next_proof(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("@DIGEST ")?;
    let (what, after) = rest.split_once('@')?;
    Some((before, what, after))
}

/// Where the challenge for a proof comes from.
pub fn uri_of(what: &str) -> &str {
    what.split('|')
        .nth(2)
        .expect("user|password|uri|algorithm|more")
}

/// A proof, made for this challenge.
pub fn proof(what: &str, challenge: &str) -> String {
    let mut parts = what.split('|');
    let mut next = || parts.next().expect("user|password|uri|algorithm|more");
    let (user, password, uri, name, more) = (next(), next(), next(), next(), next());
    let algorithm = match name {
        "" => Algorithm::Md5,
        name => Algorithm::named(name.trim_end_matches("-sess").as_bytes()).unwrap(),
    };
    let challenges: Vec<&str> = challenge.split("Digest realm").collect();
    let asked = challenges
        .iter()
        .find(|asked| asked.contains(&format!("={},", algorithm.name())));
    let nonce = match asked.and_then(|asked| asked.split_once("nonce=\"")) {
        Some((_, rest)) => rest.split('"').next().unwrap(),
        None => "none",
    };
    let hash = |parts: &[&str]| {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        algorithm.hex(&parts).to_string()
    };
    let mut first = hash(&[user, "realm", password]);
    if name.ends_with("-sess") {
        first = hash(&[&first, nonce, "cnonce"]);
    }
    let second = hash(&["GET", uri]);
    let mut text =
        format!("Digest username=\"{user}\", realm=\"realm\", nonce=\"{nonce}\", uri=\"{uri}\"");
    if !name.is_empty() {
        text.push_str(&format!(", algorithm={name}"));
    }
    let response = match more {
        "old" => {
            if name.ends_with("-sess") {
                text.push_str(", cnonce=\"cnonce\"");
            }
            hash(&[&first, nonce, &second])
        }
        _ => {
            text.push_str(", qop=auth, nc=00000001, cnonce=\"cnonce\"");
            hash(&[&first, nonce, "00000001", "cnonce", "auth", &second])
        }
    };
    text.push_str(&format!(", response=\"{response}\""));
    match more {
        "" | "old" => text,
        more => format!("{text}, {more}"),
    }
}

fn with(target: &str, authorization: &str) -> Request {
    get_with(target, &[&format!("Authorization: {authorization}")])
}

pub fn basic(target: &str, user: &str, password: &str) -> Request {
    let text = format!("{user}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let request = with(target, &format!("Basic {encoded}"));
    Request {
        name: format!("GET {target} as {user}:{password}"),
        ..request
    }
}

/// Names and passwords, for documents for everybody who has one, for some, for a group, and for nobody.
fn passwords() -> Vec<Request> {
    let mut requests = Vec::new();
    for target in [
        "/a.txt",
        "/b.txt",
        "/page.html",
        "/empty.txt",
        "/digits.txt",
    ] {
        requests.push(get_with(target, &[]));
        for user in [
            "apr", "sha", "des", "md5", "sha256", "sha512", "bcrypt", "yescrypt", "joe", "last",
        ] {
            requests.push(basic(target, user, "secret"));
        }
    }
    for user in [
        "apr", "sha", "des", "md5", "sha256", "sha512", "bcrypt", "yescrypt", "joe", "last",
        "plain", "locked", "ann", "empty", "nobody", "", "no colon", "# not", "# users", "short",
        "bob",
    ] {
        for password in [
            "wrong", "", "Secret", "secret ", "other:er", "second", "!", "this",
        ] {
            requests.push(basic("/a.txt", user, password));
        }
    }
    requests.push(basic("/a.txt", "bob", "secret"));
    requests
}

/// Fields that are not what they should be.
fn malformed() -> Vec<Request> {
    let long = format!("Basic {}", "A".repeat(1400));
    let mut requests: Vec<Request> = [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic dXA=",
        "Basic dXA",
        "basic am9lOnNlY3JldA==",
        "BASIC am9lOnNlY3JldA",
        "Basic  am9lOnNlY3JldA==",
        "Bearer x",
        "Digest",
        "Digest ",
        "Digest x",
        "Digest username=\"joe\"",
        "Basicam9lOnNlY3JldA==",
        "am9lOnNlY3JldA==",
        "Negotiate abc",
    ]
    .into_iter()
    .map(|field| with("/a.txt", field))
    .collect();
    requests.push(Request {
        name: "a long field".to_owned(),
        ..with("/a.txt", &long)
    });
    requests
}

fn digests() -> Vec<Request> {
    let mut requests = Vec::new();
    for (target, what) in [
        ("/a.txt", "joe|secret|/a.txt||"),
        ("/a.txt", "joe|secret|/a.txt||old"),
        ("/a.txt", "joe|secret|/a.txt|MD5|"),
        ("/a.txt", "joe|secret|/a.txt|MD5|old"),
        ("/a.txt", "joe|secret|/a.txt|MD5-sess|"),
        ("/a.txt", "joe|secret|/a.txt|MD5-sess|old"),
        ("/a.txt", "joe|secret|/a.txt|SHA-256|"),
        ("/a.txt", "joe|secret|/a.txt|SHA-256-sess|"),
        ("/a.txt", "joe|wrong|/a.txt|MD5|"),
        ("/a.txt", "joe||/a.txt|MD5|"),
        ("/a.txt", "nobody|secret|/a.txt|MD5|"),
        ("/a.txt", "bob|secret|/a.txt|MD5|"),
        ("/a.txt?query", "joe|secret|/a.txt?query|MD5|"),
        ("/a.txt?query", "joe|secret|/a.txt|MD5|"),
        ("/b.txt", "joe|secret|/a.txt|MD5|"),
        ("/b.txt", "joe|secret|/b.txt|MD5|"),
        ("/empty.txt", "joe|secret|/empty.txt|MD5|"),
        ("/a.txt", "joe|secret|/a.txt|MD5|opaque=\"x\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|realm=\"other\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|qop=auth-int"),
        ("/a.txt", "joe|secret|/a.txt|MD5|response=\"0\""),
        (
            "/a.txt",
            "joe|secret|/a.txt|MD5|response=\"0123456789abcdef0123456789abcdef\"",
        ),
        (
            "/a.txt",
            "joe|secret|/a.txt|MD5|response=\"g123456789abcdef0123456789abcdef\"",
        ),
        ("/a.txt", "joe|secret|/a.txt|MD5|algorithm=SHA-1"),
        ("/a.txt", "joe|secret|/a.txt|MD5|nonce=\"1:2\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|nonce=\"\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|nonce=\"ffffffffff:0\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|nonce=\"nonsense\""),
        ("/a.txt", "joe|secret|/a.txt|MD5|username*=UTF-8''joe"),
        ("/a.txt", "joe|secret|/a.txt|MD5|username=\"ann\""),
    ] {
        let request = with(target, &format!("@DIGEST {what}@"));
        requests.push(Request {
            name: format!("GET {target} with {what}"),
            ..request
        });
    }
    for field in [
        "Digest realm=\"realm\"",
        "Digest username=joe",
        "Digest username=\"joe",
        "Basic am9lOnNlY3JldA==",
        "Digest username=\"joe\", realm=\"realm\", nonce=\"1:2\", uri=\"/a.txt\", response=\"0123456789abcdef0123456789abcdef\"",
        "Digest username=\"joe\", realm=\"realm\", nonce=\"1:2\", uri=\"/a.txt\", qop=auth, response=\"0123456789abcdef0123456789abcdef\"",
        "Digest username*=UTF-8''%0a, realm=\"realm\", nonce=\"1:2\", uri=\"/a.txt\", response=\"0123456789abcdef0123456789abcdef\"",
        "Digest username*=x''joe, realm=\"realm\", nonce=\"1:2\", uri=\"/a.txt\", response=\"0123456789abcdef0123456789abcdef\"",
    ] {
        requests.push(with("/a.txt", field));
    }
    requests.push(get_with("/a.txt", &[]));
    requests.push(get_with("/digits.txt", &[]));
    requests
}

/// Rules for some documents.
macro_rules! rules {
    ($method:literal, $more:literal) => {
        concat!(
            r#"
            server.modules += ("mod_auth", "mod_authn_file")
            server.feature-flags += ("auth.delay-invalid-creds" => "disable")
            auth.backend.htpasswd.userfile = "@OUTSIDE@/htpasswd"
            auth.backend.htdigest.userfile = "@OUTSIDE@/htdigest"
            auth.backend.plain.userfile = "@OUTSIDE@/plain"
            auth.backend.plain.groupfile = "@OUTSIDE@/groups"
            accesslog.filename = "@DIR@/access.log"
            accesslog.format = "%s %u"
            auth.require = (
                "/a" => ("method" => ""#,
            $method,
            r#"", "realm" => "realm", "require" => "valid-user"),
                "/b" => ("method" => ""#,
            $method,
            r#"", "realm" => "realm", "require" => "user=last|user=joe|user=des|"),
                "/page" => ("method" => ""#,
            $method,
            r#"", "realm" => "realm", "require" => "group=staff"),
                "/empty.txt" => ("method" => ""#,
            $method,
            r#"", "realm" => "realm", "require" => "user=nobody"),
            )
            "#,
            $more
        )
    };
}

const fn case(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        name,
        text,
        requests,
        types: Types::Usual,
        log: Log::Compared,
    }
}

/// Its log has the requests for nonces, too.
const fn digest(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        log: Log::None,
        ..case(name, text, requests)
    }
}

pub const CASES: &[Case] = &[
    case(
        "auth, htpasswd",
        rules!("basic", r#"auth.backend = "htpasswd""#),
        || [passwords(), malformed()].concat(),
    ),
    case(
        "auth, plain",
        rules!("basic", r#"auth.backend = "plain""#),
        || [passwords(), malformed()].concat(),
    ),
    case(
        "auth, htdigest",
        rules!("basic", r#"auth.backend = "htdigest""#),
        || [passwords(), malformed()].concat(),
    ),
    case(
        "auth, cache",
        rules!(
            "basic",
            r#"auth.backend = "htpasswd" auth.cache = ("max-age" => "600")"#
        ),
        || [passwords(), passwords_again()].concat(),
    ),
    case("auth, no backend", rules!("basic", ""), || {
        [passwords(), malformed()].concat()
    }),
    case(
        "auth, no file",
        rules!(
            "basic",
            r#"auth.backend = "plain" auth.backend.plain.userfile := "@OUTSIDE@/missing""#
        ),
        passwords,
    ),
    digest(
        "auth, digest, plain",
        rules!("digest", r#"auth.backend = "plain""#),
        || [digests(), malformed()].concat(),
    ),
    digest(
        "auth, digest, htdigest",
        rules!("digest", r#"auth.backend = "htdigest""#),
        || [digests(), malformed()].concat(),
    ),
    digest(
        "auth, digest, htpasswd",
        rules!("digest", r#"auth.backend = "htpasswd""#),
        digests,
    ),
    digest(
        "auth, digest, algorithms",
        rules!(
            "digest",
            r#"auth.backend = "plain"
            $HTTP["url"] =^ "/a" {
                auth.require = ("/" => ("method" => "digest", "realm" => "realm", "require" => "valid-user",
                    "algorithm" => "MD5|SHA-256", "nonce_secret" => "secret of nonces"))
            }
            $HTTP["url"] =^ "/b" {
                auth.require = ("/" => ("method" => "digest", "realm" => "realm", "require" => "valid-user",
                    "algorithm" => "SHA-256", "userhash" => "enable"))
            }
            "#
        ),
        digests,
    ),
    case(
        "auth, conditions",
        rules!(
            "basic",
            r#"auth.backend = "htpasswd"
            $HTTP["url"] == "/a.txt" { auth.backend = "plain" }
            $HTTP["url"] == "/b.txt" { auth.require = () }
            $HTTP["url"] == "/digits.txt" {
                auth.require = ("" => ("method" => "basic", "realm" => "digits", "require" => "valid-user"))
            }
            $REQUEST_HEADER["Authorization"] == "" { setenv.add-response-header = ("X-Nobody" => "1") }
            server.error-handler-404 = "/a.txt"
            "#
        ),
        || [passwords(), crate::oracle::requests::errors()].concat(),
    ),
    case(
        "auth, extern",
        rules!(
            "extern",
            r#"auth.backend = "plain"
            $HTTP["url"] =^ "/b" { setenv.set-environment = ("REMOTE_USER" => "joe") }
            $HTTP["url"] =^ "/e" { setenv.set-environment = ("REMOTE_USER" => "joe") }
            "#
        ),
        || [passwords(), malformed()].concat(),
    ),
    case(
        "auth, lower case",
        rules!(
            "basic",
            r#"auth.backend = "plain" server.force-lowercase-filenames = "enable""#
        ),
        || {
            vec![
                get_with("/A.TXT", &[]),
                get_with("/a.txt", &[]),
                get_with("//a.txt", &[]),
                get_with("/%61.txt", &[]),
                get_with("/./a.txt", &[]),
                get_with("/x/../a.txt", &[]),
                basic("/A.txt", "joe", "secret"),
            ]
        },
    ),
    case(
        "cgi, auth",
        rules!(
            "basic",
            r#"auth.backend = "htpasswd"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh", ".cgi" => "")
            auth.require += ("/cgi" => ("method" => "basic", "realm" => "realm", "require" => "valid-user"))
            "#
        ),
        || {
            ["apr", "bcrypt", "nobody"]
                .map(|user| basic("/cgi/tell.sh", user, "secret"))
                .to_vec()
        },
    ),
];

/// The same once more, under other names.
fn passwords_again() -> Vec<Request> {
    let again = |request: Request| Request {
        name: format!("{}, again", request.name),
        ..request
    };
    passwords().into_iter().map(again).collect()
}

/// Where we differ, and why.
pub const KNOWN: &[Known] = &[
    known(
        "auth, *",
        "GET /page.html as *",
        "*",
        "*",
        "*",
        "lighttpd does not look into auth.backend.plain.groupfile",
    ),
    known(
        "auth, digest*",
        "GET /a.txt | Authorization: Digest username*=UTF-8''%0a*",
        "status",
        "401",
        "400",
        "a name with control characters is refused (lighttpd makes underscores of them)",
    ),
    known(
        "auth, digest, algorithms",
        "GET /a.txt* with joe|secret|/a.txt*",
        "status",
        "401",
        "200",
        "nonces made with nonce-secret are good (lighttpd 1.4.69 does not know its own)",
    ),
    known(
        "auth, digest, algorithms",
        "GET /a.txt with *",
        "connection",
        "none",
        "close",
        "because the nonce is good, the password is looked at, and is wrong",
    ),
    known(
        "auth, conditions",
        "*",
        "status",
        "401",
        "40*",
        "an error of the handler's own is not shown",
    ),
    known(
        "auth, extern",
        "GET /b.txt*",
        "status",
        "401",
        "200",
        "what mod_setenv sets is there at once, REMOTE_USER too",
    ),
    known(
        "auth, extern",
        "GET /empty.txt*",
        "log",
        "401 -",
        "401 joe",
        "what mod_setenv sets is there at once, REMOTE_USER too",
    ),
];
