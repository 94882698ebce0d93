//! Bytes to tokens.
//! Comments and blanks vanish, line ends stay (the parser uses them to recover). What is no token is reported and
//! stands as [`Token::Bad`], so tokens always come out, the last one being [`Token::End`].

use crate::{
    condition::Operator,
    source::{FileId, Span},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Letters, digits, `.`, `_`, `-`; not only digits.
    Name(String),
    /// `$NAME`, without the dollar.
    Variable(String),
    String(String),
    Integer(u32),
    /// `=`
    Set,
    /// `:=`
    Force,
    /// `+=`
    Append,
    Plus,
    /// `=>`
    Arrow,
    Operator(Operator),
    Comma,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    LineEnd,
    /// Something that has been reported.
    Bad,
    End,
}

/// What is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexErrorKind {
    /// A string that is not closed.
    Unclosed,
    /// A string that is not UTF-8.
    NotUtf8,
    /// More than 4294967295.
    TooLarge,
    /// A name of more than 255 bytes.
    LongName,
    /// A character that begins nothing.
    Stray(char),
    /// A byte that begins nothing.
    StrayByte(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LexError {
    pub(crate) kind: LexErrorKind,
    pub(crate) span: Span,
}

/// The longest name that lighttpd accepts, in bytes.
pub(crate) const LONGEST_NAME: usize = 255;

/// Whether a string may go on over a line end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    ManyLines,
    OneLine,
}

/// Tokens with their spans, and what was wrong.
pub(crate) type Lexed = (Vec<(Token, Span)>, Vec<LexError>);

pub(crate) fn lex(text: &[u8], file: FileId, strings: Strings) -> Lexed {
    Lexer {
        text,
        file,
        strings,
        at: 0,
        tokens: Vec::new(),
        errors: Vec::new(),
    }
    .run()
}

struct Lexer<'a> {
    text: &'a [u8],
    file: FileId,
    strings: Strings,
    at: usize,
    tokens: Vec<(Token, Span)>,
    errors: Vec<LexError>,
}

impl Lexer<'_> {
    fn run(mut self) -> Lexed {
        while let Some(&byte) = self.text.get(self.at) {
            let start = self.at;
            self.at += 1;
            if let Some(token) = self.token(byte, start) {
                let span = self.span(start);
                self.tokens.push((token, span));
            }
        }
        let end = self.span(self.at);
        self.tokens.push((Token::End, end));
        (self.tokens, self.errors)
    }

    /// The token that begins with `byte`, already passed.
    fn token(&mut self, byte: u8, start: usize) -> Option<Token> {
        Some(match byte {
            b' ' | b'\t' => return None,
            0xc2 if self.take(0xa0) => return None, // a no-break space
            b'#' => {
                self.skip_while(|b| !matches!(b, b'\r' | b'\n'));
                return None;
            }
            b'\r' => {
                self.take(b'\n');
                Token::LineEnd
            }
            b'\n' => Token::LineEnd,
            b'"' => self.string(start),
            b',' => Token::Comma,
            b'(' => Token::Open,
            b')' => Token::Close,
            b'{' => Token::OpenBrace,
            b'}' => Token::CloseBrace,
            b'[' => Token::OpenBracket,
            b']' => Token::CloseBracket,
            b'+' if self.take(b'=') => Token::Append,
            b'+' => Token::Plus,
            b':' if self.take(b'=') => Token::Force,
            b'=' if self.take(b'>') => Token::Arrow,
            b'=' if self.take(b'=') => Token::Operator(Operator::Equal),
            b'=' if self.take(b'~') => Token::Operator(Operator::Match),
            b'=' if self.take(b'^') => Token::Operator(Operator::Prefix),
            b'=' if self.take(b'$') => Token::Operator(Operator::Suffix),
            b'=' => Token::Set,
            b'!' if self.take(b'=') => Token::Operator(Operator::NotEqual),
            b'!' if self.take(b'~') => Token::Operator(Operator::NotMatch),
            b'$' if self.peek().is_some_and(is_name) => {
                self.skip_while(is_name);
                Token::Variable(self.word(start + 1))
            }
            byte if is_name(byte) => self.name(start),
            _ => self.stray(start),
        })
    }

    fn name(&mut self, start: usize) -> Token {
        self.skip_while(is_name);
        let word = self.word(start);
        if word.bytes().all(|b| b.is_ascii_digit()) {
            return match word.parse() {
                Ok(number) => Token::Integer(number),
                Err(_) => self.error(LexErrorKind::TooLarge, start),
            };
        }
        if word.len() > LONGEST_NAME {
            return self.error(LexErrorKind::LongName, start);
        }
        Token::Name(word)
    }

    /// The only escape is `\"`.
    fn string(&mut self, start: usize) -> Token {
        let mut bytes = Vec::new();
        loop {
            match (self.peek(), self.text.get(self.at + 1)) {
                (Some(b'"'), _) => {
                    self.at += 1;
                    break;
                }
                (Some(b'\\'), Some(b'"')) => {
                    bytes.push(b'"');
                    self.at += 2;
                }
                (Some(b'\r' | b'\n'), _) if self.strings == Strings::OneLine => {
                    return self.error(LexErrorKind::Unclosed, start);
                }
                (Some(byte), _) => {
                    bytes.push(byte);
                    self.at += 1;
                }
                (None, _) => {
                    return self.error(LexErrorKind::Unclosed, start);
                }
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) => Token::String(text),
            Err(_) => self.error(LexErrorKind::NotUtf8, start),
        }
    }

    /// Reports one character, or one byte that is none.
    fn stray(&mut self, start: usize) -> Token {
        let next = &self.text[start..self.text.len().min(start + 4)];
        let valid = match std::str::from_utf8(next) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&next[..error.valid_up_to()]).unwrap_or_default(),
        };
        let kind = match valid.chars().next() {
            Some(c) => {
                self.at = start + c.len_utf8();
                LexErrorKind::Stray(c)
            }
            None => LexErrorKind::StrayByte(self.text[start]),
        };
        // Several on a line are one mistake.
        let same_line = |last: &LexError| {
            let stray = matches!(
                last.kind,
                LexErrorKind::Stray(_) | LexErrorKind::StrayByte(_)
            );
            let between = &self.text[last.span.end as usize..start];
            stray && !between.iter().any(|b| matches!(b, b'\r' | b'\n'))
        };
        if !self.errors.last().is_some_and(same_line) {
            self.error(kind, start);
        }
        Token::Bad
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn word(&self, start: usize) -> String {
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn span(&self, start: usize) -> Span {
        Span {
            file: self.file,
            start: start as u32,
            end: self.at as u32,
        }
    }

    fn error(&mut self, kind: LexErrorKind, start: usize) -> Token {
        let span = self.span(start);
        self.errors.push(LexError { kind, span });
        Token::Bad
    }
}

