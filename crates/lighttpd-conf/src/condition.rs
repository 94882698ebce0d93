//! What a block is conditional on: a field of the request, an operator and a text.
//! Here are their spellings, and the reading of simple expressions as plain comparisons; whether a condition holds is
//! decided in `eval`.

use crate::source::Span;
use std::fmt;

/// Something about a request or its connection that a condition can look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `$SERVER["socket"]`: the canonical text of the [`ListenAddress`](crate::ListenAddress).
    ServerSocket,
    /// `$HTTP["url"]`: the path, decoded and normalised, without query.
    Url,
    /// `$HTTP["host"]`: the authority as the request names it, lower-case, possibly with a port.
    Host,
    /// `$HTTP["scheme"]`: `http` or `https`.
    Scheme,
    /// `$HTTP["query-string"]`: without the question mark, as it came.
    QueryString,
    /// `$HTTP["request-method"]`: `GET` and so on.
    RequestMethod,
    /// `$HTTP["remote-ip"]`: the client's address as text; `==` and `!=` use [`Facts::remote_ip`](crate::Facts).
    RemoteIp,
    /// `$HTTP["user-agent"]`.
    UserAgent,
    /// `$HTTP["language"]`: the header `Accept-Language`.
    Language,
    /// `$HTTP["referer"]`.
    Referer,
    /// `$HTTP["cookie"]`.
    Cookie,
    /// `$REQUEST_HEADER["..."]`: any header, name as written; compare it without regard to case.
    RequestHeader(String),
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
    /// `=^`
    Prefix,
    /// `=$`
    Suffix,
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The left side as written, such as `$HTTP["useragent"]`.
    pub subject: String,
    /// What it means.
    pub field: Field,
    /// The operator; where the expression is a plain comparison in disguise, the plain operator.
    pub operator: Operator,
    /// The right side, likewise.
    pub value: String,
    /// The expression as written, when `operator` and `value` are its plain form. Needed where captures are.
    pub expression: Option<String>,
    /// From the `$` to the end of the right side.
    pub span: Span,
    /// The right side.
    pub value_span: Span,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.is_same_text(other) && self.expression == other.expression
    }
}

impl Eq for Condition {}

impl Condition {
    /// Two conditions in one block with the same text mean the same block.
    pub(crate) fn is_same_text(&self, other: &Condition) -> bool {
        self.subject.eq_ignore_ascii_case(&other.subject)
            && self.operator == other.operator
            && self.value == other.value
    }

    /// Whether the server listens because of it: `$SERVER["socket"] == "..."`.
    pub fn opens_listener(&self) -> bool {
        self.field == Field::ServerSocket && self.operator == Operator::Equal
    }
}

/// As lighttpd prints it: the quotes are not escaped.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} \"{}\"", self.subject, self.operator, self.value)
    }
}

/// What stands before the brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Http,
    Server,
    RequestHeader,
}

impl Family {
    pub(crate) const NAMES: [&str; 3] = ["HTTP", "REQUEST_HEADER", "SERVER"];

    pub(crate) fn parse(name: &str) -> Option<Family> {
        match name {
            "HTTP" => Some(Family::Http),
            "SERVER" => Some(Family::Server),
            "REQUEST_HEADER" => Some(Family::RequestHeader),
            _ => None,
        }
    }

    /// Keys that `field` takes; none: any.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Family::Http => &[
                "cookie",
                "host",
                "language",
                "query-string",
                "referer",
                "remote-ip",
                "request-method",
                "scheme",
                "url",
                "user-agent",
            ],
            Family::Server => &["socket"],
            Family::RequestHeader => &[],
        }
    }

    pub(crate) fn field(self, key: &str) -> Option<Field> {
        Some(match (self, key) {
            (Family::Server, "socket") => Field::ServerSocket,
            (Family::Http, "url") => Field::Url,
            (Family::Http, "host") => Field::Host,
            (Family::Http, "scheme") => Field::Scheme,
            (Family::Http, "query-string" | "querystring") => Field::QueryString,
            (Family::Http, "request-method") => Field::RequestMethod,
            (Family::Http, "remote-ip" | "remoteip") => Field::RemoteIp,
            (Family::Http, "user-agent" | "useragent") => Field::UserAgent,
            (Family::Http, "language") => Field::Language,
            (Family::Http, "referer") => Field::Referer,
            (Family::Http, "cookie") => Field::Cookie,
            (Family::RequestHeader, name) if !name.is_empty() => {
                Field::RequestHeader(name.to_owned())
            }
            _ => return None,
        })
    }
}

impl Operator {
    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Match => "=~",
            Operator::NotMatch => "!~",
            Operator::Prefix => "=^",
            Operator::Suffix => "=$",
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `^x`, `x$`, `^x$` and `\.x$` with nothing special in `x` are a prefix, a suffix, an equality, and a suffix.
pub(crate) fn plain_form(expression: &str) -> Option<(Operator, String)> {
    let (anchored, rest) = match expression.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, expression),
    };
    let (ended, rest) = match rest.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let operator = match (anchored, ended) {
        (true, true) => Operator::Equal,
        (true, false) => Operator::Prefix,
        (false, true) => Operator::Suffix,
        (false, false) => return None,
    };
    let special = |text: &str| text.contains(|c| r"\^$.|?*+()[]{}".contains(c));
    match rest.strip_prefix(r"\.") {
        Some(rest) if operator == Operator::Suffix && !special(rest) => {
            Some((operator, format!(".{rest}")))
        }
        None if !special(rest) => Some((operator, rest.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_expressions_are_comparisons() {
        for (expression, operator, value) in [
            ("^/a/", Operator::Prefix, "/a/"),
            ("^", Operator::Prefix, ""),
            ("$", Operator::Suffix, ""),
            ("^$", Operator::Equal, ""),
            ("^/x$", Operator::Equal, "/x"),
            ("\\.php$", Operator::Suffix, ".php"),
            ("\\.$", Operator::Suffix, "."),
            ("a/b$", Operator::Suffix, "a/b"),
            ("^é %20~", Operator::Prefix, "é %20~"),
        ] {
            assert_eq!(
                plain_form(expression),
                Some((operator, value.to_owned())),
                "{expression}"
            );
        }
    }

    #[test]
    fn others_stay_expressions() {
        for expression in [
            "",
            "abc",
            "^/x\\.y$",
            "^www\\.",
            "example\\.com$",
            "^a\\$",
            "a\\$",
            "\\.a\\.b$",
            "^^",
            "$$",
            "^\\.php$",
            "^a|b",
            "\\/a$",
            "\\\\.a$",
            "a.b$",
            "^a{",
            ".$",
        ] {
            assert_eq!(plain_form(expression), None, "{expression}");
        }
    }
}
