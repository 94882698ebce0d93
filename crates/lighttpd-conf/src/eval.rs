//! From facts about a request to the blocks in force.
//! [`Conditions`] are compiled once from a [`Config`] and shared; each evaluation is a pure function of the facts: from
//! the global block inwards, siblings in their order, looking at each field at most once. Where many siblings ask for the
//! host, those that cannot hold are not looked at (see `hosts`).
//! Nothing is allocated for configurations without conditions, nor for expressions whose groups nobody refers to.

use crate::{
    condition::{Condition, Field, Operator},
    config::{Block, BlockId, Config},
    diagnostic::{Diagnostic, Report},
    hosts::{HostIndex, same_host},
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
    /// What stands in each block, by its index.
    families: Vec<Family>,
}

/// The blocks that stand in another one.
#[derive(Debug, Default)]
struct Family {
    /// Those that are always looked at, in their order.
    plain: Vec<BlockId>,
    /// The others.
    hosts: Option<HostIndex>,
}

#[derive(Debug)]
struct Node {
    parent: BlockId,
    after: Option<BlockId>,
    /// The first arm of its else chain, perhaps itself; none if the chain branches (a block that is continued later may be
    /// followed by two), so that it takes all arms to know whether one before it holds.
    chain: Option<BlockId>,
    test: Option<Test>,
}

#[derive(Debug)]
struct Test {
    /// Index into `Conditions::fields`.
    field: usize,
    wanted: Wanted,
    how: How,
    groups: Use,
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
}

/// Whether it is of interest what a condition matched: `%0` to `%9` in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Tested,
    Captured,
}

