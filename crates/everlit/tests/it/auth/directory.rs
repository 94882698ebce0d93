//! Users in a directory: OpenLDAP's, and one that does not answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Helper, basic, is_there, setup, status};
use crate::support::{Client, PATIENCE, Server};

pub(crate) const SLAPD: &str = "/usr/sbin/slapd";

/// A directory of its own, with users joe and ann, who is in the group "staff".
pub(crate) struct Directory {
    _process: Helper,
    _place: tempfile::TempDir,
    pub(crate) port: u16,
    secure: u16,
    ca_file: String,
}

const ENTRIES: &str = "dn: dc=test
objectClass: dcObject
objectClass: organization
o: test
dc: test

dn: uid=joe,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: joe
userPassword: secret

dn: uid=ann,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: ann
userPassword: secret

dn: cn=staff,dc=test
objectClass: groupOfNames
cn: staff
member: uid=ann,dc=test

dn: cn=www.example.org,dc=test
objectClass: device
cn: www.example.org
description: @ROOT@
";

impl Directory {
    pub(crate) fn new(root: &str) -> Directory {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        std::fs::create_dir(path("data")).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = rcgen::CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        std::fs::write(path("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(path("entries"), ENTRIES.replace("@ROOT@", root)).unwrap();
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             modulepath /usr/lib/ldap\nmoduleload back_mdb\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nmaxsize 10485760\nsuffix dc=test\nrootdn cn=admin,dc=test\nrootpw admin\ndirectory {}\n\
             access to attrs=userPassword by anonymous auth by * none\naccess to * by dn=uid=joe,dc=test read by anonymous read\n",
            path("cert.pem"),
            path("key.pem"),
            path("data"),
        );
        std::fs::write(path("slapd.conf"), configuration).unwrap();
        let added = Command::new("/usr/sbin/slapadd")
            .args(["-f", &path("slapd.conf"), "-l", &path("entries")])
            .output()
            .unwrap();
        assert!(
            added.status.success(),
            "{}",
            String::from_utf8_lossy(&added.stderr)
        );
        // It cannot be asked for a port of its own: two that were free a moment ago.
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, secure] = ports.map(|socket| socket.local_addr().unwrap().port());
        let urls = format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{secure}");
        let process = Command::new(SLAPD)
            .args(["-d", "0", "-f", &path("slapd.conf"), "-h", &urls])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let ca_file = path("cert.pem");
        let directory = Directory {
            _process: Helper(process),
            _place: place,
            port,
            secure,
            ca_file,
        };
        for port in [port, secure] {
            wait_for(port);
        }
        directory
    }
}

/// Waits until somebody listens there: there is nothing else that tells.
fn wait_for(port: u16) {
    let begun = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "slapd does not listen");
        std::thread::yield_now();
    }
}

fn server(hosts: &str, more: &str) -> Server {
    Server::start(setup(
        "basic",
        &format!(
            "auth.backend = \"ldap\"\nauth.backend.ldap.hostname = \"{hosts}\"\nauth.backend.ldap.base-dn = \"dc=test\"\n{more}"
        ),
    ))
}

fn login(server: &Server, user: &str, password: &str) -> u16 {
    status(
        server,
        "/a.txt",
        &format!("Authorization: {}\r\n", basic(user, password)),
    )
}

const FILTER: &str = "auth.backend.ldap.filter = \"(uid=?)\"\n";

#[test]
fn users_of_a_directory_log_in() {
    if !is_there(SLAPD) {
        return;
    }
    let directory = Directory::new("/nowhere");
    let Directory {
        port,
        secure,
        ca_file,
        ..
    } = &directory;
    let plain = format!("127.0.0.1:{port}");
    let ca = format!("auth.backend.ldap.ca-file = \"{ca_file}\"\n");
    for (hosts, more) in [
        (plain.clone(), FILTER.to_owned()),
        // The first does not answer.
        (format!("127.0.0.1:1,{plain}"), FILTER.to_owned()),
        (
            plain.clone(),
            "auth.backend.ldap.filter = \",dc=test\"\n".to_owned(),
        ),
        (
            plain.clone(),
            format!(
                "{FILTER}auth.backend.ldap.bind-dn = \"cn=admin,dc=test\"\nauth.backend.ldap.bind-pw = \"admin\"\n"
            ),
        ),
        (
            format!("ldaps://localhost:{secure}"),
            format!("{FILTER}{ca}"),
        ),
        (
            format!("LDAPS://localhost:{secure}"),
            format!("{FILTER}{ca}"),
        ),
        (
            format!("localhost:{port}"),
            format!("{FILTER}{ca}auth.backend.ldap.starttls = \"enable\"\n"),
        ),
    ] {
        let server = server(&hosts, &more);
        assert_eq!(login(&server, "joe", "secret"), 200, "{hosts} {more}");
        assert_eq!(login(&server, "joe", "wrong"), 401, "{hosts} {more}");
    }
    let one = server(&plain, FILTER);
    for (user, password, expected) in [
        ("nobody", "secret", 401),
        ("*", "secret", 401),
        ("joe", "", 401),
        ("joe)(uid=*", "secret", 401),
        ("ann", "secret", 200),
    ] {
        assert_eq!(login(&one, user, password), expected, "{user}");
    }
    let groups = format!(
        "{FILTER}auth.backend.ldap.groupmember = \"member\"\nauth.require := ( \"/a\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \
         \"require\" => \"group=cn=staff,dc=test\" ) )\n"
    );
    let one = server(&plain, &groups);
    assert_eq!(login(&one, "ann", "secret"), 200);
    assert_eq!(login(&one, "joe", "secret"), 401);
    // Without its authority nobody is believed, and without anybody there nobody is let in.
    let stranger = server(&format!("ldaps://localhost:{secure}"), FILTER);
    assert_eq!(login(&stranger, "joe", "secret"), 503);
    let nobody = server("127.0.0.1:1", FILTER);
    assert_eq!(login(&nobody, "joe", "secret"), 503);
}

