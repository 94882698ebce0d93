//! Tokens to a tree *and* a list of what is wrong; never stops at the first mistake, never prints.
//! After a mistake it goes on at the next line, or, within parentheses, at the next line that looks like the beginning
//! of a statement. Nesting is limited, so that no text can exhaust the stack.

use crate::{
    ast::{Arm, Assign, Element, Expression, Include, Statement, Term, TermKind, Test, Word},
    condition::Family,
    diagnostic::Diagnostic,
    lexer::{self, LONGEST_NAME, LexErrorKind, Lexed, Strings, Token},
    nearest::nearest,
    source::{FileId, Sources, Span},
};

const UNCLOSED: &str = "this string is not closed";

/// Braces and parentheses within each other.
const DEEPEST: usize = 100;

const KEYWORDS: [&str; 8] = [
    "include",
    "include_shell",
    "global",
    "if",
    "else",
    "elif",
    "elsif",
    "elseif",
];

/// A tree, and mistakes in the order of their places.
pub(crate) type Parsed = (Vec<Statement>, Vec<Diagnostic>);

/// Parses one of the texts.
pub(crate) fn parse(sources: &Sources, file: FileId) -> Parsed {
    let text = &sources.get(file).text;
    let lexed = lexer::lex(text, file, Strings::ManyLines);
    let swallowed = lexed.0.iter().any(|(token, _)| swallows_statement(token));
    let parsed = parse_tokens(sources, lexed);
    if parsed.1.is_empty() {
        return parsed;
    }
    // A missing quote turns text into strings and strings into text, up to the end. Strings over several lines are
    // rare, so look again without them if they may be to blame: that tells better what is wrong.
    let unclosed = parsed.1.iter().any(|d| d.message == UNCLOSED);
    let lexed = lexer::lex(text, file, Strings::OneLine);
    let again = parse_tokens(sources, lexed);
    if unclosed || swallowed || again.1.len() < parsed.1.len() {
        again
    } else {
        parsed
    }
}

/// Whether it is a string with a line that looks like an assignment.
fn swallows_statement(token: &Token) -> bool {
    let Token::String(text) = token else {
        return false;
    };
    text.lines().skip(1).any(|line| {
        let line = line.trim_start();
        let sign =
            line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c));
        let signs = ["=", ":=", "+="];
        sign.len() < line.len() && signs.iter().any(|s| sign.trim_start().starts_with(s))
    })
}

fn parse_tokens(sources: &Sources, (tokens, errors): Lexed) -> Parsed {
    let mut parser = Parser {
        sources,
        tokens,
        at: 0,
        depth: 0,
        lines: Lines::Matter,
        mistakes: Vec::new(),
    };
    for error in errors {
        parser.mistake(error.span, explain(error.kind));
    }
    let statements = parser.statements(None);
    let mut mistakes = parser.mistakes;
    mistakes.sort_by_key(|(span, _)| span.start);
    let diagnostics = mistakes.into_iter().map(|(_, diagnostic)| diagnostic);
    (statements, diagnostics.collect())
}

fn explain(kind: LexErrorKind) -> Diagnostic {
    match kind {
        LexErrorKind::Unclosed => {
            Diagnostic::error(UNCLOSED).help("end it with \", and write \\\" for a quote within it")
        }
        LexErrorKind::NotUtf8 => Diagnostic::error("this string is not UTF-8")
            .help("save the file as UTF-8; in expressions, \\xe9 stands for a byte"),
        LexErrorKind::TooLarge => {
            Diagnostic::error("this integer is too large").help("integers go from 0 to 4294967295")
        }
        LexErrorKind::LongName => Diagnostic::error(format!(
            "this name is longer than {LONGEST_NAME} characters"
        )),
        LexErrorKind::Stray(c) => {
            let diagnostic = Diagnostic::error(format!("{c:?} means nothing here"));
            match c {
                '\'' | '\u{201c}' | '\u{201d}' => {
                    diagnostic.help("strings stand in \"double quotes\"")
                }
                ';' => diagnostic.help("statements end at the end of the line"),
                '!' => diagnostic.help("the operators with ! are != and !~"),
                '/' | '\\' => diagnostic.help("paths are strings: \"/path\""),
                _ => diagnostic,
            }
        }
        LexErrorKind::StrayByte(byte) => {
            Diagnostic::error(format!("byte 0x{byte:02x} means nothing here"))
        }
    }
}

