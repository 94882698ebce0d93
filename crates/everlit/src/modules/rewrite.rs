//! mod_rewrite: answers other URLs in place of those that were asked for.

use std::sync::Arc;

use lighttpd_conf::{BlockId, Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::files;
use crate::files::EntryKind;
use crate::http1::head::MAX_HEAD_BYTES;
use crate::request::Rewritten;
use crate::settings;
use crate::substitute::{Rules, Verdict};

/// Settings of mod_rewrite.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Rules for every target.
    pub always: Lists,
    /// Rules for those that lead to no file: `url.rewrite-if-not-file`, `url.rewrite-repeat-if-not-file`.
    pub if_not_file: Lists,
}

/// The rules of one block: those of an inner or later block take the place of all of them, as in lighttpd.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    block: BlockId,
    /// In the order in which they are asked.
    rules: Vec<(Which, Arc<Rules>)>,
}

/// Which directive it was, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// `url.rewrite-once`, `url.rewrite-if-not-file`
    Once,
    /// `url.rewrite-final`, which is the same.
    Final,
    /// `url.rewrite`, which is the same.
    Plain,
    /// `url.rewrite-repeat`, `url.rewrite-repeat-if-not-file`: what comes of it is rewritten again.
    Repeat,
}

impl Lists {
    fn set(&mut self, which: Which, rules: Arc<Rules>) {
        if self.block != rules.block() {
            self.rules.clear();
            self.block = rules.block();
        }
        self.rules.retain(|(other, _)| *other != which);
        let at = self.rules.partition_point(|(other, _)| *other < which);
        self.rules.insert(at, (which, rules));
    }

    /// Which directives are in force.
    pub fn which(&self) -> impl Iterator<Item = Which> + '_ {
        self.rules.iter().map(|(which, _)| *which)
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "url.rewrite-once",
        Setter::Own(Kind::KvString, |value, reader| {
            always(Which::Once, value, reader)
        }),
        "()",
        "New URLs by expression for the URL, the first that fits; \"\" leaves it as it is. Nothing is rewritten after that.",
    ),
    Directive::request(
        "url.rewrite-final",
        Setter::Own(Kind::KvString, |value, reader| {
            always(Which::Final, value, reader)
        }),
        "()",
        "The same as url.rewrite-once, and asked after it.",
    ),
    Directive::request(
        "url.rewrite",
        Setter::Own(Kind::KvString, |value, reader| {
            always(Which::Plain, value, reader)
        }),
        "()",
        "The same as url.rewrite-once, and asked after it.",
    ),
    Directive::request(
        "url.rewrite-repeat",
        Setter::Own(Kind::KvString, |value, reader| {
            always(Which::Repeat, value, reader)
        }),
        "()",
        "New URLs by expression for the URL; what comes of it is rewritten again, up to 100 times.",
    ),
    Directive::request(
        "url.rewrite-if-not-file",
        Setter::Own(Kind::KvString, |value, reader| {
            if_not_file(Which::Once, value, reader)
        }),
        "()",
        "As url.rewrite-once, for URLs that lead to no file.",
    ),
    Directive::request(
        "url.rewrite-repeat-if-not-file",
        Setter::Own(Kind::KvString, |value, reader| {
            if_not_file(Which::Repeat, value, reader)
        }),
        "()",
        "As url.rewrite-repeat, for URLs that lead to no file.",
    ),
];

fn always(which: Which, value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let rules = Arc::new(Rules::read(value, reader)?);
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.rewrite.always.set(which, rules.clone());
    }))
}

fn if_not_file(which: Which, value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let rules = Arc::new(Rules::read(value, reader)?);
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.rewrite.if_not_file.set(which, rules.clone());
    }))
}

/// A request that is rewritten more often than this runs in circles.
const MOST: u8 = 100;

/// What comes of rewriting once more, and what is then known of the request; nothing if no rule fits.
fn rewrite(
    lists: &Lists,
    exchange: &Exchange<'_>,
    core: &settings::Core,
) -> Option<(Vec<u8>, Rewritten)> {
    let times = match exchange.request.rewritten {
        Rewritten::Not => 0,
        Rewritten::Times(times) => times,
        Rewritten::ForGood => return None,
    };
    for (which, rules) in &lists.rules {
        match rules.judge(exchange, core) {
            Verdict::NoneFits => {}
            Verdict::LeftAlone => return None,
            Verdict::Becomes(target) => {
                let rewritten = match which {
                    Which::Once | Which::Final | Which::Plain => Rewritten::ForGood,
                    Which::Repeat => Rewritten::Times(times + 1),
                };
                return Some((target, rewritten));
            }
        }
    }
    None
}

