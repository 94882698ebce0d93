//! Whom threads of the pool ask (see [`crate::inquiry`]): directories, databases, the system's own logins.
//!
//! In: what the configuration says of them, and a question. Out: an answer. Must hold: each has its own limits of time, so that
//! no thread waits for ever; whatever fails is said in the error log, and answers nothing.

#[cfg(feature = "ldap")]
pub mod ldap;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "pgsql")]
pub mod pgsql;
