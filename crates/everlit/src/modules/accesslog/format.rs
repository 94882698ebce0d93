//! `accesslog.format`, taken apart once.
//!
//! In: text with percent directives. Out: [`Format`], a list of [`Part`]s. Must hold: whatever is wrong with it is said
//! here; writing a line cannot fail.

use std::ffi::{CStr, CString};
use std::fmt;
use std::sync::Arc;

use crate::logline::Missing;

/// A format, ready to be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    parts: Vec<Part>,
}

/// One piece of a line. All but `Text` and numbers are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands in the format.
    Text(Vec<u8>),
    /// `%h`, `%a`: the client's address.
    Client,
    /// `%{mask}a`: the same without what tells persons apart: the last 8 bits, or the last 80 of IPv6.
    MaskedClient,
    /// `%A`: the address that is listened on.
    Listener,
    /// `%p`: the port that the connection came to.
    LocalPort,
    /// `%{remote}p`
    RemotePort,
    /// `%{name}C`
    Cookie(String),
    /// `%{name}e`
    Variable(String),
    /// `%{name}i`
    RequestField(String),
    /// `%{name}o`
    ResponseField(String),
    /// `%f`: the file.
    File,
    /// `%H`: `HTTP/1.1`
    Protocol,
    /// `%m`
    Method,
    /// `%q`: without the question mark.
    Query,
    /// `%r`: method, target and protocol.
    RequestLine,
    /// `%s`
    Status,
    /// `%t` and `%{...%...}t`
    Date(Arc<CStr>),
    /// `%{sec}t` and so on.
    Clock(Clock),
    /// `%u`: who logged in.
    User,
    /// `%U`: path as sent, normalised.
    Path,
    /// `%v`: `server.name`, or the host that was asked for.
    ServerName,
    /// `%V`: the host that was asked for.
    Host,
    /// Known at the end.
    Later(Missing),
    /// What nobody knows: `-`, `0`, or nothing.
    Unknown(&'static str, &'static str),
}

/// Time since 1970 in numbers; `Frac` is the part below the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Seconds,
    Millis,
    Micros,
    Nanos,
    MillisFrac,
    MicrosFrac,
    NanosFrac,
}

/// What `%t` means.
const COMMON_DATE: &CStr = c"[%d/%b/%Y:%H:%M:%S %z]";

const DEFAULT: &str = r#"%h %V %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;

impl Default for Format {
    fn default() -> Self {
        Format::compile(DEFAULT).expect("the default format is well formed")
    }
}

impl Format {
    /// Takes a format apart.
    pub(super) fn compile(text: &str) -> Result<Format, FormatError> {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'%' => {
                    let at = text.len() - after.len() - 1;
                    let (part, left) = directive(after, at)?;
                    rest = left;
                    match part {
                        Part::Text(more) => literal.extend_from_slice(&more),
                        part => {
                            flush(&mut literal, &mut parts);
                            parts.push(part);
                        }
                    }
                }
                b'\\' => match after.split_first() {
                    Some((&escaped, left)) => {
                        rest = left;
                        literal.push(match escaped {
                            b't' => b'\t',
                            b'n' => b'\n',
                            b'r' => b'\r',
                            other => other,
                        });
                    }
                    None => literal.push(b'\\'),
                },
                other => literal.push(other),
            }
        }
        flush(&mut literal, &mut parts);
        Ok(Format { parts })
    }

    /// Its pieces in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Directives that stand for something this version does not know, and what is written instead.
    pub(super) fn without_meaning(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Unknown(directive @ "%{...}n", text) => Some((*directive, *text)),
            _ => None,
        })
    }
}

fn flush(literal: &mut Vec<u8>, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal)));
    }
}

