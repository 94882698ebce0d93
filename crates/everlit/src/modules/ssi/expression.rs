//! Conditions in documents: `<!--#if expr="$A = b && !$C"-->`.
//!
//! In: an expression, and what its variables are. Out: whether it holds. Must hold: lighttpd's rules: everything is text, no
//! operator goes before another but comparisons, and what cannot be read does not hold.

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(Vec<u8>),
    And,
    Or,
    Not,
    Open,
    Close,
    Compare(Comparison),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

enum Value {
    Text(Vec<u8>),
    Truth(bool),
}

impl Value {
    fn holds(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Truth(holds) => *holds,
        }
    }
}

/// Brackets and negations may be nested so deep.
const DEPTH: u8 = 16;

/// Whether an expression holds. A variable that is not set is empty.
pub(super) fn holds(expression: &[u8], variable: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> bool {
    let Some(tokens) = tokens(expression, variable) else {
        return false;
    };
    let mut rest = &tokens[..];
    let value = chain(&mut rest, 0);
    rest.is_empty() && value.is_some_and(|value| value.holds())
}

fn tokens(mut rest: &[u8], variable: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        let (token, length) = match rest {
            [] => return Some(tokens),
            [b'&', b'&', ..] => (Token::And, 2),
            [b'|', b'|', ..] => (Token::Or, 2),
            [b'!', b'=', ..] => (Token::Compare(Comparison::Unequal), 2),
            [b'!', ..] => (Token::Not, 1),
            [b'<', b'=', ..] => (Token::Compare(Comparison::LessOrEqual), 2),
            [b'<', ..] => (Token::Compare(Comparison::Less), 1),
            [b'>', b'=', ..] => (Token::Compare(Comparison::GreaterOrEqual), 2),
            [b'>', ..] => (Token::Compare(Comparison::Greater), 1),
            [b'&' | b'|', ..] => return None,
            [b'=', ..] => (Token::Compare(Comparison::Equal), 1),
            [b'(', ..] => (Token::Open, 1),
            [b')', ..] => (Token::Close, 1),
            [b'\'', more @ ..] => {
                let end = memchr::memchr(b'\'', more)?;
                (Token::Text(more[..end].to_vec()), end + 2)
            }
            [b'$', b'{', more @ ..] => {
                let end = memchr::memchr(b'}', more)?;
                let value = variable(&more[..end]).unwrap_or_default();
                (Token::Text(value), end + 3)
            }
            [b'$', more @ ..] => {
                let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                let length = more.iter().take_while(is_name).count();
                let value = variable(&more[..length]).unwrap_or_default();
                (Token::Text(value), length + 1)
            }
            word => {
                let ends = |byte: &u8| b" \t\r\n()|&!<>=$'".contains(byte);
                let length = 1 + word[1..].iter().position(ends).unwrap_or(word.len() - 1);
                (Token::Text(word[..length].to_vec()), length)
            }
        };
        rest = &rest[length..];
        match (token, tokens.last_mut()) {
            // Words that follow each other are one text.
            (Token::Text(more), Some(Token::Text(text))) => {
                text.push(b' ');
                text.extend(more);
            }
            (token, _) => tokens.push(token),
        }
    }
}

/// `a && b || c`, from left to right.
fn chain(rest: &mut &[Token], depth: u8) -> Option<Value> {
    let mut value = comparison(rest, depth)?;
    loop {
        let is_and = match rest.first() {
            Some(Token::And) => true,
            Some(Token::Or) => false,
            _ => return Some(value),
        };
        *rest = &rest[1..];
        let other = comparison(rest, depth)?.holds();
        value = Value::Truth(match is_and {
            true => value.holds() && other,
            false => value.holds() || other,
        });
    }
}

fn comparison(rest: &mut &[Token], depth: u8) -> Option<Value> {
    let left = operand(rest, depth)?;
    let Some(Token::Compare(comparison)) = rest.first() else {
        return Some(left);
    };
    *rest = &rest[1..];
    let right = operand(rest, depth)?;
    let order = match (&left, &right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (left, right) => left.holds().cmp(&right.holds()),
    };
    Some(Value::Truth(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}

fn operand(rest: &mut &[Token], depth: u8) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    let (first, more) = rest.split_first()?;
    *rest = more;
    match first {
        Token::Text(text) => Some(Value::Text(text.clone())),
        Token::Not => Some(Value::Truth(!operand(rest, depth + 1)?.holds())),
        Token::Open => {
            let value = chain(rest, depth + 1)?;
            let (Token::Close, more) = rest.split_first()? else {
                return None;
            };
            *rest = more;
            Some(value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_lighttpd_has_it() {
        let variable = |name: &[u8]| match name {
            b"Q" => Some(b"q=1".to_vec()),
            _ => None,
        };
        for (expression, expected) in [
            ("a", true),
            ("", false),
            ("0", true),
            ("$Q", true),
            ("$Q = 'q=1'", true),
            ("${Q} = 'q=1'", true),
            ("$N", false),
            ("1 < 2", true),
            ("10 > 9", false),
            ("b > a", true),
            ("!a", false),
            ("! a = b", false),
            ("!(a = b)", true),
            ("a && $N", false),
            ("a || $N", true),
            ("a || a && $N", false),
            ("($N || a) && a", true),
            ("a = a && b = b", true),
            ("a b = 'a b'", true),
            ("a <= b", true),
            ("a >= b", false),
            ("1 = 01", false),
            ("a == a", false),
            ("a < b < c", false),
            ("(a", false),
            ("a)", false),
            ("'a", false),
            ("&&", false),
            ("a & b", false),
            ("a | b", false),
            ("a |", false),
        ] {
            assert_eq!(
                holds(expression.as_bytes(), &variable),
                expected,
                "{expression}"
            );
        }
        let deep = "(".repeat(10_000);
        assert!(!holds(deep.as_bytes(), &variable));
    }

    proptest! {
        #[test]
        fn any_expression_is_survived(expression in "(&&|\\|\\||[!=<>()$'{} ab&|]){0,30}") {
            let _ = holds(expression.as_bytes(), &|_| None);
        }
    }
}
