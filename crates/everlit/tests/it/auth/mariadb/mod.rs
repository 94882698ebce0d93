//! Document roots from MariaDB: by TCP and by its socket, with passwords, and when it is not there.
//!
//! In: a database of its own for each test, on sockets that are open before it starts, so that nobody waits for it. Out:
//! statuses, the error log, and what the database was asked. Must hold: whatever a client calls its host, the database hears
//! plain names only.

mod compared;
mod hostile;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder};
use rustix::process::{Signal, geteuid};

use super::{Helper, is_there, setup, status};
use crate::support::http::{self, Asked};
use crate::support::{Client, PATIENCE, Server, Setup, send};

const MARIADBD: &str = "/usr/sbin/mariadbd";
const INSTALL: &str = "/usr/bin/mariadb-install-db";
/// It does not run as root: as this user then, who has no rights anywhere.
const NOBODY: u32 = 65534;

/// The kernel's asynchronous writes are for few at a time.
const AIO: &str = "--innodb-use-native-aio=0";

/// A database server.
struct Mariadb {
    process: Option<Helper>,
    /// Its port, which nobody else gets while it is away: a socket that does not listen.
    reserved: OwnedFd,
    place: tempfile::TempDir,
}

fn reserve() -> OwnedFd {
    use rustix::net::{AddressFamily, SocketFlags, SocketType};
    let (family, flags) = (AddressFamily::INET, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).unwrap();
    // Whoever sets this, too, can listen there.
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    socket
}

