//! The same hosts to lighttpd's module and to Everlit's.

use super::hostile::HOSTILE;
use super::*;
use crate::support::servers::{self, Configuration, LIGHTTPD};

/// A program that says which server it is of.
const NAME: &str =
    "printf 'Content-Type: text/plain\\r\\n\\r\\n%s %s' \"$SERVER_NAME\" \"$HTTP_HOST\"\n";

/// What lighttpd's module answers, Everlit's does, but for what is listed here.
#[test]
fn lighttpd_answers_alike() {
    if !is_there(LIGHTTPD) || !is_there("/usr/lib/lighttpd/mod_vhostdb_mysql.so") {
        return;
    }
    let www = elsewhere();
    let Some(mut database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let options = format!("\"user\" => \"web\", {PASSWORD}, {}", database.by_socket());
    fs::write(www.path().join("name.sh"), NAME).unwrap();
    let text = configuration(SQL, &options)
        + "server.modules += ( \"mod_cgi\" )\ncgi.assign = ( \".sh\" => \"/bin/sh\" )\nserver.name = \"configured\"\n";
    let nothing = tempfile::tempdir().unwrap();
    let configuration = Configuration {
        text: &text,
        root: nothing.path(),
    };
    let theirs = servers::Server::lighttpd(&configuration);
    let ours = servers::Server::everlit(&configuration);
    let answer_to = |server: &servers::Server, path: &str, host: &[u8]| {
        let mut client = http::Client::connect(server.address);
        let request = [
            b"GET ",
            path.as_bytes(),
            b" HTTP/1.1\r\nHost: ",
            host,
            b"\r\n\r\n",
        ]
        .concat();
        client.send(&request);
        let response = client.response(Asked::ForAnything).unwrap();
        let is_found = response.status == 200;
        (response.status, is_found.then_some(response.body))
    };
    let answer = |server: &servers::Server, host: &[u8]| answer_to(server, "/b.txt", host);
    let names = [
        "www.example.org",
        "WWW.EXAMPLE.ORG",
        "www.example.org.",
        "www.example.org:8080",
        "plain.example.org:8080",
        "plain.example.org",
        "odd.example.org",
        "two.example.org",
        "none.example.org",
        "empty.example.org",
        "lost.example.org",
        "file.example.org",
        "other.example.org",
        "[::1]",
        "127.0.0.1",
    ];
    let all = names.iter().map(|name| name.as_bytes());
    let mut found = 0;
    for host in all.chain(HOSTILE.iter().copied()) {
        let (their, our) = (answer(&theirs, host), answer(&ours, host));
        found += usize::from(their.0 == 200);
        assert_eq!(their, our, "{}", host.escape_ascii());
        let named = |server| answer_to(server, "/name.sh", host);
        assert_eq!(named(&theirs), named(&ours), "{}", host.escape_ascii());
    }
    assert!(found >= 4, "{found}");
    database.kill();
    // There is no database: lighttpd takes the blame, Everlit says that it may be back soon.
    assert_eq!(answer(&theirs, b"late.example.org").0, 500);
    assert_eq!(answer(&ours, b"late.example.org").0, 503);
}
