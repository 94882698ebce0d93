//! MySQL and MariaDB.
//!
//! In: how to connect, a query. Out: the first column of the only row. Must hold: connections are kept for the next question;
//! one that has died meanwhile is replaced without a word.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql::prelude::Queryable as _;
use mysql::{Conn, Error, Opts, OptsBuilder, Row};

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

    /// The first column of the only row that a query gives.
    pub fn value(&self, query: &str) -> Result<Option<String>, Error> {
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

fn value(conn: &mut Conn, query: &str) -> Result<Option<String>, Error> {
    let mut rows: Vec<Row> = conn.query(query)?;
    Ok(match (rows.pop(), rows.is_empty()) {
        (Some(mut row), true) => row.take_opt::<String, usize>(0).and_then(Result::ok),
        _ => None,
    })
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(mysql)")
    }
}
