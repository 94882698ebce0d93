//! Logins, with real clients and over restarts.
//!
//! In: Everlit with users in files and in directories, curl. Out: who is let in. Must hold: no restart asks anybody again, and
//! none loses a request that waits.

mod restart;

use std::path::Path;
use std::process::Command;

use crate::support::{Built, Server, Setup};

/// Rules for `/a.txt`, with everything that they need; users are joe and slow, their password is "secret".
fn setup(method: &str, more: &str) -> Setup {
    let setup = Setup::new(Built::Everlit);
    let file = |name: &str, content: &str| {
        let path = setup.path(name);
        std::fs::write(&path, content).expect("our directory");
        path.display().to_string()
    };
    let plain = file("plain", "joe:secret\n");
    let htpasswd = file(
        "htpasswd",
        "joe:$apr1$.c9vojgf$hPMdweeBvoyUeik9lcvVu0\n\
         slow:$6$rounds=1000$saltstring$2BkAo106CG84raQcWpAlhyy6TSSkAsL1nfvBCoezLYyerUzY2l8axTvq6NynEt7SQAx3/cdop9ds0po8uaeHq0\n",
    );
    setup.setting(&format!(
        "server.modules += ( \"mod_auth\" )\nserver.max-worker = 1\n\
         auth.backend.plain.userfile = \"{plain}\"\nauth.backend.htpasswd.userfile = \"{htpasswd}\"\n\
         auth.require = ( \"/a\" => ( \"method\" => \"{method}\", \"realm\" => \"r\", \"require\" => \"valid-user\" ) )\n{more}"
    ))
}

fn curl(server: &Server, options: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args([
        "-s",
        "-m",
        "60",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{num_connects} ",
    ]);
    command
        .args(options)
        .arg(format!("http://{}/a.txt", server.address()));
    let output = command.output().expect("curl can be run");
    String::from_utf8(output.stdout)
        .expect("figures")
        .trim()
        .to_owned()
}

fn curl_is_there() -> bool {
    let there = Path::new("/usr/bin/curl").exists();
    assert!(there || std::env::var_os("CI").is_none(), "curl is missing");
    if !there {
        println!("skipped: curl is missing");
    }
    there
}

#[test]
fn curl_logs_in() {
    if !curl_is_there() || crate::support::tls::is_everywhere() {
        return;
    }
    let server = Server::start(setup("basic", "auth.backend = \"htpasswd\""));
    assert_eq!(curl(&server, &["--basic", "-u", "joe:secret"]), "200 1");
    assert_eq!(curl(&server, &["--basic", "-u", "slow:secret"]), "200 1");
    assert_eq!(curl(&server, &[]), "401 1");
    // It waits for its answer.
    assert_eq!(curl(&server, &["--basic", "-u", "slow:wrong"]), "401 1");
    assert_eq!(curl(&server, &["--anyauth", "-u", "joe:secret"]), "200 1");

    let server = Server::start(setup("digest", "auth.backend = \"plain\""));
    assert_eq!(curl(&server, &["--digest", "-u", "joe:secret"]), "200 1");
    assert_eq!(
        curl(&server, &["--digest", "-u", "joe:wrong"])
            .split(' ')
            .next(),
        Some("401")
    );
    assert_eq!(curl(&server, &["--anyauth", "-u", "joe:secret"]), "200 1");
}
