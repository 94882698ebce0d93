//! mod_redirect: sends clients to other URLs.

use std::sync::Arc;

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;
use crate::substitute::{Rules, Verdict};

/// Settings of mod_redirect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `url.redirect`: the first rule whose expression fits the target decides.
    pub rules: Option<Arc<Rules>>,
    /// `url.redirect-code`, default 301.
    pub code: u16,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rules: None,
            code: MOVED_PERMANENTLY,
        }
    }
}

const MOVED_PERMANENTLY: u16 = 301;

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "url.redirect",
        Setter::Own(Kind::KvString, rules),
        "()",
        "Redirects by expression for the URL, the first that fits; \"\" is none. $1 is of the expression, %1 of the \
         condition.",
    ),
    Directive::request(
        "url.redirect-code",
        Setter::Own(Kind::Short, code),
        "301",
        "Status of redirects.",
    ),
];

fn rules(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let rules = Arc::new(Rules::read(value, reader)?);
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.redirect.rules = Some(rules.clone());
    }))
}

fn code(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut code = value.to_short()?;
    if !(200..1000).contains(&code) {
        reader.warn(
            value.span,
            format!("url.redirect-code: {code} is no status, and {MOVED_PERMANENTLY} is used"),
        );
        code = MOVED_PERMANENTLY;
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.redirect.code = code;
    }))
}

fn uri_clean(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let Some(rules) = &settings.redirect.rules else {
        return Flow::GoOn;
    };
    let Verdict::Becomes(location) = rules.judge(exchange, &settings.core) else {
        return Flow::GoOn;
    };
    let code = settings.redirect.code;
    // Whoever answers with an error so, says that it is gone, not where to.
    if code < 400 && !location.is_empty() {
        exchange.response.headers.set("Location", location);
    }
    exchange.handler = None;
    exchange.response.status = code;
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_redirect",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(uri_clean),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::config::tests::support::{ask, load, remarks};
    use crate::route::Desk;

    fn desk(text: &str) -> Desk {
        let modules = "server.modules = ( \"mod_redirect\" )\n";
        Desk::new(Arc::new(load(&format!("{modules}{text}")).0))
    }

    /// Status and `Location`.
    fn redirect(desk: &mut Desk, head: &str) -> String {
        ask(desk, head);
        let location = desk.response.headers.get("Location").unwrap_or(b"none");
        format!(
            "{} {}",
            desk.response.status,
            String::from_utf8_lossy(location)
        )
    }

    #[test]
    fn the_usual_redirects() {
        let mut desk = desk(
            r#"
            $HTTP["host"] =~ "^www\.(.*)" { url.redirect = ( "" => "http://%1${url.path}${qsa}" ) }
            else $HTTP["scheme"] == "http" {
                url.redirect = (
                    "^/\.well-known/acme-challenge/" => "",
                    "" => "https://${url.authority}${url.path}${qsa}",
                )
            }
            "#,
        );
        for (head, expected) in [
            (
                "GET /a%20b?c=%64 HTTP/1.1\nHost: www.example.org",
                "301 http://example.org/a%20b?c=d",
            ),
            (
                "GET /a?b HTTP/1.1\nHost: example.org",
                "301 https://example.org/a?b",
            ),
            (
                "GET /? HTTP/1.1\nHost: example.org:8080",
                "301 https://example.org:8080/?",
            ),
            (
                "GET /.well-known/acme-challenge/x HTTP/1.1\nHost: example.org",
                "404 none",
            ),
        ] {
            assert_eq!(redirect(&mut desk, head), expected, "{head}");
        }
    }

    #[test]
    fn a_code_is_a_status() {
        let mut desk = desk(
            r#"
            url.redirect = ( "^/x(.*)" => "/y$1", "^/none" => "${url.query}" )
            url.redirect-code = 308
            $HTTP["url"] =^ "/xgone" { url.redirect-code = 410 }
            $HTTP["url"] =^ "/xodd" { url.redirect-code = 99 }
            "#,
        );
        for (path, expected) in [
            ("/x/1", "308 /y/1"),
            ("/xgone", "410 none"),
            ("/xodd", "301 /yodd"),
            ("/none", "308 none"),
            ("/none?/q", "308 /q"),
            ("/none?%0d%0aX-Y:%20z", "400 none"),
        ] {
            let head = format!("GET {path} HTTP/1.1\nHost: h");
            assert_eq!(redirect(&mut desk, &head), expected, "{path}");
        }
    }

    #[test]
    fn what_is_decoded_is_no_header_field() {
        let mut desk = desk("url.redirect = ( \"^/(.*)\" => \"/${decb64u:1}\" )");
        // "\r\nX: y"
        let found = redirect(&mut desk, "GET /DQpYOiB5 HTTP/1.1\nHost: h");
        assert_eq!(found, "301 /  X: y");
        assert_eq!(desk.response.headers.get("X"), None);
    }

    #[test]
    fn mistakes_have_a_place() {
        let said = |rule: &str| {
            remarks(&format!(
                "server.modules = ( \"mod_redirect\" )\nurl.redirect = ( {rule} )"
            ))
        };
        assert_eq!(said("\"^/(a)\" => \"/$1\""), Vec::<String>::new());
        assert_eq!(
            said("\"^/(\" => \"/\""),
            ["2:27 error: url.redirect: \"^/(\": not a regular expression: unclosed group"]
        );
        assert_eq!(
            said("\"a\" => \"/${1\""),
            ["2:25 error: url.redirect: \"/${1\": a brace is opened and never closed"]
        );
        assert_eq!(
            said("\"a\" => \"/${foo}\""),
            ["2:25 warning: url.redirect: \"/${foo}\": nobody knows what {foo} stands for"]
        );
    }
}