#[test]
fn hosts_of_a_directory_have_document_roots() {
    if !is_there(SLAPD) {
        return;
    }
    let www = tempfile::tempdir().unwrap();
    std::fs::write(www.path().join("b.txt"), "elsewhere").unwrap();
    let directory = Directory::new(&www.path().display().to_string());
    let server = Server::start(setup(
        "basic",
        &format!(
            "server.modules += ( \"mod_vhostdb\", \"mod_vhostdb_ldap\" )\nvhostdb.backend = \"ldap\"\n\
             vhostdb.ldap = ( \"host\" => \"127.0.0.1:{}\", \"base-dn\" => \"dc=test\", \"filter\" => \"(cn=?)\", \"attr\" => \"description\" )",
            directory.port
        ),
    ));
    assert_eq!(status(&server, "/b.txt", "Host: www.example.org\r\n"), 200);
    assert_eq!(
        status(&server, "/b.txt", "Host: other.example.org\r\n"),
        404
    );
    assert_eq!(status(&server, "/b.txt", "Host: www.example.org\r\n"), 200);
}

/// What is read from a connection until a whole message was: its length is in its second byte here.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut rest = vec![0; usize::from(head[1])];
    stream.read_exact(&mut rest).unwrap();
    rest
}

/// A directory that says yes to a bind, when it is told to.
fn say_yes(stream: &mut TcpStream, request: &[u8]) {
    // The number of the message: an integer of one byte.
    let id = request[2];
    stream
        .write_all(&[0x30, 12, 2, 1, id, 0x61, 7, 10, 1, 0, 4, 0, 4, 0])
        .unwrap();
}

#[test]
fn a_request_that_waits_moves_and_is_asked_once_for_all() {
    let directory = TcpListener::bind("127.0.0.1:0").unwrap();
    let hosts = directory.local_addr().unwrap().to_string();
    let server = server(
        &hosts,
        "auth.backend.ldap.filter = \",dc=test\"\nauth.backend.ldap.timeout = \"60000000\"\n",
    );
    let request = format!(
        "GET /a.txt HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\n\r\n",
        basic("joe", "secret")
    );
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        client.send(&request);
    }
    let (mut first, _) = directory.accept().unwrap();
    let asked = message(&mut first);
    assert!(asked.windows(6).any(|window| window == b"secret"));
    // Somebody gives up; the others still wait.
    drop(clients.pop());
    // They are all read by now: another request after them is answered.
    let mut other = Client::connect(server.address());
    other.send("GET /none HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(other.head().0.contains(" 404 "));
    let report = server.reload().unwrap();
    assert!(report.tally.moved.head >= 4, "{report:?}");
    assert_eq!(report.tally.dropped, 0);
    // The successor asks itself, and once.
    let (mut second, _) = directory.accept().unwrap();
    let asked = message(&mut second);
    say_yes(&mut second, &asked);
    for client in &mut clients {
        assert_eq!(client.response(), "first");
    }
    directory.set_nonblocking(true).unwrap();
    assert!(directory.accept().is_err(), "it was asked once more");
    drop(first);
}

#[test]
fn nobody_waits_longer_than_it_should() {
    let directory = TcpListener::bind("127.0.0.1:0").unwrap();
    let hosts = directory.local_addr().unwrap().to_string();
    let server = server(
        &hosts,
        "auth.backend.ldap.filter = \",dc=test\"\nauth.backend.ldap.timeout = \"60000000\"\nserver.max-read-idle = 1\n",
    );
    let begun = std::time::Instant::now();
    assert_eq!(login(&server, "joe", "secret"), 503);
    assert!(begun.elapsed() < Duration::from_secs(50));
    // And what takes up no time is not held up.
    assert_eq!(status(&server, "/none", ""), 404);
}