/// A command that leaves the rights of root behind, and works here.
fn as_somebody(program: &str, place: &Path) -> Command {
    let mut command = Command::new(program);
    command
        // Where servers share a directory for these, each removes what it finds when it starts.
        .env("TMPDIR", place)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Mariadb {
    /// With what is to be in it; nothing, where there is no such server.
    fn new(statements: &str) -> Option<Mariadb> {
        if !is_there(MARIADBD) || !is_there(INSTALL) {
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = as_somebody(INSTALL, place.path())
            .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
            .args(["--auth-root-authentication-method=normal"])
            .arg(AIO)
            .arg(format!("--datadir={}", place.path().join("data").display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let told = [made.stdout, made.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(made.status.success(), "{told}");
        let mut database = Mariadb {
            process: None,
            reserved: reserve(),
            place,
        };
        database.start();
        let mut admin = database.admin();
        admin.query_drop(USERS).unwrap();
        admin.query_drop(statements).unwrap();
        // All of them have been carried out.
        admin.query_drop("do 0").unwrap();
        Some(database)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn socket(&self) -> String {
        self.path("socket").display().to_string()
    }

    /// Starts it as systemd does: with its sockets, which take clients from now on.
    fn start(&mut self) {
        let tcp = TcpListener::bind(self.address()).unwrap();
        let _ = fs::remove_file(self.path("socket"));
        let unix = UnixListener::bind(self.path("socket")).unwrap();
        // Only the process itself knows its number before it becomes the server: that is why there is a shell.
        let script = "export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$@\" 3<&0 4<&1 0</dev/null 1>&2";
        let option = |name: &str, file: &str| format!("--{name}={}", self.path(file).display());
        let process = as_somebody("/bin/sh", self.place.path())
            .args(["-c", script, "sh", MARIADBD, "--no-defaults"])
            .args(["--skip-name-resolve", AIO])
            .args(["--innodb-buffer-pool-size=8M", "--general-log=1"])
            .arg(option("datadir", "data"))
            .arg(option("socket", "unused"))
            .arg(option("pid-file", "pid"))
            .arg(option("general-log-file", "asked"))
            .stdin(OwnedFd::from(tcp))
            .stdout(OwnedFd::from(unix))
            .spawn()
            .unwrap();
        self.process = Some(Helper(process));
    }

    /// Ends it as a power failure would.
    fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        send(process.0.id(), Signal::KILL);
        process.0.wait().unwrap();
    }

    fn admin(&self) -> Conn {
        let opts = OptsBuilder::new()
            .user(Some("root"))
            .socket(Some(self.socket()))
            .read_timeout(Some(PATIENCE))
            .prefer_socket(false);
        Conn::new(opts).unwrap()
    }

    /// Ends all connections of the web server, who does not notice.
    fn disconnect_all(&self) {
        let mut admin = self.admin();
        let ids: Vec<u64> = admin
            .query("select id from information_schema.processlist where user = 'web'")
            .unwrap();
        for id in ids {
            admin.query_drop(format!("kill {id}")).unwrap();
        }
    }

    /// What it was asked since it was first started.
    fn asked(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("asked")).unwrap()).into_owned()
    }

    fn address(&self) -> SocketAddr {
        let address = rustix::net::getsockname(&self.reserved).unwrap();
        address.try_into().unwrap()
    }

    /// How it is reached by its socket.
    fn by_socket(&self) -> String {
        format!("\"sock\" => \"{}\"", self.socket())
    }

    /// How it is reached by TCP.
    fn by_tcp(&self) -> String {
        let port = self.address().port();
        format!("\"host\" => \"127.0.0.1\", \"port\" => \"{port}\"")
    }
}

const USERS: &str = "create database vhosts; \
    create user web@localhost identified by 'se\\'cr\\\\et \"x'; create user web@'127.0.0.1' identified by 'se\\'cr\\\\et \"x'; \
    create user open@localhost; \
    grant select, execute on vhosts.* to web@localhost; grant select, execute on vhosts.* to web@'127.0.0.1'; \
    grant select on vhosts.* to open@localhost";

/// As it is written in a configuration.
const PASSWORD: &str = r#""password" => "se'cr\et \"x""#;

const SQL: &str = "select root from hosts where name = '?'";

/// Rows for a document root.
fn hosts(root: &Path) -> String {
    let root = root.display();
    format!(
        "use vhosts; create table hosts (id int auto_increment primary key, name varchar(255), root varbinary(4096)); \
         insert into hosts (name, root) values ('www.example.org', '{root}/'), ('two.example.org', '{root}'), ('two.example.org', '/'), \
         ('lost.example.org', '/nonexistent'), ('file.example.org', '{root}/b.txt'), ('none.example.org', null), ('empty.example.org', ''), \
         ('plain.example.org:8080', '{root}'), ('odd.example.org', concat('{root}/', x'e9'))"
    )
}

/// Another document root, with something in it.
fn elsewhere() -> tempfile::TempDir {
    let www = tempfile::tempdir().unwrap();
    fs::write(www.path().join("b.txt"), "elsewhere").unwrap();
    let odd = www
        .path()
        .join(std::ffi::OsString::from_vec(b"\xe9".to_vec()));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("b.txt"), "odd").unwrap();
    www
}

fn configuration(sql: &str, options: &str) -> String {
    format!(
        "server.modules += ( \"mod_vhostdb\", \"mod_vhostdb_mysql\" )\nvhostdb.backend = \"mysql\"\n\
         vhostdb.mysql = ( \"sql\" => \"{sql}\", \"dbname\" => \"vhosts\", {options} )\n"
    )
}

fn everlit(sql: &str, options: &str) -> Setup {
    setup("basic", &configuration(sql, options))
}

fn ask(server: &Server, host: &str) -> u16 {
    status(server, "/b.txt", &format!("Host: {host}\r\n"))
}

#[test]
fn hosts_of_a_database_have_document_roots() {
    let www = elsewhere();
    let Some(database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let (socket, tcp) = (database.by_socket(), database.by_tcp());
    let web = format!("\"user\" => \"web\", {PASSWORD}");
    for options in [
        format!("{web}, {socket}"),
        format!("{web}, {tcp}"),
        // As in C: that is not a name, but the socket.
        format!("{web}, {socket}, \"host\" => \"localhost\", \"port\" => \"1\""),
        // A host goes before a socket.
        format!("{web}, {tcp}, \"sock\" => \"/nonexistent\""),
        format!("\"user\" => \"open\", {socket}"),
    ] {
        let server = Server::start(everlit(SQL, &options));
        for (host, expected) in [
            ("www.example.org", 200),
            ("WWW.example.org", 200),
            ("www.example.org", 200),
            ("plain.example.org:8080", 200),
            ("odd.example.org", 200),
            // The first row, as in lighttpd.
            ("two.example.org", 200),
            ("other.example.org", 404),
            ("none.example.org", 404),
            ("empty.example.org", 404),
            ("lost.example.org", 500),
            ("file.example.org", 500),
        ] {
            assert_eq!(ask(&server, host), expected, "{options}: {host}");
        }
    }
    // What a procedure gives is more than one result; the connection is good for another question.
    let mut admin = database.admin();
    admin
        .query_drop("create procedure vhosts.root_of(host text) begin select root from vhosts.hosts where name = host; select 2; end")
        .unwrap();
    let procedure = Server::start(everlit("call root_of('?')", &format!("{web}, {socket}")));
    for _ in 0..2 {
        assert_eq!(ask(&procedure, "www.example.org"), 200);
        assert_eq!(ask(&procedure, "other.example.org"), 404);
        assert_eq!(ask(&procedure, "lost.example.org"), 500);
    }
    assert_eq!(procedure.said().matches("MySQL").count(), 0);
    drop(procedure);
}

#[test]
fn a_database_goes_away_and_comes_back() {
    let www = elsewhere();
    let Some(mut database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let servers = [database.by_socket(), database.by_tcp()].map(|place| {
        let options = format!("\"user\" => \"web\", {PASSWORD}, {place}");
        let cache = "vhostdb.cache = ( \"max-age\" => 600 )";
        Server::start(everlit(SQL, &options).setting(cache))
    });
    let all = |host: &str| servers.each_ref().map(|server| ask(server, host));
    assert_eq!(all("www.example.org"), [200; 2]);
    database.disconnect_all();
    database
        .admin()
        .query_drop(format!(
            "insert into vhosts.hosts (name, root) values ('new.example.org', '{}')",
            www.path().display()
        ))
        .unwrap();
    assert_eq!(all("new.example.org"), [200; 2]);
    // Nobody heard of that.
    for server in &servers {
        assert!(!server.said().contains("MySQL"), "{}", server.said());
    }
    database.kill();
    assert_eq!(all("two.example.org"), [503; 2]);
    for server in &servers {
        let said = server.said();
        assert!(said.contains("(mod_vhostdb) MySQL: Could not"), "{said}");
    }
    // What was found is remembered.
    assert_eq!(all("www.example.org"), [200; 2]);
    database.start();
    assert_eq!(all("plain.example.org:8080"), [200; 2]);
    assert_eq!(all("other.example.org"), [404; 2]);
}

#[test]
fn what_a_database_refuses_is_said() {
    let www = elsewhere();
    let Some(database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let (socket, by_tcp) = (database.by_socket(), database.by_tcp());
    let right = format!("\"user\" => \"web\", {PASSWORD}");
    for (sql, options, expected) in [
        (
            SQL,
            format!("\"user\" => \"web\", \"password\" => \"wr0ng\", {socket}"),
            "Access denied for user 'web'@'localhost' (using password: YES)",
        ),
        (
            SQL,
            format!("\"user\" => \"web\", \"password\" => \"wr0ng\", {by_tcp}"),
            "Access denied for user 'web'@'127.0.0.1' (using password: YES)",
        ),
        (
            SQL,
            format!("\"user\" => \"web\", {socket}"),
            "Access denied for user 'web'@'localhost' (using password: NO)",
        ),
        (
            SQL,
            format!("\"user\" => \"nobody\", \"password\" => \"wr0ng\", {socket}"),
            "Access denied for user 'nobody'@'localhost' (using password: YES)",
        ),
        (
            "select root from nothing where name = '?'",
            format!("{right}, {socket}"),
            "Table 'vhosts.nothing' doesn't exist",
        ),
        (
            "drop table hosts",
            format!("{right}, {socket}"),
            "DROP command denied to user 'web'@'localhost'",
        ),
        (
            SQL,
            format!("{right}, \"sock\" => \"/nonexistent\""),
            "/nonexistent",
        ),
    ] {
        let server = Server::start(everlit(sql, &options));
        assert_eq!(ask(&server, "www.example.org"), 503, "{options}");
        let said = server.said();
        let lines: Vec<_> = said
            .lines()
            .filter(|line| line.contains("MySQL: "))
            .collect();
        assert!(lines.iter().any(|line| line.contains(expected)), "{said}");
        assert!(!said.contains("wr0ng") && !said.contains("se'cr"), "{said}");
        // The file is there without it, for whoever does not ask a database.
        let mut client = http::Client::connect(server.address());
        client.send(b"GET /none HTTP/1.0\r\n\r\n");
        assert_eq!(client.response(Asked::ForAnything).unwrap().status, 404);
    }
}

#[test]
fn a_slow_database_holds_up_nobody_else() {
    let www = elsewhere();
    let Some(database) = Mariadb::new(&hosts(www.path())) else {
        return;
    };
    let sql =
        "select root from hosts where get_lock('gate', 60) and release_lock('gate') and name = '?'";
    let options = format!("\"user\" => \"web\", {PASSWORD}, {}", database.by_socket());
    let server = Server::start(everlit(sql, &options));
    assert_eq!(ask(&server, "other.example.org"), 404);
    let mut admin = database.admin();
    admin.query_drop("do get_lock('gate', 60)").unwrap();
    let mut waiting = Client::connect(server.address());
    waiting.send("GET /b.txt HTTP/1.1\r\nHost: www.example.org\r\nConnection: close\r\n\r\n");
    let begun = Instant::now();
    let waits = "select count(*) from information_schema.processlist where user = 'web' and state = 'User lock'";
    while admin.query_first::<u64, _>(waits).unwrap() != Some(1) {
        assert!(begun.elapsed() < PATIENCE, "nobody asks the database");
        std::thread::yield_now();
    }
    // Whose host is nothing that a database could know is not looked up.
    let mut other = Client::connect(server.address());
    other.send("GET /none HTTP/1.0\r\n\r\n");
    assert!(other.head().0.contains(" 404 "));
    admin.query_drop("do release_lock('gate')").unwrap();
    let (head, _) = waiting.head();
    // Where all this took longer than a database may take, that is said.
    let is_late = head.contains(" 503 ") && begun.elapsed().as_secs() >= 4;
    assert!(head.contains(" 200 ") || is_late, "{head}");
}
