//! 7. The modules, and the contract between them and the server.
//!
//! Each module is one file in five parts: its settings, its table of directives, its pure decision, its hooks, its
//! tests. [`TABLE`] names them all. Must hold: a hook never blocks on anything but a local file.

pub mod access;
pub mod accesslog;
pub mod ajp13;
pub mod alias;
pub mod auth;
pub mod authn_file;
pub mod authn_ldap;
pub mod authn_pam;
pub mod cgi;
pub mod deflate;
pub mod dirlisting;
pub mod evhost;
pub mod expire;
pub mod extforward;
pub mod fastcgi;
pub mod indexfile;
pub mod magnet;
pub mod maxminddb;
pub mod openssl;
pub mod proxy;
pub mod redirect;
pub mod rewrite;
pub mod rrdtool;
pub mod scgi;
pub mod secdownload;
pub mod setenv;
pub mod simple_vhost;
pub mod sockproxy;
pub mod ssi;
pub mod staticfile;
pub mod status;
pub mod userdir;
pub mod vhostdb;
pub mod webdav;
pub mod wstunnel;

#[cfg(test)]
mod tests;

use crate::config::Directive;
use crate::exchange::{Exchange, Flow};
use crate::files::{EntryKind, Rules};
use crate::logline::PendingLine;
use crate::net::Peer;
use crate::route::arrival::Arrival;
use crate::settings::Settings;

/// All modules, in no order: `server.modules` gives the order.
pub static TABLE: &[&Module] = &[
    &access::MODULE,
    &accesslog::MODULE,
    &ajp13::MODULE,
    &alias::MODULE,
    &auth::MODULE,
    &authn_file::MODULE,
    &authn_ldap::MODULE,
    &authn_pam::MODULE,
    &cgi::MODULE,
    &deflate::MODULE,
    &dirlisting::MODULE,
    &evhost::MODULE,
    &expire::MODULE,
    &extforward::MODULE,
    &fastcgi::MODULE,
    &indexfile::MODULE,
    &maxminddb::MODULE,
    &magnet::MODULE,
    &openssl::MODULE,
    &proxy::MODULE,
    &redirect::MODULE,
    &rewrite::MODULE,
    &rrdtool::MODULE,
    &scgi::MODULE,
    &secdownload::MODULE,
    &setenv::MODULE,
    &simple_vhost::MODULE,
    &sockproxy::MODULE,
    &ssi::MODULE,
    &staticfile::MODULE,
    &userdir::MODULE,
    &vhostdb::MODULE,
    &vhostdb::LDAP,
    &vhostdb::MYSQL,
    &vhostdb::PGSQL,
    &status::MODULE,
    &webdav::MODULE,
    &wstunnel::MODULE,
];

/// Those that give requests to backends, or to threads, which need a descriptor as well.
pub static GATEWAYS: &[&str] = &[
    "mod_ajp13",
    "mod_cgi",
    "mod_fastcgi",
    "mod_proxy",
    "mod_scgi",
    "mod_sockproxy",
    "mod_ssi",
    "mod_webdav",
    "mod_wstunnel",
];

/// A module: its name in `server.modules`, its directives, and the moments at which it is asked.
#[derive(Debug)]
pub struct Module {
    /// `mod_access` and so on.
    pub name: &'static str,
    /// Its directives.
    pub directives: &'static [Directive],
    /// The moments at which it is asked.
    pub hooks: Hooks,
}

/// What a module does at one moment of a request.
pub type Hook = fn(&mut Exchange<'_>, &Settings) -> Flow;

/// What a module says of a connection that has just come in.
pub type AcceptHook = fn(&Peer, &Settings) -> Arrival;

/// The moments of a request, in order, with lighttpd's names. A module that has nothing to do leaves `None`.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// A connection has come in, and nothing was read from it.
    pub connection_accept: Option<AcceptHook>,
    /// Nothing was decided yet. Here a module says who the client is; `Again`: it is another one than the connection
    /// tells, and the settings are found anew.
    pub uri_raw: Option<Hook>,
    /// Another URL may be answered in place of this one: [`Exchange::new_target`], and `Again`. Asked anew after that.
    pub uri_rewrite: Option<Hook>,
    /// The target is normalised; the settings are those of its conditions.
    pub uri_clean: Option<Hook>,
    /// Chooses the document root.
    pub docroot: Option<Hook>,
    /// The document root and the physical path are known; may map them elsewhere.
    pub physical: Option<Hook>,
    /// The physical path was looked up in the file system; here a module answers.
    pub subrequest_start: Option<Hook>,
    /// A response is there, whoever made it; its header fields may still change.
    pub response_start: Option<Hook>,
    /// The response's head is final: may write a line for a log, to be completed when the last byte is sent.
    pub request_done: Option<fn(&Exchange<'_>, &Settings, &mut PendingLine)>,
}

impl Hooks {
    /// No hooks at all.
    pub const NONE: Hooks = Hooks {
        connection_accept: None,
        uri_raw: None,
        uri_rewrite: None,
        uri_clean: None,
        docroot: None,
        physical: None,
        subrequest_start: None,
        response_start: None,
        request_done: None,
    };
}

/// Whether there is a directory at this path; for modules that choose a document root.
fn is_directory(exchange: &mut Exchange<'_>, path: &[u8]) -> bool {
    let found = (exchange.files).look_up(path, Rules::FollowLinks, exchange.now);
    found.is_ok_and(|entry| entry.metadata.kind == EntryKind::Directory)
}
