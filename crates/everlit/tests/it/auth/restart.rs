//! Restarts with logins going on.

use everlit::modules::auth::algorithm::Algorithm;

use super::setup;
use crate::support::{Client, Server};

/// The answer to a challenge of the realm r.
pub(crate) fn proof(challenge: &str, path: &str, nonce_count: u32) -> String {
    let (_, rest) = challenge.split_once("nonce=\"").expect("a challenge");
    let (nonce, _) = rest.split_once('"').expect("a nonce");
    let first = Algorithm::Md5.hex(&[b"joe", b"r", b"secret"]);
    let second = Algorithm::Md5.hex(&[b"GET", path.as_bytes()]);
    let count = format!("{nonce_count:08x}");
    let parts = [
        first.as_bytes(),
        nonce.as_bytes(),
        count.as_bytes(),
        b"c",
        b"auth",
        second.as_bytes(),
    ];
    let response = Algorithm::Md5.hex(&parts);
    format!(
        "Digest username=\"joe\", realm=\"r\", nonce=\"{nonce}\", uri=\"{path}\", algorithm=MD5, qop=auth, nc={count}, \
         cnonce=\"c\", response=\"{}\"",
        *response
    )
}

/// Status and head of what is answered.
fn ask(client: &mut Client, authorization: &str) -> (u16, String) {
    let field = match authorization {
        "" => String::new(),
        field => format!("Authorization: {field}\r\n"),
    };
    client.send(&format!("GET /a.txt HTTP/1.1\r\nHost: test\r\n{field}\r\n"));
    let (head, length) = client.head();
    let _ = client.body(length);
    let status = head
        .split(' ')
        .nth(1)
        .expect("a status")
        .parse()
        .expect("a number");
    (status, head)
}

#[test]
fn a_digest_login_goes_on_over_twenty_reloads() {
    let server = Server::start(setup("digest", "auth.backend = \"plain\""));
    let mut kept = Client::connect(server.address());
    let (status, challenge) = ask(&mut kept, "");
    assert_eq!(status, 401);
    let mut count = 0;
    for _ in 0..20 {
        // While one generation takes over from the other, too: new clients come all the time.
        let report = std::thread::scope(|scope| {
            let reload = scope.spawn(|| server.reload());
            loop {
                let is_last = reload.is_finished();
                count += 1;
                let mut fresh = Client::connect(server.address());
                let (status, head) = ask(&mut fresh, &proof(&challenge, "/a.txt", count));
                assert_eq!(status, 200, "{head}");
                if is_last {
                    break reload.join().expect("it does not panic").unwrap();
                }
            }
        });
        assert!(report.tally.moved.total() >= 1);
        count += 1;
        assert_eq!(ask(&mut kept, &proof(&challenge, "/a.txt", count)).0, 200);
    }
    let (status, head) = ask(
        &mut kept,
        &proof(&challenge.replace("nonce=\"", "nonce=\"0"), "/a.txt", 1),
    );
    assert_eq!(status, 401);
    assert!(head.contains("stale=true"), "{head}");
}

#[test]
fn a_slow_hash_does_not_hold_up_others_and_is_asked_for_again_by_the_successor() {
    // So much work that it is going on when the restart comes.
    let slow = "$6$rounds=400000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0";
    let setup = setup("basic", "auth.backend = \"htpasswd\"");
    let users = setup.path("htpasswd");
    let before = std::fs::read_to_string(&users).unwrap();
    std::fs::write(&users, format!("{before}endless:{slow}\n")).unwrap();
    let server = Server::start(setup);
    let mut waiting = Client::connect(server.address());
    // endless:secret
    waiting.send(
        "GET /a.txt HTTP/1.1\r\nHost: test\r\nAuthorization: Basic ZW5kbGVzczpzZWNyZXQ=\r\n\r\n",
    );
    // Others are served meanwhile; and when this is answered, the other request has been read.
    let mut other = Client::connect(server.address());
    assert_eq!(ask(&mut other, "Basic am9lOnNlY3JldA==").0, 200);
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.head, 1);
    assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));
    assert_eq!(ask(&mut other, "Basic am9lOnNlY3JldA==").0, 200);
    let (head, length) = waiting.head();
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    let _ = waiting.body(length);
}
