//! mod_secdownload: files that are there for whoever has a signed URL, for some time. lighttpd had it until 1.4.67.
//!
//! A URL is the prefix, a code, a slash, a time (8 hexadecimal digits, seconds since 1970) and a path. The code is the MD5 of
//! secret, path and time in hexadecimal digits; or the HMAC of `/time/path` in base64 for URLs, without padding.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lighttpd_conf::{Kind, Value};
use md5::{Digest as _, Md5};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Read, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::settings;

/// Settings of mod_secdownload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `secdownload.secret`
    pub secret: Secret,
    /// `secdownload.document-root`
    pub document_root: String,
    /// `secdownload.uri-prefix`; empty: the module has nothing to do.
    pub prefix: String,
    /// `secdownload.timeout` in seconds, in either direction; default 60.
    pub timeout: u32,
    /// `secdownload.algorithm`
    pub algorithm: Option<Algorithm>,
    /// `secdownload.path-segments`: how much of the path is signed; 0: all of it.
    pub segments: u16,
    /// `secdownload.hash-querystr`
    pub query: Query,
}

/// Never shown.
#[derive(Clone, Default)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How URLs are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `md5`
    Md5,
    /// `hmac-sha1`
    HmacSha1,
    /// `hmac-sha256`
    HmacSha256,
}

/// Whether the query is signed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// No.
    Free,
    /// Yes.
    Signed,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            secret: Secret::default(),
            document_root: String::new(),
            prefix: String::new(),
            timeout: 60,
            algorithm: None,
            segments: 0,
            query: Query::Free,
        }
    }
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "secdownload.secret",
        Setter::Text(|settings, text| settings.secdownload.secret = Secret(text.to_owned())),
        "",
        "What URLs are signed with.",
    ),
    Directive::request(
        "secdownload.document-root",
        Setter::Text(|settings, text| settings.secdownload.document_root = text.to_owned()),
        "",
        "Directory with the files.",
    ),
    Directive::request(
        "secdownload.uri-prefix",
        Setter::Text(|settings, text| settings.secdownload.prefix = text.to_owned()),
        "",
        "How the paths of signed URLs begin; without it there are none.",
    ),
    Directive::request(
        "secdownload.timeout",
        Setter::Int(|settings, seconds| settings.secdownload.timeout = seconds),
        "60",
        "Seconds for which a signed URL is good.",
    ),
    Directive::request(
        "secdownload.algorithm",
        Setter::Own(Kind::String, algorithm),
        "",
        "How URLs are signed: md5, hmac-sha1, hmac-sha256.",
    ),
    Directive::request(
        "secdownload.path-segments",
        Setter::Short(|settings, segments| settings.secdownload.segments = segments),
        "0",
        "How many segments of the path are signed; 0 is all of them.",
    ),
    Directive::request(
        "secdownload.hash-querystr",
        Setter::Bool(|settings, on| {
            settings.secdownload.query = match on {
                true => Query::Signed,
                false => Query::Free,
            };
        }),
        "\"disable\"",
        "Whether the query is signed, too.",
    ),
];

fn algorithm(value: &Value, _: &mut Reader) -> Read<settings::Settings> {
    let algorithm = match value.to_str()? {
        "md5" => Algorithm::Md5,
        "hmac-sha1" => Algorithm::HmacSha1,
        "hmac-sha256" => Algorithm::HmacSha256,
        _ => return Err(value.unfit("\"md5\", \"hmac-sha1\" or \"hmac-sha256\"")),
    };
    Ok(Change::new(move |settings: &mut settings::Settings| {
        settings.secdownload.algorithm = Some(algorithm);
    }))
}

impl Algorithm {
    /// Characters of a code.
    fn length(self) -> usize {
        match self {
            Algorithm::Md5 => 32,
            Algorithm::HmacSha1 => 27,
            Algorithm::HmacSha256 => 43,
        }
    }

