//! The shape of a directive: what it is called, what it takes, and what it does.
//!
//! In: a value from the file. Out: a [`Change`], read once at start and applied as often as needed. Must hold: a change
//! cannot fail; whatever can be wrong with a value is said when it is read.

use std::fmt;

pub use lighttpd_conf::{Kind, Scope};
use lighttpd_conf::{Value, ValueError};

use super::draft::Draft;
use super::listeners::SocketOptions;
use super::reader::Reader;
use crate::settings::Settings;

/// One directive of the table.
#[derive(Debug)]
pub struct Directive {
    /// `server.port` and so on.
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// The value when it is not set, as one would write it; empty when there is none.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// What it does.
    pub apply: Apply,
    /// What to write instead, for one that lighttpd keeps only for old configurations.
    pub obsolete: Option<&'static str>,
    /// How it differs from lighttpd's; `None`: not at all.
    pub differs: Option<Difference>,
}

/// How a directive that has an effect differs from lighttpd's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// When that is to be known.
    pub counts: Counts,
    /// In words that end the sentence "`name` differs: ".
    pub how: &'static str,
}

/// When a difference is to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// When the directive is used.
    Used,
    /// When it is not: the default is another.
    Unset,
    /// For some values, and a warning or an error is given for these.
    Warned,
}

/// What a directive is to those who come from lighttpd. Each of the table is in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it does there.
    Same,
    /// It does it in another way.
    Different(Difference),
    /// It makes no sense here, for this reason, or is left out on purpose. That will stay so.
    Refused(&'static str),
    /// This version does not have it.
    NotYet(Lack),
}

/// What a directive does.
#[derive(Clone, Copy, Debug)]
pub enum Apply {
    /// It changes the whole server.
    Server(Setter<Draft>),
    /// It changes listening sockets.
    Socket(Setter<SocketOptions>),
    /// It changes how requests are answered.
    Request(Setter<Settings>),
    /// Any fitting value means the same here; the doc line says why.
    Nothing(Kind),
    /// lighttpd has it, this version has not.
    Unsupported {
        /// What it takes.
        kind: Kind,
        /// Why not.
        lack: Lack,
        /// What it means that it is missing.
        risk: Risk,
    },
}

