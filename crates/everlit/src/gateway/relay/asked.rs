//! The request of an exchange.
//!
//! In: what a client said, and what became of that on its way through the modules. Out: the same, for as long as the
//! exchange lasts. Must hold: plain data; what the client said is kept as it came, and read again when it is needed.

use std::rc::Rc;

use minicbor::{Decode, Encode};

use crate::gateway::Upgrade;
use crate::http1::head::{Method, Version};
use crate::request::Told;
use crate::settings::Settings;

/// A request, kept until it is answered: its answer is judged by it, and the log tells of it.
#[derive(Debug)]
pub struct Asked {
    /// What it is made of.
    pub source: Source,
    /// Its target, if that is another one than was asked for (mod_rewrite).
    pub rewritten: Option<Renamed>,
    /// Header fields that modules changed.
    pub overrides: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables that modules set.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// Header fields that scripts gave its answer, whoever makes that.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Method.
    pub method: Method,
    /// Version.
    pub version: Version,
    /// Whether it asks for another protocol.
    pub upgrade: Upgrade,
    /// The status that the client is told in place of the backend's: of the error that this answers.
    pub status: Option<u16>,
    /// The settings it is answered under.
    pub settings: Rc<Settings>,
    /// The settings when modules first saw it; see [`First`](crate::exchange::First).
    pub first: Rc<Settings>,
}

/// Targets that were not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Renamed {
    /// The one that is answered.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub target: Vec<u8>,
    /// The one that modules saw first.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub first: Vec<u8>,
}

/// What a request is made of: it can be made again of this, and sees the modules again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The head as the client sent it; it was read before and found good. Empty: there never was a request, the client's
    /// bytes are a tunnel's from the first.
    pub head: Vec<u8>,
    /// What a proxy in front of us has told.
    pub told: Option<Box<Told>>,
    /// Where a program has sent it.
    pub detour: Option<Detour>,
}

/// A program has answered that another path is to be answered in its place, as if it had been asked for by GET
/// (RFC 3875 section 6.2.2, `cgi.local-redir`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Detour {
    /// Path and query.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub path: Vec<u8>,
    /// How often that has happened to this request.
    #[n(1)]
    pub times: u8,
}

/// A request that programs send elsewhere more often than this runs in circles (lighttpd: 5).
const DETOURS_MAX: u8 = 5;

impl Source {
    /// A program has sent it elsewhere.
    pub fn send_to(&mut self, path: Vec<u8>) {
        let before = self.detour.as_ref().map_or(0, |detour| detour.times);
        let times = before.saturating_add(1);
        self.detour = Some(Detour { path, times });
    }

    /// Whether it was sent elsewhere too often.
    pub fn runs_in_circles(&self) -> bool {
        (self.detour.as_ref()).is_some_and(|detour| detour.times > DETOURS_MAX)
    }
}

/// Whom a request's body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Body {
    /// The backend.
    #[n(0)]
    Backend,
    /// Nobody: the backend answers in place of an error. It is read and thrown away.
    #[n(1)]
    Nobody,
    /// Whoever answers when this backend, an authorizer, has said yes: until then it is left where it is.
    #[n(2)]
    Later,
}
