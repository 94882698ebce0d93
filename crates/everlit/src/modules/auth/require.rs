//! `auth.require`: who may see what.
//!
//! In: the directive's value. Out: [`Rule`]s, and which is in force for a path. Must hold: what could let somebody in by mistake
//! is an error.

use std::sync::Arc;

use lighttpd_conf::{Span, Value};

use super::algorithm::{ALL, Algorithm};
use crate::config::{Change, Read, Reader};
use crate::settings;

/// What must be shown for the paths that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The beginning of the path.
    pub prefix: String,
    /// How.
    pub scheme: Scheme,
    /// For whom it says that it is.
    pub realm: String,
    /// Who is let in.
    pub admitted: Admitted,
    /// Hash functions that are offered, in the order of [`ALL`].
    pub algorithms: Vec<Algorithm>,
    /// What nonces are made with; `None`: a secret of the process.
    pub nonce_secret: Option<String>,
    /// Whether clients may say the hash of a name in its place.
    pub user_hash: bool,
}

/// How somebody shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 7617.
    Basic,
    /// RFC 7616.
    Digest,
    /// Otherwise, before: `REMOTE_USER` is set.
    Extern,
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Everybody who has shown who it is.
    ValidUser,
    /// These.
    Some {
        /// By name.
        users: Vec<String>,
        /// Members of these.
        groups: Vec<String>,
    },
}

impl Rule {
    /// Whether somebody is let in.
    pub fn admits(&self, user: &[u8], is_member: impl FnMut(&str) -> bool) -> bool {
        match &self.admitted {
            Admitted::ValidUser => true,
            Admitted::Some { users, groups } => {
                users.iter().any(|admitted| admitted.as_bytes() == user)
                    || groups.iter().map(String::as_str).any(is_member)
            }
        }
    }

    /// Whether members of groups are let in.
    pub fn groups(&self) -> &[String] {
        match &self.admitted {
            Admitted::ValidUser => &[],
            Admitted::Some { groups, .. } => groups,
        }
    }
}

/// The rule for a path: the first whose beginning fits.
pub fn rule_for<'r>(rules: &'r [Rule], path: &[u8], force_lowercase: bool) -> Option<&'r Rule> {
    rules.iter().find(|rule| {
        let prefix = rule.prefix.as_bytes();
        match path.get(..prefix.len()) {
            Some(start) if force_lowercase => start.eq_ignore_ascii_case(prefix),
            Some(start) => start == prefix,
            None => false,
        }
    })
}

/// Reads the directive.
pub(super) fn read(value: &Value, reader: &mut Reader) -> Read<settings::Settings> {
    let mut rules: Vec<Rule> = Vec::new();
    for (prefix, fields) in value.to_map_of_arrays()? {
        let mut draft = Draft::default();
        for entry in fields.iter() {
            let span = entry.value.span;
            let Some(key) = entry.key.as_deref() else {
                let help = "write (\"method\" => \"basic\", \"realm\" => \"...\", \"require\" => \"valid-user\")";
                reader.error(span, "auth.require: a value without a name", help);
                continue;
            };
            let text = entry.value.to_str()?.to_owned();
            draft.set(key, text, span, reader);
        }
        if let Some(earlier) = rules.iter().find(|rule| prefix.starts_with(&rule.prefix)) {
            let earlier = &earlier.prefix;
            let message = format!(
                "auth.require: \"{prefix}\" is never looked at, because \"{earlier}\" before it fits first"
            );
            reader.warn(value.span, message);
        }
        rules.extend(draft.finish(prefix, value.span, reader));
    }
    let rules: Arc<[Rule]> = rules.into();
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.auth.require = rules.clone();
    }))
}

#[derive(Default)]
struct Draft {
    scheme: Option<Scheme>,
    realm: Option<String>,
    admitted: Option<Admitted>,
    algorithms: Vec<Algorithm>,
    nonce_secret: Option<String>,
    user_hash: bool,
}

