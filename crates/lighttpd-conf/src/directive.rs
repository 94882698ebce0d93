//! The shape of an entry in a table of directives.
//! The tables themselves belong to the modules of a server; here is only what a configuration can be checked against.

/// One directive, as a module declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Full name: `server.port`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Where it may stand.
    pub scope: Scope,
    /// The value when it is not set, as one would write it; empty when there is none.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// Where a directive has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Outside all conditions only.
    Server,
    /// Outside all conditions, or in `$SERVER["socket"] == "..."`.
    Socket,
    /// Anywhere.
    Connection,
}

/// What a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string.
    String,
    /// An integer, 0 to 65535.
    Short,
    /// An integer, 0 to 4294967295.
    Int,
    /// "enable" or "disable".
    Bool,
    /// Strings without keys.
    List,
    /// Strings with keys.
    KvString,
    /// Anything with keys.
    KvAny,
    /// Arrays with keys.
    KvArray,
}
