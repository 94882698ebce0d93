//! Each directive that has an effect, and the effect. A test on the table below sees to it that none is forgotten.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use portable_tls::Version;

use super::support::*;
use crate::config::{Apply, CoreFiles, LogPlace, Resolver, Site, StatCache, table};
use crate::gateway::Backends;
use crate::gateway::header_map::{Forwarded, HeaderMap};
use crate::gateway::host::Balance;
use crate::gateway::websocket::Kind;
use crate::logline::LogId;
use crate::modules::auth::Backend;
use crate::modules::auth::algorithm::Algorithm;
use crate::modules::auth::require::Scheme;
use crate::modules::openssl::Engine;
use crate::modules::rewrite::{Lists, Which};
use crate::modules::scgi::Dialect;
use crate::modules::secdownload::{self, Query};
use crate::modules::simple_vhost::Debug;
use crate::modules::userdir::{Homes, State};
#[cfg(feature = "pgsql")]
use crate::modules::vhostdb;
use crate::modules::webdav::Options;
use crate::pack::Coding;
use crate::plan::{ListenSpec, Plan};
use crate::route::uri::ParseOption;
use crate::settings::{Settings, Stream};

struct Loaded {
    site: Site,
    plan: Plan,
    settings: std::rc::Rc<Settings>,
}

impl Loaded {
    fn listener(&self) -> &ListenSpec {
        &self.plan.listeners[0]
    }
}

/// Directive, what is set, what then holds.
type Case = (&'static str, &'static str, fn(&Loaded) -> bool);