/// What stands after a percent sign, and what is left after it. Apache's `<` and `>` are allowed and mean nothing here.
fn directive(after: &[u8], at: usize) -> Result<(Part, &[u8]), FormatError> {
    let error = |what| FormatError { at, what };
    let (argument, rest) = match after {
        [b'{', rest @ ..] => {
            let end = memchr::memchr(b'}', rest).ok_or(error(Flaw::Unclosed))?;
            let argument = std::str::from_utf8(&rest[..end]).map_err(|_| error(Flaw::NotUtf8))?;
            (
                Some(argument).filter(|text| !text.is_empty()),
                &rest[end + 1..],
            )
        }
        [b'<' | b'>', rest @ ..] => (None, rest),
        rest => (None, rest),
    };
    let (&letter, rest) = rest.split_first().ok_or(error(Flaw::Unfinished))?;
    let name = || {
        argument
            .map(str::to_owned)
            .ok_or(error(Flaw::NoName(letter as char)))
    };
    let unknown = |found: &str| error(Flaw::Argument(letter as char, found.to_owned()));
    let part = match letter {
        b'%' => Part::Text(b"%".to_vec()),
        b'h' | b'a' if argument == Some("mask") => Part::MaskedClient,
        b'h' | b'a' => Part::Client,
        b'A' => Part::Listener,
        b'b' | b'B' => Part::Later(Missing::Body),
        b'C' => argument.map_or(Part::Unknown("%C", ""), |name| {
            Part::Cookie(name.to_owned())
        }),
        b'D' => Part::Later(Missing::Micros),
        b'e' => argument.map_or(Part::Unknown("%e", "-"), |name| {
            Part::Variable(name.to_owned())
        }),
        b'f' => Part::File,
        b'H' => Part::Protocol,
        b'i' => Part::RequestField(name()?),
        b'I' => Part::Later(Missing::Received),
        b'k' => Part::Later(Missing::Earlier),
        b'l' => Part::Unknown("%l", "-"),
        b'm' => Part::Method,
        b'n' => Part::Unknown("%{...}n", "-"),
        b'o' => Part::ResponseField(name()?),
        b'O' => Part::Later(Missing::Sent),
        b'p' => match argument {
            None | Some("canonical" | "local") => Part::LocalPort,
            Some("remote") => Part::RemotePort,
            Some(other) => return Err(unknown(other)),
        },
        b'P' => Part::Unknown("%P", ""),
        b'q' => Part::Query,
        b'r' => Part::RequestLine,
        b's' => Part::Status,
        b't' => match argument {
            None => Part::Date(COMMON_DATE.into()),
            Some(argument) => time(argument).ok_or_else(|| unknown(argument))?,
        },
        b'T' => Part::Later(match argument {
            None | Some("s" | "sec") => Missing::Seconds,
            Some("ms" | "msec") => Missing::Millis,
            Some("us" | "usec") => Missing::Micros,
            Some("ns" | "nsec") => Missing::Nanos,
            Some(other) => return Err(unknown(other)),
        }),
        b'u' => Part::User,
        b'U' => Part::Path,
        b'v' => Part::ServerName,
        b'V' => Part::Host,
        b'X' => Part::Later(Missing::Connection),
        other => return Err(error(Flaw::Letter(other as char))),
    };
    Ok((part, rest))
}

/// The argument of `%{...}t`. Begin and end are not told apart: a line has the time when its response began.
fn time(argument: &str) -> Option<Part> {
    let argument = argument
        .strip_prefix("begin:")
        .or(argument.strip_prefix("end:"))
        .unwrap_or(argument);
    Some(Part::Clock(match argument {
        "sec" => Clock::Seconds,
        "msec" => Clock::Millis,
        "usec" => Clock::Micros,
        "nsec" => Clock::Nanos,
        "msec_frac" => Clock::MillisFrac,
        "usec_frac" => Clock::MicrosFrac,
        "nsec_frac" => Clock::NanosFrac,
        format if format.contains('%') => {
            return Some(Part::Date(CString::new(format).ok()?.into()));
        }
        _ => return None,
    }))
}

/// What is wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormatError {
    /// Byte of the percent sign, from 0.
    at: usize,
    what: Flaw,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Flaw {
    Unclosed,
    Unfinished,
    NotUtf8,
    NoName(char),
    Letter(char),
    Argument(char, String),
}

