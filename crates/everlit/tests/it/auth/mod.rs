//! Logins, with real clients and over restarts.
//!
//! In: Everlit with users in files and in directories, curl. Out: who is let in. Must hold: no restart asks anybody again, and
//! none loses a request that waits.

#[cfg(feature = "pgsql")]
pub(crate) mod databases;
pub(crate) mod directory;
#[cfg(feature = "mysql")]
mod mariadb;
#[cfg(feature = "mysql")]
mod nonsense;
#[cfg(feature = "pam")]
mod pam;
mod refusals;
pub(crate) mod restart;

use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Built, Client, Server, Setup};

/// A program that a test starts, and ends with it.
pub(crate) struct Helper(std::process::Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // To PostgreSQL: not to wait for its clients.
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        crate::support::servers::end(&mut self.0);
    }
}

/// Whether a program is there. If not, that is said; under CI it is an error.
pub(crate) fn is_there(path: &str) -> bool {
    let there = Path::new(path).exists();
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{path} is missing"
    );
    if !there {
        println!("skipped: {path} is missing");
    }
    there
}

/// The value of `Authorization` for a name and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let text = format!("{user}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(text)
    )
}

/// Status of what is answered for a path, on a new connection.
fn status(server: &Server, path: &str, fields: &str) -> u16 {
    let mut client = Client::connect(server.address());
    let host = if fields.contains("Host:") {
        ""
    } else {
        "Host: test\r\n"
    };
    client.send(&format!(
        "GET {path} HTTP/1.1\r\n{host}{fields}Connection: close\r\n\r\n"
    ));
    let (head, _) = client.head();
    head.split(' ')
        .nth(1)
        .expect("a status")
        .parse()
        .expect("a number")
}

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

#[test]
fn curl_logs_in() {
    if !is_there("/usr/bin/curl") || crate::support::tls::is_everywhere() {
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
