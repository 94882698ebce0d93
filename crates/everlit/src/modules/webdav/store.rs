//! Properties and locks, in SQLite.
//!
//! In: paths of URLs, decoded. Out: what is known of them. Must hold: the tables are lighttpd's, so that its databases go
//! on being used, and it can go on with ours.
//!
//! lighttpd writes `CURRENT_TIME + seconds` as the end of a lock, which is the hour of the day and the seconds: nobody can
//! say when that is. Here it is seconds since 1970. What is too small for that is taken to begin when it is first seen.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::answer::Answer;
use crate::errorlog;

/// How long it is waited for others who use the database.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS properties (
        resource TEXT NOT NULL, prop TEXT NOT NULL, ns TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY(resource, prop, ns));
    CREATE TABLE IF NOT EXISTS locks (
        locktoken TEXT NOT NULL, resource TEXT NOT NULL, lockscope TEXT NOT NULL, locktype TEXT NOT NULL,
        owner TEXT NOT NULL, ownerinfo TEXT NOT NULL, depth INT NOT NULL, timeout TIMESTAMP NOT NULL,
        PRIMARY KEY(locktoken));
";

/// No lock ends before this second: what is below is lighttpd's.
const EARLIEST: i64 = 1_000_000_000;

/// A database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) token: String,
    /// The path that it was taken for.
    pub(super) root: Vec<u8>,
    pub(super) scope: Scope,
    /// Who has taken it; empty: nobody knows.
    pub(super) owner: Vec<u8>,
    /// What whoever has taken it says of himself: XML.
    pub(super) owner_info: String,
    pub(super) depth: Depth,
    /// When it ends, in seconds since 1970.
    pub(super) expires: i64,
}

/// Whether a lock leaves room for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// No.
    Exclusive,
    /// For others that do.
    Shared,
}

/// What a lock is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// One resource.
    Zero,
    /// All that is in it, too.
    Infinity,
}

impl Scope {
    /// The name of its element.
    pub(super) fn name(self) -> &'static str {
        match self {
            Scope::Exclusive => "exclusive",
            Scope::Shared => "shared",
        }
    }
}

/// Bytes of a path as SQLite's text, UTF-8 or not.
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

fn trouble(path: &str, error: &rusqlite::Error) -> Answer {
    errorlog::say("mod_webdav", format_args!("{path}: {error}"));
    Answer::status(500)
}

type Sql<T> = Result<T, rusqlite::Error>;

impl Store {
    /// Opens it; makes it, if there is none.
    pub(super) fn open(path: &str) -> Result<Store, Answer> {
        open(Path::new(path)).map_err(|error| trouble(path, &error))
    }

    /// From now on nobody else changes anything.
    pub(super) fn begin(&self) -> Result<(), Answer> {
        self.run("BEGIN IMMEDIATE")
    }

    pub(super) fn commit(&self) -> Result<(), Answer> {
        self.run("COMMIT")
    }

    /// A point to go back to.
    pub(super) fn remember(&self) -> Result<(), Answer> {
        self.run("SAVEPOINT before")
    }

    /// Takes everything back since [`Store::remember`].
    pub(super) fn take_back(&self) -> Result<(), Answer> {
        self.run("ROLLBACK TO before")
    }

    fn run(&self, statement: &str) -> Result<(), Answer> {
        self.told(self.connection.execute_batch(statement))
    }

    fn told<T>(&self, result: Sql<T>) -> Result<T, Answer> {
        let path = self.connection.path().unwrap_or("a database");
        result.map_err(|error| trouble(path, &error))
    }