impl Token {
    /// For "found ...".
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Name(name) => format!("{name:?}"),
            Token::Variable(name) => format!("${name}"),
            Token::String(_) => "a string".to_owned(),
            Token::Integer(number) => format!("the integer {number}"),
            Token::Set => "=".to_owned(),
            Token::Force => ":=".to_owned(),
            Token::Append => "+=".to_owned(),
            Token::Plus => "+".to_owned(),
            Token::Arrow => "=>".to_owned(),
            Token::Operator(operator) => operator.to_string(),
            Token::Comma => "a comma".to_owned(),
            Token::Open => "(".to_owned(),
            Token::Close => ")".to_owned(),
            Token::OpenBrace => "{".to_owned(),
            Token::CloseBrace => "}".to_owned(),
            Token::OpenBracket => "[".to_owned(),
            Token::CloseBracket => "]".to_owned(),
            Token::LineEnd => "the end of the line".to_owned(),
            Token::Bad => "something unreadable".to_owned(),
            Token::End => "the end of the text".to_owned(),
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8]) -> Vec<Token> {
        let (tokens, errors) = lex(text, FileId(0), Strings::ManyLines);
        assert_eq!(errors, []);
        let mut tokens: Vec<Token> = tokens.into_iter().map(|(token, _)| token).collect();
        assert_eq!(tokens.pop(), Some(Token::End));
        tokens
    }

    fn errors(text: &[u8]) -> Vec<(LexErrorKind, u32, u32)> {
        let errors = lex(text, FileId(0), Strings::OneLine).1;
        errors
            .into_iter()
            .map(|e| (e.kind, e.span.start, e.span.end))
            .collect()
    }

    #[test]
    fn blanks_and_comments_vanish() {
        assert_eq!(
            tokens(b"a\t=\xc2\xa01#x\xff\r\n"),
            [
                Token::Name("a".into()),
                Token::Set,
                Token::Integer(1),
                Token::LineEnd
            ]
        );
    }

    #[test]
    fn the_only_escape_is_a_quote() {
        assert_eq!(
            tokens(br#""a\"b\\c\n""#),
            [Token::String(r#"a"b\\c\n"#.into())]
        );
        assert_eq!(tokens(b"\"a\nb\""), [Token::String("a\nb".into())]);
    }

    #[test]
    fn operators_need_no_blanks() {
        assert_eq!(
            tokens(b"a=b+=c:==d"),
            [
                Token::Name("a".into()),
                Token::Set,
                Token::Name("b".into()),
                Token::Append,
                Token::Name("c".into()),
                Token::Force,
                Token::Set,
                Token::Name("d".into()),
            ]
        );
    }

    #[test]
    fn an_open_string_is_found_on_its_line() {
        let text = b"a = \"x\nb = \"y\"\nc = \"z\"\n";
        assert_eq!(errors(text), [(LexErrorKind::Unclosed, 4, 6)]);
    }

    #[test]
    fn strays_on_a_line_are_one_mistake() {
        assert_eq!(
            errors("a = \u{20ac}; 'x\n;".as_bytes()),
            [
                (LexErrorKind::Stray('\u{20ac}'), 4, 7),
                (LexErrorKind::Stray(';'), 12, 13)
            ]
        );
    }
}
