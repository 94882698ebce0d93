//! From facts about a request to the blocks in force.
//! [`Conditions`] are compiled once from a [`Config`] and shared; each evaluation is a pure function of the facts, one
//! pass over the blocks in their order, looking at each field at most once.
//! Nothing is allocated for configurations without conditions, nor for expressions whose groups nobody refers to.

use crate::{
    condition::{Condition, Field, Operator},
    config::{BlockId, Config},
    diagnostic::{Diagnostic, Report},
    listen::ListenAddress,
    network::Network,
    pattern::{Groups, Pattern},
    value::{Data, Value},
};
use std::{net::IpAddr, ops::Range};

/// What conditions may ask about a request.
pub trait Facts {
    /// The field's bytes; none counts as empty.
    fn bytes(&self, field: &Field) -> Option<&[u8]>;
    /// The client's address; none for a client on a Unix socket.
    fn remote_ip(&self) -> Option<IpAddr>;
}

/// The conditions of a configuration, ready to be evaluated.
#[derive(Debug)]
pub struct Conditions {
    /// Of blocks 1 and up.
    nodes: Vec<Node>,
    /// Each field that is asked for, once.
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Node {
    parent: BlockId,
    after: Option<BlockId>,
    test: Option<Test>,
}

#[derive(Debug)]
struct Test {
    /// Index into `Conditions::fields`.
    field: usize,
    wanted: Wanted,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Holds,
    Fails,
}

#[derive(Debug)]
enum How {
    Equal(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    /// A missing port on either side matches any.
    Host(Box<[u8]>),
    Network(Network),
    Pattern(Pattern),
    /// The same, and its groups are referred to in the block.
    Capture(Pattern),
}

/// Whether the groups of an expression are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Tested,
    Captured,
}

impl Conditions {
    /// Compiles all conditions; the report names every expression, network and address that is wrong.
    pub fn new(config: &Config) -> Result<Conditions, Report> {
        let port = config.default_port();
        let uses = uses(config);
        let mut fields = Vec::new();
        let mut nodes = Vec::new();
        let mut diagnostics = Vec::new();
        for block in &config.blocks()[1..] {
            let test = block.condition.as_ref().and_then(|condition| {
                match compile(condition, port, uses[block.id.index()]) {
                    Ok((wanted, how)) => Some(Test {
                        field: position(&mut fields, &condition.field),
                        wanted,
                        how,
                    }),
                    Err(problem) => {
                        diagnostics.push(problem.at(config.sources(), condition.value_span));
                        None
                    }
                }
            });
            nodes.push(Node {
                parent: block.parent.unwrap_or(BlockId::GLOBAL),
                after: block.after,
                test,
            });
        }
        match Report::new(diagnostics) {
            Ok(report) => Err(report),
            Err(_) => Ok(Conditions { nodes, fields }),
        }
    }

    /// Whether there are none: then only the global block is ever in force.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Finds the blocks in force. `out` is cleared first.
    pub fn evaluate(&self, facts: &dyn Facts, out: &mut Matches) {
        out.clear();
        out.blocks.insert(BlockId::GLOBAL);
        let mut asked = Asked {
            facts,
            fields: &self.fields,
            known: [None; Asked::KNOWN],
        };
        for (node, id) in self.nodes.iter().zip((1..).map(BlockId)) {
            if node.after.is_some_and(|before| out.taken.contains(before)) {
                out.taken.insert(id);
            } else if out.blocks.contains(node.parent)
                && node
                    .test
                    .as_ref()
                    .is_none_or(|test| test.holds(id, &mut asked, out))
            {
                out.blocks.insert(id);
                out.taken.insert(id);
            }
        }
    }

    /// The groups of the innermost expression that put this block in force: its own or that of a block around it.
    ///
    /// They are recorded only where a string in the block, or in one inside it, contains `%0` to `%9`.
    pub fn captures<'m>(&self, matches: &'m Matches, block: BlockId) -> Option<Captures<'m>> {
        let mut at = block;
        while let Some(node) = at.index().checked_sub(1).and_then(|i| self.nodes.get(i)) {
            if let Some(record) = matches.captures.iter().find(|r| r.block == at) {
                return Some(Captures {
                    text: &matches.texts[record.text.clone()],
                    groups: &record.groups,
                });
            }
            at = node.parent;
        }
        None
    }
}

