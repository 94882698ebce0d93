//! 6. The settings in force for one request: one value per module.
//!
//! In: defaults, the global block, and the blocks whose conditions hold, in the order of the file. Out: [`Settings`]; each
//! module reads its own field. Must hold: the same blocks give the same settings; the values were checked at start.

use minicbor::{Decode, Encode};
use std::path::PathBuf;

use crate::errorlog::Errors;
use crate::logline::LogId;
use crate::modules;
use crate::transport::pace::Limits;

/// Everything that a condition may change (scope `CONN`).
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Directives of the core.
    pub core: Core,
    /// mod_access
    pub access: modules::access::Settings,
    /// mod_ajp13
    pub ajp13: modules::ajp13::Settings,
    /// mod_alias
    pub alias: modules::alias::Settings,
    /// mod_auth
    pub auth: modules::auth::Settings,
    /// mod_authn_file
    pub authn_file: modules::authn_file::Settings,
    /// mod_authn_ldap
    pub authn_ldap: modules::authn_ldap::Settings,
    /// mod_authn_pam
    pub authn_pam: modules::authn_pam::Settings,
    /// mod_accesslog
    pub accesslog: modules::accesslog::Settings,
    /// mod_cgi
    pub cgi: modules::cgi::Settings,
    /// mod_deflate
    pub deflate: modules::deflate::Settings,
    /// mod_dirlisting
    pub dirlisting: modules::dirlisting::Settings,
    /// mod_evhost
    pub evhost: modules::evhost::Settings,
    /// mod_expire
    pub expire: modules::expire::Settings,
    /// mod_extforward
    pub extforward: modules::extforward::Settings,
    /// mod_fastcgi
    pub fastcgi: modules::fastcgi::Settings,
    /// mod_indexfile
    pub indexfile: modules::indexfile::Settings,
    /// mod_maxminddb
    pub maxminddb: modules::maxminddb::Settings,
    /// mod_magnet
    pub magnet: modules::magnet::Settings,
    /// mod_openssl
    pub openssl: modules::openssl::Settings,
    /// mod_proxy
    pub proxy: modules::proxy::Settings,
    /// mod_redirect
    pub redirect: modules::redirect::Settings,
    /// mod_rewrite
    pub rewrite: modules::rewrite::Settings,
    /// mod_rrdtool
    pub rrdtool: modules::rrdtool::Settings,
    /// mod_scgi
    pub scgi: modules::scgi::Settings,
    /// mod_secdownload
    pub secdownload: modules::secdownload::Settings,
    /// mod_setenv
    pub setenv: modules::setenv::Settings,
    /// mod_simple_vhost
    pub simple_vhost: modules::simple_vhost::Settings,
    /// mod_sockproxy
    pub sockproxy: modules::sockproxy::Settings,
    /// mod_ssi
    pub ssi: modules::ssi::Settings,
    /// mod_staticfile
    pub staticfile: modules::staticfile::Settings,
    /// mod_userdir
    pub userdir: modules::userdir::Settings,
    /// mod_vhostdb
    pub vhostdb: modules::vhostdb::Settings,
    /// mod_status
    pub status: modules::status::Settings,
    /// mod_webdav
    pub webdav: modules::webdav::Settings,
    /// mod_wstunnel
    pub wstunnel: modules::wstunnel::Settings,
}

