//! Requests with credentials of every kind, and what becomes of them; waiting is done by hand.

use std::sync::Arc;
use std::time::Duration;

use super::algorithm::Algorithm;
use crate::clock::Now;
use crate::config::tests::support::load;
use crate::http1::head::{self, Limits, Parsed};
use crate::inquiry::{Answer, Work};
use crate::logline::{ConnectionAfter, Ending};
use crate::net::Peer;
use crate::route::{Desk, Origin, Trust};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.0.path().join("www")).unwrap();
        for name in ["www/a", "www/b", "www/g", "www/x"] {
            place.write(name, "document");
        }
        // secret, in each form.
        place.write(
            "htpasswd",
            "apr:$apr1$.c9vojgf$hPMdweeBvoyUeik9lcvVu0\nsha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n\
             des:abNANd1rDfiNc\nslow:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n",
        );
        place.write("plain", "joe:secret\nann:other:er\n");
        place.write("groups", "staff: joe\n");
        let digest = |algorithm: Algorithm| algorithm.hex(&[b"joe", b"r", b"secret"]).to_string();
        place.write(
            "htdigest",
            &format!(
                "joe:r:{}:{}\njoe:r:{}\n",
                digest(Algorithm::Md5),
                *Algorithm::Md5.hex(&[b"joe", b"r"]),
                digest(Algorithm::Sha256)
            ),
        );
        place
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn desk(&self, text: &str) -> Desk {
        let text = format!(
            "server.modules = ( \"mod_auth\", \"mod_accesslog\" )\nserver.document-root = \"PLACE/www\"\n\
             auth.backend.plain.userfile = \"PLACE/plain\"\nauth.backend.plain.groupfile = \"PLACE/groups\"\n\
             auth.backend.htpasswd.userfile = \"PLACE/htpasswd\"\nauth.backend.htdigest.userfile = \"PLACE/htdigest\"\n\
             accesslog.filename = \"/tmp/x\"\naccesslog.format = \"%u\"\n{text}"
        );
        let path = self.0.path().canonicalize().unwrap();
        Desk::new(Arc::new(
            load(&text.replace("PLACE", path.to_str().unwrap())).0,
        ))
    }
}

fn rules(method: &str, more: &str) -> String {
    format!(
        "auth.require = ( \"/a\" => ( \"method\" => \"{method}\", \"realm\" => \"r\", \"require\" => \"valid-user\" {more} ),\n\
         \"/b\" => ( \"method\" => \"{method}\", \"realm\" => \"r\", \"require\" => \"user=joe|user=apr\" {more} ),\n\
         \"/g\" => ( \"method\" => \"{method}\", \"realm\" => \"r\", \"require\" => \"group=staff\" {more} ) )\n"
    )
}

const AT_ONCE: &str = "server.feature-flags = ( \"auth.delay-invalid-creds\" => \"disable\" )\n";

/// What is answered, and whether the connection is kept; nothing: there is a question.
fn ask_at(desk: &mut Desk, path: &str, field: &str, now: Now) -> Option<(u16, Trust)> {
    let field = match field {
        "" => String::new(),
        field => format!("Authorization: {field}\r\n"),
    };
    let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{field}\r\n");
    let Parsed::Head(head) = head::parse(text.as_bytes(), &Limits::default()) else {
        panic!("not a request: {text}");
    };
    let peer = Peer::V4 {
        ip: [192, 0, 2, 7],
        port: 1234,
    };
    let origin = Origin {
        peer: &peer,
        listener: "127.0.0.1:80",
        local_port: 80,
        scheme: "http",
        tls: None,
        secured: None,
    };
    let (_, trust) = desk.answer(&head, origin, now);
    match desk.knowledge.question {
        Some(_) => None,
        None => Some((desk.response.status, trust)),
    }
}

fn ask(desk: &mut Desk, path: &str, field: &str) -> Option<(u16, Trust)> {
    ask_at(desk, path, field, Now::read())
}