fn apply(lists: &Lists, exchange: &mut Exchange<'_>, core: &settings::Core) -> Flow {
    let old = &exchange.request.uri.target;
    // What is no path is no page.
    if lists.rules.is_empty() || old.first() != Some(&b'/') {
        return Flow::GoOn;
    }
    let Some((target, rewritten)) = rewrite(lists, exchange, core) else {
        return Flow::GoOn;
    };
    let wrong = if target.len() > MAX_HEAD_BYTES {
        // One that doubles what it takes would soon need all the memory there is.
        format!("would become longer than {MAX_HEAD_BYTES} bytes")
    } else if target.first() != Some(&b'/') {
        let new = String::from_utf8_lossy(&target);
        format!("would become \"{new}\", which does not begin with a slash")
    } else if matches!(rewritten, Rewritten::Times(times) if times > MOST) {
        format!(
            "was rewritten more than {MOST} times: perhaps url.rewrite-once is what you want, instead of url.rewrite-repeat"
        )
    } else {
        exchange.request.rewritten = rewritten;
        exchange.new_target = Some(target);
        return Flow::Again;
    };
    let old = String::from_utf8_lossy(&exchange.request.uri.target);
    core.errors.say(MODULE.name, format_args!("{old} {wrong}"));
    exchange.response.status = 500;
    Flow::Done
}

fn uri_rewrite(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    apply(&settings.rewrite.always, exchange, &settings.core)
}

