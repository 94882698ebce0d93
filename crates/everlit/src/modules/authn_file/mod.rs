//! mod_authn_file: users and their passwords in files.
//!
//! In: a name, and a password or what proves one. Out: whether they fit, or a question, where finding out takes long. Must
//! hold: a file that cannot be read lets nobody in.

mod des;
pub mod hash;
mod md5_crypt;

use zeroize::Zeroizing;

use super::auth::algorithm::{Algorithm, is_same};
use super::auth::{Knows, Verdict};
use super::{Hooks, Module};
use crate::config::{Counts, Directive, Setter};
use crate::exchange::Exchange;
use crate::files::Text;
use crate::inquiry::{Answer, Question, Work};
use crate::settings;
use hash::Cost;

/// Settings of mod_authn_file: paths; empty: none.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `auth.backend.plain.userfile`
    pub plain: String,
    /// `auth.backend.plain.groupfile`
    pub groups: String,
    /// `auth.backend.htdigest.userfile`
    pub htdigest: String,
    /// `auth.backend.htpasswd.userfile`
    pub htpasswd: String,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "auth.backend.plain.userfile",
        Setter::Text(|settings, path| settings.authn_file.plain = path.to_owned()),
        "",
        "File with users and passwords as they are: user:password.",
    ),
    Directive::request(
        "auth.backend.plain.groupfile",
        Setter::Text(|settings, path| settings.authn_file.groups = path.to_owned()),
        "",
        "File with groups, for users from any file: group: user user.",
    )
    .differs(
        Counts::Used,
        "the file is read; lighttpd takes the directive and does not look",
    ),
    Directive::request(
        "auth.backend.htdigest.userfile",
        Setter::Text(|settings, path| settings.authn_file.htdigest = path.to_owned()),
        "",
        "File with users and digests of their passwords, as htdigest writes it.",
    ),
    Directive::request(
        "auth.backend.htpasswd.userfile",
        Setter::Text(|settings, path| settings.authn_file.htpasswd = path.to_owned()),
        "",
        "File with users and hashes of their passwords, as htpasswd writes it.",
    ),
];

/// Longer lines are left out.
const LINE_MAX: usize = 1024;

/// Whether a password is that of a user, as it is in the file of plain ones.
pub fn plain(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    knows: &Knows<'_>,
) -> Verdict {
    let users = text(exchange, settings, &settings.authn_file.plain);
    match find(&users, knows.user) {
        Some(password) if is_same(password, knows.password) => Verdict::Yes,
        Some(_) | None => Verdict::No,
    }
}

/// Whether a password fits the hash of a user's.
pub fn htpasswd(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    knows: &Knows<'_>,
) -> Verdict {
    let users = text(exchange, settings, &settings.authn_file.htpasswd);
    let Some(hash) = find(&users, knows.user) else {
        return Verdict::No;
    };
    if hash::cost(hash, knows.password) == Cost::Small {
        return Verdict::from(hash::fits(hash, knows.password));
    }
    // Whether it fits never changes: who changes a password changes the hash.
    let answers = &exchange.knowledge.answers;
    let key = answers.key("hash", &[hash, knows.password]);
    let (hash, password) = (hash.to_vec(), Zeroizing::new(knows.password.to_vec()));
    let question = Question {
        key,
        work: Work::Job(Box::new(move || match hash::fits(&hash, &password) {
            true => Answer::Yes(Vec::new()),
            false => Answer::No,
        })),
        lives: knows.lives,
    };
    let now = exchange.now.monotonic;
    Verdict::from(exchange.knowledge.ask(question, now))
}

/// Whether a password is that of a user, as its digest is in a file.
pub fn htdigest(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    knows: &Knows<'_>,
    (realm, algorithm): (&str, Algorithm),
) -> Verdict {
    let users = text(exchange, settings, &settings.authn_file.htdigest);
    let known = find_digest(&users, knows.user, realm, algorithm, Named::Plainly);
    let Some((_, digest)) = known else {
        return Verdict::No;
    };
    let ours = algorithm.hex(&[knows.user, realm.as_bytes(), knows.password]);
    let theirs = Zeroizing::new(digest.to_ascii_lowercase());
    Verdict::from(is_same(ours.as_bytes(), &theirs))
}

/// Where somebody is looked for that proves to know a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `auth.backend.plain.userfile`
    Plain,
    /// `auth.backend.htdigest.userfile`
    Htdigest,
}

/// How somebody is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By name.
    Plainly,
    /// By the hash of name and realm.
    Hashed,
}

/// The name of a user, and the hash of name, realm and password in hexadecimal digits.
pub fn digest_of(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    source: Source,
    (user, named): (&[u8], Named),
    (realm, algorithm): (&str, Algorithm),
) -> Option<(Vec<u8>, Zeroizing<String>)> {
    match source {
        Source::Plain => {
            let users = text(exchange, settings, &settings.authn_file.plain);
            let password = find(&users, user)?;
            let digest = algorithm.hex(&[user, realm.as_bytes(), password]);
            Some((user.to_vec(), digest))
        }
        Source::Htdigest => {
            let users = text(exchange, settings, &settings.authn_file.htdigest);
            let (name, digest) = find_digest(&users, user, realm, algorithm, named)?;
            let digest = Zeroizing::new(str::from_utf8(digest).ok()?.to_owned());
            Some((name.to_vec(), digest))
        }
    }
}