fn status(desk: &mut Desk, path: &str, field: &str) -> u16 {
    let Some((status, _)) = ask(desk, path, field) else {
        panic!("{path} with {field} has a question");
    };
    status
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let text = format!("{user}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    format!("Basic {encoded}")
}

/// Whom the log names.
fn logged(desk: &Desk) -> String {
    let ending = Ending {
        earlier: 0,
        body: 0,
        sent: 0,
        received: 0,
        took: Duration::ZERO,
        connection: ConnectionAfter::Kept,
    };
    let mut line = Vec::new();
    desk.line.finish(&ending, &mut line);
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

fn challenge(desk: &Desk) -> String {
    let value = desk.response.headers.get("WWW-Authenticate").unwrap();
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn passwords_in_files() {
    let place = Place::new();
    for (backend, users) in [
        ("htpasswd", &["apr", "sha", "des"][..]),
        ("plain", &["joe"]),
        ("htdigest", &["joe"]),
    ] {
        let text = format!(
            "auth.backend = \"{backend}\"\n{AT_ONCE}{}",
            rules("basic", "")
        );
        let mut desk = place.desk(&text);
        for user in users {
            assert_eq!(
                status(&mut desk, "/a", &basic(user, "secret")),
                200,
                "{user}"
            );
            assert_eq!(logged(&desk), **user);
            for password in ["", "Secret", "secret ", "secre"] {
                let wrong = ask(&mut desk, "/a", &basic(user, password));
                assert_eq!(wrong, Some((401, Trust::Lost)), "{user} {password}");
            }
        }
        assert_eq!(status(&mut desk, "/b", &basic(users[0], "secret")), 200);
        for (field, expected) in [
            ("", 401),
            (&basic("nobody", "secret")[..], 401),
            (&basic("", "")[..], 401),
            ("Basic", 401),
            ("Basic !", 400),
            ("Basic am9l", 400),
            ("Digest username=\"joe\"", 401),
        ] {
            assert_eq!(
                status(&mut desk, "/a", field),
                expected,
                "{backend} {field}"
            );
        }
        assert_eq!(challenge(&desk), "Basic realm=\"r\", charset=\"UTF-8\"");
        assert_eq!(status(&mut desk, "/x", ""), 200);
        let groups = status(&mut desk, "/g", &basic(users[0], "secret"));
        assert_eq!(groups, if users[0] == "joe" { 200 } else { 401 });
    }
    let text = format!("auth.backend = \"plain\"\n{AT_ONCE}{}", rules("basic", ""));
    let mut desk = place.desk(&text);
    assert_eq!(status(&mut desk, "/a", &basic("ann", "other:er")), 200);
    assert_eq!(status(&mut desk, "/b", &basic("ann", "other:er")), 401);
    let mut desk = place.desk(&rules("basic", ""));
    assert_eq!(status(&mut desk, "/a", &basic("joe", "secret")), 500);
}

#[test]
fn a_password_that_takes_long_is_a_question() {
    let place = Place::new();
    let text = format!(
        "auth.backend = \"htpasswd\"\n{AT_ONCE}{}",
        rules("basic", "")
    );
    let mut desk = place.desk(&text);
    let now = Now::read();
    for (password, expected) in [("secret", 200), ("wrong", 401)] {
        let field = basic("slow", password);
        assert_eq!(ask_at(&mut desk, "/a", &field, now), None);
        let question = desk.knowledge.question.take().unwrap();
        let Work::Job(job) = question.work else {
            panic!("time does not tell");
        };
        let answer = job();
        let life = question.lives.of(&answer);
        let answers = &mut desk.knowledge.answers;
        answers.insert(question.key, answer, life, now.monotonic);
        let (status, _) = ask_at(&mut desk, "/a", &field, now).unwrap();
        assert_eq!(status, expected);
    }
    // Nobody can say now.
    let field = basic("slow", "third");
    assert_eq!(ask_at(&mut desk, "/a", &field, now), None);
    let key = desk.knowledge.question.take().unwrap().key;
    let answers = &mut desk.knowledge.answers;
    answers.insert(key, Answer::Unavailable, Duration::ZERO, now.monotonic);
    assert_eq!(
        ask_at(&mut desk, "/a", &field, now),
        Some((503, Trust::Good))
    );
}

#[test]
fn a_long_password_is_a_question_whatever_the_hash() {
    let place = Place::new();
    let text = format!(
        "auth.backend = \"htpasswd\"\n{AT_ONCE}{}",
        rules("basic", "")
    );
    let mut desk = place.desk(&text);
    for (length, expected) in [(64, Some((401, Trust::Lost))), (65, None)] {
        let field = basic("apr", &"x".repeat(length));
        assert_eq!(ask(&mut desk, "/a", &field), expected, "{length}");
    }
}

#[test]
fn who_is_wrong_waits_for_the_answer() {
    let place = Place::new();
    let mut desk = place.desk(&format!("auth.backend = \"plain\"\n{}", rules("basic", "")));
    let field = basic("joe", "wrong");
    let now = Now::read();
    assert_eq!(ask_at(&mut desk, "/a", &field, now), None);
    let question = desk.knowledge.question.take().unwrap();
    assert!(matches!(question.work, Work::Time(1, Answer::No)));
    let answers = &mut desk.knowledge.answers;
    answers.insert(
        question.key,
        Answer::No,
        Duration::from_secs(1),
        now.monotonic,
    );
    assert_eq!(
        ask_at(&mut desk, "/a", &field, now),
        Some((401, Trust::Lost))
    );
    // What is right, or not said at all, does not wait.
    assert_eq!(status(&mut desk, "/a", &basic("joe", "secret")), 200);
    assert_eq!(status(&mut desk, "/a", ""), 401);
    let flags = "server.feature-flags = ( \"auth.delay-invalid-creds\" => 0, \"auth.http-goaway-invalid-creds\" => 0 )\n";
    let mut desk = place.desk(&format!(
        "auth.backend = \"plain\"\n{flags}{}",
        rules("basic", "")
    ));
    assert_eq!(ask(&mut desk, "/a", &field), Some((401, Trust::Good)));
}

/// The answer to a challenge of the desk's.
fn answer(challenge: &str, algorithm: Algorithm, user: &str, password: &str, uri: &str) -> String {
    let (_, rest) = challenge.split_once("nonce=\"").unwrap();
    let (nonce, _) = rest.split_once('"').unwrap();
    let first = algorithm.hex(&[user.as_bytes(), b"r", password.as_bytes()]);
    let second = algorithm.hex(&[b"GET", uri.as_bytes()]);
    let response = algorithm.hex(&[
        first.as_bytes(),
        nonce.as_bytes(),
        b"00000001",
        b"c",
        b"auth",
        second.as_bytes(),
    ]);
    format!(
        "Digest username=\"{user}\", realm=\"r\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={}, qop=auth, \
         nc=00000001, cnonce=\"c\", response=\"{}\"",
        algorithm.name(),
        *response
    )
}

#[test]
fn proofs_of_passwords() {
    let place = Place::new();
    for backend in ["plain", "htdigest"] {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let more = format!(", \"algorithm\" => \"{}\"", algorithm.name());
            let text = format!(
                "auth.backend = \"{backend}\"\n{AT_ONCE}{}",
                rules("digest", &more)
            );
            let mut desk = place.desk(&text);
            assert_eq!(ask(&mut desk, "/a?q", ""), Some((401, Trust::Good)));
            let asked = challenge(&desk);
            assert!(
                asked.contains(&format!("algorithm={}, ", algorithm.name())),
                "{asked}"
            );
            assert!(!asked.contains("stale"), "{asked}");
            let good = answer(&asked, algorithm, "joe", "secret", "/a?q");
            assert_eq!(status(&mut desk, "/a?q", &good), 200, "{good}");
            assert_eq!(logged(&desk), "joe");
            // A proof is for one URL.
            assert_eq!(status(&mut desk, "/a?p", &good), 400);
            for (path, user, expected) in [("/b", "joe", 200), ("/g", "joe", 200)] {
                let field = answer(&asked, algorithm, user, "secret", path);
                assert_eq!(status(&mut desk, path, &field), expected, "{path}");
            }
            for (user, password) in [("joe", "wrong"), ("nobody", "secret")] {
                let bad = answer(&asked, algorithm, user, password, "/a");
                assert_eq!(
                    ask(&mut desk, "/a", &bad),
                    Some((401, Trust::Lost)),
                    "{user}"
                );
                assert!(!challenge(&desk).contains("stale"));
            }
            if backend == "plain" {
                let other = answer(&asked, algorithm, "ann", "other:er", "/b");
                assert_eq!(ask(&mut desk, "/b", &other), Some((401, Trust::Good)));
            }
        }
    }
}

#[test]
fn nonces_age_and_go_stale() {
    let place = Place::new();
    let mut desk = place.desk(&format!(
        "auth.backend = \"plain\"\n{}",
        rules("digest", "")
    ));
    let at = |seconds: u64| {
        let now = Now::read();
        Now {
            monotonic: now.monotonic,
            unix: Duration::from_secs(1_900_000_000 + seconds),
        }
    };
    let _ = ask_at(&mut desk, "/a", "", at(0));
    let good = answer(&challenge(&desk), Algorithm::Md5, "joe", "secret", "/a");
    assert_eq!(
        ask_at(&mut desk, "/a", &good, at(500)),
        Some((200, Trust::Good))
    );
    assert_eq!(desk.response.headers.get("Authentication-Info"), None);
    assert_eq!(
        ask_at(&mut desk, "/a", &good, at(590)),
        Some((200, Trust::Good))
    );
    let next = desk.response.headers.get("Authentication-Info").unwrap();
    let next = String::from_utf8(next.to_vec()).unwrap();
    let next = answer(&next, Algorithm::Md5, "joe", "secret", "/a");
    assert_eq!(
        ask_at(&mut desk, "/a", &good, at(601)),
        Some((401, Trust::Good))
    );
    assert!(challenge(&desk).contains(", stale=true"));
    assert_eq!(
        ask_at(&mut desk, "/a", &next, at(601)),
        Some((200, Trust::Good))
    );
    // Another process that has not been told our secrets yet waits for them.
    let mut desk = place.desk(&format!(
        "auth.backend = \"plain\"\n{}",
        rules("digest", "")
    ));
    let nonces = desk.knowledge.nonces.clone();
    desk.knowledge.nonces = nonces.awaiting_heirlooms(at(601));
    assert_eq!(ask_at(&mut desk, "/a", &next, at(601)), None);
    let question = desk.knowledge.question.take().unwrap();
    let now = at(601);
    let answers = &mut desk.knowledge.answers;
    answers.insert(
        question.key,
        Answer::No,
        Duration::from_secs(1),
        now.monotonic,
    );
    assert_eq!(
        ask_at(&mut desk, "/a", &next, now),
        Some((401, Trust::Good))
    );
    assert!(challenge(&desk).contains(", stale=true"));
}

#[test]
fn names_may_be_hashed() {
    let place = Place::new();
    let text = format!(
        "auth.backend = \"htdigest\"\n{AT_ONCE}{}",
        rules("digest", ", \"userhash\" => \"enable\"")
    );
    let mut desk = place.desk(&text);
    assert_eq!(status(&mut desk, "/b", ""), 401);
    let asked = challenge(&desk);
    assert!(asked.contains(", userhash=true"));
    let hash = Algorithm::Md5.hex(&[b"joe", b"r"]);
    let plain = answer(&asked, Algorithm::Md5, "joe", "secret", "/b");
    let hashed = plain.replace(
        "username=\"joe\"",
        &format!("userhash=true, username=\"{}\"", *hash),
    );
    assert_eq!(status(&mut desk, "/b", &hashed), 200);
    assert_eq!(logged(&desk), "joe");
    assert_eq!(status(&mut desk, "/b", &plain.replace("joe", "jo")), 401);
}

#[test]
fn who_is_known_already() {
    let place = Place::new();
    // Before mod_auth.
    let text = format!(
        "server.modules := ( \"mod_setenv\", \"mod_auth\" )\nauth.backend = \"plain\"\n{}\
         setenv.set-environment = ( \"REMOTE_USER\" => \"joe\" )\n",
        rules("basic", "")
    );
    let mut desk = place.desk(&text);
    assert_eq!(status(&mut desk, "/b", ""), 401);
    let mut desk = place.desk(&format!("{text}auth.extern-authn = \"enable\"\n"));
    assert_eq!(status(&mut desk, "/b", ""), 200);
    assert_eq!(status(&mut desk, "/g", ""), 200);
    let mut desk = place.desk(&text.replace("\"basic\"", "\"extern\""));
    assert_eq!(status(&mut desk, "/b", ""), 200);
    let mut desk = place.desk(
        &text
            .replace("\"basic\"", "\"extern\"")
            .replace("=> \"joe\"", "=> \"ann\""),
    );
    assert_eq!(status(&mut desk, "/a", ""), 200);
    assert_eq!(status(&mut desk, "/b", ""), 401);
    assert_eq!(desk.response.headers.get("WWW-Authenticate"), None);
}

#[test]
fn a_changed_file_is_read_anew() {
    let place = Place::new();
    let text = format!(
        "auth.backend = \"plain\"\nserver.stat-cache-engine = \"disable\"\n{AT_ONCE}{}",
        rules("basic", "")
    );
    let mut desk = place.desk(&text);
    assert_eq!(status(&mut desk, "/a", &basic("joe", "secret")), 200);
    place.write("plain", "joe:changed\n");
    assert_eq!(status(&mut desk, "/a", &basic("joe", "secret")), 401);
    assert_eq!(status(&mut desk, "/a", &basic("joe", "changed")), 200);
    std::fs::remove_file(place.0.path().join("plain")).unwrap();
    assert_eq!(status(&mut desk, "/a", &basic("joe", "changed")), 401);
}

#[cfg(feature = "pam")]
#[test]
fn pam_is_asked_anew_for_another_place() {
    let place = Place::new();
    let text = format!(
        "server.modules += ( \"mod_authn_pam\", \"mod_extforward\" )\nauth.backend = \"pam\"\n\
         extforward.forwarder = ( \"all\" => \"trust\" )\nextforward.headers = ( \"X-Forwarded-For\" )\n{}",
        rules("basic", "")
    );
    let mut desk = place.desk(&text);
    let mut key = |ip: &str| {
        let field = format!("{}\r\nX-Forwarded-For: {ip}", basic("joe", "secret"));
        assert_eq!(ask(&mut desk, "/a", &field), None);
        desk.knowledge.question.as_ref().unwrap().key
    };
    let first = key("192.0.2.1");
    assert_eq!(first, key("192.0.2.1"));
    assert_ne!(first, key("192.0.2.2"));
}