    /// Namespace, name and value of each property.
    pub(super) fn properties(&self, uri: &[u8]) -> Result<Vec<[String; 3]>, Answer> {
        self.told(self.all(
            "SELECT ns, prop, value FROM properties WHERE resource = ?1 ORDER BY prop, ns",
            &[&Text(uri)],
            |row| Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?]),
        ))
    }

    /// The value of one.
    pub(super) fn property(
        &self,
        uri: &[u8],
        space: &str,
        name: &str,
    ) -> Result<Option<String>, Answer> {
        let sql = "SELECT value FROM properties WHERE resource = ?1 AND prop = ?2 AND ns = ?3";
        let found = self
            .connection
            .query_row(sql, params![Text(uri), name, space], |row| text(row, 0))
            .optional();
        self.told(found)
    }

    pub(super) fn set_property(
        &self,
        uri: &[u8],
        space: &str,
        name: &str,
        value: &str,
    ) -> Result<(), Answer> {
        self.change(
            "REPLACE INTO properties (resource, prop, ns, value) VALUES (?1, ?2, ?3, ?4)",
            params![Text(uri), name, space, value],
        )
    }

    pub(super) fn remove_property(
        &self,
        uri: &[u8],
        space: &str,
        name: &str,
    ) -> Result<(), Answer> {
        self.change(
            "DELETE FROM properties WHERE resource = ?1 AND prop = ?2 AND ns = ?3",
            params![Text(uri), name, space],
        )
    }

    /// It is no more.
    pub(super) fn forget(&self, uri: &[u8]) -> Result<(), Answer> {
        self.forget_properties(uri)?;
        self.change("DELETE FROM locks WHERE resource = ?1", params![Text(uri)])
    }

    /// It is another one now.
    pub(super) fn forget_properties(&self, uri: &[u8]) -> Result<(), Answer> {
        self.change(
            "DELETE FROM properties WHERE resource = ?1",
            params![Text(uri)],
        )
    }

    /// The copy of a resource has its properties.
    pub(super) fn copy_properties(&self, from: &[u8], to: &[u8]) -> Result<(), Answer> {
        self.forget_properties(to)?;
        self.change(
            "INSERT INTO properties SELECT ?1, prop, ns, value FROM properties WHERE resource = ?2",
            params![Text(to), Text(from)],
        )
    }

    /// A collection has moved, with all that is in it: properties go along, locks do not.
    pub(super) fn moved_tree(&self, from: &[u8], to: &[u8]) -> Result<(), Answer> {
        let members = self.told(self.all(
            "SELECT DISTINCT resource FROM properties WHERE resource >= ?1 AND resource < ?2",
            &[&Text(from), &Text(&after(from))],
            |row| bytes(row, 0),
        ))?;
        for member in members {
            let place = [to, &member[from.len()..]].concat();
            self.copy_properties(&member, &place)?;
            self.forget_properties(&member)?;
        }
        self.unlock_tree(from)
    }

    /// Whatever is below this has no locks any more.
    pub(super) fn unlock_tree(&self, uri: &[u8]) -> Result<(), Answer> {
        self.change(
            "DELETE FROM locks WHERE resource >= ?1 AND resource < ?2",
            params![Text(uri), Text(&after(uri))],
        )
    }

    /// Locks that were taken for this path.
    pub(super) fn locks_at(&self, uri: &[u8]) -> Result<Vec<Lock>, Answer> {
        self.locks("resource = ?1 AND timeout > ?2", &[&Text(uri), &self.now])
    }

    /// Locks on anything in this collection, but not on itself.
    pub(super) fn locks_below(&self, uri: &[u8]) -> Result<Vec<Lock>, Answer> {
        self.locks(
            "resource > ?1 AND resource < ?3 AND timeout > ?2",
            &[&Text(uri), &self.now, &Text(&after(uri))],
        )
    }

    /// Locks that this resource is under: its own, and those of collections that it is in.
    pub(super) fn locks_over(&self, uri: &[u8]) -> Result<Vec<Lock>, Answer> {
        let mut locks = self.locks_at(uri)?;
        for parent in parents(uri) {
            let of_all = self.locks_at(parent)?;
            locks.extend(
                of_all
                    .into_iter()
                    .filter(|lock| lock.depth == Depth::Infinity),
            );
        }
        Ok(locks)
    }

    /// The lock of this token.
    pub(super) fn lock(&self, token: &str) -> Result<Option<Lock>, Answer> {
        let mut found = self.locks("locktoken = ?1 AND timeout > ?2", &[&token, &self.now])?;
        Ok(found.pop())
    }

    pub(super) fn add_lock(&self, lock: &Lock) -> Result<(), Answer> {
        // Those that have ended are of no use to anybody.
        self.change("DELETE FROM locks WHERE timeout <= ?1", params![self.now])?;
        let depth = match lock.depth {
            Depth::Zero => 0,
            Depth::Infinity => -1,
        };
        self.change(
            "INSERT INTO locks (locktoken, resource, lockscope, locktype, owner, ownerinfo, depth, timeout)
             VALUES (?1, ?2, ?3, 'write', ?4, ?5, ?6, ?7)",
            params![
                lock.token,
                Text(&lock.root),
                lock.scope.name(),
                Text(&lock.owner),
                lock.owner_info,
                depth,
                lock.expires
            ],
        )
    }

    pub(super) fn refresh_lock(&self, token: &str, expires: i64) -> Result<(), Answer> {
        self.change(
            "UPDATE locks SET timeout = ?2 WHERE locktoken = ?1",
            params![token, expires],
        )
    }

    pub(super) fn remove_lock(&self, token: &str) -> Result<(), Answer> {
        self.change("DELETE FROM locks WHERE locktoken = ?1", params![token])
    }

    fn change(&self, sql: &str, values: &[&dyn ToSql]) -> Result<(), Answer> {
        self.told(self.connection.execute(sql, values).map(drop))
    }

    fn locks(&self, which: &str, values: &[&dyn ToSql]) -> Result<Vec<Lock>, Answer> {
        let sql = format!(
            "SELECT locktoken, resource, lockscope, owner, ownerinfo, depth, timeout FROM locks
             WHERE {which} ORDER BY rowid"
        );
        self.told(self.all(&sql, values, |row| {
            Ok(Lock {
                token: text(row, 0)?,
                root: bytes(row, 1)?,
                scope: match text(row, 2)?.as_str() {
                    "shared" => Scope::Shared,
                    _ => Scope::Exclusive,
                },
                owner: bytes(row, 3)?,
                owner_info: text(row, 4)?,
                depth: match row.get(5)? {
                    0_i64 => Depth::Zero,
                    _ => Depth::Infinity,
                },
                expires: row.get(6)?,
            })
        }))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Sql<Vec<T>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map(values, read)?;
        rows.collect()
    }
}

