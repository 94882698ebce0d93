//! `server.http-parseopts`: what is tolerated in hosts and targets, and what is made of it.

use std::fmt;

/// A key of `server.http-parseopts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseOption {
    /// Refuse control characters in heads. Default on; Everlit is strict even when it is off.
    HeaderStrict,
    /// Refuse what is neither a domain name nor an IP address; implies [`HostNormalize`](Self::HostNormalize).
    /// Default on.
    HostStrict,
    /// Write IP addresses and ports in their usual form. Default off.
    HostNormalize,
    /// Normalise targets; if off, so are all keys below that begin with `url-`. Default on.
    UrlNormalize,
    /// Decode what never needs encoding, encode what always does. Default on; there is no normalisation without it.
    UrlNormalizeUnreserved,
    /// Decode, moreover, what need not be encoded where it stands, for example `%21`. Default off.
    UrlNormalizeRequired,
    /// Refuse control characters, encoded or not. Default on.
    UrlCtrlsReject,
    /// Read `\` as `/`. Default off; like lighttpd outside Windows, Everlit takes the key and does nothing.
    UrlPathBackslashTrans,
    /// Decode `%2F` in the path. Default on.
    UrlPath2fDecode,
    /// Refuse `%2F` in the path. Default off.
    UrlPath2fReject,
    /// Resolve `.` and `..` segments, and merge slashes, in the target. Default on. In the path this is always done.
    UrlPathDotsegRemove,
    /// Refuse `.` and `..` segments and empty ones. Default off.
    UrlPathDotsegReject,
    /// Write `%20` in the query as `+`. Default off.
    UrlQuery20Plus,
    /// Refuse bytes that occur nowhere in UTF-8, encoded or not. Default on.
    UrlInvalidUtf8Reject,
    /// Let GET and HEAD have a body; see [`GetBody`](crate::http1::head::GetBody). Default off.
    MethodGetBody,
}

use ParseOption::*;

const KEYS: [(&str, ParseOption); 15] = [
    ("header-strict", HeaderStrict),
    ("host-strict", HostStrict),
    ("host-normalize", HostNormalize),
    ("url-normalize", UrlNormalize),
    ("url-normalize-unreserved", UrlNormalizeUnreserved),
    ("url-normalize-required", UrlNormalizeRequired),
    ("url-ctrls-reject", UrlCtrlsReject),
    ("url-path-backslash-trans", UrlPathBackslashTrans),
    ("url-path-2f-decode", UrlPath2fDecode),
    ("url-path-2f-reject", UrlPath2fReject),
    ("url-path-dotseg-remove", UrlPathDotsegRemove),
    ("url-path-dotseg-reject", UrlPathDotsegReject),
    ("url-query-20-plus", UrlQuery20Plus),
    ("url-invalid-utf8-reject", UrlInvalidUtf8Reject),
    ("method-get-body", MethodGetBody),
];

/// A set of [`ParseOption`]s.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParseOptions(u16);

impl Default for ParseOptions {
    /// lighttpd's defaults.
    fn default() -> Self {
        let on = [
            HeaderStrict,
            HostStrict,
            UrlNormalize,
            UrlNormalizeUnreserved,
            UrlCtrlsReject,
            UrlPath2fDecode,
            UrlPathDotsegRemove,
            UrlInvalidUtf8Reject,
        ];
        on.into_iter().fold(ParseOptions(0), ParseOptions::with)
    }
}

impl ParseOptions {
    /// Whether an option is on.
    pub fn has(&self, option: ParseOption) -> bool {
        self.0 & bit(option) != 0
    }

    /// The same options and this one.
    #[must_use]
    pub fn with(self, option: ParseOption) -> Self {
        ParseOptions(self.0 | bit(option))
    }

    /// The same options without this one.
    #[must_use]
    pub fn without(self, option: ParseOption) -> Self {
        ParseOptions(self.0 & !bit(option))
    }

    /// Turns the option with this key on or off.
    pub fn set(&mut self, key: &str, on: bool) -> Result<(), UnknownKey> {
        let Some(&(_, option)) = KEYS.iter().find(|(name, _)| *name == key) else {
            return Err(UnknownKey {
                key: key.to_owned(),
            });
        };
        *self = if on {
            self.with(option)
        } else {
            self.without(option)
        };
        Ok(())
    }

    /// Refuses what lighttpd refuses at start: to decode and to reject the same thing. For when all keys have been set.
    pub fn check(&self) -> Result<(), ConflictingKeys> {
        if !self.has(UrlNormalize) {
            return Ok(());
        }
        for keys in [
            [UrlPath2fDecode, UrlPath2fReject],
            [UrlPathDotsegRemove, UrlPathDotsegReject],
        ] {
            if keys.iter().all(|&key| self.has(key)) {
                return Err(ConflictingKeys { keys });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ParseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(
                KEYS.iter()
                    .filter(|(_, option)| self.has(*option))
                    .map(|(name, _)| name),
            )
            .finish()
    }
}

fn bit(option: ParseOption) -> u16 {
    1 << option as u16
}

impl ParseOption {
    /// All of them.
    pub fn all() -> impl Iterator<Item = ParseOption> {
        KEYS.iter().map(|(_, option)| *option)
    }

    /// How it differs from lighttpd's option of this name, in words that end the sentence "it differs: ".
    pub const fn differs(self) -> Option<&'static str> {
        match self {
            HeaderStrict => {
                Some("it cannot be turned off: control characters in heads are always refused")
            }
            _ => None,
        }
    }

    /// The key as it is written in a configuration.
    pub fn key(self) -> &'static str {
        KEYS[self as usize].0
    }
}

/// A key that `server.http-parseopts` does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key.
    pub key: String,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown key \"{}\" in server.http-parseopts", self.key)
    }
}

impl std::error::Error for UnknownKey {}

/// Two keys of `server.http-parseopts` that cannot both be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictingKeys {
    /// The keys.
    pub keys: [ParseOption; 2],
}

impl fmt::Display for ConflictingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = self.keys.map(ParseOption::key);
        write!(
            f,
            "\"{one}\" and \"{other}\" in server.http-parseopts exclude each other"
        )
    }
}

impl std::error::Error for ConflictingKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_the_enum() {
        for (position, (name, option)) in KEYS.iter().enumerate() {
            assert_eq!(position, *option as usize);
            assert_eq!(option.key(), *name);
        }
    }

    #[test]
    fn keys_are_set_by_name() {
        let mut options = ParseOptions::default();
        options.set("url-query-20-plus", true).unwrap();
        options.set("host-strict", false).unwrap();
        assert_eq!(
            options,
            ParseOptions::default()
                .with(UrlQuery20Plus)
                .without(HostStrict)
        );
        let unknown = options.set("url-query-20-minus", true).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "unknown key \"url-query-20-minus\" in server.http-parseopts"
        );
    }

    #[test]
    fn conflicts_are_found() {
        let options = ParseOptions::default();
        assert_eq!(options.check(), Ok(()));
        assert_eq!(
            options
                .with(UrlPath2fReject)
                .check()
                .unwrap_err()
                .to_string(),
            "\"url-path-2f-decode\" and \"url-path-2f-reject\" in server.http-parseopts exclude each other"
        );
        assert_eq!(
            options
                .with(UrlPath2fReject)
                .without(UrlPath2fDecode)
                .check(),
            Ok(())
        );
        assert!(options.with(UrlPathDotsegReject).check().is_err());
        assert_eq!(
            options
                .with(UrlPathDotsegReject)
                .without(UrlNormalize)
                .check(),
            Ok(())
        );
    }
}
