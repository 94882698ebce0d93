//! mod_expire: tells clients how long they may keep a response.

use std::time::{Duration, UNIX_EPOCH};

use lighttpd_conf::{Kind, Value, ValueError};

use super::{Hooks, Module};
use crate::config::{Change, Directive, Reader, Setter};
use crate::exchange::{Exchange, Flow};
use crate::http1::head::{Method, Version};
use crate::settings;

/// Settings of mod_expire: beginnings, and what holds for the first that fits.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `expire.url`: by URL path. Goes first.
    pub url: Vec<(String, Lifetime)>,
    /// `expire.mimetypes`: by media type.
    pub media_types: Vec<(String, Lifetime)>,
}

/// How long something may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// What is counted from.
    pub since: Since,
    /// Seconds.
    pub seconds: u64,
}

/// What a lifetime is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The response.
    Access,
    /// The file's last change. Where there is no file, nothing is said.
    Modification,
}

static DIRECTIVES: &[Directive] = &[
    Directive::request(
        "expire.url",
        Setter::Own(Kind::KvString, |value, reader| {
            let lifetimes = lifetimes(value, reader)?;
            Ok(Change::new(move |settings: &mut settings::Settings| {
                settings.expire.url = lifetimes.clone();
            }))
        }),
        "()",
        "How long responses may be kept, by the beginning of the URL path: \"access plus 1 hours\", \"modification 3 days\".",
    ),
    Directive::request(
        "expire.mimetypes",
        Setter::Own(Kind::KvString, |value, reader| {
            let lifetimes = lifetimes(value, reader)?;
            let bare = |(key, lifetime): &(String, Lifetime)| {
                (key.strip_suffix('*').unwrap_or(key).to_owned(), *lifetime)
            };
            let lifetimes: Vec<_> = lifetimes.iter().map(bare).collect();
            Ok(Change::new(move |settings: &mut settings::Settings| {
                settings.expire.media_types = lifetimes.clone();
            }))
        }),
        "()",
        "The same by the beginning of the media type, for those that expire.url says nothing of; \"text/*\" is \"text/\".",
    ),
];

fn lifetimes(value: &Value, reader: &mut Reader) -> Result<Vec<(String, Lifetime)>, ValueError> {
    let pairs = value.to_pairs()?;
    let places = value.as_array().into_iter().flat_map(|array| array.iter());
    let mut lifetimes = Vec::with_capacity(pairs.len());
    for ((key, text), entry) in pairs.into_iter().zip(places) {
        match Lifetime::parse(&text) {
            Some(lifetime) => lifetimes.push((key, lifetime)),
            None => reader.error(
                entry.value.span,
                format!("\"{text}\" is no lifetime"),
                "write \"access plus 1 hours\", \"modification 2 weeks 3 days\"; years, months, weeks, days, hours, minutes \
                 and seconds are understood",
            ),
        }
    }
    Ok(lifetimes)
}

impl Lifetime {
    /// Reads `access`, `now` or `modification`, perhaps `plus`, and then numbers and units.
    fn parse(text: &str) -> Option<Lifetime> {
        let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
        let since = match words.next()? {
            "access" | "now" => Since::Access,
            "modification" => Since::Modification,
            _ => return None,
        };
        words.next_if_eq(&"plus");
        let mut seconds: u64 = 0;
        words.peek()?;
        while let Some(number) = words.next() {
            let number: u64 = number.parse().ok()?;
            let unit = words.next()?;
            let length = match unit.strip_suffix('s').unwrap_or(unit) {
                "year" => 360 * 86400,
                "month" => 30 * 86400,
                "week" => 7 * 86400,
                "day" => 86400,
                "hour" => 3600,
                "minute" => 60,
                "second" => 1,
                _ => return None,
            };
            seconds = seconds.checked_add(number.checked_mul(length)?)?;
        }
        Some(Lifetime { since, seconds })
    }

