//! Document roots from PostgreSQL.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Helper, setup, status};
use crate::support::{PATIENCE, Server};

/// Debian has a directory for each version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let found = versions.flatten().map(|version| version.path().join("bin"));
    found.filter(|path| path.join("initdb").exists()).max()
}

/// It does not run as root: as Debian's user for it, who has the directory.
fn as_postgres(program: &Path, place: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let line = passwd
            .lines()
            .find(|line| line.starts_with("postgres:"))
            .expect("Debian's user");
        let mut ids = line.split(':').skip(2).map(|id| id.parse::<u32>().unwrap());
        let (user, group) = (ids.next().unwrap(), ids.next().unwrap());
        std::os::unix::fs::chown(place, Some(user), Some(group)).unwrap();
        command.uid(user).gid(group);
    }
    command
}

/// A database of its own, over a socket in a directory.
pub(crate) struct Database {
    process: Helper,
    pub(crate) client: postgres::Client,
    pub(crate) sockets: String,
    _place: tempfile::TempDir,
}

impl Database {
    /// `None`: PostgreSQL is missing, which is an error under CI.
    pub(crate) fn new() -> Option<Database> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing");
            println!("skipped: PostgreSQL is missing");
            return None;
        };
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let made = as_postgres(&programs.join("initdb"), place.path())
            .args(["-N", "-A", "trust", "-U", "web", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success());
        let process = as_postgres(&programs.join("postgres"), place.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(place.path())
            .arg("-D")
            .arg(&data)
            .spawn()
            .unwrap();
        let process = Helper(process);
        let begun = std::time::Instant::now();
        let sockets = place.path().display().to_string();
        let mut config = postgres::Config::new();
        config.host(&sockets).user("web").dbname("postgres");
        let client = loop {
            // Nothing else tells when it is there.
            match config.connect(postgres::NoTls) {
                Ok(client) => break client,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::yield_now();
        };
        Some(Database {
            process,
            client,
            sockets,
            _place: place,
        })
    }
}

#[test]
fn hosts_of_a_database_have_document_roots() {
    let Some(Database {
        process,
        mut client,
        sockets,
        _place,
    }) = Database::new()
    else {
        return;
    };
    let www = tempfile::tempdir().unwrap();
    std::fs::write(www.path().join("b.txt"), "elsewhere").unwrap();
    let root = www.path().display();
    client
        .batch_execute(&format!(
            "create table hosts (name text, root text);\n\
             insert into hosts values ('www.example.org', '{root}/'), ('two.example.org', '{root}'), ('two.example.org', '/'), \
             ('lost.example.org', '/nonexistent');"
        ))
        .unwrap();
    let server = Server::start(setup(
        "basic",
        &format!(
            "server.modules += ( \"mod_vhostdb\", \"mod_vhostdb_pgsql\" )\nvhostdb.backend = \"pgsql\"\nvhostdb.cache = ( \"max-age\" => 600 )\n\
             vhostdb.pgsql = ( \"sql\" => \"select root from hosts where name = '?'\", \"dbname\" => \"postgres\", \
             \"user\" => \"web\", \"host\" => \"{sockets}\" )"
        ),
    ));
    let ask = |host: &str| status(&server, "/b.txt", &format!("Host: {host}\r\n"));
    assert_eq!(ask("www.example.org"), 200);
    assert_eq!(ask("other.example.org"), 404);
    assert_eq!(ask("two.example.org"), 404);
    assert_eq!(ask("lost.example.org"), 500);
    // The connection has died meanwhile; another one is made.
    client
        .batch_execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()",
        )
        .unwrap();
    client
        .batch_execute(&format!(
            "insert into hosts values ('new.example.org', '{root}')"
        ))
        .unwrap();
    assert_eq!(ask("new.example.org"), 200);
    drop(client);
    drop(process);
    assert_eq!(ask("late.example.org"), 503);
    // What was found is remembered.
    assert_eq!(ask("www.example.org"), 200);
}
