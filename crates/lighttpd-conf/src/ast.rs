//! The tree of one text: statements as they were written, nothing looked up yet.
//! The parser makes it, `load` walks it. Every node knows its span.

use crate::{condition::Operator, source::Span};

/// Text and where it stands.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum Statement {
    /// `name = value`
    Assignment {
        name: Word,
        how: Assign,
        value: Expression,
    },
    /// `include "file"`, `include_shell "command"`
    Include {
        what: Include,
        keyword: Span,
        argument: Expression,
    },
    /// `global { ... }`
    Global { body: Vec<Statement> },
    /// `$HTTP["host"] == "a" { ... } else ... { ... }`
    Chain { arms: Vec<Arm> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assign {
    /// `=`
    Set,
    /// `:=`
    Force,
    /// `+=`
    Append,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    File,
    Command,
}

/// One block of an else chain.
#[derive(Debug)]
pub(crate) struct Arm {
    /// The keyword or the condition.
    pub(crate) span: Span,
    /// None: a bare `else`.
    pub(crate) test: Option<Test>,
    pub(crate) body: Vec<Statement>,
}

/// `$FAMILY[key] operator value`
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) family: Word,
    pub(crate) key: Expression,
    pub(crate) operator: Operator,
    pub(crate) value: Expression,
    pub(crate) span: Span,
}

/// One or more terms with `+` between them.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) terms: Vec<Term>,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) kind: TermKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum TermKind {
    String(String),
    Integer(u32),
    /// A variable, `env.X`, or an earlier directive.
    Name(String),
    Array(Vec<Element>),
}

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) key: Option<Expression>,
    pub(crate) value: Expression,
}
