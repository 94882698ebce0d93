//! mod_access: refuses URLs by their endings.

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;

/// Settings of mod_access.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `url.access-deny`: endings that are refused.
    pub deny: Vec<String>,
    /// `url.access-allow`: the only endings that are not refused; then `deny` is not looked at. Empty: no such rule.
    pub allow: Vec<String>,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "url.access-deny",
        Setter::List(|settings, endings| settings.access.deny = endings.to_vec()),
        "()",
        "Endings of URL paths that are answered with 403; \"\" is the end of every path.",
    ),
    Directive::request(
        "url.access-allow",
        Setter::List(|settings, endings| settings.access.allow = endings.to_vec()),
        "()",
        "The only endings of URL paths that are not answered with 403; with it, url.access-deny has no effect.",
    ),
];

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Matters,
    /// As `server.force-lowercase-filenames` wants it.
    Ignored,
}

fn is_allowed(settings: &Settings, path: &[u8], case: Case) -> bool {
    let ends_with = |ending: &String| {
        let Some(start) = path.len().checked_sub(ending.len()) else {
            return false;
        };
        match case {
            Case::Matters => &path[start..] == ending.as_bytes(),
            Case::Ignored => path[start..].eq_ignore_ascii_case(ending.as_bytes()),
        }
    };
    match settings.allow.is_empty() {
        true => !settings.deny.iter().any(ends_with),
        false => settings.allow.iter().any(ends_with),
    }
}

/// Asked twice: at `subrequest_start` it is known what of the path is a file, so that `/a.inc/x` ends with `.inc`.
fn check(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let path = &exchange.request.uri.path;
    let file = path.len().saturating_sub(exchange.physical.path_info.len());
    let case = match settings.core.force_lowercase {
        true => Case::Ignored,
        false => Case::Matters,
    };
    if is_allowed(&settings.access, &path[..file], case) {
        return Flow::GoOn;
    }
    exchange.response.status = 403;
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_access",
    directives: DIRECTIVES,
    hooks: Hooks {
        uri_clean: Some(check),
        subrequest_start: Some(check),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(allow: &[&str], deny: &[&str]) -> Settings {
        let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Settings {
            deny: strings(deny),
            allow: strings(allow),
        }
    }

    #[test]
    fn endings_decide() {
        for (allow, deny, path, allowed) in [
            (&[][..], &["~", ".inc"][..], "/a.html", true),
            (&[], &["~", ".inc"], "/a.inc", false),
            (&[], &["~", ".inc"], "/A.INC", true),
            (&[], &["~", ".inc"], "/a.html~", false),
            (&[], &["~", ".inc"], "/a.inc/x", true),
            (&[], &[""], "/", false),
            (&[], &["longer-than-the-path"], "/", true),
            (&[".html"], &[], "/a.html", true),
            (&[".html"], &[], "/a.txt", false),
            // Where something is allowed, nothing else matters.
            (&[".inc"], &[".inc"], "/a.inc", true),
        ] {
            let settings = settings(allow, deny);
            let found = is_allowed(&settings, path.as_bytes(), Case::Matters);
            assert_eq!(found, allowed, "{path} {settings:?}");
        }
    }

    #[test]
    fn case_is_ignored_where_file_names_are_lower_case() {
        let settings = settings(&[], &[".Inc"]);
        assert!(!is_allowed(&settings, b"/a.iNC", Case::Ignored));
        assert!(is_allowed(&settings, b"/a.iNC", Case::Matters));
    }
}