/// Whether a user is in a group.
pub fn is_member(
    exchange: &mut Exchange<'_>,
    settings: &settings::Settings,
    user: &[u8],
    group: &str,
) -> bool {
    let path = &settings.authn_file.groups;
    !path.is_empty() && lists(&text(exchange, settings, path), user, group)
}

/// What is in a file; nothing, if it cannot be read.
fn text(exchange: &mut Exchange<'_>, settings: &settings::Settings, path: &str) -> Text {
    if path.is_empty() {
        return Text::default();
    }
    let (files, now) = (&mut *exchange.files, exchange.now);
    let found = (exchange.knowledge.texts).read(files, path.as_bytes(), now);
    found.unwrap_or_else(|errno| {
        let text = format_args!("read {path}: {errno}");
        settings.core.errors.say("mod_authn_file", text);
        Text::default()
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| line.len() <= LINE_MAX && !line.starts_with(b"#"))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// What stands after `user:`.
fn find<'t>(text: &'t [u8], user: &[u8]) -> Option<&'t [u8]> {
    lines(text).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        (&line[..colon] == user).then_some(&line[colon + 1..])
    })
}

/// The name and the digest in `user:realm:digest`, perhaps with the hash of user and realm after it.
fn find_digest<'t>(
    text: &'t [u8],
    user: &[u8],
    realm: &str,
    algorithm: Algorithm,
    named: Named,
) -> Option<(&'t [u8], &'t [u8])> {
    lines(text).find_map(|line| {
        let mut parts = line.split(|byte| *byte == b':');
        let (name, of, digest) = (parts.next()?, parts.next()?, parts.next()?);
        let is_meant = match named {
            Named::Plainly => name == user,
            Named::Hashed => parts.next().is_some_and(|hash| is_same(hash, user)),
        };
        let is_digest =
            digest.len() == algorithm.hex_length() && digest.iter().all(u8::is_ascii_hexdigit);
        (is_meant && of == realm.as_bytes() && is_digest).then_some((name, digest))
    })
}

/// Whether `group: user user` names this one.
fn lists(text: &[u8], user: &[u8], group: &str) -> bool {
    lines(text).any(|line| {
        let Some(colon) = memchr::memchr(b':', line) else {
            return false;
        };
        let mut members = line[colon + 1..].split(|byte| matches!(byte, b' ' | b'\t' | b','));
        line[..colon].trim_ascii() == group.as_bytes()
            && !user.is_empty()
            && members.any(|member| member == user)
    })
}

/// The module: only its files; mod_auth asks for them.
pub static MODULE: Module = Module {
    name: "mod_authn_file",
    directives: DIRECTIVES,
    hooks: Hooks::NONE,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_line_by_line() {
        let long = format!("long:{}", "x".repeat(1020));
        let text = format!("# a:b\n\njoe:a:b\r\nann:\nnocolon\n{long}\njoe:second\nlast:l");
        let found = |user: &str| {
            let found = find(text.as_bytes(), user.as_bytes());
            found.map(|found| String::from_utf8(found.to_vec()).unwrap())
        };
        assert_eq!(found("joe").unwrap(), "a:b");
        assert_eq!(found("ann").unwrap(), "");
        assert_eq!(found("last").unwrap(), "l");
        for nobody in ["", "nocolon", "long", "# a", "jo", "joee"] {
            assert_eq!(found(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn digests_are_found_by_name_or_by_hash() {
        let (md5, sha) = ("0".repeat(32), "1".repeat(64));
        let text = format!(
            "joe:r:{md5}\njoe:s:{md5}:h1\r\njoe:r:{sha}\nann:r:xyz\nbob:r:{}:h2",
            "g".repeat(32)
        );
        let found = |user: &str, realm, algorithm, named| {
            find_digest(text.as_bytes(), user.as_bytes(), realm, algorithm, named)
                .map(|(name, digest)| (name.to_vec(), digest.len()))
        };
        let joe = b"joe".to_vec();
        assert_eq!(
            found("joe", "r", Algorithm::Md5, Named::Plainly),
            Some((joe.clone(), 32))
        );
        assert_eq!(
            found("joe", "r", Algorithm::Sha256, Named::Plainly),
            Some((joe.clone(), 64))
        );
        assert_eq!(
            found("h1", "s", Algorithm::Md5, Named::Hashed),
            Some((joe, 32))
        );
        for (user, realm, named) in [
            ("h1", "r", Named::Hashed),
            ("joe", "s", Named::Hashed),
            ("joe", "t", Named::Plainly),
            ("ann", "r", Named::Plainly),
            ("bob", "r", Named::Plainly),
            ("", "r", Named::Plainly),
        ] {
            assert_eq!(found(user, realm, Algorithm::Md5, named), None, "{user}");
        }
    }

    #[test]
    fn members_of_groups() {
        let text = b"g: joe ann\nh:joe,bob\n i :ann\ng: bob\n";
        for (group, user, expected) in [
            ("g", "joe", true),
            ("g", "bob", true),
            ("h", "bob", true),
            ("i", "ann", true),
            ("h", "ann", false),
            ("g", "", false),
            ("k", "joe", false),
        ] {
            assert_eq!(
                lists(text, user.as_bytes(), group),
                expected,
                "{group} {user}"
            );
        }
    }
}
