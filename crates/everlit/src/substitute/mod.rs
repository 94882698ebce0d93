//! Rules of redirects and rewrites: an expression for the target, and what is made of a target that it fits.
//!
//! In: pairs of the configuration, read once at start; a request. Out: another URL, or none. Must hold: the first rule that
//! fits decides; what cannot be understood is said when the configuration is loaded.

mod coding;
mod template;

use lighttpd_conf::pattern::Groups;
use lighttpd_conf::{BlockId, Pattern, Value, ValueError};

use crate::config::Reader;
use crate::exchange::Exchange;
use crate::settings::Core;
use template::{Flaw, Given, Template};

/// Rules, in their order.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Where they stand: `%1` is a group of that block's condition.
    block: BlockId,
}

#[derive(Debug)]
struct Rule {
    expression: Pattern,
    template: Template,
}

/// What rules say of a target.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// None of them fits.
    NoneFits,
    /// One fits, and it is left as it is: the others are not asked.
    LeftAlone,
    /// It becomes this.
    Becomes(Vec<u8>),
}

impl Rules {
    /// Reads pairs of an expression and a template. What is wrong with them goes to the reader.
    pub fn read(value: &Value, reader: &mut Reader) -> Result<Rules, ValueError> {
        let pairs = value.to_pairs()?;
        let places = value.as_array().into_iter().flat_map(|array| array.iter());
        let mut rules = Vec::with_capacity(pairs.len());
        for ((expression, text), entry) in pairs.iter().zip(places) {
            let span = entry.value.span;
            let (template, flaws) = Template::parse(text);
            for flaw in flaws {
                match flaw {
                    Flaw::Open => reader.error(
                        span,
                        format!("\"{text}\": a brace is opened and never closed"),
                        "write ${1}, ${url.path} or ${qsa}; $${ stands for ${ itself",
                    ),
                    Flaw::Unknown(what) => reader.warn(
                        span,
                        format!("\"{text}\": nobody knows what {{{what}}} stands for"),
                    ),
                }
            }
            match Pattern::of_rule(&normal(expression)) {
                Ok(expression) => rules.push(Rule {
                    expression,
                    template,
                }),
                Err(error) => reader.error(
                    span,
                    format!("\"{expression}\": {error}"),
                    error.help().unwrap_or("write an expression as PCRE has it"),
                ),
            }
        }
        Ok(Rules {
            rules,
            block: reader.block(),
        })
    }

    /// The block in which they stand.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Asks them about a request's target.
    pub fn judge(&self, exchange: &Exchange<'_>, core: &Core) -> Verdict {
        let target = &exchange.request.uri.target;
        let fits = |rule: &&Rule| rule.expression.is_match(target);
        match self.rules.iter().find(fits) {
            None => Verdict::NoneFits,
            Some(rule) if rule.template.is_empty() => Verdict::LeftAlone,
            Some(rule) => Verdict::Becomes(self.fill(rule, exchange, core)),
        }
    }

    fn fill(&self, rule: &Rule, exchange: &Exchange<'_>, core: &Core) -> Vec<u8> {
        let request = &exchange.request;
        let target = &request.uri.target[..];
        let groups = match rule.template.wants_groups() {
            true => rule.expression.captures(target).unwrap_or_default(),
            false => Groups::default(),
        };
        let condition = exchange.captured.of(self.block);
        let query = request.uri.query.as_deref();
        rule.template.fill(query, |given, coding, out| {
            let port;
            let bytes = match given {
                Given::OfRule(number) => {
                    let place = groups.get(number).cloned().flatten();
                    place.and_then(|place| target.get(place))
                }
                Given::OfCondition(number) => condition.and_then(|groups| groups.get(number)),
                Given::Scheme => Some(request.scheme.as_bytes()),
                Given::Authority if request.host.is_empty() => Some(core.name.as_bytes()),
                Given::Authority => Some(&request.host[..]),
                Given::Port => {
                    port = request.local_port.to_string();
                    Some(port.as_bytes())
                }
                Given::Path => target.split(|byte| *byte == b'?').next(),
                Given::Query => query,
            };
            coding.append(bytes.unwrap_or_default(), out);
        })
    }
}

/// An expression in the form that targets have: `%2f` is `%2F`, and what is not ASCII is encoded.
fn normal(expression: &str) -> String {
    let mut out = Vec::with_capacity(expression.len());
    let mut rest = expression.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match coding::decoded(byte, after) {
            Some(byte) => {
                out.extend_from_slice(&coding::encoded(byte));
                rest = &after[2..];
            }
            None if byte.is_ascii() => out.push(byte),
            None => out.extend_from_slice(&coding::encoded(byte)),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_look_like_targets() {
        for (expression, expected) in [
            ("^/a%2fb", "^/a%2Fb"),
            ("^/ä", "^/%C3%A4"),
            ("%zz%4", "%zz%4"),
            (r"^/(.*)\.html$", r"^/(.*)\.html$"),
        ] {
            assert_eq!(normal(expression), expected);
        }
    }
}
