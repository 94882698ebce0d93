//! Everlit, a web server whose restarts nobody notices.
//!
//! The way of a request, in the order of the modules below: a worker accepts a connection, its transport moves bytes,
//! `http1` makes requests of them, `route` finds settings and modules, a module makes a response, the outbox sends it.
//! Then the connection is kept, or frozen and thawed in the next generation.

// The way of a request.
pub mod worker;

pub mod tls;
pub mod transport;

pub mod http1;

pub mod request;

pub mod route;

pub mod settings;

pub mod exchange;

pub mod inquiry;

pub mod knowledge;
pub mod outside;

pub mod modules;

pub mod substitute;

pub mod gateway;

pub mod response;

pub mod pack;

pub mod logline;

// From one process to the next.
pub mod freeze;
pub mod generation;

// What it needs on its way.
pub mod board;
pub mod clock;
pub mod errorlog;
pub mod files;
mod logfile;
pub mod mime;
pub mod net;
mod piped;
pub mod syslog;

// The configuration.
pub mod config;
pub mod source;

// Between processes.
pub mod control;
pub mod inherit;
pub mod link;
pub mod plan;
pub mod tally;
pub mod version;

// For those who want to see it.
pub mod demo;

pub mod cli;
pub(crate) mod supervisor;

mod causes;
pub(crate) mod sys;

pub use sys::wipe::Allocator;