/// Why a directive is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Its module is not part of this version.
    Module(&'static str),
    /// This version lacks it, in words that end the sentence "`name` has no effect: ".
    Feature(&'static str),
    /// It is left out for good, for this reason, in words that end the same sentence.
    Purpose(&'static str),
    /// Its module is left out for good, for this reason.
    Without {
        /// The module.
        module: &'static str,
        /// The reason.
        why: &'static str,
    },
}

/// What it means that a directive has no effect, unless its value is off or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// Something is missing, and it shows. A warning.
    Visible,
    /// Something would be served that should not be, or not so: said in words. An error.
    Exposes(&'static str),
}

/// How a value is read, and what is then set.
pub enum Setter<T> {
    /// "enable" or "disable".
    Bool(fn(&mut T, bool)),
    /// 0 to 65535.
    Short(fn(&mut T, u16)),
    /// 0 to 4294967295.
    Int(fn(&mut T, u32)),
    /// A string.
    Text(fn(&mut T, &str)),
    /// Strings.
    List(fn(&mut T, &[String])),
    /// Pairs of strings.
    Pairs(fn(&mut T, &[(String, String)])),
    /// A value with a form of its own.
    Own(Kind, fn(&Value, &mut Reader) -> Read<T>),
}

/// A value that was read, or why it does not fit.
pub type Read<T> = Result<Change<T>, ValueError>;

/// What a directive sets, with its value.
pub struct Change<T>(Box<dyn Fn(&mut T) + Send + Sync>);

impl Directive {
    /// A directive for requests: scope `Connection`.
    pub const fn request(
        name: &'static str,
        set: Setter<Settings>,
        default: &'static str,
        doc: &'static str,
    ) -> Directive {
        Directive::new(name, Scope::Connection, default, doc, Apply::Request(set))
    }

    /// A directive for listening sockets: scope `Socket`.
    pub const fn socket(
        name: &'static str,
        set: Setter<SocketOptions>,
        default: &'static str,
        doc: &'static str,
    ) -> Directive {
        Directive::new(name, Scope::Socket, default, doc, Apply::Socket(set))
    }

    /// A directive for the whole server: scope `Server`.
    pub const fn server(
        name: &'static str,
        set: Setter<Draft>,
        default: &'static str,
        doc: &'static str,
    ) -> Directive {
        Directive::new(name, Scope::Server, default, doc, Apply::Server(set))
    }

    /// A directive of which any value means the same here.
    pub const fn nothing(
        name: &'static str,
        kind: Kind,
        scope: Scope,
        default: &'static str,
        doc: &'static str,
    ) -> Directive {
        Directive::new(name, scope, default, doc, Apply::Nothing(kind))
    }

    /// A directive that this version does not support.
    pub const fn unsupported(
        name: &'static str,
        kind: Kind,
        scope: Scope,
        lack: Lack,
        risk: Risk,
        doc: &'static str,
    ) -> Directive {
        let apply = Apply::Unsupported { kind, lack, risk };
        Directive::new(name, scope, "", doc, apply)
    }

    /// The same, kept only for old configurations.
    #[must_use]
    pub const fn obsolete(mut self, instead: &'static str) -> Directive {
        self.obsolete = Some(instead);
        self
    }

    /// The same, but not as in lighttpd: `how` ends the sentence "`name` differs: ".
    #[must_use]
    pub const fn differs(mut self, counts: Counts, how: &'static str) -> Directive {
        assert!(
            !matches!(self.apply, Apply::Unsupported { .. }),
            "what has no effect does not differ: its lack says why"
        );
        self.differs = Some(Difference { counts, how });
        self
    }

    /// The same, in another scope: a directive that conditions may hold in lighttpd, and only the whole server here.
    #[must_use]
    pub const fn in_scope(mut self, scope: Scope) -> Directive {
        self.scope = scope;
        self
    }

    const fn new(
        name: &'static str,
        scope: Scope,
        default: &'static str,
        doc: &'static str,
        apply: Apply,
    ) -> Directive {
        Directive {
            name,
            scope,
            default,
            doc,
            apply,
            obsolete: None,
            differs: None,
        }
    }

    /// What it is to those who come from lighttpd.
    pub const fn state(&self) -> State {
        match (&self.apply, self.differs) {
            (Apply::Unsupported { lack, .. }, _) => match *lack {
                Lack::Purpose(why) | Lack::Without { why, .. } => State::Refused(why),
                lack @ (Lack::Module(_) | Lack::Feature(_)) => State::NotYet(lack),
            },
            (_, Some(difference)) => State::Different(difference),
            (_, None) => State::Same,
        }
    }

    /// What it takes.
    pub const fn kind(&self) -> Kind {
        match &self.apply {
            Apply::Server(set) => set.kind(),
            Apply::Socket(set) => set.kind(),
            Apply::Request(set) => set.kind(),
            Apply::Nothing(kind) | Apply::Unsupported { kind, .. } => *kind,
        }
    }

    /// As the language's checker wants it.
    pub const fn shape(&self) -> lighttpd_conf::Directive {
        lighttpd_conf::Directive {
            name: self.name,
            kind: self.kind(),
            scope: self.scope,
            default: self.default,
            doc: self.doc,
        }
    }
}

impl<T: 'static> Setter<T> {
    /// What it takes.
    pub const fn kind(&self) -> Kind {
        match self {
            Setter::Bool(_) => Kind::Bool,
            Setter::Short(_) => Kind::Short,
            Setter::Int(_) => Kind::Int,
            Setter::Text(_) => Kind::String,
            Setter::List(_) => Kind::List,
            Setter::Pairs(_) => Kind::KvString,
            Setter::Own(kind, _) => *kind,
        }
    }

    /// Reads a value.
    pub fn read(&self, value: &Value, reader: &mut Reader) -> Read<T> {
        Ok(match *self {
            Setter::Bool(set) => {
                let on = value.to_bool()?;
                Change::new(move |target| set(target, on))
            }
            Setter::Short(set) => {
                let number = value.to_short()?;
                if value.to_int()? > u32::from(number) {
                    reader.warn(
                        value.span,
                        "the largest possible value is 65535, and that is used",
                    );
                }
                Change::new(move |target| set(target, number))
            }
            Setter::Int(set) => {
                let number = value.to_int()?;
                Change::new(move |target| set(target, number))
            }
            Setter::Text(set) => {
                let text = value.to_str()?.to_owned();
                Change::new(move |target| set(target, &text))
            }
            Setter::List(set) => {
                let list = value.to_list()?;
                Change::new(move |target| set(target, &list))
            }
            Setter::Pairs(set) => {
                let pairs = value.to_pairs()?;
                Change::new(move |target| set(target, &pairs))
            }
            Setter::Own(_, read) => read(value, reader)?,
        })
    }
}

impl<T> Change<T> {
    /// A change that does this.
    pub fn new(change: impl Fn(&mut T) + Send + Sync + 'static) -> Change<T> {
        Change(Box::new(change))
    }

    /// A change that does nothing.
    pub fn none() -> Change<T> {
        Change::new(|_| {})
    }

    /// Makes it.
    pub fn apply(&self, target: &mut T) {
        (self.0)(target);
    }
}

/// Whether a value turns its directive off: then it does not matter that there is no such directive.
pub(super) fn is_off(value: &Value) -> bool {
    match value.as_array() {
        Some(array) => array.is_empty(),
        None => value.as_str() == Some("") || value.to_bool() == Ok(false),
    }
}

// Derived, they would ask the same of `T`.
impl<T> Clone for Setter<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setter<T> {}

impl<T: 'static> fmt::Debug for Setter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setter({:?})", self.kind())
    }
}

impl<T> fmt::Debug for Change<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}
