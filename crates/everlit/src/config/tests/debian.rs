//! A configuration as Debian ships it (its settings, not its text), with the files it includes written out.

use super::support::*;
use crate::plan::ListenAddress;

const DEBIAN: &str = r#"
server.modules = ( "mod_indexfile", "mod_access", "mod_alias", "mod_redirect" )
server.document-root = "/var/www/html"
server.upload-dirs = ( "/var/cache/lighttpd/uploads" )
server.errorlog = "/var/log/lighttpd/error.log"
server.pid-file = "/run/lighttpd.pid"
server.username = "www-data"
server.groupname = "www-data"
server.port = 80
server.feature-flags += ( "server.h2proto" => "enable" )
server.feature-flags += ( "server.h2c" => "enable" )
server.feature-flags += ( "server.graceful-shutdown-timeout" => 5 )
server.http-parseopts = (
  "header-strict" => "enable",
  "host-strict" => "enable",
  "host-normalize" => "enable",
  "url-normalize-unreserved" => "enable",
  "url-normalize-required" => "enable",
  "url-ctrls-reject" => "enable",
  "url-path-2f-decode" => "enable",
  "url-path-dotseg-remove" => "enable",
)
index-file.names = ( "index.php", "index.html" )
url.access-deny = ( "~", ".inc" )
static-file.exclude-extensions = ( ".php", ".pl", ".fcgi" )
$SERVER["socket"] == "[::]:80" { }
mimetype.assign = ( ".html" => "text/html", "" => "application/octet-stream" )
server.modules += ( "mod_accesslog" )
accesslog.filename = "/var/log/lighttpd/access.log"
$HTTP["remoteip"] =~ "^127\.0\.0\.1$|^::1$" {
    alias.url += ( "/doc/" => "/usr/share/doc/", "/images/" => "/usr/share/images/" )
}
server.modules += ( "mod_dirlisting", "mod_staticfile" )
"#;

#[test]
fn it_loads_and_means_what_it_says() {
    let (site, plan) = load(DEBIAN);
    assert_eq!(remarks(DEBIAN), Vec::<String>::new());

    let names: Vec<&str> = plan.listeners.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["0.0.0.0:80", "[::]:80"]);
    assert!(plan.listeners[1].v6_only);
    assert!(matches!(plan.listeners[1].address, ListenAddress::Tcp(a) if a.is_ipv6()));
    let logs: Vec<_> = plan
        .logs
        .iter()
        .map(|path| path.to_str().unwrap())
        .collect();
    assert_eq!(
        logs,
        [
            "/var/log/lighttpd/error.log",
            "/var/log/lighttpd/access.log"
        ]
    );
    assert_eq!(plan.pid_file.unwrap().to_str(), Some("/run/lighttpd.pid"));
    assert_eq!(
        plan.graceful_timeout,
        Some(std::time::Duration::from_secs(5))
    );
    assert_eq!(site.server.user.as_deref(), Some("www-data"));

    // mod_dirlisting has nothing to do here; mod_alias has, under a condition.
    assert_eq!(site.pipeline.uri_clean.len(), 1);
    assert_eq!(site.pipeline.physical.len(), 1);
    assert_eq!(site.pipeline.subrequest_start.len(), 3);
    assert_eq!(site.pipeline.request_done.len(), 1);
}