const CASES: &[Case] = &[
    // Limits.
    ("server.max-connections", "100", |l| {
        l.site.server.max_connections == Some(100)
    }),
    ("server.max-connections", "0", |l| {
        l.site.server.max_connections.is_none()
    }),
    ("server.max-fds", "4096", |l| {
        l.site.server.max_fds == Some(4096)
    }),
    ("server.max-worker", "2", |l| {
        l.site.server.workers == Some(2)
    }),
    ("server.max-worker", "0", |l| {
        l.site.server.workers.is_none()
    }),
    ("server.max-request-field-size", "4096", |l| {
        l.site.server.max_head_bytes == 4096
    }),
    ("server.max-request-size", "10", |l| {
        l.settings.core.max_request_size == 10 * 1024
    }),
    ("server.max-keep-alive-requests", "7", |l| {
        l.settings.core.max_keep_alive_requests == 7
    }),
    ("server.max-keep-alive-idle", "8", |l| {
        l.settings.core.max_keep_alive_idle == 8
    }),
    ("server.max-read-idle", "9", |l| {
        l.settings.core.max_read_idle == 9
    }),
    ("server.max-write-idle", "\"10\"", |l| {
        l.settings.core.max_write_idle == 10
    }),
    // Files.
    ("server.document-root", "\"/srv/a/\"", |l| {
        l.settings.core.document_root == b"/srv/a"
    }),
    ("server.document-root", "\"/\"", |l| {
        l.settings.core.document_root == b"/"
    }),
    ("server.document-root", "\"a\"", |l| {
        let absolute = std::env::current_dir().unwrap().join("a");
        l.settings.core.document_root == absolute.as_os_str().as_encoded_bytes()
    }),
    ("server.name", "\"n.example\"", |l| {
        l.settings.core.name == "n.example"
    }),
    ("server.tag", "\"\"", |l| l.settings.core.tag.is_empty()),
    ("server.errorfile-prefix", "\"/srv/e-\"", |l| {
        l.settings.core.errorfile_prefix == b"/srv/e-"
    }),
    ("server.error-handler", "\"/e\"", |l| {
        l.settings.core.error_handler == "/e"
    }),
    ("server.error-handler-404", "\"/4\"", |l| {
        l.settings.core.error_handler_404 == "/4"
    }),
    ("server.force-lowercase-filenames", "\"enable\"", |l| {
        l.settings.core.force_lowercase
    }),
    ("server.follow-symlink", "\"disable\"", |l| {
        !l.settings.core.follow_symlink
    }),
    ("server.range-requests", "\"disable\"", |l| {
        !l.settings.core.range_requests
    }),
    ("mimetype.assign", "( \".x\" => \"t/x\" )", |l| {
        l.settings.core.mime.find(b"/a.x") == Some("t/x")
            && l.settings.core.mime.find(b"/a.html").is_none()
    }),
    ("etag.use-inode", "\"disable\"", |l| {
        !l.settings.core.etag.inode
    }),
    ("etag.use-mtime", "\"disable\"", |l| {
        !l.settings.core.etag.mtime
    }),
    ("etag.use-size", "\"disable\"", |l| {
        !l.settings.core.etag.size
    }),
    ("server.stat-cache-engine", "\"disable\"", |l| {
        l.site.server.stat_cache == StatCache::Disabled
    }),
    ("server.stat-cache-engine", "\"fam\"", |l| {
        l.site.server.stat_cache == StatCache::Simple
    }),
    // Logs.
    ("server.errorlog", "\"/tmp/e.log\"", |l| {
        l.site.server.error_log == Some(LogPlace::File("/tmp/e.log".into()))
            && l.plan.error_log == l.site.server.error_log
            && l.plan.logs == [std::path::Path::new("/tmp/e.log")]
    }),
    ("server.errorlog", "\"| rotate /tmp/e\"", |l| {
        l.site.server.error_log == Some(LogPlace::Pipe("rotate /tmp/e".to_owned()))
            && l.plan.error_log == l.site.server.error_log
            && l.plan.logs.is_empty()
    }),
    (
        "server.errorlog-use-syslog",
        "\"enable\"\nserver.errorlog = \"/tmp/e.log\"",
        |l| {
            l.site.server.error_log == Some(LogPlace::Syslog(27))
                && l.plan.error_log == l.site.server.error_log
                && l.plan.logs.is_empty()
        },
    ),
    (
        "server.syslog-facility",
        "\"local3\"\nserver.errorlog-use-syslog = \"enable\"",
        |l| l.site.server.error_log == Some(LogPlace::Syslog(19 * 8 + 3)),
    ),
    (
        "server.syslog-facility",
        "\"local3\"\naccesslog.use-syslog = \"enable\"",
        |l| l.site.server.access_logs == [LogPlace::Syslog(19 * 8 + 6)],
    ),
    // Network.
    ("server.port", "8080", |l| {
        l.listener().name == "0.0.0.0:8080"
    }),
    ("server.bind", "\"127.0.0.1\"", |l| {
        l.listener().name == "127.0.0.1:80"
    }),
    ("server.network-backend", "\"writev\"", |_| true),
    ("server.protocol-http11", "\"enable\"", |_| true),
    ("server.event-handler", "\"linux-sysepoll\"", |_| true),
    ("server.listen-backlog", "9", |l| l.listener().backlog == 9),
    ("server.socket-perms", "\"0600\"", |l| {
        l.listener().permissions == Some(0o600)
    }),
    ("server.defer-accept", "\"disable\"", |l| {
        !l.listener().defer_accept
    }),
    ("server.use-ipv6", "\"enable\"", |l| {
        l.listener().name == "[::]:80"
    }),
    ("server.set-v6only", "\"disable\"", |l| {
        !l.listener().v6_only
    }),
    ("server.v4mapped", "\"enable\"", |l| !l.listener().v6_only),
    ("server.breakagelog", "\"/var/log/broken\"", |l| {
        l.settings.core.breakage_log == Some(LogId(0))
            && l.plan.breakage_log.as_deref() == Some(Path::new("/var/log/broken"))
            && l.plan.logs == [Path::new("/var/log/broken")]
    }),
    ("server.kbytes-per-second", "100", |l| {
        let shared = l.settings.core.limits.shared.as_ref().unwrap();
        (shared.number, shared.rate) == (0, 100) && l.site.server.limits.len() == 1
    }),
    ("connection.kbytes-per-second", "10", |l| {
        l.settings.core.limits.each == 10
    }),
    ("server.ip-transparent", "\"enable\"", |l| {
        l.listener().transparent
    }),
    ("mimetype.use-xattr", "\"enable\"", |l| {
        l.settings.core.mime_attribute.is_read
    }),
    ("mimetype.xattr-name", "\"mime_type\"", |l| {
        &*l.settings.core.mime_attribute.name == "user.mime_type"
    }),
    // How requests are read.
    (
        "server.http-parseopts",
        "( \"url-query-20-plus\" => \"enable\", \"host-strict\" => \"disable\" )",
        |l| {
            let options = l.site.server.parse;
            options.has(ParseOption::UrlQuery20Plus) && !options.has(ParseOption::HostStrict)
        },
    ),
    ("server.http-parseopt-header-strict", "\"disable\"", |l| {
        !l.site.server.parse.has(ParseOption::HeaderStrict)
    }),
    ("server.http-parseopt-host-strict", "\"disable\"", |l| {
        !l.site.server.parse.has(ParseOption::HostStrict)
    }),
    ("server.http-parseopt-host-normalize", "\"enable\"", |l| {
        l.site.server.parse.has(ParseOption::HostNormalize)
    }),
    ("server.stream-request-body", "1", |l| {
        l.settings.core.stream_request_body == Stream::Eager
    }),
    ("server.stream-request-body", "2", |l| {
        l.settings.core.stream_request_body == Stream::Bounded
    }),
    ("server.stream-response-body", "0", |l| {
        l.settings.core.stream_response_body == Stream::Collected
    }),
    ("server.stream-response-body", "3", |l| {
        l.settings.core.stream_response_body == Stream::Bounded
    }),
    ("server.error-intercept", "\"enable\"", |l| {
        l.settings.core.error_intercept
    }),
    ("server.upload-dirs", "( \"/a\", \"/b\" )", |l| {
        l.settings.core.upload_dirs == [Path::new("/a"), Path::new("/b")]
    }),
    // The process.
    (
        "server.modules",
        "( \"mod_alias\" )\nalias.url = ( \"/a\" => \"/b\" )",
        |l| l.site.pipeline.physical.len() == 1,
    ),
    ("server.compat-module-load", "\"disable\"", |l| {
        l.site.pipeline.subrequest_start.is_empty()
    }),
    ("server.core-files", "\"enable\"", |l| {
        l.site.server.core_files == CoreFiles::Wanted
    }),
    ("server.username", "\"u\"", |l| {
        l.site.server.user.as_deref() == Some("u")
    }),
    ("server.groupname", "\"g\"", |l| {
        l.site.server.group.as_deref() == Some("g")
    }),
    ("server.chroot", "\"/jail\"", |l| {
        l.site.server.chroot.as_deref() == Some("/jail".as_ref())
    }),
    ("server.pid-file", "\"/run/p\"", |l| {
        l.plan.pid_file.as_deref() == Some("/run/p".as_ref())
    }),
    (
        "server.feature-flags",
        "( \"server.graceful-shutdown-timeout\" => 8 )",
        |l| l.plan.graceful_timeout == Some(Duration::from_secs(8)),
    ),
    (
        "server.feature-flags",
        "( \"server.graceful-shutdown-timeout\" => 0 )",
        |l| l.plan.graceful_timeout.is_none(),
    ),
    (
        "server.feature-flags",
        "( \"everlit.linger\" => \"3\", \"everlit.ready-timeout\" => 4 )",
        |l| {
            l.plan.linger == Some(Duration::from_secs(3))
                && l.plan.ready_timeout == Duration::from_secs(4)
        },
    ),
    (
        "server.feature-flags",
        "( \"server.absolute-dir-redirect\" => \"enable\" )",
        |l| l.site.server.flags.absolute_dir_redirect && l.site.server.flags.path_info,
    ),
    (
        "server.feature-flags",
        "( \"server.http-pathinfo\" => \"disable\", \"http10.range\" => 1 )",
        |l| !l.site.server.flags.path_info && l.site.server.flags.http10_range,
    ),
    // mod_access
    ("url.access-deny", "( \"~\" )", |l| {
        l.settings.access.deny == ["~"] && l.site.pipeline.uri_clean.len() == 1
    }),
    ("url.access-allow", "\".html\"", |l| {
        l.settings.access.allow == [".html"]
    }),
    // mod_accesslog
    ("accesslog.filename", "\"/tmp/a.log\"", |l| {
        l.site.server.access_logs == [LogPlace::File("/tmp/a.log".into())]
            && l.plan.logs == [std::path::Path::new("/tmp/a.log")]
    }),
    ("accesslog.filename", "\"| /bin/rotate x\"", |l| {
        l.site.server.access_logs == [LogPlace::Pipe("/bin/rotate x".to_owned())]
            && l.plan.logs.is_empty()
    }),
    ("accesslog.filename", "\"\"", |l| {
        l.site.server.access_logs.is_empty()
    }),
    (
        "accesslog.format",
        "\"%h\"\naccesslog.filename = \"/tmp/a.log\"",
        |l| l.site.pipeline.request_done.len() == 1,
    ),
    ("accesslog.escaping", "\"json\"", |_| true),
    ("accesslog.use-syslog", "\"enable\"", |l| {
        l.site.server.access_logs == [LogPlace::Syslog(30)]
    }),
    (
        "accesslog.syslog-level",
        "7\naccesslog.use-syslog = \"enable\"",
        |l| l.site.server.access_logs == [LogPlace::Syslog(31)],
    ),
    // mod_alias
    ("alias.url", "( \"/a\" => \"/b\" )", |l| {
        l.settings.alias.map == [("/a".to_owned(), "/b".to_owned())]
    }),
    // mod_cgi
    (
        "cgi.assign",
        "( \".pl\" => \"/usr/bin/perl\", \"\" => \"\" )",
        |l| l.settings.cgi.assign.len() == 2 && l.site.pipeline.subrequest_start.len() == 2,
    ),
    ("cgi.execute-x-only", "\"enable\"", |l| {
        l.settings.cgi.execute_x_only
    }),
    ("cgi.x-sendfile", "\"enable\"", |l| {
        l.settings.cgi.x_sendfile
    }),
    ("cgi.x-sendfile-docroot", "( \"/a\" )", |l| {
        l.settings.cgi.x_sendfile_docroot[..] == [Path::new("/a")]
    }),
    ("cgi.local-redir", "\"enable\"", |l| {
        l.settings.cgi.local_redirect
    }),
    ("cgi.upgrade", "\"enable\"", |l| l.settings.cgi.upgrade),
    (
        "cgi.limits",
        "( \"read-timeout\" => 5, \"Write-Timeout\" => \"6\", \"tcp-fin-propagate\" => \"sigusr1\" )",
        |l| {
            let limits = l.settings.cgi.limits;
            limits.read_timeout == 5 && limits.write_timeout == 6
        },
    ),
    // mod_dirlisting
    ("debug.log-request-handling", "\"enable\"", |l| {
        l.settings.core.debug.request_handling
    }),
    ("debug.log-condition-handling", "\"enable\"", |l| {
        l.settings.core.debug.condition_handling
    }),
    ("debug.log-timeouts", "\"enable\"", |l| {
        l.settings.core.debug.timeouts
    }),
    ("debug.log-state-handling", "\"enable\"", |l| {
        l.settings.core.debug.state_handling
    }),
    ("debug.log-request-header-on-error", "\"enable\"", |l| {
        l.settings.core.debug.header_on_error
    }),
    ("debug.log-file-not-found", "\"enable\"", |l| {
        l.settings.core.debug.file_not_found
    }),
    ("debug.log-request-header", "\"enable\"", |l| {
        l.settings.core.debug.request_header
    }),
    ("debug.log-response-header", "\"enable\"", |l| {
        l.settings.core.debug.response_header
    }),
    // mod_deflate
    ("deflate.mimetypes", "( \"text/\", \"image/*\" )", |l| {
        l.settings.deflate.mimetypes[..] == ["text/", "image/"]
            && l.site.pipeline.response_start.len() == 1
    }),
    (
        "deflate.allowed-encodings",
        "( \"x-gzip\", \"deflate\" )",
        |l| l.settings.deflate.allowed[..] == [Coding::Gzip, Coding::Deflate],
    ),
    ("deflate.allowed-encodings", "()", |l| {
        l.settings
            .deflate
            .allowed
            .ends_with(&[Coding::Gzip, Coding::Deflate])
    }),
    ("deflate.max-compress-size", "7", |l| {
        l.settings.deflate.max_size == 7
    }),
    ("deflate.min-compress-size", "7", |l| {
        l.settings.deflate.min_size == 7
    }),
    ("deflate.compression-level", "9", |l| {
        l.settings.deflate.level == 9
    }),
    ("deflate.max-loadavg", "\"3.50\"", |l| {
        l.settings.deflate.max_load == 3.5
    }),
    ("deflate.cache-dir", "\"/var/cache/x/\"", |l| {
        l.settings.deflate.cache_dir[..] == *b"/var/cache/x"
    }),
    (
        "deflate.params",
        "( \"gzip.level\" => 9, \"gzip.windowBits\" => 12, \"gzip.memLevel\" => 1, \"gzip.strategy\" => 3 )",
        |l| {
            let gzip = l.settings.deflate.params.gzip;
            [gzip.level, gzip.window, gzip.memory, gzip.strategy]
                == [Some(9), Some(12), Some(1), Some(3)]
        },
    ),
    ("compress.filetype", "( \"text/\" )", |l| {
        l.settings.deflate.mimetypes[..] == ["text/"]
    }),
    ("compress.allowed-encodings", "( \"gzip\" )", |l| {
        l.settings.deflate.allowed[..] == [Coding::Gzip]
    }),
    ("compress.cache-dir", "\"/x\"", |l| {
        l.settings.deflate.cache_dir[..] == *b"/x"
    }),
    ("compress.max-filesize", "7", |l| {
        l.settings.deflate.max_size == 7
    }),
    ("compress.max-loadavg", "\"3\"", |l| {
        l.settings.deflate.max_load == 3.0
    }),
    ("dir-listing.activate", "\"enable\"", |l| {
        l.settings.dirlisting.activate && l.site.pipeline.subrequest_start.len() == 2
    }),
    ("server.dir-listing", "\"enable\"", |l| {
        l.settings.dirlisting.activate
    }),
    ("dir-listing.exclude", "( \"x$\" )", |l| {
        l.settings.dirlisting.exclude.len() == 1
    }),
    ("dir-listing.hide-dotfiles", "\"disable\"", |l| {
        !l.settings.dirlisting.hide_dotfiles
    }),
    ("dir-listing.external-css", "\"/a.css\"", |l| {
        l.settings.dirlisting.external_css == "/a.css"
    }),
    ("dir-listing.external-js", "\"/a.js\"", |l| {
        l.settings.dirlisting.external_js == "/a.js"
    }),
    ("dir-listing.encoding", "\"latin1\"", |l| {
        l.settings.dirlisting.encoding == "latin1"
    }),
    ("dir-listing.show-readme", "\"r\"", |l| {
        l.settings.dirlisting.readme.file == "r"
    }),
    ("dir-listing.hide-readme-file", "\"enable\"", |l| {
        l.settings.dirlisting.readme.hide
    }),
    ("dir-listing.encode-readme", "\"disable\"", |l| {
        !l.settings.dirlisting.readme.encode
    }),
    ("dir-listing.show-header", "\"h\"", |l| {
        l.settings.dirlisting.header.file == "h"
    }),
    ("dir-listing.hide-header-file", "\"enable\"", |l| {
        l.settings.dirlisting.header.hide
    }),
    ("dir-listing.encode-header", "\"disable\"", |l| {
        !l.settings.dirlisting.header.encode
    }),
    ("dir-listing.set-footer", "\"f\"", |l| {
        l.settings.dirlisting.footer.as_deref() == Some("f")
    }),
    ("dir-listing.auto-layout", "\"disable\"", |l| {
        !l.settings.dirlisting.auto_layout
    }),
    ("dir-listing.sort", "\"disable\"", |l| {
        !l.settings.dirlisting.sort
    }),
    // mod_extforward
    ("extforward.forwarder", "( \"all\" => \"trust\" )", |l| {
        let peer = crate::net::Peer::Unix;
        l.settings.extforward.forwarders.trusts_neighbour(&peer)
            && l.site.pipeline.uri_raw.len() == 1
    }),
    ("extforward.headers", "( \"X-Real\" )", |l| {
        l.settings.extforward.headers[..] == ["X-Real"]
    }),
    (
        "extforward.params",
        "( \"host\" => \"enable\", \"remote_user\" => 0 )",
        |l| l.settings.extforward.params.host && !l.settings.extforward.params.remote_user,
    ),
    ("extforward.hap-PROXY", "\"enable\"", |l| {
        l.settings.extforward.proxy_protocol && l.site.pipeline.connection_accept.len() == 1
    }),
    (
        "extforward.hap-PROXY-ssl-client-verify",
        "\"enable\"",
        |l| l.settings.extforward.client_certificates,
    ),
    // mod_ajp13
    ("ajp13.server", SERVER, |l| {
        is_server(&l.settings.ajp13.backends) && l.site.pipeline.uri_clean.len() == 1
    }),
    ("ajp13.balance", "\"hash\"", |l| {
        l.settings.ajp13.backends.balance == Balance::Hash
    }),
    ("ajp13.map-extensions", "( \".do\" => \".jsp\" )", |l| {
        l.settings.ajp13.backends.map_extensions.len() == 1
    }),
    // mod_fastcgi
    ("fastcgi.server", SERVER, |l| {
        is_server(&l.settings.fastcgi.backends)
            && l.site.pipeline.uri_clean.len() == 1
            && l.site.pipeline.subrequest_start.len() == 2
    }),
    ("fastcgi.balance", "\"hash\"", |l| {
        l.settings.fastcgi.backends.balance == Balance::Hash
    }),
    ("fastcgi.map-extensions", "( \".php5\" => \".php\" )", |l| {
        l.settings.fastcgi.backends.map_extensions.len() == 1
    }),
    // mod_indexfile
    ("index-file.names", "( \"a\", \"/b\" )", |l| {
        l.settings.indexfile.names == ["a", "/b"]
    }),
    ("server.indexfiles", "( \"a\" )", |l| {
        l.settings.indexfile.names == ["a"]
    }),
    // mod_maxminddb
    ("maxminddb.activate", "\"enable\"", |l| {
        l.settings.maxminddb.active
    }),
    // A database is made and read in the module's own tests.
    ("maxminddb.db", "\"\"", |l| {
        l.settings.maxminddb.database.is_none()
    }),
    ("maxminddb.env", "( \"A\" => \"b/c\" )", |l| {
        l.settings.maxminddb.variables[..]
            == [("A".to_owned(), vec!["b".to_owned(), "c".to_owned()])]
    }),
    // mod_ssi
    ("ssi.extension", "( \".shtml\" )", |l| {
        l.settings.ssi.extensions[..] == [".shtml"] && l.site.pipeline.subrequest_start.len() >= 2
    }),
    ("ssi.exec", "\"disable\"", |l| !l.settings.ssi.exec),
    ("ssi.content-type", "\"text/x\"", |l| {
        l.settings.ssi.content_type == "text/x"
    }),
    ("ssi.conditional-requests", "\"enable\"", |l| {
        l.settings.ssi.conditional
    }),
    ("ssi.recursion-max", "3", |l| {
        l.settings.ssi.recursion_max == 3
    }),
    // mod_status
    ("status.status-url", "\"/s\"", |l| {
        l.settings.status.status == "/s" && l.site.pipeline.uri_clean.len() == 1
    }),
    ("status.config-url", "\"/s\"", |l| {
        l.settings.status.config == "/s"
    }),
    ("status.statistics-url", "\"/s\"", |l| {
        l.settings.status.statistics == "/s"
    }),
    // mod_magnet
    #[cfg(feature = "lua")]
    ("magnet.attract-raw-url-to", "( \"/a.lua\" )", |l| {
        l.settings.magnet.url[..] == ["/a.lua"]
    }),
    #[cfg(feature = "lua")]
    ("magnet.attract-physical-path-to", "( \"/a.lua\" )", |l| {
        l.settings.magnet.path[..] == ["/a.lua"]
    }),
    #[cfg(feature = "lua")]
    (
        "magnet.attract-response-start-to",
        "( \"/a.lua\", \"/b.lua\" )",
        |l| l.settings.magnet.response[..] == ["/a.lua", "/b.lua"],
    ),
    // mod_proxy
    ("proxy.server", SERVER, |l| {
        is_server(&l.settings.proxy.backends)
            && l.site.pipeline.uri_clean.len() == 1
            && l.site.pipeline.subrequest_start.len() == 1
    }),
    ("proxy.balance", "\"round-robin\"", |l| {
        l.settings.proxy.backends.balance == Balance::RoundRobin
    }),
    ("proxy.map-extensions", "( \".php5\" => \".php\" )", |l| {
        l.settings.proxy.backends.map_extensions.len() == 1
    }),
    (
        "proxy.forwarded",
        "( \"by\" => 1, \"for\" => 1, \"host\" => \"enable\", \"proto\" => 0, \"remote_user\" => 1 )",
        |l| {
            l.settings.proxy.forwarded
                == Forwarded {
                    by: true,
                    for_: true,
                    host: true,
                    proto: false,
                    remote_user: true,
                }
        },
    ),
    (
        "proxy.header",
        r#"( "https-remap" => "enable", "force-http10" => "enable", "upgrade" => "enable", "connect" => "enable",
            "map-urlpath" => ( "/a" => "/b" ), "map-host-request" => ( "-" => "b" ),
            "map-host-response" => ( "-" => "-" ), "map-urlpath-resp-host-include" => ( "i" ),
            "map-urlpath-resp-host-exclude" => ( "e" ) )"#,
        |l| {
            let pair = |a: &str, b: &str| vec![(a.to_owned(), b.to_owned())];
            *l.settings.proxy.header
                == HeaderMap {
                    https_remap: true,
                    force_http10: true,
                    upgrade: true,
                    connect: true,
                    urlpath: pair("/a", "/b"),
                    host_request: pair("-", "b"),
                    host_response: pair("-", "-"),
                    path_hosts: vec!["i".to_owned()],
                    no_path_hosts: vec!["e".to_owned()],
                }
        },
    ),
    ("proxy.replace-http-host", "\"enable\"", |l| {
        l.settings.proxy.replace_host
    }),
    // mod_scgi
    ("scgi.server", SERVER, |l| {
        is_server(&l.settings.scgi.backends)
            && l.site.pipeline.uri_clean.len() == 1
            && l.site.pipeline.subrequest_start.len() == 2
    }),
    ("scgi.balance", "\"sticky\"", |l| {
        l.settings.scgi.backends.balance == Balance::Sticky
    }),
    ("scgi.map-extensions", "( \".x\" => \".y\" )", |l| {
        l.settings.scgi.backends.map_extensions.len() == 1
    }),
    ("scgi.protocol", "\"uwsgi\"", |l| {
        l.settings.scgi.dialect == Dialect::Uwsgi
    }),
    // mod_openssl
    ("ssl.engine", "\"enable\"", |l| {
        l.settings.openssl.engine == Engine::On
    }),
    ("ssl.pemfile", "\"/etc/x\"", |l| {
        l.settings.openssl.pemfile.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.privkey", "\"/etc/x\"", |l| {
        l.settings.openssl.privkey.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.ca-file", "\"/etc/x\"", |l| {
        l.settings.openssl.authorities.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.verifyclient.ca-file", "\"/etc/x\"", |l| {
        l.settings.openssl.authorities.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.ca-dn-file", "\"/etc/x\"", |l| {
        l.settings.openssl.named_authorities.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.verifyclient.ca-dn-file", "\"/etc/x\"", |l| {
        l.settings.openssl.named_authorities.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.ca-crl-file", "\"/etc/x\"", |l| {
        l.settings.openssl.revoked.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.verifyclient.ca-crl-file", "\"/etc/x\"", |l| {
        l.settings.openssl.revoked.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.stapling-file", "\"/etc/x\"", |l| {
        l.settings.openssl.stapling.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.acme-tls-1", "\"/etc/x\"", |l| {
        l.settings.openssl.acme.as_deref() == Some(Path::new("/etc/x"))
    }),
    ("ssl.verifyclient.activate", "\"enable\"", |l| {
        l.settings.openssl.client.asked
    }),
    ("ssl.verifyclient.enforce", "\"disable\"", |l| {
        !l.settings.openssl.client.must
    }),
    ("ssl.verifyclient.depth", "3", |l| {
        l.settings.openssl.client.depth == 3
    }),
    ("ssl.verifyclient.username", "\"SSL_CLIENT_S_DN_CN\"", |l| {
        &*l.settings.openssl.client.username == "SSL_CLIENT_S_DN_CN"
    }),
    ("ssl.verifyclient.exportcert", "\"enable\"", |l| {
        l.settings.openssl.client.export
    }),
    (
        "ssl.openssl.ssl-conf-cmd",
        "( \"MinProtocol\" => \"TLSv1.3\" )",
        |l| l.settings.openssl.policy.versions == [Version::Tls13],
    ),
    ("ssl.cipher-list", "\"CHACHA20\"", |l| {
        l.settings
            .openssl
            .policy
            .suites_of(Version::Tls12)
            .is_some_and(|all| all.len() == 2)
    }),
    ("ssl.stek-file", "\"/etc/x\"", |l| {
        l.site.server.ticket_keys.as_deref() == Some(Path::new("/etc/x"))
    }),
    // mod_setenv
    ("setenv.add-request-header", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.add_request_header.len() == 1
    }),
    ("setenv.set-request-header", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.set_request_header.len() == 1
    }),
    ("setenv.add-response-header", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.add_response_header.len() == 1
    }),
    ("setenv.set-response-header", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.set_response_header.len() == 1
    }),
    ("setenv.add-environment", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.add_environment.len() == 1
    }),
    ("setenv.set-environment", "( \"A\" => \"b\" )", |l| {
        l.settings.setenv.set_environment.len() == 1
    }),
    // mod_sockproxy
    ("sockproxy.server", SERVER, |l| {
        is_server(&l.settings.sockproxy.backends) && l.site.pipeline.connection_accept.len() == 1
    }),
    ("sockproxy.balance", "\"sticky\"", |l| {
        l.settings.sockproxy.backends.balance == Balance::Sticky
    }),
    // mod_staticfile
    ("static-file.exclude-extensions", "( \".php\" )", |l| {
        l.settings.staticfile.exclude_extensions == [".php"]
    }),
    ("static-file.etags", "\"disable\"", |l| {
        !l.settings.staticfile.etags
    }),
    // mod_evhost
    ("evhost.path-pattern", "\"/srv/%0\"", |l| {
        l.settings
            .evhost
            .pattern
            .as_ref()
            .is_some_and(|parts| parts.len() == 2)
            && l.site.pipeline.docroot.len() == 1
    }),
    // mod_expire
    ("expire.url", "( \"/a\" => \"access 1 days\" )", |l| {
        l.settings.expire.url[0].1.seconds == 86400
    }),
    (
        "expire.mimetypes",
        "( \"text/*\" => \"now plus 1 hours\" )",
        |l| l.settings.expire.media_types[0].0 == "text/",
    ),
    // mod_simple_vhost
    ("simple-vhost.server-root", "\"/srv\"", |l| {
        l.settings.simple_vhost.server_root == "/srv" && l.site.pipeline.docroot.len() == 1
    }),
    ("simple-vhost.default-host", "\"h\"", |l| {
        l.settings.simple_vhost.default_host == "h"
    }),
    ("simple-vhost.document-root", "\"/d\"", |l| {
        l.settings.simple_vhost.document_root == "/d"
    }),
    ("simple-vhost.debug", "1", |l| {
        l.settings.simple_vhost.debug == Debug::On
    }),
    // mod_secdownload
    ("secdownload.secret", "\"s\"", |l| {
        l.site.pipeline.physical.len() == 1
    }),
    ("secdownload.document-root", "\"/d\"", |l| {
        l.settings.secdownload.document_root == "/d"
    }),
    ("secdownload.uri-prefix", "\"/p/\"", |l| {
        l.settings.secdownload.prefix == "/p/"
    }),
    ("secdownload.timeout", "90", |l| {
        l.settings.secdownload.timeout == 90
    }),
    ("secdownload.algorithm", "\"hmac-sha256\"", |l| {
        l.settings.secdownload.algorithm == Some(secdownload::Algorithm::HmacSha256)
    }),
    ("secdownload.path-segments", "2", |l| {
        l.settings.secdownload.segments == 2
    }),
    ("secdownload.hash-querystr", "\"enable\"", |l| {
        l.settings.secdownload.query == Query::Signed
    }),
    // mod_userdir
    ("userdir.path", "\"html\"", |l| {
        l.settings.userdir.path.as_deref() == Some("html") && l.site.pipeline.physical.len() == 1
    }),
    ("userdir.exclude-user", "( \"a\" )", |l| {
        l.settings.userdir.excluded == ["a"]
    }),
    ("userdir.include-user", "( \"a\" )", |l| {
        l.settings.userdir.included.as_deref() == Some(&["a".to_owned()])
    }),
    ("userdir.basepath", "\"/home\"", |l| {
        l.settings.userdir.base_path == "/home"
    }),
    ("userdir.letterhomes", "\"enable\"", |l| {
        l.settings.userdir.homes == Homes::ByLetter
    }),
    ("userdir.active", "\"disable\"", |l| {
        l.settings.userdir.state == State::Inactive
    }),
    // mod_webdav
    #[cfg(feature = "webdav")]
    ("webdav.activate", "\"enable\"", |l| {
        l.settings.webdav.activate
            && l.site.pipeline.uri_clean.len() == 1
            && l.site.pipeline.physical.len() == 1
    }),
    ("webdav.is-readonly", "\"enable\"", |l| {
        l.settings.webdav.is_readonly
    }),
    ("webdav.sqlite-db-name", "\"/var/lib/dav.db\"", |l| {
        l.settings.webdav.database.as_deref() == Some("/var/lib/dav.db")
    }),
    ("webdav.log-xml", "\"enable\"", |l| {
        l.settings.webdav.log_xml
    }),
    (
        "webdav.opts",
        "( \"propfind-depth-infinity\" => \"enable\", \"partial-put-copy-modify\" => \"enable\" )",
        |l| {
            l.settings.webdav.options
                == Options {
                    partial_put: true,
                    depth_infinity: true,
                    follow_links: false,
                }
        },
    ),
    // mod_rewrite
    ("url.rewrite-once", RULES, |l| {
        rewrites(&l.settings.rewrite.always) == [Which::Once]
            && l.site.pipeline.uri_rewrite.len() == 1
    }),
    ("url.rewrite-final", RULES, |l| {
        rewrites(&l.settings.rewrite.always) == [Which::Final]
    }),
    ("url.rewrite", RULES, |l| {
        rewrites(&l.settings.rewrite.always) == [Which::Plain]
    }),
    ("url.rewrite-repeat", RULES, |l| {
        rewrites(&l.settings.rewrite.always) == [Which::Repeat]
    }),
    ("url.rewrite-if-not-file", RULES, |l| {
        rewrites(&l.settings.rewrite.if_not_file) == [Which::Once]
            && l.site.pipeline.physical.len() == 1
    }),
    ("url.rewrite-repeat-if-not-file", RULES, |l| {
        rewrites(&l.settings.rewrite.if_not_file) == [Which::Repeat]
    }),
    // mod_rrdtool
    ("rrdtool.db-name", "\"/x.rrd\"", |l| {
        l.settings.rrdtool.database.is_some()
            && l.site.server.recording.databases == ["/x.rrd"]
            && l.site.pipeline.request_done.len() == 1
    }),
    ("rrdtool.db-name", "\"\"", |l| {
        l.settings.rrdtool.database.is_none() && l.site.server.recording.databases.is_empty()
    }),
    ("rrdtool.binary", "\"/opt/rrdtool\"", |l| {
        l.site.server.recording.program == Path::new("/opt/rrdtool")
    }),
    // mod_redirect
    ("url.redirect", "( \"^/a\" => \"/b\" )", |l| {
        l.settings.redirect.rules.is_some() && l.site.pipeline.uri_clean.len() == 1
    }),
    ("url.redirect-code", "308", |l| {
        l.settings.redirect.code == 308
    }),
    ("static-file.disable-pathinfo", "\"enable\"", |l| {
        l.settings.staticfile.disable_pathinfo
    }),
    // mod_wstunnel
    ("wstunnel.server", SERVER, |l| {
        is_server(&l.settings.wstunnel.backends) && l.site.pipeline.uri_clean.len() == 1
    }),
    ("wstunnel.balance", "\"sticky\"", |l| {
        l.settings.wstunnel.backends.balance == Balance::Sticky
    }),
    ("wstunnel.map-extensions", "( \".x\" => \".y\" )", |l| {
        l.settings.wstunnel.backends.map_extensions.len() == 1
    }),
    ("wstunnel.frame-type", "\"binary\"", |l| {
        l.settings.wstunnel.frame_type == Kind::Binary
    }),
    ("wstunnel.frame-type", "\"text\"", |l| {
        l.settings.wstunnel.frame_type == Kind::Text
    }),
    ("wstunnel.origins", "( \"example.org\" )", |l| {
        *l.settings.wstunnel.origins == ["example.org"]
    }),
    ("wstunnel.ping-interval", "20", |l| {
        l.settings.wstunnel.ping_interval == 20
    }),
    // Who may see what.
    ("auth.backend", "\"htpasswd\"", |l| {
        l.settings.auth.backend == Some(Backend::Htpasswd)
    }),
    (
        "auth.require",
        r#"( "/a" => ( "method" => "digest", "realm" => "r", "require" => "user=joe|group=g",
            "algorithm" => "MD5|SHA-256", "nonce-secret" => "s", "userhash" => "enable" ) )"#,
        |l| {
            let [rule] = &l.settings.auth.require[..] else {
                return false;
            };
            rule.prefix == "/a"
                && rule.scheme == Scheme::Digest
                && rule.realm == "r"
                && rule.algorithms == [Algorithm::Sha256, Algorithm::Md5]
                && rule.nonce_secret.as_deref() == Some("s")
                && rule.user_hash
                && rule.groups() == ["g"]
                && rule.admits(b"joe", |_| false)
        },
    ),
    ("auth.extern-authn", "\"enable\"", |l| {
        l.settings.auth.extern_authn
    }),
    ("auth.cache", "( \"max-age\" => 60 )", |l| {
        l.settings.auth.cache == Some(Duration::from_secs(60))
    }),
    ("auth.cache", "()", |l| {
        l.settings.auth.cache == Some(Duration::from_secs(600))
    }),
    ("auth.backend.plain.userfile", "\"/u\"", |l| {
        l.settings.authn_file.plain == "/u"
    }),
    ("auth.backend.plain.groupfile", "\"/g\"", |l| {
        l.settings.authn_file.groups == "/g"
    }),
    ("auth.backend.htdigest.userfile", "\"/d\"", |l| {
        l.settings.authn_file.htdigest == "/d"
    }),
    ("auth.backend.htpasswd.userfile", "\"/p\"", |l| {
        l.settings.authn_file.htpasswd == "/p"
    }),
    ("auth.backend.ldap.hostname", "\"a,ldaps://b\"", |l| {
        l.settings.authn_ldap.urls == ["ldap://a", "ldaps://b"]
    }),
    ("auth.backend.ldap.base-dn", "\"dc=a\"", |l| {
        l.settings.authn_ldap.base == "dc=a"
    }),
    ("auth.backend.ldap.filter", "\"(uid=$)\"", |l| {
        l.settings.authn_ldap.filter == "(uid=?)"
    }),
    ("auth.backend.ldap.filter", "\",ou=$\"", |l| {
        l.settings.authn_ldap.filter == ",ou=$"
    }),
    ("auth.backend.ldap.ca-file", "\"/ca\"", |l| {
        l.settings.authn_ldap.ca_file == "/ca"
    }),
    ("auth.backend.ldap.starttls", "\"enable\"", |l| {
        l.settings.authn_ldap.start_tls
    }),
    ("auth.backend.ldap.bind-dn", "\"cn=a\"", |l| {
        l.settings.authn_ldap.bind_dn == "cn=a"
    }),
    ("auth.backend.ldap.bind-pw", "\"p\"", |l| {
        *l.settings.authn_ldap.bind_password == "p"
    }),
    ("auth.backend.ldap.allow-empty-pw", "\"enable\"", |l| {
        l.settings.authn_ldap.allow_empty
    }),
    ("auth.backend.ldap.groupmember", "\"member\"", |l| {
        l.settings.authn_ldap.member == "member"
    }),
    ("auth.backend.ldap.timeout", "\"500000\"", |l| {
        l.settings.authn_ldap.timeout == Duration::from_millis(500)
    }),
    ("auth.backend.pam.opts", "( \"service\" => \"web\" )", |l| {
        l.settings.authn_pam.service == "web"
    }),
    // Document roots from databases.
    #[cfg(feature = "pgsql")]
    ("vhostdb.backend", "\"pgsql\"", |l| {
        l.settings.vhostdb.backend == Some(vhostdb::Backend::Pgsql)
    }),
    ("vhostdb.cache", "( \"max-age\" => 60 )", |l| {
        l.settings.vhostdb.cache == Some(Duration::from_secs(60))
    }),
    (
        "vhostdb.pgsql",
        "( \"sql\" => \"select '?'\", \"dbname\" => \"d\", \"user\" => \"u\" )",
        |l| l.settings.vhostdb.pgsql.is_some(),
    ),
    (
        "vhostdb.mysql",
        "( \"sql\" => \"select '?'\", \"dbname\" => \"d\", \"user\" => \"u\" )",
        |l| l.settings.vhostdb.mysql.is_some(),
    ),
    (
        "vhostdb.ldap",
        "( \"host\" => \"h\", \"filter\" => \"(a=?)\", \"base-dn\" => \"dc=a\" )",
        |l| l.settings.vhostdb.ldap.is_some(),
    ),
];

/// A rule.
const RULES: &str = "( \"^/a\" => \"/b\" )";

fn rewrites(lists: &Lists) -> Vec<Which> {
    lists.which().collect()
}

/// A server for the modules that have such.
const SERVER: &str = r#"( ".x" => ( "one" => ( "host" => "127.0.0.1", "port" => 9000 ), ( "socket" => "/run/x" ) ) )"#;

fn is_server(backends: &Backends) -> bool {
    let [group] = &backends.groups[..] else {
        return false;
    };
    let names: Vec<&str> = group.hosts.iter().map(|host| host.name.as_str()).collect();
    group.key == ".x" && names == ["127.0.0.1:9000", "/run/x"] && group.hosts[0].label == "one"
}

fn loaded(name: &str, value: &str) -> Loaded {
    let modules = match name {
        "server.modules" => String::new(),
        _ => {
            // The others come by themselves.
            let own = ["mod_dirlisting", "mod_indexfile", "mod_staticfile"];
            let all = crate::modules::TABLE.iter();
            let all = all.filter(|module| !own.contains(&module.name));
            let names: Vec<String> = all.map(|module| format!("\"{}\"", module.name)).collect();
            format!("server.modules = ( {} )\n", names.join(", "))
        }
    };
    let (site, plan) = load(&format!("{modules}{name} = {value}"));
    let settings = Resolver::new(&site).base().clone();
    Loaded {
        site,
        plan,
        settings,
    }
}

#[test]
fn each_has_its_effect() {
    for (name, value, holds) in CASES {
        assert!(holds(&loaded(name, value)), "{name} = {value}");
    }
}

/// Those that have no effect in a program without what they switch on.
const WITHOUT_EFFECT: &[&str] = &[
    #[cfg(not(feature = "pgsql"))]
    "vhostdb.backend",
    #[cfg(not(feature = "webdav"))]
    "webdav.activate",
];

#[test]
fn none_is_forgotten() {
    let tested: HashSet<&str> = CASES.iter().map(|(name, ..)| *name).collect();
    let untested: Vec<&str> = table::all()
        .filter(|directive| {
            matches!(
                directive.apply,
                Apply::Server(_) | Apply::Socket(_) | Apply::Request(_)
            )
        })
        .map(|directive| directive.name)
        .filter(|name| !tested.contains(name) && !WITHOUT_EFFECT.contains(name))
        .collect();
    assert_eq!(untested, Vec::<&str>::new());
}

#[test]
fn values_that_do_not_fit_are_errors() {
    for text in [
        "server.network-backend = \"bogus\"",
        "server.event-handler = \"bogus\"",
        "server.stat-cache-engine = \"bogus\"",
        "server.port = 70000",
        "server.http-parseopts = ( \"header-strict\" => \"maybe\" )",
        "server.http-parseopts = ( \"url-path-2f-reject\" => \"enable\" )",
        "server.http-parseopts = ( \"url-path-dotseg-reject\" => \"enable\" )",
        "server.feature-flags = ( \"everlit.linger\" => \"long\" )",
        "server.modules = ( \"mod_accesslog\" )\naccesslog.format = \"%S\"",
        "server.modules = ( \"mod_accesslog\" )\naccesslog.escaping = \"xml\"",
        "server.modules = ( \"mod_accesslog\" )\naccesslog.syslog-level = 8",
        "server.modules = ( \"mod_alias\" )\nalias.url = ( \"/a\" => \"/b\", \"/a/b\" => \"/c\" )",
        "server.modules = ( \"mod_deflate\" )\ndeflate.compression-level = 10",
        "server.modules = ( \"mod_deflate\" )\ndeflate.max-loadavg = \"much\"",
        "server.modules = ( \"mod_deflate\" )\ndeflate.params = ( \"gzip.windowBits\" => 16 )",
        "server.modules = ( \"mod_deflate\" )\ndeflate.params = ( \"gzip.bits\" => 15 )",
        "server.modules = ( \"mod_extforward\" )\nextforward.params = ( \"hots\" => 1 )",
        "server.modules = ( \"mod_extforward\" )\nextforward.forwarder = ( \"10.0.0.0/33\" => \"trust\" )",
        "server.modules = ( \"mod_proxy\" )\nproxy.balance = \"bogus\"",
        "server.modules = ( \"mod_proxy\" )\nproxy.forwarded = ( \"form\" => 1 )",
        "server.modules = ( \"mod_proxy\" )\nproxy.forwarded = ( \"for\" => \"maybe\" )",
        "server.modules = ( \"mod_proxy\" )\nproxy.header = ( \"map-url\" => ( \"a\" => \"b\" ) )",
        "server.modules = ( \"mod_proxy\" )\nproxy.header = ( \"map-urlpath\" => \"b\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"MinProtocol\" => \"TLSv1.4\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"MaxProtocol\" => \"TLSv1.1\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"Protocol\" => \"-ALL, TLSv1\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"Groups\" => \"P-521\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"CipherString\" => \"RC4\" )",
        "ssl.openssl.ssl-conf-cmd = ( \"Ciphersuites\" => \"TLS_AES_128_CCM_SHA256\" )",
        "ssl.cipher-list = \"RC4:3DES\"",
        "server.modules = ( \"mod_scgi\" )\nscgi.protocol = \"fcgi\"",
        "server.modules = ( \"mod_cgi\" )\ncgi.limits = ( \"read-timout\" => 1 )",
        "server.modules = ( \"mod_cgi\" )\ncgi.limits = ( \"tcp-fin-propagate\" => \"SIGBOGUS\" )",
        "server.modules = ( \"mod_cgi\" )\ncgi.x-sendfile-docroot = ( \"a\" )",
        "server.modules = ( \"mod_auth\" )\nauth.backend = \"bogus\"",
        "server.modules = ( \"mod_auth\" )\nauth.backend = \"gssapi\"",
        "server.modules = ( \"mod_auth\" )\nauth.backend.ldap.filter = \"(uid=joe)\"",
        "server.modules = ( \"mod_auth\" )\nauth.backend.ldap.timeout = \"long\"",
        "server.modules = ( \"mod_vhostdb\" )\nvhostdb.backend = \"dbi\"",
        #[cfg(feature = "pgsql")]
        "server.modules = ( \"mod_vhostdb\", \"mod_vhostdb_pgsql\" )\nvhostdb.pgsql = ( \"sql\" => \"s\" )",
        "server.modules = ( \"mod_vhostdb\", \"mod_vhostdb_ldap\" )\nvhostdb.ldap = ( \"host\" => \"h\", \"base-dn\" => \"b\", \"filter\" => \"f\" )",
        "server.modules = ( \"mod_auth\" )\nauth.backend = \"dbi\"",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => () )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"gssapi\", \"realm\" => \"r\", \"require\" => \"valid-user\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"joe\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"user=\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"user=a|valid-user\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"digest\", \"realm\" => \"r\", \"require\" => \"valid-user\", \"algorithm\" => \"SHA1\" ) )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"valid-user\", \"relam\" => \"x\" ) )",
        "server.modules = ( \"mod_webdav\" )\nwebdav.opts = ( \"propfind-depth\" => \"enable\" )",
    ] {
        assert!(try_load(text).is_err(), "{text}");
    }
}

