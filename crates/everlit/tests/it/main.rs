//! Everlit from outside: real processes, real sockets. One module a subject.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may, and clippy knows only the latter"
)]
#![allow(unreachable_pub, reason = "nothing here is for anybody else")]

mod support;

mod auth;
mod backends;
mod command_line;
mod control_socket;
mod debian;
mod deflate;
mod demo;
mod errorlog;
mod examples;
mod extforward;
mod idle;
mod limits;
#[cfg(feature = "lua")]
mod magnet;
#[cfg(feature = "maxminddb")]
mod maxminddb;
mod one_client;
mod oracle;
mod pace;
mod programs;
mod restart;
mod rrdtool;
mod sockproxy;
mod ssi;
mod status;
mod tls;
mod verdicts;
mod webdav;
mod wire;
mod wstunnel;