/// For each block, whether something in it refers to groups.
fn uses(config: &Config) -> Vec<Use> {
    let mut uses = vec![Use::Tested; config.blocks().len()];
    for block in config.blocks().iter().rev() {
        let own = block.settings.iter().any(|s| refers_to_groups(&s.value));
        if own {
            uses[block.id.index()] = Use::Captured;
        }
        if let (Use::Captured, Some(parent)) = (uses[block.id.index()], block.parent) {
            uses[parent.index()] = Use::Captured;
        }
    }
    uses
}

fn refers_to_groups(value: &Value) -> bool {
    match &value.data {
        Data::Integer(_) => false,
        Data::Array(array) => array.iter().any(|entry| refers_to_groups(&entry.value)),
        Data::String(text) => text
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'%' && pair[1].is_ascii_digit()),
    }
}

fn position(fields: &mut Vec<Field>, field: &Field) -> usize {
    fields.iter().position(|f| f == field).unwrap_or_else(|| {
        fields.push(field.clone());
        fields.len() - 1
    })
}

/// An error has no place yet.
#[expect(
    clippy::result_large_err,
    reason = "compiled once for each condition, at start"
)]
fn compile(condition: &Condition, port: u16, groups: Use) -> Result<(Wanted, How), Diagnostic> {
    let (operator, value) = match (&condition.expression, groups) {
        (Some(expression), Use::Captured) => (Operator::Match, expression),
        _ => (condition.operator, &condition.value),
    };
    let wanted = match operator {
        Operator::NotEqual | Operator::NotMatch => Wanted::Fails,
        Operator::Equal | Operator::Match | Operator::Prefix | Operator::Suffix => Wanted::Holds,
    };
    let bytes: Box<[u8]> = value.as_bytes().into();
    let how = match operator {
        Operator::Equal | Operator::NotEqual => match condition.field {
            Field::Host => How::Host(bytes),
            Field::ServerSocket => {
                let address = ListenAddress::parse(value, port)
                    .map_err(|error| Diagnostic::error(error.to_string()).help(error.help()))?;
                How::Equal(address.to_string().into_bytes().into())
            }
            // The address of a client on a Unix socket.
            Field::RemoteIp if value.starts_with('/') => How::Equal(bytes),
            Field::RemoteIp => How::Network(Network::parse(value).map_err(|error| {
                Diagnostic::error(error.to_string()).help(
                    "write an address or a network, such as \"192.0.2.1\" or \"2001:db8::/32\"",
                )
            })?),
            _ => How::Equal(bytes),
        },
        Operator::Prefix => How::Prefix(bytes),
        Operator::Suffix => How::Suffix(bytes),
        Operator::Match | Operator::NotMatch => {
            let pattern = Pattern::new(value).map_err(|error| Diagnostic {
                help: error.help().map(str::to_owned),
                ..Diagnostic::error(error.to_string())
            })?;
            match (wanted, groups) {
                (Wanted::Holds, Use::Captured) => How::Capture(pattern),
                _ => How::Pattern(pattern),
            }
        }
    };
    Ok((wanted, how))
}

/// Facts, each asked for once.
struct Asked<'a> {
    facts: &'a dyn Facts,
    fields: &'a [Field],
    known: [Option<&'a [u8]>; Asked::KNOWN],
}

impl<'a> Asked<'a> {
    /// How many are remembered; a configuration that uses more fields asks for the others again.
    const KNOWN: usize = 16;

    fn bytes(&mut self, field: usize) -> &'a [u8] {
        if let Some(bytes) = self.known.get(field).copied().flatten() {
            return bytes;
        }
        let bytes = self.facts.bytes(&self.fields[field]).unwrap_or_default();
        if let Some(known) = self.known.get_mut(field) {
            *known = Some(bytes);
        }
        bytes
    }
}

impl Test {
    fn holds(&self, block: BlockId, asked: &mut Asked<'_>, out: &mut Matches) -> bool {
        if let How::Network(network) = &self.how {
            let inside = asked
                .facts
                .remote_ip()
                .is_some_and(|ip| network.contains(ip));
            return inside == (self.wanted == Wanted::Holds);
        }
        let text = asked.bytes(self.field);
        let matches = match &self.how {
            How::Equal(wanted) => text == &**wanted,
            How::Prefix(wanted) => text.starts_with(wanted),
            How::Suffix(wanted) => text.ends_with(wanted),
            How::Host(wanted) => same_host(text, wanted),
            How::Network(_) => false,
            How::Pattern(pattern) => pattern.is_match(text),
            How::Capture(pattern) => match pattern.captures(text) {
                Some(groups) => {
                    out.record(block, text, groups);
                    true
                }
                None => false,
            },
        };
        matches == (self.wanted == Wanted::Holds)
    }
}

