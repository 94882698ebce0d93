//! MySQL and MariaDB.
//!
//! In: how to connect, a query. Out: the first column of the first row. Must hold: connections are kept for the next question;
//! one that has died meanwhile is replaced without a word.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql::prelude::Queryable as _;
use mysql::{Conn, Opts, OptsBuilder, Row};

/// A database.
pub struct Database {
    opts: Opts,
    /// Connections that nobody uses now.
    resting: Mutex<Vec<Conn>>,
}

/// How long connecting, and each query, may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Database {
    /// A database; nothing is connected yet.
    pub fn new(opts: OptsBuilder) -> Database {
        let opts = opts
            .tcp_connect_timeout(Some(PATIENCE))
            .read_timeout(Some(PATIENCE))
            .write_timeout(Some(PATIENCE));
        Database {
            opts: opts.into(),
            resting: Mutex::default(),
        }
    }

    /// The first column of the first row that a query gives, as lighttpd takes it; its bytes, whatever they are.
    pub fn value(&self, query: &str) -> Result<Option<Vec<u8>>, Error> {
        // A statement of its own: the lock is free again after it.
        let rested = self.resting().pop();
        if let Some(mut conn) = rested
            && let Ok(value) = value(&mut conn, query)
        {
            self.resting().push(conn);
            return Ok(value);
        }
        let mut conn = Conn::new(self.opts.clone())?;
        let value = value(&mut conn, query)?;
        self.resting().push(conn);
        Ok(value)
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Conn>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn value(conn: &mut Conn, query: &str) -> Result<Option<Vec<u8>>, Error> {
    let row: Option<Row> = conn.query_first(query)?;
    Ok(row.and_then(|mut row| row.take_opt::<Vec<u8>, usize>(0)?.ok()))
}

/// Why a database does not answer.
#[derive(Debug)]
pub struct Error(mysql::Error);

impl From<mysql::Error> for Error {
    fn from(error: mysql::Error) -> Self {
        Error(error)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MySQL: ")?;
        // Without the names that the library's types have.
        match &self.0 {
            mysql::Error::MySqlError(error) => error.fmt(f),
            mysql::Error::DriverError(error) => error.fmt(f),
            mysql::Error::IoError(error) => error.fmt(f),
            error => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(mysql)")
    }
}
