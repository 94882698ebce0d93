//! Configurations in which programs and servers answer: FastCGI, CGI, SCGI and HTTP.

use super::configurations::{Case, Log, Types};
use super::gateway_requests as requests;
use super::requests::{Request, for_backends, large};

const fn case(name: &'static str, text: &'static str, requests: fn() -> Vec<Request>) -> Case {
    Case {
        name,
        text,
        requests,
        types: Types::Usual,
        log: Log::None,
    }
}

/// Answers over FastCGI, all below `/b`.
fn answers() -> Vec<Request> {
    requests::answers("/b/x")
}

/// Answers of a CGI program.
fn program_answers() -> Vec<Request> {
    requests::answers("/cgi/answer.sh")
}

fn program_paths() -> Vec<Request> {
    [requests::programs(), requests::about("/cgi/tell.sh")].concat()
}

/// What is asked for below `/b`, and files that are programs by name.
fn everything() -> Vec<Request> {
    [for_backends(), requests::scripts(), requests::about("/b/x")].concat()
}

pub const CASES: &[Case] = &[
    // What FastCGI servers are told.
    case(
        "fastcgi",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@FASTCGI1@, @FASTCGI2@, @FASTCGI3@))
            fastcgi.balance = "round-robin"
        "#,
        everything,
    ),
    case(
        "fastcgi, files",
        r#"
            server.modules += ("mod_fastcgi")
            index-file.names = ("program.php", "index.html")
            fastcgi.server = (
                ".php" => ((@FASTCGI@)), "/sub" => ((@FASTCGI@, "check-local" => "enable")), "~" => ((@FASTCGI@)),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, without files",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                ".php" => (@FASTCGI1@), "/sub/" => (@FASTCGI1@), "/b" => (@FASTCGI1@), "/noindex/one.txt" => (@FASTCGI1@),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, docroot",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/b" => ((@FASTCGI@, "check-local" => "disable", "docroot" => "/srv/other")),
                "/sub" => ((@FASTCGI@, "check-local" => "disable", "docroot" => "/srv/other/")),
                ".php" => ((@FASTCGI@, "docroot" => "/srv/other/")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, broken-scriptfilename",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/b" => ((@FASTCGI@, "check-local" => "disable", "broken-scriptfilename" => "enable")),
                ".php" => ((@FASTCGI@, "broken-scriptfilename" => "enable")),
                "/sub" => ((@FASTCGI@, "check-local" => "disable", "docroot" => "/srv", "broken-scriptfilename" => "enable")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, strip-request-uri",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/b" => ((@FASTCGI@, "check-local" => "disable", "strip-request-uri" => "/b")),
                ".php" => ((@FASTCGI@, "strip-request-uri" => "/program.php/")),
                "/sub" => ((@FASTCGI@, "check-local" => "disable", "strip-request-uri" => "/sub/deep/")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, root",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/" => ((@FASTCGI@, "check-local" => "disable")))
        "#,
        everything,
    ),
    case(
        "fastcgi, fix-root-scriptname",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/" => ((@FASTCGI@, "check-local" => "disable", "fix-root-scriptname" => "enable")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, fix-root-scriptname elsewhere",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/b" => ((@FASTCGI@, "check-local" => "disable", "fix-root-scriptname" => "enable")),
                ".php" => ((@FASTCGI@, "fix-root-scriptname" => "enable")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, map-extensions",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.map-extensions = (".xyz" => ".php", ".inc" => "/b", ".svg" => ".none")
            fastcgi.server = (
                ".php" => ((@FASTCGI@)),
                "/b" => ((@FASTCGI@, "check-local" => "disable")),
            )
        "#,
        everything,
    ),
    case(
        "fastcgi, variables",
        r#"
            server.modules += ("mod_fastcgi")
            server.name = "name.example"
            server.tag := "some server/1"
            setenv.add-environment = (
                "ADDED" => "one", "lower" => "two", "with-hyphen" => "three", "PATH_INFO" => "/mine", "HTTP_X_SOME" => "four",
                "REMOTE_USER" => "five", "EMPTY" => "", "CONTENT_LENGTH" => "99", "HTTP_HOST" => "other.example",
                "SCRIPT_NAME" => "/mine",
            )
            setenv.set-environment = ("SET" => "six", "SERVER_NAME" => "seven")
            setenv.add-request-header = ("X-Added" => "eight", "X-Some" => "nine")
            setenv.set-request-header = ("X-Set" => "ten", "Cookie" => "")
            fastcgi.server = ("/b" => (@FASTCGI1@), ".php" => ((@FASTCGI@)))
        "#,
        everything,
    ),
    case(
        "fastcgi, alias",
        r#"
            server.modules += ("mod_fastcgi")
            alias.url = ("/b/" => "@ROOT@/sub/", "/alias" => "@ROOT@")
            fastcgi.server = ("/b" => (@FASTCGI1@), ".php" => ((@FASTCGI@)), "/alias/sub" => ((@FASTCGI@)))
        "#,
        everything,
    ),
    case(
        "fastcgi, lower case",
        r#"
            server.modules += ("mod_fastcgi")
            server.force-lowercase-filenames = "enable"
            fastcgi.server = ("/b" => (@FASTCGI1@), ".php" => ((@FASTCGI@)))
        "#,
        everything,
    ),
    case(
        "fastcgi, no path info",
        r#"
            server.modules += ("mod_fastcgi")
            static-file.disable-pathinfo = "enable"
            static-file.exclude-extensions = (".php", ".inc")
            fastcgi.server = (".php" => ((@FASTCGI@)))
        "#,
        requests::scripts,
    ),
    case(
        "fastcgi, streamed",
        r#"
            server.modules += ("mod_fastcgi")
            server.stream-request-body = 2
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        everything,
    ),
    case(
        "fastcgi, small bodies",
        r#"
            server.modules += ("mod_fastcgi")
            server.max-request-size = 1
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        || requests::about("/b/x"),
    ),
    case(
        "fastcgi, large heads",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@FASTCGI1@))
            server.max-request-field-size = 65535
        "#,
        large,
    ),
    case(
        "fastcgi, first host down",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@DOWN@, @FASTCGI2@, @FASTCGI3@))
            fastcgi.balance = "round-robin"
        "#,
        for_backends,
    ),
    case(
        "fastcgi, all hosts down",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@DOWN@))
        "#,
        for_backends,
    ),
    case(
        "fastcgi, access log",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@FASTCGI1@), ".php" => ((@FASTCGI@)))
            accesslog.filename = "@DIR@/access.log"
        "#,
        requests::scripts,
    ),
    // Authorizers.
    case(
        "authorizer",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/" => ((@FASTCGI@, "mode" => "authorizer", "check-local" => "disable")))
        "#,
        requests::authorized,
    ),
    case(
        "authorizer, docroot",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/" => ((@FASTCGI@, "mode" => "authorizer", "check-local" => "disable", "docroot" => "@ROOT@/sub")),
            )
        "#,
        requests::authorized,
    ),
    case(
        "authorizer, files",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (".txt" => ((@FASTCGI@, "mode" => "authorizer")))
        "#,
        requests::authorized,
    ),
    case(
        "authorizer, responder",
        r#"
            server.modules += ("mod_fastcgi", "mod_scgi")
            scgi.server = (".php" => (@SCGI1@))
            fastcgi.server = (
                "/b" => ((@FASTCGI@, "mode" => "authorizer", "check-local" => "disable")),
                "/program" => ((@FASTCGI@, "mode" => "authorizer", "check-local" => "disable")),
            )
        "#,
        requests::authorized,
    ),
    case(
        "authorizer that is down",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = (
                "/" => (("mode" => "authorizer", "check-local" => "disable", "host" => "127.0.0.1", "port" => @DOWN-PORT@)),
            )
        "#,
        requests::authorized,
    ),
    // What is answered.
    case(
        "fastcgi, answers",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        answers,
    ),
    case(
        "fastcgi, answers, streamed",
        r#"
            server.modules += ("mod_fastcgi")
            server.stream-response-body = 1
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        answers,
    ),
    case(
        "fastcgi, answers, logged",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => (@FASTCGI1@))
            accesslog.filename = "@DIR@/access.log"
        "#,
        answers,
    ),
    case(
        "fastcgi, answers, x-sendfile",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => ((@FASTCGI@, "check-local" => "disable", "x-sendfile" => "enable")))
        "#,
        answers,
    ),
    case(
        "fastcgi, answers, allow-x-send-file",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => ((@FASTCGI@, "check-local" => "disable", "allow-x-send-file" => "enable")))
        "#,
        requests::files,
    ),
    case(
        "fastcgi, answers, x-sendfile-docroot",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => ((@FASTCGI@, "check-local" => "disable", "x-sendfile" => "enable",
                "x-sendfile-docroot" => ("@ROOT@/sub/", "/nonexistent"))))
        "#,
        requests::files,
    ),
    case(
        "fastcgi, answers, x-sendfile-docroot without slash",
        r#"
            server.modules += ("mod_fastcgi")
            fastcgi.server = ("/b" => ((@FASTCGI@, "check-local" => "disable", "x-sendfile" => "enable",
                "x-sendfile-docroot" => ("@ROOT@"))))
        "#,
        requests::files,
    ),
    case(
        "fastcgi, answers, error handler",
        r#"
            server.modules += ("mod_fastcgi")
            server.error-handler-404 = "/handler.html"
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        answers,
    ),
    case(
        "fastcgi, error handler",
        r#"
            server.modules += ("mod_fastcgi")
            server.error-handler = "/program.php?handled"
            url.access-deny = (".inc")
            fastcgi.server = (".php" => ((@FASTCGI@)))
        "#,
        || [super::requests::errors(), requests::scripts()].concat(),
    ),
    case(
        "fastcgi, error handler for 404",
        r#"
            server.modules += ("mod_fastcgi")
            server.error-handler-404 = "/program.php/info?handled"
            url.access-deny = (".inc")
            fastcgi.server = (".php" => ((@FASTCGI@)))
        "#,
        || [super::requests::errors(), requests::scripts()].concat(),
    ),
    case(
        "fastcgi, answers, intercepted",
        r#"
            server.modules += ("mod_fastcgi")
            server.errorfile-prefix = "@OUTSIDE@/error-"
            server.error-intercept = "enable"
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        answers,
    ),
    case(
        "fastcgi, answers, more fields",
        r#"
            server.modules += ("mod_fastcgi")
            setenv.add-response-header = ("X-Same" => "ours", "Vary" => "ours", "Set-Cookie" => "our=s")
            setenv.set-response-header = ("X-Other" => "ours", "Server" => "ours", "ETag" => "")
            fastcgi.server = ("/b" => (@FASTCGI1@))
        "#,
        answers,
    ),
    case(
        "scgi, answers",
        r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/b" => (@SCGI1@))
        "#,
        answers,
    ),
    case(
        "scgi, answers, x-sendfile",
        r#"
            server.modules += ("mod_scgi")
            scgi.server = ("/b" => ((@SCGI@, "check-local" => "disable", "x-sendfile" => "enable",
                "x-sendfile-docroot" => ("@ROOT@/"))))
        "#,
        requests::files,
    ),
    case(
        "scgi, files",
        r#"
            server.modules += ("mod_scgi")
            scgi.server = (
                ".php" => ((@SCGI@)), "/b" => ((@SCGI@, "check-local" => "disable", "docroot" => "/srv/other")),
                "/sub" => ((@SCGI@, "check-local" => "disable", "strip-request-uri" => "/sub")),
            )
        "#,
        everything,
    ),
    case(
        "proxy, answers",
        r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@HTTP1@))
        "#,
        requests::server_answers,
    ),
    case(
        "proxy, answers, streamed",
        r#"
            server.modules += ("mod_proxy")
            server.stream-response-body = 1
            proxy.server = ("/b" => (@HTTP1@))
        "#,
        requests::server_answers,
    ),
    case(
        "proxy, answers, HTTP/1.0",
        r#"
            server.modules += ("mod_proxy")
            proxy.header = ("force-http10" => "enable", "map-urlpath" => ("/b/" => "/other/"))
            proxy.server = ("/b" => (@HTTP1@))
        "#,
        requests::server_answers,
    ),
    case(
        "proxy, bodies and fields",
        r#"
            server.modules += ("mod_proxy")
            proxy.server = ("/b" => (@HTTP1@))
        "#,
        || requests::about("/b/x"),
    ),
    // Programs.
    case(
        "cgi",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh", ".lost" => "/nonexistent/interpreter", ".cgi" => "")
        "#,
        program_paths,
    ),
    case(
        "cgi, variables",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh", ".cgi" => "")
            server.name = "name.example"
            setenv.add-environment = (
                "ADDED" => "one", "lower" => "two", "with-hyphen" => "three", "PATH_INFO" => "/mine", "HTTP_X_SOME" => "four",
                "REMOTE_USER" => "five", "EMPTY" => "",
            )
            setenv.set-environment = ("SET" => "six")
            setenv.add-request-header = ("X-Added" => "eight", "X-Some" => "nine")
        "#,
        program_paths,
    ),
    case(
        "cgi, executables only",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh", ".cgi" => "")
            cgi.execute-x-only = "enable"
        "#,
        program_paths,
    ),
    case(
        "cgi, everything is a program",
        r#"
            server.modules += ("mod_cgi")
            index-file.names = ("tell.sh")
            $HTTP["url"] =^ "/cgi/" { cgi.assign = ("tell.sh" => "/bin/sh", "" => "") }
        "#,
        program_paths,
    ),
    case(
        "cgi, alias",
        r#"
            server.modules += ("mod_cgi")
            alias.url = ("/cgi/" => "@ROOT@/cgi/", "/bin" => "@ROOT@/cgi")
            $HTTP["url"] =^ "/bin/" { cgi.assign = (".sh" => "/bin/sh") }
            $HTTP["url"] =^ "/cgi/" { cgi.assign = (".cgi" => "", ".sh" => "") }
        "#,
        || [program_paths(), requests::about("/bin/tell.sh")].concat(),
    ),
    case(
        "cgi, answers",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
        "#,
        program_answers,
    ),
    case(
        "cgi, answers, streamed",
        r#"
            server.modules += ("mod_cgi")
            server.stream-response-body = 1
            cgi.assign = (".sh" => "/bin/sh")
        "#,
        program_answers,
    ),
    case(
        "cgi, answers, local redirects",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            cgi.local-redir = "enable"
        "#,
        program_answers,
    ),
    case(
        "cgi, answers, x-sendfile",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            cgi.x-sendfile = "enable"
        "#,
        program_answers,
    ),
    case(
        "cgi, answers, x-sendfile-docroot",
        r#"
            server.modules += ("mod_cgi")
            cgi.assign = (".sh" => "/bin/sh")
            cgi.x-sendfile = "enable"
            cgi.x-sendfile-docroot = ("/nonexistent", "@ROOT@/sub/")
        "#,
        program_answers,
    ),
    case(
        "cgi, error handler",
        r#"
            server.modules += ("mod_cgi")
            server.error-handler-404 = "/cgi/tell.sh?handled"
            cgi.assign = (".sh" => "/bin/sh", ".cgi" => "")
        "#,
        || [super::requests::errors(), requests::programs()].concat(),
    ),
    // What AJP servers are told.
    case(
        "ajp13",
        r#"
            server.modules += ("mod_setenv", "mod_ajp13")
            ajp13.server = ("/b" => (@AJP1@, @AJP2@), ".php" => (@AJP3@))
            ajp13.balance = "round-robin"
            setenv.set-environment = ("AJP13_SECRET" => "hush", "REMOTE_USER" => "me", "OTHER" => "x")
        "#,
        everything,
    ),
];
