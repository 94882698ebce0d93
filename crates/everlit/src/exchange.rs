//! A request and the response that is being made for it: what a hook is given.
//!
//! In: a request. Out: a response in [`Exchange::response`]. Must hold: it exists only while the modules run, in one go;
//! what outlives that moment is copied out (see `logline`, `outbox`).

use crate::board::Board;
use crate::clock::Now;
use crate::files::{Entry, FileCache};
use crate::gateway::{Forward, Handler};
use crate::request::Request;
use crate::response::Response;
use std::rc::Rc;

/// A request on its way through the modules.
#[derive(Debug)]
pub struct Exchange<'r> {
    /// The request.
    pub request: Request<'r>,
    /// Where it leads in the file system.
    pub physical: &'r mut Physical,
    /// What was found there; set before `subrequest_start`.
    pub entry: Option<Rc<Entry>>,
    /// Who is to answer, if it is a backend: what a module says at `uri_clean` or `subrequest_start`.
    pub handler: Option<Handler>,
    /// The request on its way to a backend: then there is no response yet, and no status.
    pub forward: Option<Box<Forward>>,
    /// The response.
    pub response: &'r mut Response,
    /// Files, with their metadata.
    pub files: &'r mut FileCache,
    /// What the server is doing.
    pub board: &'r Board,
    /// The time.
    pub now: Now,
}

/// What happens after a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Ask the next module.
    GoOn,
    /// `response.status` is set: the exchange is answered. Or [`Exchange::handler`] is: it is to be forwarded.
    Done,
    /// The path changed ([`Physical::path`] or the URI): look it up again, from the `physical` moment on.
    Again,
}

/// Where a request leads in the file system. All are bytes, as the file system has them.
#[derive(Debug, Default)]
pub struct Physical {
    /// `server.document-root`, or what a module made of it; without a slash at the end.
    pub document_root: Vec<u8>,
    /// The part of the path below which nothing outside may be reached: document root, or the target of an alias.
    pub base: Vec<u8>,
    /// Decoded path below the document root (lower case if so configured).
    pub relative: Vec<u8>,
    /// File or directory.
    pub path: Vec<u8>,
    /// What is left of the URL path after the file (`PATH_INFO`).
    pub path_info: Vec<u8>,
}

impl Physical {
    /// Makes it ready for the next request, keeping its memory.
    pub fn clear(&mut self) {
        self.document_root.clear();
        self.base.clear();
        self.relative.clear();
        self.path.clear();
        self.path_info.clear();
    }
}
