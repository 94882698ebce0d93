//! Which settings are in force for a request.
//!
//! In: conditions, what each block changes, and the facts of a request. Out: one `Rc<Settings>` for each set of blocks.
//! Must hold: the same set gives the same `Rc`, until more than [`MAX_KNOWN`] sets were seen; nothing is allocated for a
//! set that is known.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::rc::Rc;

use lighttpd_conf::{
    Block, BlockId, BlockSet, Captured, Conditions, Config, Facts, Field, Matches,
};

use super::Site;
use super::directive::Change;
use crate::net::Peer;
use crate::request::Request;
use crate::settings::Settings;

/// Most sets of blocks whose settings are remembered; beyond it remembering starts afresh.
pub const MAX_KNOWN: usize = 512;

/// What the blocks of a configuration change, and when they are in force.
#[derive(Debug, Default)]
pub struct Rules {
    /// `None`: no block but the global one changes how requests are answered.
    conditions: Option<Conditions>,
    /// By index of the block.
    blocks: Vec<Vec<Change<Settings>>>,
    /// The block around each, by index.
    around: Vec<Option<BlockId>>,
    /// The condition of each as it is written, by index; empty: it has none.
    texts: Vec<String>,
    /// When each can be decided first, by index.
    when: Vec<Moment>,
    /// When the first block can be decided that changes anything; nothing if there is none but the global one.
    first: Option<Moment>,
}

impl Rules {
    pub(super) fn new(
        config: &Config,
        conditions: Conditions,
        blocks: Vec<Vec<Change<Settings>>>,
    ) -> Rules {
        let when = moments(config);
        let changing = blocks.iter().zip(&when).skip(1);
        let changing = changing.filter(|(changes, _)| !changes.is_empty());
        let first = changing.map(|(_, when)| *when).min();
        Rules {
            conditions: first.is_some().then_some(conditions),
            blocks,
            around: config.blocks().iter().map(|block| block.parent).collect(),
            texts: config.blocks().iter().map(text_of).collect(),
            when,
            first,
        }
    }

    /// The settings of each block by itself: its own, over those of the blocks around it.
    pub fn each(&self) -> impl Iterator<Item = (usize, Settings)> {
        (0..self.blocks.len()).map(|index| {
            let mut lineage = Vec::new();
            let mut next = Some(index);
            while let Some(block) = next {
                lineage.push(block);
                let around = self.around.get(block).copied().flatten();
                next = around.map(BlockId::index);
            }
            let mut settings = Settings::default();
            for block in lineage.into_iter().rev() {
                self.blocks[block]
                    .iter()
                    .for_each(|change| change.apply(&mut settings));
            }
            (index, settings)
        })
    }

    /// Defaults, then the blocks in their order.
    pub fn settings(&self, blocks: impl IntoIterator<Item = BlockId>) -> Settings {
        let mut settings = Settings::default();
        let changes = blocks
            .into_iter()
            .filter_map(|block| self.blocks.get(block.index()));
        for change in changes.flatten() {
            change.apply(&mut settings);
        }
        settings
    }
}

/// A block's condition as it is written.
fn text_of(block: &Block) -> String {
    let text = block.condition.as_ref().map(ToString::to_string);
    text.unwrap_or_default()
}

/// When something is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Moment {
    /// Nothing was read from it: the listener, and the address of the other end.
    Arrival,
    /// It has said to which host it wants to speak TLS.
    Hello,
    /// There is a request.
    Request,
}

/// When each block can be decided, and those around and before it too.
fn moments(config: &Config) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for block in config.blocks() {
        let field = block.condition.as_ref().map(|condition| &condition.field);
        let own = match field {
            None | Some(Field::ServerSocket | Field::RemoteIp) => Moment::Arrival,
            Some(Field::Host | Field::Scheme) => Moment::Hello,
            Some(_) => Moment::Request,
        };
        // They stand before it.
        let others = block.parent.into_iter().chain(block.after);
        let others = others.map(|other| moments[other.index()]);
        moments.push(others.fold(own, Moment::max));
    }
    moments
}

/// Finds the settings in force; one for each worker thread, because it remembers what it found.
#[derive(Debug)]
pub struct Resolver {
    base: Rc<Settings>,
    matches: Matches,
    known: Known,
    known_early: Known,
}

/// Settings by the set of blocks that they are of.
type Known = HashMap<BlockSet, Rc<Settings>, foldhash::fast::RandomState>;

impl Resolver {
    /// A resolver for this site.
    pub fn new(site: &Site) -> Resolver {
        Resolver {
            base: Rc::new(site.rules.settings([BlockId::GLOBAL])),
            matches: Matches::default(),
            known: Known::default(),
            known_early: Known::default(),
        }
    }

    /// A resolver that always finds these settings, for sites without [`Rules`]: for tests and measurements.
    pub fn fixed(settings: Settings) -> Resolver {
        Resolver {
            base: Rc::new(settings),
            matches: Matches::default(),
            known: Known::default(),
            known_early: Known::default(),
        }
    }

    /// The settings for a request; the same `Rc` for the same set of conditions.
    pub fn resolve(&mut self, site: &Site, request: &Request<'_>) -> Rc<Settings> {
        let Some(conditions) = &site.rules.conditions else {
            return self.base.clone();
        };
        conditions.evaluate(&Subject::new(request), &mut self.matches);
        remembered(&mut self.known, &site.rules, self.matches.blocks())
    }