/// Directives of the core that conditions may change. Field names follow the directives.
#[derive(Clone, Debug)]
pub struct Core {
    /// `server.document-root`, without a slash at the end.
    pub document_root: Vec<u8>,
    /// `server.name`; empty: the request's host.
    pub name: String,
    /// `server.tag`; empty: no `Server` field. Default `Everlit`.
    pub tag: String,
    /// `server.max-request-size` in bytes (the directive is in KiB); 0: no limit.
    pub max_request_size: u64,
    /// `connection.kbytes-per-second`, `server.kbytes-per-second`
    pub limits: Limits,
    /// `server.max-keep-alive-requests`, default 1000.
    pub max_keep_alive_requests: u32,
    /// `server.max-keep-alive-idle` in seconds, default 5.
    pub max_keep_alive_idle: u16,
    /// `server.max-read-idle` in seconds, default 60.
    pub max_read_idle: u16,
    /// `server.max-write-idle` in seconds, default 360.
    pub max_write_idle: u16,
    /// `server.errorfile-prefix`; empty: none.
    pub errorfile_prefix: Vec<u8>,
    /// `server.error-handler` (any status from 400 on).
    pub error_handler: String,
    /// `server.error-handler-404`.
    pub error_handler_404: String,
    /// `server.force-lowercase-filenames`
    pub force_lowercase: bool,
    /// `server.follow-symlink`, default on.
    pub follow_symlink: bool,
    /// `server.stream-request-body`
    pub stream_request_body: Stream,
    /// `server.stream-response-body`
    pub stream_response_body: Stream,
    /// `server.error-intercept`: whether errors of backends get our pages too.
    pub error_intercept: bool,
    /// `server.errorlog` within conditions.
    pub errors: Errors,
    /// `server.breakagelog`; `None`: `server.errorlog`.
    pub breakage_log: Option<LogId>,
    /// `server.upload-dirs`: where files are made for what does not fit in memory; empty: `/var/tmp`.
    pub upload_dirs: Vec<PathBuf>,
    /// `server.range-requests`, default on.
    pub range_requests: bool,
    /// `mimetype.assign`; see [`crate::mime`].
    pub mime: std::sync::Arc<crate::mime::Table>,
    /// `mimetype.use-xattr`, `mimetype.xattr-name`
    pub mime_attribute: MimeAttribute,
    /// `debug.log-*`
    pub debug: Debug,
    /// `etag.use-inode`, `etag.use-mtime`, `etag.use-size`; default all on.
    pub etag: EtagParts,
}

/// How a body is passed on (`server.stream-request-body`, `server.stream-response-body`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Stream {
    /// 0: when it is complete. What does not fit in memory waits in a file.
    #[default]
    #[n(0)]
    Collected,
    /// 1: as it comes; what the other side is too slow for waits in a file.
    #[n(1)]
    Eager,
    /// 2: as it comes, and no faster than the other side takes it.
    #[n(2)]
    Bounded,
}

/// An extended attribute with a file's media type (`mimetype.use-xattr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeAttribute {
    /// Whether it is looked for.
    pub is_read: bool,
    /// Its name, default `user.Content-Type`.
    pub name: std::sync::Arc<str>,
}

/// What is logged to find mistakes; default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debug {
    /// `debug.log-file-not-found`
    pub file_not_found: bool,
    /// `debug.log-request-header`
    pub request_header: bool,
    /// `debug.log-response-header`
    pub response_header: bool,
    /// `debug.log-request-handling`
    pub request_handling: bool,
    /// `debug.log-condition-handling`
    pub condition_handling: bool,
    /// `debug.log-timeouts`; counts outside of conditions.
    pub timeouts: bool,
    /// `debug.log-state-handling`; counts outside of conditions.
    pub state_handling: bool,
    /// `debug.log-request-header-on-error`
    pub header_on_error: bool,
}

/// What an ETag is made of (`etag.use-*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtagParts {
    /// Inode number.
    pub inode: bool,
    /// Time of modification.
    pub mtime: bool,
    /// Size.
    pub size: bool,
}

impl Default for Core {
    fn default() -> Self {
        Core {
            document_root: Vec::new(),
            name: String::new(),
            tag: "Everlit".to_owned(),
            max_request_size: 0,
            limits: Limits::default(),
            max_keep_alive_requests: 1000,
            max_keep_alive_idle: 5,
            max_read_idle: 60,
            max_write_idle: 360,
            errorfile_prefix: Vec::new(),
            error_handler: String::new(),
            error_handler_404: String::new(),
            force_lowercase: false,
            follow_symlink: true,
            stream_request_body: Stream::default(),
            stream_response_body: Stream::default(),
            error_intercept: false,
            errors: Errors::default(),
            breakage_log: None,
            upload_dirs: Vec::new(),
            range_requests: true,
            mime: crate::mime::builtin(),
            mime_attribute: MimeAttribute {
                is_read: false,
                name: "user.Content-Type".into(),
            },
            debug: Debug::default(),
            etag: EtagParts {
                inode: true,
                mtime: true,
                size: true,
            },
        }
    }
}