/// A mistake has been noted; recover and go on.
struct Noted;

/// Whether line ends are passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Matter,
    DoNotMatter,
}

struct Parser<'a> {
    sources: &'a Sources,
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
    lines: Lines,
    mistakes: Vec<(Span, Diagnostic)>,
}

impl Parser<'_> {
    /// Statements up to the brace that closes `open`, or to the end of the text.
    fn statements(&mut self, open: Option<Span>) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.skip_line_ends();
            match (self.peek(), open) {
                (Token::End, None) => return statements,
                (Token::End, Some(open)) => {
                    let message = "this brace is not closed";
                    self.mistake(
                        open,
                        Diagnostic::error(message).help("add a } after the block"),
                    );
                    return statements;
                }
                (Token::CloseBrace, Some(_)) => {
                    self.next();
                    return statements;
                }
                (Token::CloseBrace, None) => {
                    let span = self.next();
                    self.mistake(span, Diagnostic::error("this brace closes nothing"));
                }
                _ => match self.statement() {
                    Ok(statement) => statements.push(statement),
                    Err(Noted) => self.recover(),
                },
            }
        }
    }

    fn statement(&mut self) -> Result<Statement, Noted> {
        let word = match self.peek() {
            Token::Variable(_) => return self.chain(),
            Token::Name(word) => word.clone(),
            Token::Plus => {
                let help = "put the + at the end of the line before";
                return Err(self.unexpected("a statement", Some(help)));
            }
            _ => return Err(self.unexpected("a statement", None)),
        };
        if assignment(self.peek_after()).is_some() {
            return self.assignment(word);
        }
        match word.as_str() {
            "if" => self.chain(),
            "include" => self.include(Include::File),
            "include_shell" => self.include(Include::Command),
            "global" => {
                self.next();
                let body = self.body()?;
                Ok(Statement::Global { body })
            }
            word if is_else(word) => {
                let span = self.next();
                let message = format!("{word} without a condition before it");
                let help =
                    "it stands after the } of a condition's block, comments between them allowed";
                self.mistake(span, Diagnostic::error(message).help(help));
                Err(Noted)
            }
            word => {
                let guess = nearest(word, KEYWORDS).map(|word| format!("did you mean {word}?"));
                self.next();
                Err(self.unexpected(&format!("=, := or += after {word:?}"), guess.as_deref()))
            }
        }
    }

    fn assignment(&mut self, text: String) -> Result<Statement, Noted> {
        let span = self.next();
        self.skip_line_ends();
        let Some(how) = assignment(self.peek()) else {
            return Err(self.unexpected("=, := or +=", None));
        };
        self.next();
        let value = self.value_after_sign()?;
        let name = Word { text, span };
        Ok(Statement::Assignment { name, how, value })
    }

    /// The value may stand on a later line, but not if that line is a statement.
    fn value_after_sign(&mut self) -> Result<Expression, Noted> {
        let sign = self.at;
        self.skip_line_ends();
        if self.follows_line_end() && self.begins_statement(self.at) {
            self.at = sign;
        }
        self.expression()
    }

    fn include(&mut self, what: Include) -> Result<Statement, Noted> {
        let keyword = self.next();
        self.skip_line_ends();
        let argument = self.expression()?;
        Ok(Statement::Include {
            what,
            keyword,
            argument,
        })
    }

    /// A condition and what is chained to it.
    fn chain(&mut self) -> Result<Statement, Noted> {
        let mut arms = vec![self.arm()?];
        loop {
            let end = self.at;
            self.skip_line_ends();
            let chained = matches!(self.peek(), Token::Name(word) if is_else(word));
            if !chained || assignment(self.peek_after()).is_some() {
                self.at = end;
                return Ok(Statement::Chain { arms });
            }
            match self.arm() {
                Ok(arm) => arms.push(arm),
                // Its body, if any, has been read; what follows it is still part of the chain.
                Err(Noted) => self.recover(),
            }
        }
    }

    /// `[if] $...`, `else`, `else [if] $...`, `elif $...`, and the block.
    fn arm(&mut self) -> Result<Arm, Noted> {
        let start = self.span();
        let mut bare_allowed = false;
        if let Token::Name(word) = self.peek() {
            bare_allowed = word == "else";
            self.next();
            self.skip_line_ends();
        }
        if bare_allowed && matches!(self.peek(), Token::Name(word) if word == "if") {
            bare_allowed = false;
            self.next();
        }
        let bare = bare_allowed && *self.peek() == Token::OpenBrace;
        let test = if bare { None } else { Some(self.test()?) };
        let span = test.as_ref().map_or(start, |test| start.to(test.span));
        let body = self.body()?;
        Ok(Arm { span, test, body })
    }

    /// `$FAMILY["key"] operator value`
    fn test(&mut self) -> Result<Test, Noted> {
        self.skip_line_ends();
        let Token::Variable(text) = self.peek().clone() else {
            let help = r#"write one such as $HTTP["host"] == "example.com""#;
            return Err(self.unexpected("a condition", Some(help)));
        };
        let span = self.span();
        if Family::parse(&text).is_none() {
            let guess = nearest(&text, Family::NAMES).unwrap_or("HTTP");
            let known = Family::NAMES.map(|name| format!("${name}")).join(", ");
            let help = format!("did you mean ${guess}? there are {known}");
            let message = format!("${text} is not something to ask about");
            self.mistake(span, Diagnostic::error(message).help(help));
        }
        self.lines = Lines::DoNotMatter;
        self.next();
        self.expect(&Token::OpenBracket, "[")?;
        let key = self.expression()?;
        self.expect(&Token::CloseBracket, "]")?;
        let &Token::Operator(operator) = self.peek() else {
            let help = "the operators are ==, !=, =~, !~, =^ and =$";
            return Err(self.unexpected("an operator", Some(help)));
        };
        self.next();
        let value = self.expression()?;
        self.lines = Lines::Matter;
        let family = Word { text, span };
        let span = span.to(value.span);
        Ok(Test {
            family,
            key,
            operator,
            value,
            span,
        })
    }

    /// `{ ... }`
    fn body(&mut self) -> Result<Vec<Statement>, Noted> {
        self.skip_line_ends();
        if *self.peek() != Token::OpenBrace {
            return Err(self.unexpected("{", Some("the settings of a block stand in { braces }")));
        }
        let open = self.next();
        self.enter(open)?;
        let body = self.statements(Some(open));
        self.depth -= 1;
        Ok(body)
    }

    fn expression(&mut self) -> Result<Expression, Noted> {
        let mut terms = vec![self.term()?];
        while *self.peek() == Token::Plus {
            self.next();
            self.skip_line_ends();
            terms.push(self.term()?);
        }
        let first = terms[0].span;
        let span = terms.last().map_or(first, |last| first.to(last.span));
        Ok(Expression { terms, span })
    }

    fn term(&mut self) -> Result<Term, Noted> {
        let kind = match self.peek().clone() {
            Token::String(text) => TermKind::String(text),
            Token::Integer(number) => TermKind::Integer(number),
            Token::Name(name) => TermKind::Name(name),
            Token::Open => return self.array(),
            _ => {
                let help = "a value is a \"string\", an integer, a list ( ... ) or a name";
                return Err(self.unexpected("a value", Some(help)));
            }
        };
        let span = self.next();
        Ok(Term { kind, span })
    }

    fn array(&mut self) -> Result<Term, Noted> {
        let before = std::mem::replace(&mut self.lines, Lines::DoNotMatter);
        let open = self.next();
        self.enter(open)?;
        let elements = self.elements(open);
        self.depth -= 1;
        // The line end after the parenthesis is the business of whoever comes next.
        self.lines = before;
        let kind = TermKind::Array(elements?);
        let span = open.to(self.next());
        Ok(Term { kind, span })
    }

    /// Up to the closing parenthesis.
    fn elements(&mut self, open: Span) -> Result<Vec<Element>, Noted> {
        let mut elements = Vec::new();
        loop {
            while *self.peek() == Token::Comma {
                self.next();
            }
            match self.peek() {
                Token::Close => return Ok(elements),
                Token::End => return Err(self.unclosed(open)),
                _ => elements.push(self.element()?),
            }
            match self.peek() {
                Token::Comma | Token::Close | Token::End => {}
                Token::Set => {
                    let help = "in lists, write => instead of =";
                    return Err(self.unexpected("=> after a key", Some(help)));
                }
                _ => {
                    if self.follows_line_end() && self.begins_statement(self.at) {
                        return Err(self.unclosed(open));
                    }
                    let help = "put a comma between the entries of a list";
                    return Err(self.unexpected("a comma or )", Some(help)));
                }
            }
        }
    }

    fn unclosed(&mut self, open: Span) -> Noted {
        let message = "this parenthesis is not closed";
        self.mistake(
            open,
            Diagnostic::error(message).help("add a ) after the last entry"),
        );
        // Back to the line end, where the next statement can be found.
        while self.follows_line_end() {
            self.at -= 1;
        }
        Noted
    }

    fn follows_line_end(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].0 == Token::LineEnd
    }

    fn element(&mut self) -> Result<Element, Noted> {
        let first = self.expression()?;
        if *self.peek() != Token::Arrow {
            let (key, value) = (None, first);
            return Ok(Element { key, value });
        }
        self.next();
        let value = self.expression()?;
        let key = Some(first);
        Ok(Element { key, value })
    }

    fn enter(&mut self, open: Span) -> Result<(), Noted> {
        self.depth += 1;
        if self.depth > DEEPEST {
            self.depth -= 1;
            let message = format!("more than {DEEPEST} blocks and lists within each other");
            self.mistake(open, Diagnostic::error(message));
            return Err(Noted);
        }
        Ok(())
    }

    /// Goes to the next place where a statement may begin.
    fn recover(&mut self) {
        self.lines = Lines::Matter;
        let mut open = 0_usize;
        loop {
            match self.tokens[self.at].0 {
                Token::End | Token::CloseBrace => return,
                Token::LineEnd if open == 0 || self.begins_statement(self.at + 1) => return,
                Token::OpenBrace => {
                    // A block whose head was wrong: its mistakes are still of interest, its statements are not.
                    let brace = self.next();
                    if self.depth < DEEPEST {
                        self.depth += 1;
                        self.statements(Some(brace));
                        self.depth -= 1;
                        return;
                    }
                }
                Token::Open => {
                    open += 1;
                    self.next();
                }
                Token::Close => {
                    open = open.saturating_sub(1);
                    self.next();
                }
                _ => {
                    self.next();
                }
            }
        }
    }

    fn begins_statement(&self, at: usize) -> bool {
        let token = |at: usize| self.tokens.get(at).map(|(token, _)| token);
        match token(at) {
            Some(Token::Variable(_)) => true,
            Some(Token::Name(word)) => {
                KEYWORDS.contains(&word.as_str()) || token(at + 1).and_then(assignment).is_some()
            }
            _ => false,
        }
    }

    fn peek(&mut self) -> &Token {
        if self.lines == Lines::DoNotMatter {
            self.skip_line_ends();
        }
        &self.tokens[self.at].0
    }

    /// The token after this one, line ends not counted.
    fn peek_after(&self) -> &Token {
        self.tokens[self.at..]
            .iter()
            .skip(1)
            .map(|(token, _)| token)
            .find(|token| **token != Token::LineEnd)
            .unwrap_or(&Token::End)
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    /// Passes a token. The last one, `End`, is never passed.
    fn next(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn skip_line_ends(&mut self) {
        while self.tokens[self.at].0 == Token::LineEnd {
            self.at += 1;
        }
    }

    fn expect(&mut self, token: &Token, name: &str) -> Result<Span, Noted> {
        if self.peek() == token {
            Ok(self.next())
        } else {
            Err(self.unexpected(name, None))
        }
    }

    /// Notes that something else should stand here, unless the lexer has complained already.
    fn unexpected(&mut self, expected: &str, help: Option<&str>) -> Noted {
        let found = self.peek().clone();
        if found == Token::Bad {
            return Noted;
        }
        let mut span = self.span();
        if matches!(found, Token::LineEnd | Token::End) && self.at > 0 {
            span = self.tokens[self.at - 1].1.just_after();
        }
        let mut diagnostic =
            Diagnostic::error(format!("expected {expected}, found {}", found.describe()));
        diagnostic.help = help.map(str::to_owned);
        self.mistake(span, diagnostic);
        Noted
    }

    fn mistake(&mut self, span: Span, diagnostic: Diagnostic) {
        self.mistakes
            .push((span, diagnostic.at(self.sources, span)));
    }
}

fn assignment(token: &Token) -> Option<Assign> {
    match token {
        Token::Set => Some(Assign::Set),
        Token::Force => Some(Assign::Force),
        Token::Append => Some(Assign::Append),
        _ => None,
    }
}

fn is_else(word: &str) -> bool {
    matches!(word, "else" | "elif" | "elsif" | "elseif")
}
