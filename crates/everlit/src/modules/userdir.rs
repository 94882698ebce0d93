//! mod_userdir: `/~user/` leads to a directory in the home of a user.

use super::{Hooks, Module};
use crate::config::{Directive, Setter};
use crate::exchange::{Exchange, Flow};
use crate::route::path;
use crate::settings;
use crate::sys;

/// Settings of mod_userdir.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `userdir.path`: below the home of the user; none: the module has nothing to do.
    pub path: Option<String>,
    /// `userdir.basepath`: where the homes are; empty: where the system says.
    pub base_path: String,
    /// `userdir.exclude-user`
    pub excluded: Vec<String>,
    /// `userdir.include-user`; none: all.
    pub included: Option<Vec<String>>,
    /// `userdir.letterhomes`
    pub homes: Homes,
    /// `userdir.active`
    pub state: State,
}

/// How homes are sorted below [`Settings::base_path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Homes {
    /// `/home/joe`
    Together,
    /// `/home/j/joe`
    ByLetter,
}

/// Whether the module does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No.
    Inactive,
    /// Yes.
    Active,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            path: None,
            base_path: String::new(),
            excluded: Vec::new(),
            included: None,
            homes: Homes::Together,
            state: State::Active,
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "userdir.path",
        Setter::Text(|settings, path| settings.userdir.path = Some(path.to_owned())),
        "",
        "Directory in the home of a user that /~user/ leads to; without this directive there is none.",
    ),
    Directive::request(
        "userdir.exclude-user",
        Setter::List(|settings, users| settings.userdir.excluded = users.to_vec()),
        "()",
        "Users that have no such directory.",
    ),
    Directive::request(
        "userdir.include-user",
        Setter::List(|settings, users| settings.userdir.included = Some(users.to_vec())),
        "",
        "The only users that have such a directory.",
    ),
    Directive::request(
        "userdir.basepath",
        Setter::Text(|settings, path| settings.userdir.base_path = path.to_owned()),
        "",
        "Directory with the homes of all users; without it the system is asked where a home is.",
    ),
    Directive::request(
        "userdir.letterhomes",
        Setter::Bool(|settings, on| {
            settings.userdir.homes = match on {
                true => Homes::ByLetter,
                false => Homes::Together,
            };
        }),
        "\"disable\"",
        "Whether homes below userdir.basepath are sorted by first letter.",
    ),
    Directive::request(
        "userdir.active",
        Setter::Bool(|settings, on| {
            settings.userdir.state = match on {
                true => State::Active,
                false => State::Inactive,
            };
        }),
        "\"enable\"",
        "Whether /~user/ leads anywhere.",
    ),
];

/// Whether letters of different case are the same, as `server.force-lowercase-filenames` wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Matters,
    Ignored,
}

fn is_welcome(settings: &Settings, user: &[u8], case: Case) -> bool {
    let is_same = |name: &String| match case {
        Case::Matters => name.as_bytes() == user,
        Case::Ignored => name.as_bytes().eq_ignore_ascii_case(user),
    };
    let is_included = match &settings.included {
        None => true,
        Some(included) => included.iter().any(|name| name.as_bytes() == user),
    };
    is_included && !settings.excluded.iter().any(is_same)
}

/// A user's directory below `userdir.basepath`, whether it is there or not. None for a name that could lead elsewhere.
fn below_base(settings: &Settings, user: &[u8], case: Case) -> Option<Vec<u8>> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    if matches!(user, b"." | b"..") || !user.iter().all(is_plain) {
        return None;
    }
    let user = match case {
        Case::Matters => user.to_vec(),
        Case::Ignored => user.to_ascii_lowercase(),
    };
    let mut directory = settings.base_path.trim_end_matches('/').as_bytes().to_vec();
    if settings.homes == Homes::ByLetter {
        if user[0] == b'.' {
            return None;
        }
        directory.extend_from_slice(&[b'/', user[0]]);
    }
    directory.push(b'/');
    directory.extend_from_slice(&user);
    Some(directory)
}

