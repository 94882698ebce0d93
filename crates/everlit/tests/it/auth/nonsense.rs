//! A database that talks nonsense: that request is refused, and nobody else notices.
//!
//! In: a server that answers with an empty packet, over which MySQL's client gives up. Out: 503, from a generation that goes on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::{setup, status};
use crate::support::Server;

/// The beginning of a login, and then a packet without anything in it.
fn talk(mut client: TcpStream) -> std::io::Result<()> {
    let mut greeting = b"\x0a10.11.0\0\x01\0\0\0saltsalt\0".to_vec();
    // What it can do, its character set and state, and where the rest of the salt is.
    greeting.extend_from_slice(&[0x08, 0x82, 45, 2, 0, 0x08, 0, 21]);
    greeting.extend_from_slice(&[0; 10]);
    greeting.extend_from_slice(b"saltsaltsalt\0mysql_native_password\0");
    client.write_all(&[greeting.len() as u8, 0, 0, 0])?;
    client.write_all(&greeting)?;
    let mut header = [0; 4];
    client.read_exact(&mut header)?;
    let mut answer = vec![0; usize::from(header[0])];
    client.read_exact(&mut answer)?;
    client.write_all(&[0, 0, 0, 2])
}

#[test]
fn nobody_pays_for_a_database_that_talks_nonsense() {
    let database = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = database.local_addr().unwrap().port();
    // It ends with the test's process: it waits for nothing else.
    std::thread::spawn(move || {
        for client in database.incoming() {
            let _ = client.and_then(talk);
        }
    });
    let server = Server::start(setup(
        "basic",
        &format!(
            "server.modules += ( \"mod_vhostdb\", \"mod_vhostdb_mysql\" )\nvhostdb.backend = \"mysql\"\n\
             vhostdb.mysql = ( \"sql\" => \"select 1\", \"dbname\" => \"x\", \"user\" => \"x\",\n\
             \"host\" => \"127.0.0.1\", \"port\" => \"{port}\" )\n"
        ),
    ));
    let before = server.generation();
    // More than there are threads to ask it.
    for host in ["a", "b", "c", "d", "e", "f"] {
        let asked = status(&server, "/b.txt", &format!("Host: {host}.example\r\n"));
        assert_eq!(asked, 503);
    }
    assert_eq!(server.generation(), before);
}
