//! The table of all directives.
//!
//! In: the slices of the core, of each module, and of what is missing. Out: look-up by name. Must hold: every directive of
//! lighttpd is there once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::directive::Directive;
use super::{core, unsupported};
use crate::modules;

/// All directives, by subject.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    let core = core::TABLES.iter().copied();
    let own = modules::TABLE.iter().map(|module| module.directives);
    let missing = unsupported::TABLES.iter().copied();
    core.chain(own).chain(missing).flatten()
}

/// The directive of this name, which is in lower case.
pub fn find(name: &str) -> Option<&'static Directive> {
    static BY_NAME: OnceLock<HashMap<String, &Directive>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let lower = |own: &Directive| own.name.to_ascii_lowercase();
        all().map(|own| (lower(own), own)).collect()
    });
    by_name.get(name).copied()
}

/// The module that a directive belongs to; `None`: the core.
pub fn module_of(directive: &Directive) -> Option<&'static str> {
    let own = modules::TABLE.iter().find(|module| {
        module
            .directives
            .iter()
            .any(|own| own.name == directive.name)
    });
    match (own, directive.apply) {
        (Some(module), _) => Some(module.name),
        (None, super::directive::Apply::Unsupported { lack, .. }) => match lack {
            super::directive::Lack::Module(name)
            | super::directive::Lack::Without { module: name, .. } => Some(name),
            super::directive::Lack::Feature(_) | super::directive::Lack::Purpose(_) => None,
        },
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;
    use crate::config::{Apply, Kind, Lack, Reader, Scope, State};

    #[test]
    fn no_name_is_there_twice() {
        let mut seen = HashSet::new();
        for directive in all() {
            assert!(seen.insert(directive.name), "{}", directive.name);
        }
    }

    #[test]
    fn every_directive_has_a_sentence() {
        for directive in all() {
            let doc = directive.doc;
            let name = directive.name;
            let starts = doc.starts_with(|first: char| !first.is_lowercase());
            assert!(
                starts && doc.ends_with('.') && doc.len() > 5,
                "{name}: {doc}"
            );
            assert!(!doc.contains('\n') && !doc.contains("  "), "{name}: {doc}");
        }
    }

    #[test]
    fn every_default_fits_its_own_kind_and_reader() {
        for directive in all().filter(|directive| !directive.default.is_empty()) {
            let name = directive.name;
            let text = format!("{name} = {}\n", directive.default);
            let config = lighttpd_conf::load_text(&text, "default", Path::new("/")).unwrap();
            let found = lighttpd_conf::check(&config, [&directive.shape()]);
            assert_eq!(found, [], "{name}");

            let value = config.global().get(name).unwrap();
            let mut reader = Reader::default();
            let fits = match directive.apply {
                Apply::Server(set) => set.read(value, &mut reader).map(drop),
                Apply::Socket(set) => set.read(value, &mut reader).map(drop),
                Apply::Request(set) => set.read(value, &mut reader).map(drop),
                Apply::Nothing(_) | Apply::Unsupported { .. } => Ok(()),
            };
            assert_eq!(fits, Ok(()), "{name}");
            let mut remarks = Vec::new();
            reader.take_remarks(&config, &mut remarks);
            assert_eq!(remarks, [], "{name}");
        }
    }

    #[test]
    fn switches_and_numbers_have_a_default() {
        for directive in all().filter(|d| !matches!(d.apply, Apply::Unsupported { .. })) {
            if matches!(directive.kind(), Kind::Bool | Kind::Short | Kind::Int) {
                assert_ne!(directive.default, "", "{}", directive.name);
            }
        }
    }

    /// What is read but counts in fewer places, or not at all, is not the same: the sentence says so.
    #[test]
    fn what_is_restricted_differs() {
        for directive in all() {
            let name = directive.name;
            let is_restricted = match directive.apply {
                Apply::Server(_) => directive.scope == Scope::Connection,
                // What has no effect in lighttpd either.
                Apply::Nothing(_) => {
                    let without_effect = "server.bsd-accept-filter deflate.work-block-size deflate.output-buffer-size";
                    !without_effect.contains(name)
                }
                Apply::Socket(_) | Apply::Request(_) | Apply::Unsupported { .. } => false,
            };
            assert!(!is_restricted || directive.differs.is_some(), "{name}");
        }
    }

    #[test]
    fn reasons_end_a_sentence() {
        let sentences =
            all().filter_map(|directive| match directive.state() {
                State::Same | State::NotYet(Lack::Module(_)) => None,
                State::Different(other) => Some(other.how),
                State::Refused(why)
                | State::NotYet(
                    Lack::Feature(why) | Lack::Purpose(why) | Lack::Without { why, .. },
                ) => Some(why),
            });
        for sentence in sentences {
            assert!(!sentence.ends_with('.') && sentence.len() > 5, "{sentence}");
        }
    }

    #[test]
    fn all_names_of_lighttpd_are_known() {
        let ours: HashSet<&str> = all().map(|directive| directive.name).collect();
        let missing: Vec<&str> = NAMES.lines().filter(|name| !ours.contains(name)).collect();
        assert_eq!(missing, Vec::<&str>::new());
        let theirs: HashSet<&str> = NAMES.lines().collect();
        let more = ours.difference(&theirs);
        let more: Vec<&&str> = more
            .filter(|name| !name.starts_with("secdownload."))
            .collect();
        assert_eq!(more, Vec::<&&str>::new());
        assert_eq!(theirs.len(), 262);
    }

    /// All directives of lighttpd 1.4.85.
    const NAMES: &str = "\
accesslog.escaping
accesslog.filename
accesslog.format
accesslog.syslog-level
accesslog.use-syslog
ajp13.balance
ajp13.debug
ajp13.map-extensions
ajp13.server
alias.url
auth.backend
auth.backend.dbi
auth.backend.gssapi.keytab
auth.backend.gssapi.principal
auth.backend.gssapi.store-creds
auth.backend.htdigest.userfile
auth.backend.htpasswd.userfile
auth.backend.ldap.allow-empty-pw
auth.backend.ldap.base-dn
auth.backend.ldap.bind-dn
auth.backend.ldap.bind-pw
auth.backend.ldap.ca-file
auth.backend.ldap.filter
auth.backend.ldap.groupmember
auth.backend.ldap.hostname
auth.backend.ldap.starttls
auth.backend.ldap.timeout
auth.backend.pam.opts
auth.backend.plain.groupfile
auth.backend.plain.userfile
auth.backend.sasl.opts
auth.cache
auth.extern-authn
auth.require
cgi.assign
cgi.execute-x-only
cgi.limits
cgi.local-redir
cgi.upgrade
cgi.x-sendfile
cgi.x-sendfile-docroot
compress.allowed-encodings
compress.cache-dir
compress.filetype
compress.max-filesize
compress.max-loadavg
connection.kbytes-per-second
debug.log-condition-handling
debug.log-file-not-found
debug.log-request-handling
debug.log-request-header
debug.log-request-header-on-error
debug.log-response-header
debug.log-ssl-noise
debug.log-state-handling
debug.log-timeouts
deflate.allowed-encodings
deflate.cache-dir
deflate.compression-level
deflate.max-compress-size
deflate.max-loadavg
deflate.mimetypes
deflate.min-compress-size
deflate.output-buffer-size
deflate.params
deflate.work-block-size
dir-listing.activate
dir-listing.auto-layout
dir-listing.cache
dir-listing.encode-header
dir-listing.encode-readme
dir-listing.encoding
dir-listing.exclude
dir-listing.external-css
dir-listing.external-js
dir-listing.hide-dotfiles
dir-listing.hide-header-file
dir-listing.hide-readme-file
dir-listing.set-footer
dir-listing.show-header
dir-listing.show-readme
dir-listing.sort
etag.use-inode
etag.use-mtime
etag.use-size
evhost.path-pattern
expire.mimetypes
expire.url
extforward.forwarder
extforward.hap-PROXY
extforward.hap-PROXY-ssl-client-verify
extforward.headers
extforward.params
fastcgi.balance
fastcgi.debug
fastcgi.map-extensions
fastcgi.server
index-file.names
magnet.attract-physical-path-to
magnet.attract-raw-url-to
magnet.attract-response-start-to
maxminddb.activate
maxminddb.db
maxminddb.env
mimetype.assign
mimetype.use-xattr
mimetype.xattr-name
proxy.balance
proxy.debug
proxy.forwarded
proxy.header
proxy.map-extensions
proxy.replace-http-host
proxy.server
rrdtool.binary
rrdtool.db-name
scgi.balance
scgi.debug
scgi.map-extensions
scgi.protocol
scgi.server
server.bind
server.breakagelog
server.bsd-accept-filter
server.chroot
server.chunkqueue-chunk-sz
server.compat-module-load
server.core-files
server.defer-accept
server.dir-listing
server.document-root
server.error-handler
server.error-handler-404
server.error-intercept
server.errorfile-prefix
server.errorlog
server.errorlog-use-syslog
server.event-handler
server.feature-flags
server.follow-symlink
server.force-lowercase-filenames
server.groupname
server.http-parseopt-header-strict
server.http-parseopt-host-normalize
server.http-parseopt-host-strict
server.http-parseopts
server.indexfiles
server.ip-transparent
server.kbytes-per-second
server.listen-backlog
server.max-connections
server.max-fds
server.max-keep-alive-idle
server.max-keep-alive-requests
server.max-read-idle
server.max-request-field-size
server.max-request-size
server.max-worker
server.max-write-idle
server.modules
server.name
server.network-backend
server.pid-file
server.port
server.protocol-http11
server.range-requests
server.reject-expect-100-with-417
server.set-v6only
server.socket-perms
server.stat-cache-engine
server.stream-request-body
server.stream-response-body
server.syslog-facility
server.systemd-socket-activation
server.tag
server.upload-dirs
server.upload-temp-file-size
server.use-ipv6
server.username
server.v4mapped
setenv.add-environment
setenv.add-request-header
setenv.add-response-header
setenv.set-environment
setenv.set-request-header
setenv.set-response-header
simple-vhost.debug
simple-vhost.default-host
simple-vhost.document-root
simple-vhost.server-root
sockproxy.balance
sockproxy.debug
sockproxy.server
ssi.conditional-requests
ssi.content-type
ssi.exec
ssi.extension
ssi.recursion-max
ssl.acme-tls-1
ssl.ca-crl-file
ssl.ca-dn-file
ssl.ca-file
ssl.cipher-list
ssl.disable-client-renegotiation
ssl.ech-opts
ssl.ech-public-name
ssl.engine
ssl.openssl.ssl-conf-cmd
ssl.pemfile
ssl.privkey
ssl.read-ahead
ssl.stapling-file
ssl.stek-file
ssl.verifyclient.activate
ssl.verifyclient.ca-crl-file
ssl.verifyclient.ca-dn-file
ssl.verifyclient.ca-file
ssl.verifyclient.depth
ssl.verifyclient.enforce
ssl.verifyclient.exportcert
ssl.verifyclient.username
static-file.disable-pathinfo
static-file.etags
static-file.exclude-extensions
status.config-url
status.enable-sort
status.statistics-url
status.status-url
url.access-allow
url.access-deny
url.redirect
url.redirect-code
url.rewrite
url.rewrite-final
url.rewrite-if-not-file
url.rewrite-once
url.rewrite-repeat
url.rewrite-repeat-if-not-file
userdir.active
userdir.basepath
userdir.exclude-user
userdir.include-user
userdir.letterhomes
userdir.path
vhostdb.backend
vhostdb.cache
vhostdb.dbi
vhostdb.ldap
vhostdb.mysql
vhostdb.pgsql
webdav.activate
webdav.is-readonly
webdav.log-xml
webdav.opts
webdav.sqlite-db-name
wstunnel.balance
wstunnel.debug
wstunnel.frame-type
wstunnel.map-extensions
wstunnel.origins
wstunnel.ping-interval
wstunnel.server";
}
