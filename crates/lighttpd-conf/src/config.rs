//! A configuration with everything resolved: variables, includes, `+=`.
//! It is a list of blocks; block 0 is the global one, the others stand behind conditions and refer to blocks before
//! them (a parent, the previous arm of an else chain). Every block holds the final values that were set in it.
//! A block's parent and predecessor always have smaller ids, so one pass in order of ids can evaluate all.

use crate::{
    condition::Condition,
    diagnostic::Diagnostic,
    listen::ListenAddress,
    print,
    source::{Sources, Span},
    value::{Value, ValueError},
};
use std::path::{Path, PathBuf};

/// Index of a block; 0 is the global one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u16);

impl BlockId {
    /// The block outside all conditions.
    pub const GLOBAL: BlockId = BlockId(0);

    /// As an index into [`Config::blocks`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What `load` makes of a configuration.
///
/// Two are equal when they have the same blocks with the same conditions and settings, wherever they were written.
#[derive(Debug)]
pub struct Config {
    pub(crate) sources: Sources,
    pub(crate) directory: PathBuf,
    pub(crate) blocks: Vec<Block>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Settings that are in force together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its index.
    pub id: BlockId,
    /// The block around it; none for the global one.
    pub parent: Option<BlockId>,
    /// What must hold; none for the global block and for a bare `else`.
    pub condition: Option<Condition>,
    /// The previous arm of its else chain: in force only if none of the arms before it is.
    pub after: Option<BlockId>,
    /// What was set in it, each name once, in lighttpd's order (see [`Setting`]).
    pub settings: Vec<Setting>,
}

/// A name and its final value in one block.
///
/// The order has no meaning; it is kept as `lighttpd -p` prints it: `+=` moves a setting to the end and the last one
/// into its place.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Full name in lower case: `server.port`, or `var.x` for a variable. Names differ in more than case.
    pub name: String,
    /// The name as it was last written, but with `var.`.
    pub spelling: String,
    /// The value.
    pub value: Value,
    /// The name where it was set (or last changed).
    pub span: Span,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Setting) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Eq for Setting {}

impl Setting {
    /// Whether it is a variable (`var.*`), which no directive table knows.
    pub fn is_variable(&self) -> bool {
        self.name.starts_with("var.")
    }
}

impl Block {
    /// The value of a setting in this block; the name in any case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.settings
            .iter()
            .find(|setting| setting.name.eq_ignore_ascii_case(name))
            .map(|setting| &setting.value)
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Config) -> bool {
        self.blocks == other.blocks
    }
}

impl Eq for Config {}

impl Config {
    /// All blocks, the global one first, in the order in which they first appear.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block outside all conditions.
    pub fn global(&self) -> &Block {
        &self.blocks[0]
    }

    /// A block of this configuration.
    ///
    /// # Panics
    /// If the id is of another configuration that has more blocks.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.index()]
    }

    /// What is strange but not wrong.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The texts it was read from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The directory of the main file: where relative includes are looked for and commands run.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Blocks under `$SERVER["socket"] == "..."`, wherever they are nested: each opens a listener.
    pub fn sockets(&self) -> impl Iterator<Item = (&Block, &Condition)> {
        self.blocks.iter().filter_map(|block| {
            let condition = block.condition.as_ref()?;
            condition.opens_listener().then_some((block, condition))
        })
    }

    /// The port of listening addresses that name none: global `server.port`, else 443 with global `ssl.engine`, else 80.
    pub fn default_port(&self) -> u16 {
        let global = self.global();
        let port = global.get("server.port").and_then(|v| v.to_short().ok());
        let tls = global.get("ssl.engine").and_then(|v| v.to_bool().ok());
        port.unwrap_or(if tls == Some(true) { 443 } else { 80 })
    }

    /// The address that a `$SERVER["socket"]` condition names.
    pub fn listen_address(&self, condition: &Condition) -> Option<ListenAddress> {
        ListenAddress::parse(&condition.value, self.default_port()).ok()
    }

    /// The text that `lighttpd -p` prints.
    pub fn print_canonical(&self) -> String {
        print::canonical(self)
    }

    /// A text that, when loaded, gives an equal configuration: no includes, no expressions, blocks in order.
    ///
    /// A string that ends with a backslash (possible only by way of the environment) has no literal form in this
    /// language; it is printed as it is, and will not load.
    pub fn to_source(&self) -> String {
        print::source(self)
    }

    /// An error about a place in this configuration.
    pub fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(&self.sources, span)
    }

    /// A warning about a place in this configuration.
    pub fn warning(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).at(&self.sources, span)
    }

    /// An error for a value that its reader cannot use: "server.port: expected ..., found ...".
    pub fn unfit(&self, name: &str, error: &ValueError) -> Diagnostic {
        self.error(error.span, format!("{name}: {error}"))
            .help(format!("{name} takes {}", error.expected))
    }
}
