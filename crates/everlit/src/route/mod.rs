//! 6. From a request to the module that answers it.
//!
//! In: a request head and what is known of its connection. Out: a response, the settings it was made under, and perhaps
//! a log line: all in the [`Desk`]. Must hold: every request is answered, with an error page if need be.

pub mod uri;

use std::rc::Rc;
use std::sync::Arc;

use crate::clock::Now;
use crate::config::{Resolver, Site};
use crate::exchange::Physical;
use crate::files::FileCache;
use crate::http1::head::Head;
use crate::logline::PendingLine;
use crate::net::Peer;
use crate::response::Response;
use crate::settings::Settings;

/// Where requests are answered, one at a time: the memory that one worker thread needs for it, used again and again.
#[derive(Debug)]
pub struct Desk {
    /// What is served.
    pub site: Arc<Site>,
    /// Finds the settings of a request.
    pub resolver: Resolver,
    /// Files.
    pub files: FileCache,
    /// The response to the request last answered.
    pub response: Response,
    /// Its line for the access log; empty text: none.
    pub line: PendingLine,
    #[allow(dead_code)]
    physical: Physical,
}

/// What a connection tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'c> {
    /// The client.
    pub peer: &'c Peer,
    /// Name of the listener, as in `$SERVER["socket"]`.
    pub listener: &'c str,
    /// Local port; 0 for a Unix socket.
    pub local_port: u16,
    /// `http` or `https`.
    pub scheme: &'static str,
}

impl Desk {
    /// A desk for one worker thread.
    pub fn new(site: Arc<Site>) -> Desk {
        Desk {
            resolver: Resolver::new(&site),
            files: FileCache::new(site.server.stat_cache),
            response: Response::default(),
            line: PendingLine::default(),
            physical: Physical::default(),
            site,
        }
    }

    /// Answers a request: afterwards [`Desk::response`] and [`Desk::line`] hold the outcome. Returns the settings it was
    /// made under.
    pub fn answer(&mut self, _head: &Head<'_>, _origin: Origin<'_>, _now: Now) -> Rc<Settings> {
        self.response.clear();
        self.response.status = 500;
        self.resolver.base().clone()
    }

    /// Answers something that is not a request: a head that was refused, or one that did not come in time.
    pub fn refuse(&mut self, status: u16, _origin: Origin<'_>, _now: Now) -> Rc<Settings> {
        self.response.clear();
        self.response.status = status;
        self.resolver.base().clone()
    }
}