    /// The code for `/time/path`.
    fn code(self, secret: &str, signed: &[u8]) -> Vec<u8> {
        let hmac = |algorithm| {
            let key = hmac::Key::new(algorithm, secret.as_bytes());
            URL_SAFE_NO_PAD
                .encode(hmac::sign(&key, signed))
                .into_bytes()
        };
        match self {
            Algorithm::Md5 => {
                let (time, path) = signed[1..].split_at(8);
                let mut digest = Md5::new();
                for part in [secret.as_bytes(), path, time] {
                    digest.update(part);
                }
                let hexadecimal = |byte: &u8| format!("{byte:02x}").into_bytes();
                digest.finalize().iter().flat_map(hexadecimal).collect()
            }
            Algorithm::HmacSha1 => hmac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Algorithm::HmacSha256 => hmac(hmac::HMAC_SHA256),
        }
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Judgement<'p> {
    /// It is no signed URL.
    None,
    /// This path of the directory.
    Path(&'p [u8]),
    /// This status.
    Refused(u16),
}

/// Judges a path. `now`: seconds since 1970.
fn judge<'p>(
    settings: &Settings,
    algorithm: Algorithm,
    path: &'p [u8],
    query: Option<&[u8]>,
    now: u64,
) -> Judgement<'p> {
    let Some((code, signed)) = path
        .strip_prefix(settings.prefix.as_bytes())
        .and_then(|rest| rest.split_at_checked(algorithm.length()))
    else {
        return Judgement::None;
    };
    let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let time = match signed {
        [b'/', rest @ ..] if rest.get(8) == Some(&b'/') => &rest[..8],
        _ => return Judgement::None,
    };
    let seconds = match str::from_utf8(time) {
        Ok(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        _ => None,
    };
    let Some(seconds) = seconds.filter(|_| code.iter().all(is_code)) else {
        return Judgement::None;
    };
    if now.abs_diff(seconds) > u64::from(settings.timeout) {
        return Judgement::Refused(410);
    }
    let file = &signed[9..];
    let mut slashes = memchr::memchr_iter(b'/', &file[1..]);
    let end = match settings.segments {
        0 => None,
        segments => slashes.nth(usize::from(segments) - 1),
    };
    let mut message = signed[..end.map_or(signed.len(), |end| end + 10)].to_vec();
    if let (Query::Signed, Some(query)) = (settings.query, query)
        && !query.is_empty()
    {
        message.push(b'?');
        message.extend_from_slice(query);
    }
    let right = algorithm.code(&settings.secret.0, &message);
    // Digits of an MD5 may be upper case.
    let code = match algorithm {
        Algorithm::Md5 => code.to_ascii_lowercase(),
        Algorithm::HmacSha1 | Algorithm::HmacSha256 => code.to_vec(),
    };
    match constant_time::verify_slices_are_equal(&right, &code) {
        Ok(()) => Judgement::Path(file),
        Err(_) => Judgement::Refused(403),
    }
}

fn physical(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let errors = &settings.core.errors;
    let settings = &settings.secdownload;
    if settings.prefix.is_empty() {
        return Flow::GoOn;
    }
    let missing = match settings.algorithm {
        _ if settings.secret.0.is_empty() => "secret",
        _ if settings.document_root.is_empty() => "document-root",
        None => "algorithm",
        Some(algorithm) => {
            let uri = &exchange.request.uri;
            let now = exchange.now.unix.as_secs();
            return match judge(settings, algorithm, &uri.path, uri.query.as_deref(), now) {
                Judgement::None => Flow::GoOn,
                Judgement::Refused(status) => {
                    exchange.response.status = status;
                    Flow::Done
                }
                Judgement::Path(path) => {
                    let root = settings.document_root.trim_end_matches('/').as_bytes();
                    let physical = &mut *exchange.physical;
                    physical.document_root = root.to_vec();
                    physical.base = root.to_vec();
                    physical.relative = path.to_vec();
                    physical.path = [root, path].concat();
                    Flow::GoOn
                }
            };
        }
    };
    errors.say(
        MODULE.name,
        format_args!("secdownload.{missing} has to be set"),
    );
    exchange.response.status = 500;
    Flow::Done
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_secdownload",
    directives: DIRECTIVES,
    hooks: Hooks {
        physical: Some(physical),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20
    const TIME: u64 = 0x6553_F100;

    fn settings() -> Settings {
        Settings {
            secret: Secret("verysecret".to_owned()),
            document_root: "/srv".to_owned(),
            prefix: "/dl/".to_owned(),
            ..Settings::default()
        }
    }

    fn found(
        settings: &Settings,
        algorithm: Algorithm,
        path: &str,
        query: &str,
        now: u64,
    ) -> String {
        match judge(
            settings,
            algorithm,
            path.as_bytes(),
            Some(query.as_bytes()),
            now,
        ) {
            Judgement::None => "none".to_owned(),
            Judgement::Refused(status) => status.to_string(),
            Judgement::Path(path) => String::from_utf8(path.to_vec()).unwrap(),
        }
    }

    // The codes were made with Python's hashlib and hmac.
    const MD5: &str = "7f1c97998aa15d93e06c274c0c20d7ea";
    const SHA1: &str = "FSQnnpgwPt30jUitEvR9j5qZoRk";
    const SHA256: &str = "OisTuG7bsitnMQY7NT9iXe1DS7yIUew2itdHnzm_0FQ";

    #[test]
    fn signed_urls_lead_to_files() {
        for (algorithm, code) in [
            (Algorithm::Md5, MD5),
            (Algorithm::Md5, &MD5.to_ascii_uppercase()),
            (Algorithm::HmacSha1, SHA1),
            (Algorithm::HmacSha256, SHA256),
        ] {
            let path = format!("/dl/{code}/6553f100/a/b.txt");
            let found = |path: &str, now| found(&settings(), algorithm, path, "", now);
            assert_eq!(found(&path, TIME), "/a/b.txt");
            assert_eq!(found(&path, TIME + 60), "/a/b.txt");
            assert_eq!(found(&path, TIME + 61), "410");
            assert_eq!(found(&path, TIME - 61), "410");
            assert_eq!(found(&path.replace("/a/", "/c/"), TIME), "403");
            assert_eq!(found(&path.replace("f100", "f101"), TIME), "403");
            assert_eq!(found(&format!("{path}/c"), TIME), "403");
            let other = if code.starts_with('0') { "1" } else { "0" };
            assert_eq!(
                found(&format!("/dl/{other}{}/6553f100/a/b.txt", &code[1..]), TIME),
                "403"
            );
            for none in [
                "/dl/",
                "/dl/x/6553f100/a",
                &path.replace("6553f100", "6553f10"),
                &path.replace("6553f100", "6553g100"),
                &path.replace("/a/b.txt", ""),
                &path.replace("/dl/", "/ld/"),
            ] {
                assert_eq!(found(none, TIME), "none", "{none}");
            }
        }
        let path = format!("/dl/{}!/6553f100/a/b.txt", &SHA1[1..]);
        assert_eq!(
            found(&settings(), Algorithm::HmacSha1, &path, "", TIME),
            "none"
        );
    }

    #[test]
    fn segments_and_queries() {
        let mut settings = settings();
        settings.segments = 2;
        let of = |settings: &Settings, file: &str, query: &str| {
            let path = format!("/dl/{SHA1}/6553f100{file}");
            found(settings, Algorithm::HmacSha1, &path, query, TIME)
        };
        assert_eq!(of(&settings, "/a/b.txt", ""), "/a/b.txt");
        assert_eq!(of(&settings, "/a/b.txt/c/d", "x"), "/a/b.txt/c/d");
        assert_eq!(of(&settings, "/a/c/d", ""), "403");
        settings.segments = 0;
        settings.query = Query::Signed;
        assert_eq!(of(&settings, "/a/b.txt", ""), "/a/b.txt");
        assert_eq!(of(&settings, "/a/b.txt", "x"), "403");
        let signed = "K04FuYGNnOEmyrZcLovKvWI4eiE";
        let path = format!("/dl/{signed}/6553f100/a/b.txt");
        assert_eq!(
            found(&settings, Algorithm::HmacSha1, &path, "x=y", TIME),
            "/a/b.txt"
        );
        assert_eq!(
            found(&settings, Algorithm::HmacSha1, &path, "", TIME),
            "403"
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert!(!format!("{:?}", settings()).contains("verysecret"));
    }
}