fn open(path: &Path) -> Sql<Store> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    let known = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('properties', 'locks')";
    if connection.query_row(known, [], |row| row.get(0)) != Ok(2_i64) {
        connection.execute_batch(TABLES)?;
    }
    // A table of lighttpd before 1.4.52.
    let named = "SELECT COUNT(*) FROM pragma_table_info('locks') WHERE name = 'ownerinfo'";
    if connection.query_row(named, [], |row| row.get(0)) == Ok(0_i64) {
        connection
            .execute_batch("ALTER TABLE locks ADD COLUMN ownerinfo TEXT NOT NULL DEFAULT ''")?;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    });
    let strange = "SELECT COUNT(*) FROM locks WHERE timeout < ?1";
    if connection.query_row(strange, [EARLIEST], |row| row.get(0)) != Ok(0_i64) {
        connection.execute(
            "UPDATE locks SET timeout = CAST(timeout AS INT) + ?2 WHERE timeout < ?1",
            [EARLIEST, now],
        )?;
    }
    Ok(Store { connection, now })
}

/// The first path after all that begin with this one, which ends with a slash.
fn after(uri: &[u8]) -> Vec<u8> {
    let mut after = uri.to_vec();
    if let Some(last) = after.last_mut() {
        *last = last.saturating_add(1);
    }
    after
}

/// The collections that a path is in, from the outermost.
pub(super) fn parents(uri: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = uri.strip_suffix(b"/").unwrap_or(uri).len();
    memchr::memchr_iter(b'/', &uri[..end]).map(|slash| &uri[..=slash])
}

fn bytes(row: &Row<'_>, index: usize) -> Sql<Vec<u8>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    })
}

