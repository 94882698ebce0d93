//! mod_alias: maps URL paths to directories outside of the document root.

use lighttpd_conf::{Kind, Value};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;

/// Settings of mod_alias.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `alias.url`: beginnings of paths and what replaces them; the first that fits.
    pub map: Vec<(String, String)>,
}

static DIRECTIVES: &[Directive] = &[Directive::request(
    "alias.url",
    Setter::Own(Kind::KvString, map),
    "()",
    "Directories or files by the beginning of the URL path; the first beginning that fits counts.",
)];

fn map(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let map = value.to_pairs()?;
    for (at, (late, _)) in map.iter().enumerate() {
        let hides = |(early, _): &&(String, String)| late.starts_with(early.as_str());
        if let Some((early, _)) = map[..at].iter().find(hides) {
            reader.error(
                value.span,
                format!(
                    "alias.url: \"{late}\" can never fit, because \"{early}\" before it fits first"
                ),
                format!("write \"{late}\" before \"{early}\""),
            );
        }
    }
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.alias.map = map.clone();
    }))
}

/// What becomes of a path.
#[derive(Debug, PartialEq, Eq)]
enum Mapped<'a> {
    /// No alias fits.
    Nowhere,
    /// What is to be put before the rest of the path, and how long the beginning was.
    To(&'a str, usize),
    /// It would leave the directory of the alias.
    Refused,
}

fn look_up<'a>(map: &'a [(String, String)], path: &[u8], force_lowercase: bool) -> Mapped<'a> {
    let fits = |beginning: &str| match path.get(..beginning.len()) {
        None => false,
        Some(start) if force_lowercase => start.eq_ignore_ascii_case(beginning.as_bytes()),
        Some(start) => start == beginning.as_bytes(),
    };
    let Some((beginning, target)) = map.iter().find(|(beginning, _)| fits(beginning)) else {
        return Mapped::Nowhere;
    };
    // "/a" => "/srv/b/" makes "/srv/b/../" of "/a../": the path is clean, what comes of it is not.
    let rest = &path[beginning.len()..];
    let segment = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
    let climbs = matches!(segment, b"." | b"..");
    if climbs && !beginning.ends_with('/') && target.ends_with('/') {
        return Mapped::Refused;
    }
    Mapped::To(target, beginning.len())
}

fn physical(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let physical = &mut *exchange.physical;
    match look_up(
        &settings.alias.map,
        &physical.relative,
        settings.core.force_lowercase,
    ) {
        Mapped::Nowhere => Flow::GoOn,
        Mapped::To(target, length) => {
            physical.base.clear();
            physical.base.extend_from_slice(target.as_bytes());
            physical.path.clear();
            physical.path.extend_from_slice(target.as_bytes());
            physical
                .path
                .extend_from_slice(&physical.relative[length..]);
            Flow::GoOn
        }
        Mapped::Refused => {
            exchange.response.status = 403;
            Flow::Done
        }
    }
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_alias",
    directives: DIRECTIVES,
    hooks: Hooks {
        physical: Some(physical),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up_in(map: &[(&str, &str)], path: &str, force_lowercase: bool) -> String {
        let map: Vec<(String, String)> = map
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
            .collect();
        match look_up(&map, path.as_bytes(), force_lowercase) {
            Mapped::Nowhere => "nowhere".to_owned(),
            Mapped::Refused => "refused".to_owned(),
            Mapped::To(target, length) => format!("{target}{}", &path[length..]),
        }
    }

    #[test]
    fn the_first_beginning_that_fits_is_replaced() {
        let map = [("/a/b", "/srv/ab"), ("/a", "/srv/a"), ("/c/", "/srv/c/")];
        for (path, expected) in [
            ("/a/b/f", "/srv/ab/f"),
            ("/a/f", "/srv/a/f"),
            ("/a", "/srv/a"),
            ("/af", "/srv/af"),
            ("/c/f", "/srv/c/f"),
            ("/c", "nowhere"),
            ("/A/f", "nowhere"),
            ("/", "nowhere"),
        ] {
            assert_eq!(look_up_in(&map, path, false), expected, "{path}");
        }
        assert_eq!(look_up_in(&[("/A", "/srv/a")], "/a/f", true), "/srv/a/f");
    }

    #[test]
    fn an_alias_is_not_left() {
        let map = [("/a", "/srv/b/"), ("/e", "/srv/b"), ("/c/", "/srv/b/")];
        for (path, expected) in [
            ("/a../secret", "refused"),
            ("/a..", "refused"),
            ("/a../", "refused"),
            ("/a./f", "refused"),
            ("/a...", "/srv/b/..."),
            ("/a.f", "/srv/b/.f"),
            ("/a..f/g", "/srv/b/..f/g"),
            // A name that begins with the directory's, but no way out of it.
            ("/e../secret", "/srv/b../secret"),
            ("/c/..f", "/srv/b/..f"),
        ] {
            assert_eq!(look_up_in(&map, path, false), expected, "{path}");
        }
    }
}