    /// The settings for a connection of which nothing was read. Blocks that cannot be decided yet are not in force.
    pub fn resolve_arrival(&mut self, site: &Site, listener: &str, peer: &Peer) -> Rc<Settings> {
        self.resolve_early(site, Newcomer::new(listener, peer, None), Moment::Arrival)
    }

    /// The settings for a client that begins to speak TLS, perhaps with a host of this name. Blocks that cannot be decided
    /// yet are not in force.
    pub fn resolve_hello(
        &mut self,
        site: &Site,
        listener: &str,
        peer: &Peer,
        server_name: Option<&str>,
    ) -> Rc<Settings> {
        let host = Some(server_name.unwrap_or_default());
        self.resolve_early(site, Newcomer::new(listener, peer, host), Moment::Hello)
    }

    fn resolve_early(
        &mut self,
        site: &Site,
        newcomer: Newcomer<'_>,
        moment: Moment,
    ) -> Rc<Settings> {
        let rules = &site.rules;
        let can_be_decided = |first| first <= moment;
        let Some(conditions) =
            (rules.conditions.as_ref()).filter(|_| rules.first.is_some_and(can_be_decided))
        else {
            return self.base.clone();
        };
        let counts = |block: BlockId| rules.when[block.index()] <= moment;
        conditions.evaluate_some(&newcomer, counts, &mut self.matches);
        remembered(&mut self.known_early, rules, self.matches.blocks())
    }

    /// The conditions that were evaluated last, each with whether its block is in force.
    pub fn judged<'s>(&'s self, site: &'s Site) -> impl Iterator<Item = (&'s str, bool)> {
        let in_force = self.matches.blocks();
        let texts = site.rules.texts.iter().enumerate();
        let has_condition = |(_, text): &(usize, &String)| !text.is_empty();
        texts.filter(has_condition).map(|(index, text)| {
            let holds = in_force.iter().any(|block| block.index() == index);
            (text.as_str(), holds)
        })
    }

    /// What the conditions have matched that were evaluated last.
    pub fn take_captured(&mut self) -> Captured {
        self.matches.take_captured()
    }

    /// How many sets of blocks are remembered.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    /// The settings without any condition: for what happens before there is a request.
    pub fn base(&self) -> &Rc<Settings> {
        &self.base
    }
}

/// The settings of these blocks; made if nobody has asked for them before.
fn remembered(known: &mut Known, rules: &Rules, blocks: &BlockSet) -> Rc<Settings> {
    if let Some(settings) = known.get(blocks) {
        return settings.clone();
    }
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    let settings = Rc::new(rules.settings(blocks.iter()));
    known.insert(blocks.clone(), settings.clone());
    settings
}

/// A request as conditions see it.
struct Subject<'s, 'r> {
    request: &'s Request<'r>,
    address: OnceCell<AddressText>,
}

struct AddressText {
    /// Long enough for every IPv6 address.
    bytes: [u8; 46],
    length: usize,
}

impl<'s, 'r> Subject<'s, 'r> {
    fn new(request: &'s Request<'r>) -> Self {
        Subject {
            request,
            address: OnceCell::new(),
        }
    }
}

impl Facts for Subject<'_, '_> {
    fn bytes(&self, field: &Field) -> Option<&[u8]> {
        let request = self.request;
        match field {
            Field::ServerSocket => Some(request.listener.as_bytes()),
            Field::Url => Some(&request.uri.path),
            Field::Host => Some(&request.host),
            Field::Scheme => Some(request.scheme.as_bytes()),
            Field::QueryString => request.uri.query.as_deref(),
            Field::RequestMethod => Some(request.head.method_name),
            Field::RemoteIp => request
                .remote_ip()
                .map(|ip| self.address.get_or_init(|| AddressText::new(ip)).as_bytes()),
            Field::UserAgent => request.field("user-agent"),
            Field::Language => request.field("accept-language"),
            Field::Referer => request.field("referer"),
            Field::Cookie => request.field("cookie"),
            Field::RequestHeader(name) => request.field(name),
        }
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.request.remote_ip()
    }
}

/// A connection of which no request was read, as conditions see it.
struct Newcomer<'s> {
    listener: &'s str,
    ip: Option<IpAddr>,
    address: Option<AddressText>,
    /// Set from the moment on at which it could have said one: then it speaks TLS.
    host: Option<&'s str>,
}

impl<'s> Newcomer<'s> {
    fn new(listener: &'s str, peer: &Peer, host: Option<&'s str>) -> Newcomer<'s> {
        Newcomer {
            listener,
            ip: peer.ip(),
            address: peer.ip().map(AddressText::new),
            host,
        }
    }
}

impl Facts for Newcomer<'_> {
    fn bytes(&self, field: &Field) -> Option<&[u8]> {
        match field {
            Field::ServerSocket => Some(self.listener.as_bytes()),
            Field::RemoteIp => self.address.as_ref().map(AddressText::as_bytes),
            Field::Host => self.host.map(str::as_bytes),
            Field::Scheme => self.host.map(|_| &b"https"[..]),
            _ => None,
        }
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

impl AddressText {
    fn new(ip: IpAddr) -> AddressText {
        let mut bytes = [0; 46];
        let mut free = &mut bytes[..];
        // It fits: see the length above.
        let _ = write!(free, "{ip}");
        let left = free.len();
        AddressText {
            bytes,
            length: bytes.len() - left,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