fn text(row: &Row<'_>, index: usize) -> Sql<String> {
    Ok(String::from_utf8_lossy(&bytes(row, index)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(directory: &tempfile::TempDir) -> Store {
        open(&directory.path().join("db")).unwrap()
    }

    fn lock(token: &str, root: &str, depth: Depth, store: &Store) -> Lock {
        Lock {
            token: token.to_owned(),
            root: root.into(),
            scope: Scope::Shared,
            owner: b"me".to_vec(),
            owner_info: "<b xmlns=\"\"/>".to_owned(),
            depth,
            expires: store.now + 60,
        }
    }

    #[test]
    fn locks_are_on_what_they_are_over() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        for (token, root, depth) in [
            ("one", "/a/b", Depth::Zero),
            ("two", "/a/", Depth::Infinity),
            ("three", "/", Depth::Zero),
            ("four", "/a/b/c/d", Depth::Zero),
        ] {
            store.add_lock(&lock(token, root, depth, &store)).unwrap();
        }
        let tokens = |locks: Vec<Lock>| -> Vec<String> {
            locks.into_iter().map(|lock| lock.token).collect()
        };
        assert_eq!(tokens(store.locks_over(b"/a/b").unwrap()), ["one", "two"]);
        assert_eq!(tokens(store.locks_over(b"/a/").unwrap()), ["two"]);
        assert_eq!(tokens(store.locks_over(b"/ab").unwrap()), [""; 0]);
        assert_eq!(tokens(store.locks_below(b"/a/").unwrap()), ["one", "four"]);
        assert_eq!(
            store.lock("one").unwrap(),
            Some(lock("one", "/a/b", Depth::Zero, &store))
        );
        store.refresh_lock("one", store.now).unwrap();
        assert_eq!(store.lock("one").unwrap(), None);
        store.unlock_tree(b"/a/").unwrap();
        assert_eq!(tokens(store.locks_below(b"/").unwrap()), [""; 0]);
        assert_eq!(tokens(store.locks_at(b"/").unwrap()), ["three"]);
    }

    #[test]
    fn properties_go_with_a_tree() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        for uri in ["/a/", "/a/\u{fc}/x", "/ab"] {
            store.set_property(uri.as_bytes(), "u", "p", uri).unwrap();
        }
        store.set_property(b"/c/", "u", "old", "").unwrap();
        store.moved_tree(b"/a/", b"/c/").unwrap();
        let of = |uri: &str| store.properties(uri.as_bytes()).unwrap();
        assert_eq!(of("/a/"), [[""; 3]; 0]);
        assert_eq!(of("/ab"), [["u", "p", "/ab"]]);
        assert_eq!(of("/c/"), [["u", "p", "/a/"]]);
        assert_eq!(of("/c/\u{fc}/x"), [["u", "p", "/a/\u{fc}/x"]]);
    }

    #[test]
    fn locks_of_lighttpd_begin_when_they_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(
            "CREATE TABLE properties (resource TEXT NOT NULL, prop TEXT NOT NULL, ns TEXT NOT NULL,
                 value TEXT NOT NULL, PRIMARY KEY(resource, prop, ns));
             CREATE TABLE locks (locktoken TEXT NOT NULL, resource TEXT NOT NULL, lockscope TEXT NOT NULL,
                 locktype TEXT NOT NULL, owner TEXT NOT NULL, depth INT NOT NULL, timeout TIMESTAMP NOT NULL,
                 PRIMARY KEY(locktoken));
             INSERT INTO locks VALUES ('urn:uuid:x', '/a', 'exclusive', 'write', '', 0, CURRENT_TIME + 600)",
        )
        .unwrap();
        drop(old);
        let store = open(&path).unwrap();
        let lock = store.lock("urn:uuid:x").unwrap().unwrap();
        let left = lock.expires - store.now;
        // The hour of the day and ten minutes.
        assert!((600..=623).contains(&left), "{left}");
        assert_eq!(
            (lock.scope, lock.owner_info.as_str()),
            (Scope::Exclusive, "")
        );
    }
}