impl FormatError {
    /// What would have been accepted.
    pub(super) fn help(&self) -> &'static str {
        match &self.what {
            Flaw::Unclosed | Flaw::NotUtf8 => "an argument is written as in %{User-Agent}i",
            Flaw::Unfinished => "a percent sign is written as %%",
            Flaw::NoName(_) => "name a header field, as in %{User-Agent}i",
            Flaw::Letter(_) => {
                "directives are %% %a %A %b %B %C %D %e %f %h %H %i %I %k %l %m %n %o %O %p %q %r %s %t %T %u \
                                %U %v %V %X"
            }
            Flaw::Argument('t', _) => {
                "use sec, msec, usec, nsec, msec_frac, usec_frac, nsec_frac, or a format of strftime(3)"
            }
            Flaw::Argument('T', _) => "use s, ms, us or ns",
            Flaw::Argument(..) => "use canonical, local or remote",
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Flaw::Unclosed => f.write_str("a \"{\" is not closed")?,
            Flaw::Unfinished => f.write_str("a percent sign stands at the end")?,
            Flaw::NotUtf8 => f.write_str("an argument is not UTF-8")?,
            Flaw::NoName(letter) => write!(f, "%{letter} needs the name of a header field")?,
            Flaw::Letter(letter) => write!(f, "there is no %{letter}")?,
            Flaw::Argument(letter, text) => write!(f, "there is no %{{{text}}}{letter}")?,
        }
        write!(f, " (character {})", self.at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Part {
        Part::Text(text.as_bytes().to_vec())
    }

    fn date(format: &str) -> Part {
        Part::Date(CString::new(format).unwrap().into())
    }

    #[test]
    fn a_format_is_taken_apart() {
        for (format, expected) in [
            ("", vec![]),
            ("100%%\\t\\\"\\\\\\q", vec![text("100%\t\"\\q")]),
            ("%h %a", vec![Part::Client, text(" "), Part::Client]),
            ("%{mask}a", vec![Part::MaskedClient]),
            ("%>s%<s", vec![Part::Status, Part::Status]),
            ("%{Referer}i", vec![Part::RequestField("Referer".into())]),
            (
                "%{a}C%{b}e%{c}o",
                vec![
                    Part::Cookie("a".into()),
                    Part::Variable("b".into()),
                    Part::ResponseField("c".into()),
                ],
            ),
            ("%p%{remote}p", vec![Part::LocalPort, Part::RemotePort]),
            ("%t", vec![date("[%d/%b/%Y:%H:%M:%S %z]")]),
            (
                "%{%F}t%{begin:%F}t%{end:%F}t",
                vec![date("%F"), date("%F"), date("%F")],
            ),
            (
                "%{sec}t%{end:usec_frac}t",
                vec![Part::Clock(Clock::Seconds), Part::Clock(Clock::MicrosFrac)],
            ),
            (
                "%T%{ms}T%D%{nsec}T",
                vec![
                    Part::Later(Missing::Seconds),
                    Part::Later(Missing::Millis),
                    Part::Later(Missing::Micros),
                    Part::Later(Missing::Nanos),
                ],
            ),
            (
                "%b%B%O%I%X",
                vec![
                    Part::Later(Missing::Body),
                    Part::Later(Missing::Body),
                    Part::Later(Missing::Sent),
                    Part::Later(Missing::Received),
                    Part::Later(Missing::Connection),
                ],
            ),
        ] {
            assert_eq!(Format::compile(format).unwrap().parts, expected, "{format}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_format_or_says_what_is_wrong(text in "[%{}<>a-zA-Z\\\\é ]{0,12}") {
            if let Err(error) = Format::compile(&text) {
                prop_assert_eq!(text.as_bytes()[error.at], b'%');
                prop_assert!(!error.to_string().is_empty() && !error.help().is_empty());
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (format, message) in [
            ("%S", "there is no %S (character 1)"),
            ("abc%", "a percent sign stands at the end (character 4)"),
            ("%h %{abc", "a \"{\" is not closed (character 4)"),
            ("%i", "%i needs the name of a header field (character 1)"),
            ("%{}o", "%o needs the name of a header field (character 1)"),
            ("%{foo}t", "there is no %{foo}t (character 1)"),
            ("%{sec_frac}t", "there is no %{sec_frac}t (character 1)"),
            ("%{nope}T", "there is no %{nope}T (character 1)"),
            ("%{x}p", "there is no %{x}p (character 1)"),
        ] {
            assert_eq!(Format::compile(format).unwrap_err().to_string(), message);
        }
    }
}
