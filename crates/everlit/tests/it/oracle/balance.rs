//! Which of several hosts both servers ask, where that depends on more than one request.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;

use super::answering::{Answering, Down, Notes};
use super::told::Wire;
use crate::support::documents::Documents;
use crate::support::http::{Asked, Client};
use crate::support::servers::{Configuration, Server, lighttpd_is_there};

const OPTIONS: &str = "\"check-local\" => \"disable\"";

/// Looks at one server after the other: its name, and what starts it under a configuration.
fn each(mut look: impl FnMut(&str, &dyn Fn(&str) -> Server)) {
    let documents = Documents::new();
    let root = documents.root();
    look("everlit", &|text| {
        Server::everlit(&Configuration { text, root: &root })
    });
    look("lighttpd", &|text| {
        Server::lighttpd(&Configuration { text, root: &root })
    });
}

fn configuration(module: &str, balance: &str, blocks: &[String]) -> String {
    format!(
        "server.modules = (\"mod_{module}\")\n{module}.balance = \"{balance}\"\n\
         {module}.server = (\"/b\" => ({}))\n",
        blocks.join(", ")
    )
}

/// The status, and who has answered, of a client with this address.
fn ask(server: &Server, client: Ipv4Addr, path: &str) -> (u16, Option<String>) {
    let mut stream = connect(server.address, client);
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let mut lines = answer.lines();
    let backend = lines.find_map(|line| line.strip_prefix("X-Backend: "));
    (status, backend.map(str::to_owned))
}

fn connect(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType};
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).unwrap();
    rustix::net::connect(&socket, &to).unwrap();
    let stream = TcpStream::from(socket);
    let patience = Some(crate::support::PATIENCE);
    stream.set_read_timeout(patience).unwrap();
    stream
}

#[test]
fn who_has_least_to_do_is_asked() {
    if !lighttpd_is_there() {
        return;
    }
    for (module, wire) in [("proxy", Wire::Http), ("scgi", Wire::Scgi)] {
        let mut asked = Vec::new();
        each(|_, start| {
            let notes = Arc::new(Notes::default());
            let backends = [1, 2, 3].map(|name| Answering::new(wire, name, &notes));
            let blocks = backends.each_ref().map(|backend| backend.block(OPTIONS));
            let server = start(&configuration(module, "least-connection", &blocks));
            let mut clients = Vec::new();
            for n in 0..7 {
                // One after the other: each is with its backend before the next one comes.
                let mut client = Client::connect(server.address);
                client.send(b"GET /b/hold HTTP/1.1\r\nHost: a\r\n\r\n");
                clients.push(client);
                notes.asked(n + 1);
            }
            asked.push(notes.asked(7));
            notes.release();
            for mut client in clients {
                assert_eq!(client.response(Asked::ForAnything).unwrap().status, 200);
            }
        });
        assert_eq!(asked[0], asked[1], "{module}");
        let per_host = [1, 2, 3].map(|name| asked[0].iter().filter(|n| **n == name).count());
        assert!(per_host.iter().all(|count| *count >= 2), "{per_host:?}");
    }
}

/// Which host gets which request is each server's own matter: but it stays so, all of ours get some, and when one is down its
/// requests move and no others.
#[test]
fn hashes_are_stable_and_spread() {
    if !lighttpd_is_there() {
        return;
    }
    for (module, wire) in [("proxy", Wire::Http), ("scgi", Wire::Scgi)] {
        for balance in ["hash", "sticky"] {
            let notes = Arc::default();
            let down = Down::new(Ipv4Addr::new(127, 0, 0, 1));
            let others = [2, 3].map(|name| Answering::new(wire, name, &notes));
            let blocks = [
                down.block(&format!("{OPTIONS}, \"disable-time\" => 600")),
                others[0].block(OPTIONS),
                others[1].block(OPTIONS),
            ];
            let without = configuration(module, balance, &blocks);
            let questions: Vec<_> = (1..=60)
                .map(|n| match balance {
                    "hash" => (Ipv4Addr::LOCALHOST, format!("/b/{n}")),
                    _ => (Ipv4Addr::new(127, 0, n, 1), "/b".to_owned()),
                })
                .collect();
            let answers = |server: &Server| -> Vec<_> {
                let ask = |(client, path): &(Ipv4Addr, String)| ask(server, *client, path);
                questions.iter().map(ask).collect()
            };
            let mut fewer = Vec::new();
            each(|who, start| {
                let server = &start(&without);
                let mut first = answers(server);
                if who == "lighttpd" {
                    // The request that finds out that a host is down goes where later ones do not.
                    first = answers(server);
                }
                assert_eq!(answers(server), first, "{who}, {balance}");
                assert!(
                    first.iter().all(|(status, _)| *status == 200),
                    "{who}: {first:?}"
                );
                fewer.push(first);
            });
            let up = down.comes_up(wire, &notes);
            each(|who, start| {
                let server = &start(&without);
                let all = answers(server);
                assert_eq!(answers(server), all, "{who}, {balance}");
                // lighttpd's are uneven, and how much depends on the ports.
                let names: &[&str] = if who == "everlit" {
                    &["1", "2", "3"]
                } else {
                    &[]
                };
                for name in names {
                    let is = |answer: &&(u16, Option<String>)| answer.1.as_deref() == Some(*name);
                    let count = all.iter().filter(is).count();
                    assert!(count > 3, "{who}, {balance}: {name} gets {count} of 60");
                }
                for (before, after) in fewer.remove(0).iter().zip(&all) {
                    assert!(
                        before == after || after.1.as_deref() == Some("1"),
                        "{who}, {balance}"
                    );
                }
            });
            drop(up);
        }
    }
}

/// Until its time is over nobody knows that a host is back; then it is asked again.
#[test]
fn a_host_that_was_down_is_asked_again_later() {
    if !lighttpd_is_there() {
        return;
    }
    for (module, wire) in [("proxy", Wire::Http), ("scgi", Wire::Scgi)] {
        let mut seen = Vec::new();
        each(|_, start| {
            let notes = Arc::default();
            let down = Down::new(Ipv4Addr::LOCALHOST);
            let options = format!("{OPTIONS}, \"disable-time\" => 2");
            let server = start(&configuration(module, "", &[down.block(&options)]));
            let begun = std::time::Instant::now();
            let mut statuses = vec![ask(&server, Ipv4Addr::LOCALHOST, "/b").0];
            let up = down.comes_up(wire, &notes);
            while statuses.last() != Some(&200) {
                statuses.push(ask(&server, Ipv4Addr::LOCALHOST, "/b").0);
                assert!(begun.elapsed() < crate::support::PATIENCE, "{statuses:?}");
            }
            // Not before, but for the second that both may be in the middle of.
            assert!(begun.elapsed().as_secs() >= 1, "{:?}", begun.elapsed());
            statuses.dedup();
            seen.push(statuses);
            drop(up);
        });
        assert_eq!(seen[0], seen[1], "{module}");
        assert_eq!(seen[0], [503, 200]);
    }
}
