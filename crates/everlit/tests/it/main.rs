//! Tests from outside: real processes, real sockets. One module a subject.

// clippy.toml allows this in test functions; their helpers are meant too.
#![allow(clippy::unwrap_used)]
// Nothing here is for anybody else.
#![allow(unreachable_pub)]

mod demo;