    /// Seconds left. `modified`: when the file was changed, in seconds since 1970, as `now` is.
    fn left(self, modified: Option<i64>, now: u64) -> Option<u64> {
        match self.since {
            Since::Access => Some(self.seconds),
            Since::Modification => {
                let end = i128::from(modified?) + i128::from(self.seconds);
                Some(u64::try_from(end - i128::from(now)).unwrap_or(0))
            }
        }
    }
}

fn find(lifetimes: &[(String, Lifetime)], text: &[u8]) -> Option<Lifetime> {
    let fits = |(beginning, _): &&(String, Lifetime)| text.starts_with(beginning.as_bytes());
    lifetimes.iter().find(fits).map(|(_, lifetime)| *lifetime)
}

fn response_start(exchange: &mut Exchange<'_>, settings: &settings::Settings) -> Flow {
    let settings = &settings.expire;
    let (request, response) = (&exchange.request, &mut *exchange.response);
    let is_read = matches!(request.head.method, Method::Get | Method::Head);
    let is_said = response.headers.get("Cache-Control").is_some();
    if !matches!(response.status, 200 | 206) || !is_read || is_said {
        return Flow::GoOn;
    }
    let media_type = response.headers.get("Content-Type").unwrap_or_default();
    let lifetime =
        find(&settings.url, &request.uri.path).or_else(|| find(&settings.media_types, media_type));
    let modified = exchange.entry.as_ref().map(|entry| entry.metadata.mtime);
    let now = exchange.now.unix.as_secs();
    let Some(left) = lifetime.and_then(|lifetime| lifetime.left(modified, now)) else {
        return Flow::GoOn;
    };
    match request.head.version {
        Version::Http11 => response
            .headers
            .set("Cache-Control", format!("max-age={left}")),
        // It knows of nothing else. Later than the year 9999 there are no dates.
        Version::Http10 => {
            let end = now.saturating_add(left).min(253_402_300_799);
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(end));
            response.headers.set("Expires", date);
        }
    }
    Flow::GoOn
}

/// The module.
pub static MODULE: Module = Module {
    name: "mod_expire",
    directives: DIRECTIVES,
    hooks: Hooks {
        response_start: Some(response_start),
        ..Hooks::NONE
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::support::remarks;

    #[test]
    fn lifetimes_are_read() {
        let access = |seconds| {
            Some(Lifetime {
                since: Since::Access,
                seconds,
            })
        };
        for (text, expected) in [
            ("access plus 1 hours", access(3600)),
            ("access 1 hour", access(3600)),
            ("now plus 2 days 3 minutes", access(2 * 86400 + 180)),
            (
                "access 1 years 1 months 1 weeks",
                access((360 + 30 + 7) * 86400),
            ),
            ("access 100 years", access(100 * 360 * 86400)),
            ("access 0 seconds", access(0)),
            ("access", None),
            ("access plus", None),
            ("access 1", None),
            ("access 1 fortnight", None),
            ("access plus -1 days", None),
            ("access 99999999999999999999 years", None),
            ("access 999999999999999999 years", None),
            ("later 1 days", None),
            ("", None),
        ] {
            assert_eq!(Lifetime::parse(text), expected, "{text}");
        }
        let modification = Lifetime::parse("modification plus 10 seconds").unwrap();
        assert_eq!(modification.left(Some(100), 105), Some(5));
        assert_eq!(modification.left(Some(100), 1000), Some(0));
        assert_eq!(modification.left(Some(-5), 0), Some(5));
        assert_eq!(modification.left(None, 0), None);
    }

    #[test]
    fn what_is_no_lifetime_is_an_error() {
        let said = remarks(
            "server.modules = ( \"mod_expire\" )\nexpire.url = ( \"/\" => \"access 1 moons\" )",
        );
        assert_eq!(
            said,
            ["2:23 error: expire.url: \"access 1 moons\" is no lifetime"]
        );
    }
}