fn physical(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let lists = &settings.rewrite.if_not_file;
    if lists.rules.is_empty() {
        return Flow::GoOn;
    }
    let rules = files::Rules::FollowLinks;
    let found = (exchange.files).look_up(&exchange.physical.path, rules, exchange.now);
    match found {
        Ok(entry) if entry.metadata.kind == EntryKind::File => Flow::GoOn,
        _ => apply(lists, exchange, &settings.core),
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_rewrite",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_rewrite: Some(uri_rewrite),
        physical: Some(physical),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::config::tests::support::{ask, load};
    use crate::route::Desk;

    struct Place {
        directory: tempfile::TempDir,
        desk: Desk,
    }

    impl Place {
        fn new(text: &str) -> Place {
            let directory = tempfile::tempdir().unwrap();
            for name in ["index.php", "style.css", "a.html"] {
                std::fs::write(directory.path().join(name), name).unwrap();
            }
            std::fs::create_dir(directory.path().join("dir")).unwrap();
            let root = directory.path().canonicalize().unwrap();
            let text = format!(
                "server.modules = ( \"mod_rewrite\", \"mod_redirect\", \"mod_setenv\", \"mod_accesslog\" )\n\
                 server.document-root = \"{}\"\naccesslog.filename = \"/tmp/x\"\n\
                 accesslog.format = \"%s %r|%U|%q|%{{X}}o\"\n{text}",
                root.to_str().unwrap()
            );
            let desk = Desk::new(Arc::new(load(&text).0));
            Place { directory, desk }
        }

        /// Status, what was asked for, what was answered, and the field `X`.
        fn ask(&mut self, target: &str) -> String {
            ask(&mut self.desk, &format!("GET {target} HTTP/1.0\nHost: h"));
            let line = String::from_utf8(self.desk.line.text.clone()).unwrap();
            let line = line.trim_end().replace("GET ", "").replace(" HTTP/1.0", "");
            line.replace(self.directory.path().to_str().unwrap(), "")
        }

        fn all(&mut self, cases: &[(&str, &str)]) {
            for (target, expected) in cases {
                assert_eq!(self.ask(target), *expected, "{target}");
            }
        }
    }

    #[test]
    fn once_is_once_and_repeat_is_repeated() {
        Place::new(
            r#"
            url.rewrite-once = (
                "^/stop" => "", "^/s" => "/a.html", "^/once/(.*)" => "/$1", "^/q" => "/a.html?x=1${qsa}",
                "^/bad" => "nothing", "^/enc" => "/%%61.html", "^/up" => "/x/../../a.html#x", "^/ctl" => "/%%01",
            )
            url.rewrite-repeat = ( "^/rep/(.)(.*)" => "/rep/$2", "^/rep/$" => "/a.html", "^/inf" => "/inf" )
            "#,
        )
        .all(&[
            ("/a.html", "200 /a.html|/a.html||-"),
            ("/stop", "404 /stop|/stop||-"),
            ("/s", "200 /s|/a.html||-"),
            ("/once/once/a.html", "404 /once/once/a.html|/once/a.html||-"),
            ("/q?y", "200 /q?y|/a.html|x=1&y|-"),
            ("/bad", "500 /bad|/bad||-"),
            ("/enc", "200 /enc|/a.html||-"),
            ("/up", "200 /up|/a.html||-"),
            ("/ctl", "400 /ctl|/ctl||-"),
            ("/rep/abc", "200 /rep/abc|/a.html||-"),
            ("/inf", "500 /inf|/inf||-"),
        ]);
    }

    #[test]
    fn a_hundred_times_is_enough() {
        let mut place = Place::new(
            "url.rewrite-repeat = ( \"^/r/a(.*)\" => \"/r/$1\", \"^/r/$\" => \"/a.html\" )",
        );
        let mut status = |count| place.ask(&format!("/r/{}", "a".repeat(count)))[..3].to_owned();
        assert_eq!(status(99), "200");
        assert_eq!(status(100), "500");
    }

    #[test]
    fn what_grows_and_grows_is_stopped() {
        let mut place = Place::new("url.rewrite-repeat = ( \"^(/.*)\" => \"$1$1\" )");
        assert!(place.ask("/abc").starts_with("500 /abc|/abc/abc"));
    }

    #[test]
    fn files_stay_as_they_are() {
        Place::new(
            r#"
            url.rewrite-if-not-file = ( "^/dir/?$" => "/a.html", "^(/[^?]*)" => "/index.php?q=$1${qsa}" )
            setenv.set-response-header = ( "X" => "other" )
            $HTTP["url"] =^ "/index.php" {
                setenv.set-response-header = ( "X" => "php" )
                server.error-handler-404 = "/a.html"
            }
            $HTTP["url"] =^ "/a/" { setenv.set-response-header = ( "X" => "a" ) }
            "#,
        )
        // As in lighttpd, mod_setenv goes by the conditions before that.
        .all(&[
            ("/style.css", "200 /style.css|/style.css||other"),
            ("/style.css/x", "200 /style.css/x|/index.php|q=/style.css/x|other"),
            ("/a/b?c", "200 /a/b?c|/index.php|q=/a/b&c|a"),
            ("/dir/", "200 /dir/|/a.html||other"),
            ("/index.php", "200 /index.php|/index.php||php"),
        ]);
    }

    #[test]
    fn conditions_are_evaluated_anew() {
        Place::new(
            r#"
            url.rewrite-repeat = ( "^/one" => "/two" )
            setenv.add-response-header = ( "X" => "first" )
            $HTTP["url"] == "/two" {
                url.rewrite-once = ( "^/t(.*)" => "/a.html?%0" )
                setenv.add-response-header = ( "X" => "second" )
            }
            $HTTP["query-string"] =~ "^/(t)" { setenv.add-response-header = ( "X" => "third" ) }
            "#,
        )
        .all(&[
            ("/one", "200 /one|/a.html|/two|third"),
            ("/two", "200 /two|/a.html|/two|third"),
            ("/a.html", "200 /a.html|/a.html||first"),
        ]);
    }

    #[test]
    fn rules_of_another_block_take_the_place_of_all() {
        Place::new(
            r#"
            url.rewrite-once = ( "^/g" => "/a.html" )
            url.rewrite-if-not-file = ( "^/n" => "/a.html" )
            $HTTP["url"] =$ "/h" { url.rewrite-repeat = ( "^/x" => "/a.html" ) }
            $HTTP["url"] =$ "/o" {
                url.rewrite-repeat = ( "^/r" => "/a.html", "^/x" => "/1" )
                url.rewrite = ( "^/w" => "/a.html", "^/x" => "/2" )
                url.rewrite-final = ( "^/f" => "/a.html", "^/x" => "/3" )
                url.rewrite-once = ( "^/x" => "/a.html" )
            }
            $HTTP["url"] =$ "/none" { url.rewrite-once = () }
            "#,
        )
        .all(&[
            ("/g", "200 /g|/a.html||-"),
            ("/g/h", "404 /g/h|/g/h||-"),
            ("/x/h", "200 /x/h|/a.html||-"),
            ("/n/h", "200 /n/h|/a.html||-"),
            ("/r/o", "200 /r/o|/a.html||-"),
            ("/w/o", "200 /w/o|/a.html||-"),
            ("/f/o", "200 /f/o|/a.html||-"),
            ("/x/o", "200 /x/o|/a.html||-"),
            ("/g/none", "404 /g/none|/g/none||-"),
        ]);
    }

    #[test]
    fn handlers_of_errors_are_rewritten_too() {
        Place::new(
            r#"
            url.rewrite-once = ( "^/handler" => "/a.html" )
            server.error-handler-404 = "/handler"
            "#,
        )
        .all(&[("/missing", "200 /missing|/missing||-")]);
    }
}