fn physical(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let (core, settings) = (&settings.core, &settings.userdir);
    let Some(below) = &settings.path else {
        return Flow::GoOn;
    };
    let request = &exchange.request;
    let (State::Active, Some(rest)) = (settings.state, request.uri.path.strip_prefix(b"/~")) else {
        return Flow::GoOn;
    };
    if rest.is_empty() {
        return Flow::GoOn;
    }
    let Some(slash) = memchr::memchr(b'/', rest) else {
        let location = path::directory_location(request, core, exchange.flags);
        exchange.response.headers.set("Location", location);
        exchange.response.status = 301;
        return Flow::Done;
    };
    let case = match core.force_lowercase {
        true => Case::Ignored,
        false => Case::Matters,
    };
    let user = &rest[..slash];
    if user.is_empty() || user.len() > 255 || !is_welcome(settings, user, case) {
        return Flow::GoOn;
    }
    let is_known_to_us = !settings.base_path.is_empty();
    let home = match is_known_to_us {
        true => below_base(settings, user, case),
        false => str::from_utf8(user).ok().and_then(sys::privilege::home),
    };
    let Some(mut directory) = home else {
        return Flow::GoOn;
    };
    let below = below.trim_matches('/');
    if !below.is_empty() {
        directory.push(b'/');
        directory.extend_from_slice(below.as_bytes());
    }
    let rest = physical_rest(exchange, slash + 2);
    if !is_known_to_us && !super::is_directory(exchange, &directory) {
        return Flow::GoOn;
    }
    let physical = &mut *exchange.physical;
    physical.path = [&directory[..], &rest].concat();
    physical.base = directory;
    // For mod_alias: lighttpd's compares what is below the base.
    physical.relative = rest;
    Flow::GoOn
}

/// What follows the user in the path of the file.
fn physical_rest(exchange: &Exchange<'_>, from: usize) -> Vec<u8> {
    let relative = &exchange.physical.relative;
    relative.get(from..).unwrap_or(b"/").to_vec()
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_userdir",
    directives: DIRECTIVES,
    hooks: Hooks {
        physical: Some(physical),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_lead_nowhere() {
        let mut settings = Settings {
            base_path: "/home/".to_owned(),
            ..Settings::default()
        };
        let of = |settings: &Settings, user: &str, case| {
            below_base(settings, user.as_bytes(), case).map(|path| String::from_utf8(path).unwrap())
        };
        let some = |path: &str| Some(path.to_owned());
        for (user, expected) in [
            ("joe", some("/home/joe")),
            ("Joe", some("/home/Joe")),
            (".", None),
            ("..", None),
            ("...", some("/home/...")),
            ("a b", None),
            ("a\0", None),
            ("ü", None),
        ] {
            assert_eq!(of(&settings, user, Case::Matters), expected, "{user}");
        }
        assert_eq!(of(&settings, "Joe", Case::Ignored), some("/home/joe"));
        settings.homes = Homes::ByLetter;
        assert_eq!(of(&settings, "joe", Case::Matters), some("/home/j/joe"));
        assert_eq!(of(&settings, ".joe", Case::Matters), None);
    }

    #[test]
    fn some_are_welcome_and_some_are_not() {
        let mut settings = Settings {
            excluded: vec!["root".to_owned()],
            ..Settings::default()
        };
        assert!(is_welcome(&settings, b"joe", Case::Matters));
        assert!(!is_welcome(&settings, b"root", Case::Matters));
        assert!(is_welcome(&settings, b"ROOT", Case::Matters));
        assert!(!is_welcome(&settings, b"ROOT", Case::Ignored));
        settings.included = Some(vec!["joe".to_owned(), "root".to_owned()]);
        assert!(is_welcome(&settings, b"joe", Case::Matters));
        assert!(!is_welcome(&settings, b"ann", Case::Matters));
        assert!(!is_welcome(&settings, b"root", Case::Matters));
    }
}