impl Conditions {
    /// Compiles all conditions; the report names every expression, network and address that is wrong.
    pub fn new(config: &Config) -> Result<Conditions, Report> {
        let port = config.default_port();
        let mut fields = Vec::new();
        let mut nodes = Vec::new();
        let mut diagnostics = Vec::new();
        for block in &config.blocks()[1..] {
            let test = block.condition.as_ref().and_then(|condition| {
                let groups = use_of(block);
                match compile(condition, port, groups) {
                    Ok((wanted, how)) => Some(Test {
                        field: position(&mut fields, &condition.field),
                        wanted,
                        how,
                        groups,
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
                chain: None,
                test,
            });
        }
        find_chains(&mut nodes);
        match Report::new(diagnostics) {
            Ok(report) => Err(report),
            Err(_) => Ok(Conditions {
                families: families(&nodes),
                nodes,
                fields,
            }),
        }
    }

    /// Whether there are none: then only the global block is ever in force.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Finds the blocks in force. `out` is cleared first.
    pub fn evaluate(&self, facts: &dyn Facts, out: &mut Matches) {
        self.evaluate_some(facts, |_| true, out);
    }

    /// The same for some of the blocks, as if the others did not hold. Those that a block stands in or comes after must be
    /// among them if it is.
    pub fn evaluate_some(
        &self,
        facts: &dyn Facts,
        counts: impl Fn(BlockId) -> bool,
        out: &mut Matches,
    ) {
        out.clear();
        out.blocks.insert(BlockId::GLOBAL);
        let mut asked = Asked {
            facts,
            fields: &self.fields,
            known: [None; Asked::KNOWN],
        };
        let mut inside = std::mem::take(&mut out.inside);
        inside.push(BlockId::GLOBAL);
        while let Some(block) = inside.pop() {
            let family = &self.families[block.index()];
            match &family.hosts {
                None => {
                    for &id in &family.plain {
                        if counts(id) && self.holds(id, &mut asked, out) {
                            inside.push(id);
                        }
                    }
                }
                Some(hosts) => {
                    let mut candidates = std::mem::take(&mut out.candidates);
                    candidates.extend_from_slice(&family.plain);
                    hosts.find(asked.bytes(hosts.field), &mut candidates);
                    candidates.sort_unstable();
                    for id in candidates.drain(..) {
                        if counts(id) && self.holds(id, &mut asked, out) {
                            inside.push(id);
                        }
                    }
                    out.candidates = candidates;
                }
            }
        }
        out.inside = inside;
    }

    /// Whether a block is in force, given that the one around it is, and that those before it were looked at.
    fn holds(&self, id: BlockId, asked: &mut Asked<'_>, out: &mut Matches) -> bool {
        let node = &self.nodes[id.index() - 1];
        match (node.chain, node.after) {
            (Some(first), _) if out.taken.contains(first) => return false,
            (None, Some(before)) if out.taken.contains(before) => {
                out.taken.insert(id);
                return false;
            }
            _ => {}
        }
        let holds = match &node.test {
            Some(test) => test.holds(id, asked, out),
            None => true,
        };
        if holds {
            out.blocks.insert(id);
            out.taken.insert(node.chain.unwrap_or(id));
        }
        holds
    }
}

/// Finds the first arm of each chain that does not branch.
fn find_chains(nodes: &mut [Node]) {
    let mut first: Vec<BlockId> = (0..).map(BlockId).take(nodes.len() + 1).collect();
    let mut followers = vec![0_u32; nodes.len() + 1];
    let mut branches = vec![false; nodes.len() + 1];
    for (node, id) in nodes.iter().zip(1..) {
        if let Some(before) = node.after {
            first[id] = first[before.index()];
            followers[before.index()] += 1;
            branches[first[id].index()] |= followers[before.index()] > 1;
        }
    }
    for (node, first) in nodes.iter_mut().zip(&first[1..]) {
        node.chain = (!branches[first.index()]).then_some(*first);
    }
}

/// What stands in each block. Where many ask for the host with `==`, there is an index of them. One that does not hold says
/// nothing to the others, in a chain too, as long as that does not branch.
fn families(nodes: &[Node]) -> Vec<Family> {
    /// With fewer, looking at each costs less.
    const FEW: usize = 8;
    let mut families: Vec<Family> = Vec::new();
    families.resize_with(nodes.len() + 1, Family::default);
    let mut hosts: Vec<Vec<BlockId>> = vec![Vec::new(); nodes.len() + 1];
    for (node, id) in nodes.iter().zip((1..).map(BlockId)) {
        match &node.test {
            Some(test) if node.chain.is_some() && test.host().is_some() => {
                hosts[node.parent.index()].push(id);
            }
            _ => families[node.parent.index()].plain.push(id),
        }
    }
    for (family, hosts) in families.iter_mut().zip(hosts) {
        if hosts.len() <= FEW {
            family.plain.extend(hosts);
            family.plain.sort_unstable();
            continue;
        }
        let of = |id: BlockId| {
            let test = nodes[id.index() - 1].test.as_ref()?;
            Some((test.field, test.host()?, id))
        };
        family.hosts = HostIndex::new(hosts.into_iter().filter_map(of));
    }
    families
}

/// Whether something in a block refers to what its condition matched.
fn use_of(block: &Block) -> Use {
    let mut settings = block.settings.iter();
    match settings.any(|setting| refers_to_groups(&setting.value)) {
        true => Use::Captured,
        false => Use::Tested,
    }
}

fn refers_to_groups(value: &Value) -> bool {
    match &value.data {
        Data::Integer(_) => false,
        Data::Array(array) => array.iter().any(|entry| refers_to_groups(&entry.value)),
        Data::String(text) => text
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'%' && matches!(pair[1], b'0'..=b'9' | b'{')),
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
            How::Pattern(pattern)
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
    /// The host, if it asks whether that is the one.
    fn host(&self) -> Option<&[u8]> {
        match (&self.how, self.wanted) {
            (How::Host(wanted), Wanted::Holds) => Some(wanted),
            _ => None,
        }
    }

    fn holds(&self, block: BlockId, asked: &mut Asked<'_>, out: &mut Matches) -> bool {
        if self.groups == Use::Captured && self.wanted == Wanted::Holds {
            let Some(groups) = self.how.groups(self.field, asked) else {
                return false;
            };
            out.captured.record(block, asked.bytes(self.field), groups);
            return true;
        }
        self.how.matches(self.field, asked) == (self.wanted == Wanted::Holds)
    }
}

impl How {
    fn matches(&self, field: usize, asked: &mut Asked<'_>) -> bool {
        match self {
            How::Equal(wanted) => asked.bytes(field) == &**wanted,
            How::Prefix(wanted) => asked.bytes(field).starts_with(wanted),
            How::Suffix(wanted) => asked.bytes(field).ends_with(wanted),
            How::Host(wanted) => same_host(asked.bytes(field), wanted),
            How::Network(network) => {
                let ip = asked.facts.remote_ip();
                ip.is_some_and(|ip| network.contains(ip))
            }
            How::Pattern(pattern) => pattern.is_match(asked.bytes(field)),
        }
    }

    /// The part of a field that it matches, and the parts of that.
    fn groups(&self, field: usize, asked: &mut Asked<'_>) -> Option<Groups> {
        let text = asked.bytes(field);
        if let How::Pattern(pattern) = self {
            return pattern.captures(text);
        }
        let whole = match self {
            How::Prefix(wanted) => 0..wanted.len(),
            How::Suffix(wanted) => text.len().saturating_sub(wanted.len())..text.len(),
            How::Host(wanted) => 0..wanted.len().min(text.len()),
            How::Equal(_) | How::Network(_) | How::Pattern(_) => 0..text.len(),
        };
        self.matches(field, asked).then(|| {
            let mut groups = Groups::default();
            groups[0] = Some(whole);
            groups
        })
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
    /// First arms of else chains that have one in force; of those that branch, the arms of which this or an earlier one is.
    taken: BlockSet,
    captured: Captured,
    /// Memory for evaluations: blocks in force that were not looked into yet,
    inside: Vec<BlockId>,
    /// and siblings that may hold.
    candidates: Vec<BlockId>,
}

/// What the conditions of blocks in force have matched, where that is referred to: in blocks with a string that contains
/// `%` and a digit or a brace. Conditions with `!=` and `!~` match nothing.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    records: Vec<Record>,
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
        self.captured.records.clear();
        self.captured.texts.clear();
    }

    /// What was captured.
    pub fn captured(&self) -> &Captured {
        &self.captured
    }

    /// The same, to be kept longer than until the next evaluation.
    pub fn take_captured(&mut self) -> Captured {
        std::mem::take(&mut self.captured)
    }
}

impl Captured {
    /// What the block's own condition has matched; those of blocks around it do not count, as in lighttpd.
    pub fn of(&self, block: BlockId) -> Option<Captures<'_>> {
        let record = self.records.iter().find(|record| record.block == block)?;
        Some(Captures {
            text: &self.texts[record.text.clone()],
            groups: &record.groups,
        })
    }

    fn record(&mut self, block: BlockId, text: &[u8], groups: Groups) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        let text = start..self.texts.len();
        self.records.push(Record {
            block,
            text,
            groups,
        });
    }
}

