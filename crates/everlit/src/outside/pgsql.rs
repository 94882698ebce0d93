//! PostgreSQL.
//!
//! In: how to connect, a query. Out: the first column of the only row. Must hold: connections are kept for the next question;
//! one that has died meanwhile is replaced without a word.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// A database.
pub struct Database {
    config: Config,
    /// Connections that nobody uses now.
    resting: Mutex<Vec<Client>>,
}

/// How long connecting, and each query, may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Database {
    /// A database; nothing is connected yet.
    pub fn new(mut config: Config) -> Database {
        config
            .connect_timeout(PATIENCE)
            .tcp_user_timeout(2 * PATIENCE);
        if config.get_options().is_none() {
            config.options(&format!("-c statement_timeout={}", PATIENCE.as_millis()));
        }
        Database {
            config,
            resting: Mutex::default(),
        }
    }

    /// The first column of the only row that a query gives.
    pub fn value(&self, query: &str) -> Result<Option<String>, Error> {
        // A statement of its own: the lock is free again after it.
        let rested = self.resting().pop();
        if let Some(mut client) = rested
            && let Ok(value) = value(&mut client, query)
        {
            self.resting().push(client);
            return Ok(value);
        }
        let mut client = self.config.connect(NoTls)?;
        let value = value(&mut client, query)?;
        self.resting().push(client);
        Ok(value)
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn value(client: &mut Client, query: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(query)?;
    let mut rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(match (rows.next(), rows.next()) {
        (Some(row), None) if !row.is_empty() => row.get(0).map(str::to_owned),
        _ => None,
    })
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(pgsql)")
    }
}