#[test]
fn values_that_are_probably_not_meant_are_warnings() {
    for text in [
        "server.syslog-facility = \"bogus\"",
        "server.event-handler = \"poll\"",
        "server.feature-flags = ( \"bogus\" => 1 )",
        "server.feature-flags = ( \"server.network-mptcp\" => \"enable\" )",
        "server.modules = ( \"mod_accesslog\" )\naccesslog.format = \"%{x}n\"",
        "server.modules = ( \"mod_cgi\" )\ncgi.limits = ( \"tcp-fin-propagate\" => \"SIGTERM\" )",
        "server.modules = ( \"mod_auth\" )\nauth.cache = ( \"max-aeg\" => 1 )",
        "server.modules = ( \"mod_auth\" )\nauth.require = ( \"/\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"host=h\" ) )",
    ] {
        let found = remarks(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains("warning"), "{found:?}");
    }
}

#[test]
fn logs_are_opened_once_each() {
    let text = r#"
server.modules = ( "mod_accesslog" )
accesslog.filename = "/tmp/a.log"
$HTTP["host"] == "b" { accesslog.filename = "/tmp/b.log" }
$HTTP["host"] == "a" { accesslog.filename = "/tmp/a.log" }
server.errorlog = "/tmp/b.log"
$HTTP["host"] == "c" { server.errorlog = "/tmp/c.log" }
$SERVER["socket"] == ":81" { server.errorlog = "/tmp/c.log" }
$HTTP["host"] == "d" { server.errorlog = "| rotate" }
$HTTP["host"] == "e" { server.errorlog = "" }
"#;
    let (site, plan) = load(text);
    let named = |name: &str| LogPlace::File(name.into());
    assert_eq!(
        site.server.access_logs,
        [named("/tmp/a.log"), named("/tmp/b.log")]
    );
    let logs: Vec<_> = plan
        .logs
        .iter()
        .map(|path| path.to_str().unwrap())
        .collect();
    assert_eq!(logs, ["/tmp/b.log", "/tmp/c.log", "/tmp/a.log"]);
    let own: Vec<_> = site
        .server
        .error_logs
        .iter()
        .map(|log| log.place().to_string())
        .collect();
    assert_eq!(own, ["/tmp/c.log", "|rotate"]);
    for id in [0, 1] {
        let id = crate::logline::LogId(id);
        assert_eq!(site.access_log_named(&site.access_log_name(id)), Some(id));
    }
}