/// What a condition has matched.
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
    use proptest::prelude::*;
    use std::path::Path;

    struct Asking<'a> {
        host: &'a str,
        url: &'a str,
    }

    impl Facts for Asking<'_> {
        fn bytes(&self, field: &Field) -> Option<&[u8]> {
            match field {
                Field::Host => Some(self.host.as_bytes()),
                Field::Url => Some(self.url.as_bytes()),
                _ => None,
            }
        }

        fn remote_ip(&self) -> Option<IpAddr> {
            None
        }
    }

    /// All blocks in their order, each looked at: what the index must give, too.
    fn one_by_one(conditions: &Conditions, facts: &dyn Facts) -> Vec<BlockId> {
        let mut out = Matches::default();
        let mut asked = Asked {
            facts,
            fields: &conditions.fields,
            known: [None; Asked::KNOWN],
        };
        let mut found = vec![BlockId::GLOBAL];
        let mut taken: Vec<BlockId> = Vec::new();
        for (node, id) in conditions.nodes.iter().zip((1..).map(BlockId)) {
            if node.after.is_some_and(|before| taken.contains(&before)) {
                taken.push(id);
            } else if found.contains(&node.parent)
                && node
                    .test
                    .as_ref()
                    .is_none_or(|test| test.holds(id, &mut asked, &mut out))
            {
                found.push(id);
                taken.push(id);
            }
        }
        found
    }

    /// A condition, perhaps after `else`, perhaps with others inside.
    fn blocks() -> impl Strategy<Value = String> {
        let host = prop_oneof![4 => "[a-d](:8[01])?", 1 => "[a-d]\\.[a-d]"];
        let condition = (0..8_u8, host).prop_map(|(kind, host)| match kind {
            0 => format!("$HTTP[\"host\"] != \"{host}\""),
            1 => format!("$HTTP[\"host\"] =~ \"^[{host}]\""),
            2 => format!("$HTTP[\"url\"] =^ \"/{host}\""),
            _ => format!("$HTTP[\"host\"] == \"{host}\""),
        });
        let leaf =
            prop::collection::vec((any::<bool>(), condition.clone()), 0..30).prop_map(|all| {
                sequence(
                    all.into_iter()
                        .map(|(after, text)| (after, text, String::new())),
                )
            });
        leaf.prop_recursive(2, 60, 12, move |inner| {
            prop::collection::vec((any::<bool>(), condition.clone(), inner), 1..14)
                .prop_map(|all| sequence(all.into_iter()))
        })
    }

    fn sequence(all: impl Iterator<Item = (bool, String, String)>) -> String {
        let mut text = String::new();
        for (number, (after, condition, inside)) in all.enumerate() {
            let word = if after && number > 0 { "else " } else { "" };
            text += &format!("{word}{condition} {{\n{inside}}}\n");
        }
        text
    }

    proptest! {
        #[test]
        fn the_index_gives_what_looking_at_each_gives(text in blocks(), host in "[a-d](\\.[a-d])?(:8[01])?", url in "/[a-d]") {
            let Ok(config) = crate::load_text(&text, "test", Path::new("/")) else { return Ok(()) };
            let conditions = Conditions::new(&config).unwrap();
            let facts = Asking { host: &host, url: &url };
            let mut matches = Matches::default();
            conditions.evaluate(&facts, &mut matches);
            let found: Vec<BlockId> = matches.blocks().iter().collect();
            prop_assert_eq!(found, one_by_one(&conditions, &facts), "{}", text);
        }
    }

    #[test]
    fn chains_of_many_hosts_are_indexed() {
        let arms: Vec<String> = (0..50)
            .map(|n| format!("$HTTP[\"host\"] == \"h{n}\" {{ }}"))
            .collect();
        let text = format!(
            "{}\nelse {{ }}\n$HTTP[\"host\"] == \"h7\" {{ }}",
            arms.join("\nelse ")
        );
        let config = crate::load_text(&text, "test", Path::new("/")).unwrap();
        let conditions = Conditions::new(&config).unwrap();
        assert_eq!(conditions.families[0].plain, [BlockId(51)]);
        let found = |host: &str| {
            let mut matches = Matches::default();
            conditions.evaluate(&Asking { host, url: "/" }, &mut matches);
            matches.blocks().iter().map(|id| id.0).collect::<Vec<_>>()
        };
        assert_eq!(found("h7"), [0, 8]);
        assert_eq!(found("h49:80"), [0, 50]);
        assert_eq!(found("other"), [0, 51]);
    }

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
    fn conditions_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Conditions>();
    }
}
