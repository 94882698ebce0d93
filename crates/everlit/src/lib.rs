//! Everlit, a web server whose restarts nobody notices.
//!
//! The way of a request: accept -> transport -> conn -> http1 -> request -> route -> modules -> response -> respond ->
//! keep-alive (back to conn) or freeze -> thaw.

// The way of a request.
pub mod exchange;
pub mod http1;
pub mod logline;
pub mod modules;
pub mod request;
pub mod response;
pub mod route;
pub mod settings;

// What it needs on its way.
pub mod clock;
pub mod files;
pub mod mime;
pub mod net;

// The configuration.
pub mod config;
pub mod source;

// Between processes.
pub mod link;
pub mod plan;
pub mod tally;