impl Draft {
    fn set(&mut self, key: &str, text: String, span: Span, reader: &mut Reader) {
        match key {
            "method" => match &text[..] {
                "basic" => self.scheme = Some(Scheme::Basic),
                "digest" => self.scheme = Some(Scheme::Digest),
                "extern" => self.scheme = Some(Scheme::Extern),
                _ => {
                    let help = match &text[..] {
                        "gssapi" => "this version does not have mod_authn_gssapi",
                        _ => "write \"basic\", \"digest\" or \"extern\"",
                    };
                    let message = format!("auth.require: there is no method \"{text}\"");
                    reader.error(span, message, help);
                }
            },
            "realm" => {
                let is_plain =
                    |byte: u8| byte >= b' ' && byte != 0x7f && byte != b'"' && byte != b'\\';
                if !text.bytes().all(is_plain) {
                    let message =
                        "auth.require: a realm has no quotes, backslashes or control characters";
                    reader.error(span, message, "choose another name");
                }
                self.realm = Some(text);
            }
            "require" => self.admitted = admitted(&text, span, reader),
            "algorithm" => {
                for name in text.split('|').filter(|name| !name.is_empty()) {
                    // Whatever is offered, clients may use the "-sess" form of it.
                    let plain = match name.len().checked_sub(5).map(|end| name.split_at(end)) {
                        Some((plain, end)) if end.eq_ignore_ascii_case("-sess") => plain,
                        _ => name,
                    };
                    match Algorithm::named(plain.as_bytes()) {
                        Some(algorithm) => self.algorithms.push(algorithm),
                        None => reader.error(
                            span,
                            format!("auth.require: there is no algorithm \"{name}\""),
                            "write \"MD5\", \"SHA-256\", \"SHA-512-256\", or several with | between them",
                        ),
                    }
                }
            }
            "nonce_secret" | "nonce-secret" => self.nonce_secret = Some(text),
            "userhash" => {
                self.user_hash = matches!(&text.to_ascii_lowercase()[..], "enable" | "true" | "1");
            }
            _ => reader.error(
                span,
                format!("auth.require: there is no field \"{key}\""),
                "the fields are method, realm, require, algorithm, nonce-secret, userhash",
            ),
        }
    }

    /// The rule, if nothing is missing.
    fn finish(self, prefix: &str, span: Span, reader: &mut Reader) -> Option<Rule> {
        let (scheme, realm, admitted) = (self.scheme, self.realm, self.admitted);
        for (name, is_missing) in [
            ("method", scheme.is_none()),
            ("realm", realm.is_none()),
            ("require", admitted.is_none()),
        ] {
            if is_missing {
                reader.error(
                    span,
                    format!("auth.require: \"{prefix}\" has no good \"{name}\""),
                    "a rule needs method, realm and require",
                );
            }
        }
        let algorithms = match self.algorithms.is_empty() {
            true => vec![Algorithm::Md5],
            false => ALL
                .into_iter()
                .filter(|algorithm| self.algorithms.contains(algorithm))
                .collect(),
        };
        Some(Rule {
            prefix: prefix.to_owned(),
            scheme: scheme?,
            realm: realm?,
            admitted: admitted?,
            algorithms,
            nonce_secret: self.nonce_secret,
            user_hash: self.user_hash,
        })
    }
}

/// `valid-user`, or `user=a|group=b`.
fn admitted(text: &str, span: Span, reader: &mut Reader) -> Option<Admitted> {
    if text == "valid-user" {
        return Some(Admitted::ValidUser);
    }
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    let mut parts: Vec<&str> = text.split('|').collect();
    // One at the end means nothing.
    if parts.len() > 1 && parts.last() == Some(&"") {
        parts.pop();
    }
    for part in parts {
        match part.split_once('=') {
            Some(("user", name)) if !name.is_empty() => users.push(name.to_owned()),
            Some(("group", name)) if !name.is_empty() => groups.push(name.to_owned()),
            Some(("host", name)) if !name.is_empty() => {
                let message = "auth.require: \"host=\" lets nobody in, here as in lighttpd";
                reader.warn(span, message);
            }
            _ => {
                let message = format!("auth.require: \"{part}\" in \"require\" says nothing");
                let help = "write \"valid-user\", or \"user=a|user=b|group=c\"";
                reader.error(span, message, help);
                return None;
            }
        }
    }
    Some(Admitted::Some { users, groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, admitted: Admitted) -> Rule {
        Rule {
            prefix: prefix.to_owned(),
            scheme: Scheme::Basic,
            realm: "r".to_owned(),
            admitted,
            algorithms: vec![Algorithm::Md5],
            nonce_secret: None,
            user_hash: false,
        }
    }

    #[test]
    fn the_first_beginning_that_fits() {
        let rules = [
            rule("/a/b", Admitted::ValidUser),
            rule("/a", Admitted::ValidUser),
        ];
        let prefix = |path: &str, lower| {
            rule_for(&rules, path.as_bytes(), lower).map(|rule| &rule.prefix[..])
        };
        assert_eq!(prefix("/a/bc", false), Some("/a/b"));
        assert_eq!(prefix("/ab", false), Some("/a"));
        assert_eq!(prefix("/A/B", false), None);
        assert_eq!(prefix("/A/B", true), Some("/a/b"));
        assert_eq!(prefix("/", false), None);
    }

    #[test]
    fn users_and_members_of_groups_are_let_in() {
        let some = rule(
            "/",
            Admitted::Some {
                users: vec!["joe".to_owned()],
                groups: vec!["g".to_owned()],
            },
        );
        assert!(some.admits(b"joe", |_| false));
        assert!(!some.admits(b"jo", |_| false));
        assert!(some.admits(b"jo", |group| group == "g"));
        assert!(rule("/", Admitted::ValidUser).admits(b"anybody", |_| false));
    }
}
