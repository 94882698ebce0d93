//! The same requests to Debian's lighttpd: which log has what is wrong with them.

use std::fs;
use std::path::Path;

use crate::limits::wait;
use crate::support::documents::Documents;
use crate::support::http::{Asked, Client};
use crate::support::servers::{Configuration, Server, lighttpd_is_there};

const TEXT: &str = "debug.log-file-not-found = \"enable\"\n\
    server.errorlog := \"|cat >> @LOGS@/all\"\n\
    $HTTP[\"host\"] == \"file\" { server.errorlog = \"@LOGS@/file\"\n\
    $HTTP[\"url\"] =~ \"^/empty\" { server.errorlog = \"\" } }\n\
    $HTTP[\"host\"] == \"pipe\" { server.errorlog = \"|cat >> @LOGS@/pipe\" }\n\
    $HTTP[\"host\"] == \"none\" { server.errorlog = \"\" }\n\
    $SERVER[\"socket\"] == \"127.0.0.1:@PORT@\" {\n\
    $HTTP[\"host\"] == \"socket\" { server.errorlog = \"@LOGS@/socket\" } }\n";

/// Of each request the logs that it is found in.
fn told(start: fn(&Configuration<'_>) -> Server) -> Vec<String> {
    let (documents, logs) = (Documents::new(), tempfile::tempdir().unwrap());
    let root = documents.root();
    let text = TEXT.replace("@LOGS@", logs.path().to_str().unwrap());
    let configuration = Configuration {
        text: &text,
        root: &root,
    };
    let server = start(&configuration);
    let mut asked = Vec::new();
    for host in ["any", "file", "pipe", "none", "socket"] {
        for path in ["full", "empty"] {
            let path = format!("/{path}-{host}");
            let mut client = Client::connect(server.address);
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            client.send(request.as_bytes());
            assert_eq!(client.response(Asked::ForAnything).unwrap().status, 404);
            asked.push(path);
        }
    }
    drop(server);
    // What reads the pipes may need a moment more; each of them is told at the end.
    wait::for_line(&logs.path().join("pipe"), "/empty-pipe");
    wait::for_line(&logs.path().join("all"), "stopped");
    let has = |log: &str, path: &str| {
        let text = fs::read_to_string(Path::new(logs.path()).join(log)).unwrap_or_default();
        text.contains(path)
    };
    let mut told = Vec::new();
    for path in asked {
        let mut found = vec!["all", "file", "pipe", "socket"];
        found.retain(|log| has(log, &path));
        told.push(format!("{path}: {found:?}"));
    }
    told
}

#[test]
fn a_request_is_told_in_the_same_log() {
    if !lighttpd_is_there() {
        return;
    }
    assert_eq!(told(Server::everlit), told(Server::lighttpd));
}