/// Equal, or equal but for a port that only one of them has.
fn same_host(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match long.strip_prefix(short) {
        None => false,
        Some([]) => true,
        Some([b':', port @ ..]) => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

/// A set of blocks, iterated in their order; equal sets are equal keys of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BlockSet {
    /// Blocks 0 to 63: most configurations need no more, and no memory beside.
    first: u64,
    /// The others, without zeros at the end.
    more: Vec<u64>,
}

impl BlockSet {
    /// Whether the block is in it.
    pub fn contains(&self, block: BlockId) -> bool {
        let (word, bit) = (block.index() / 64, block.index() % 64);
        let bits = match word.checked_sub(1) {
            None => self.first,
            Some(at) => self.more.get(at).copied().unwrap_or(0),
        };
        bits >> bit & 1 == 1
    }

    /// Blocks in their order: later ones win over earlier ones.
    pub fn iter(&self) -> impl Iterator<Item = BlockId> + '_ {
        std::iter::once(&self.first)
            .chain(&self.more)
            .zip((0..=u16::MAX).step_by(64))
            .flat_map(|(&bits, base)| {
                std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)))
                    .take_while(|&bits| bits != 0)
                    .map(move |bits| BlockId(base + bits.trailing_zeros() as u16))
            })
    }

    fn insert(&mut self, block: BlockId) {
        let (word, bit) = (block.index() / 64, block.index() % 64);
        match word.checked_sub(1) {
            None => self.first |= 1 << bit,
            Some(at) => {
                if self.more.len() <= at {
                    self.more.resize(at + 1, 0);
                }
                self.more[at] |= 1 << bit;
            }
        }
    }

    fn clear(&mut self) {
        self.first = 0;
        self.more.clear();
    }
}

/// The outcome of an evaluation. Keep it and use it again: its memory is reused.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    blocks: BlockSet,
    /// Arms of else chains of which this or an earlier one is in force.
    taken: BlockSet,
    captures: Vec<Record>,
    /// The texts that the records are about, one after another.
    texts: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Record {
    block: BlockId,
    text: Range<usize>,
    groups: Groups,
}

impl Matches {
    /// The blocks in force, the global one always among them.
    pub fn blocks(&self) -> &BlockSet {
        &self.blocks
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.taken.clear();
        self.captures.clear();
        self.texts.clear();
    }

    fn record(&mut self, block: BlockId, text: &[u8], groups: Groups) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        let text = start..self.texts.len();
        self.captures.push(Record {
            block,
            text,
            groups,
        });
    }
}

/// What the groups of an expression matched.
#[derive(Clone, Copy, Debug)]
pub struct Captures<'a> {
    text: &'a [u8],
    groups: &'a Groups,
}

impl<'a> Captures<'a> {
    /// `%0` (the whole match) to `%9`; none for a group that took no part.
    pub fn get(&self, group: usize) -> Option<&'a [u8]> {
        let range = self.groups.get(group)?.clone()?;
        self.text.get(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_iterates_in_order() {
        let mut set = BlockSet::default();
        for id in [200, 0, 64, 63, 5] {
            set.insert(BlockId(id));
        }
        let ids: Vec<u16> = set.iter().map(|id| id.0).collect();
        assert_eq!(ids, [0, 5, 63, 64, 200]);
        assert!(set.contains(BlockId(200)) && !set.contains(BlockId(199)));
    }

    #[test]
    fn a_missing_port_matches_any() {
        for (a, b, same) in [
            ("a.b", "a.b", true),
            ("a.b:80", "a.b", true),
            ("a.b", "a.b:8080", true),
            ("a.b:80", "a.b:81", false),
            ("a.b", "a.bc", false),
            ("[::1]", "[::1]:80", true),
            ("a", "a:b", false),
            ("", "", true),
        ] {
            assert_eq!(same_host(a.as_bytes(), b.as_bytes()), same, "{a} {b}");
        }
    }

    #[test]
    fn conditions_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Conditions>();
    }
}
