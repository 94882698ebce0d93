//! A request and the response that is being made for it: what a hook is given.
//!
//! In: a request. Out: a response in [`Exchange::response`]. Must hold: it exists only while the modules run, in one go;
//! what outlives that moment is copied out (see `logline`, `outbox`).

use crate::board::Board;
use crate::clock::Now;
use crate::files::{Entry, FileCache};
use crate::gateway::{Forward, Handler};
use crate::knowledge::Knowledge;
use crate::modules::magnet::Scripts;
use crate::request::Request;
use crate::response::{Headers, Response};
use crate::route::Flags;
use crate::route::Trust;
use crate::settings::Settings;
use std::rc::Rc;

use lighttpd_conf::Captured;

/// A request on its way through the modules.
#[derive(Debug)]
pub struct Exchange<'r> {
    /// The request.
    pub request: Request<'r>,
    /// The settings at the first `uri_clean`, and the target then, if that was rewritten later. For mod_setenv, which
    /// counts from there.
    pub first: First,
    /// What is to be answered in place of the request's target; with [`Flow::Again`]. It begins with a slash.
    pub new_target: Option<Vec<u8>>,
    /// What the conditions in force have matched, for `%1` and the like.
    pub captured: Captured,
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
    /// Scripts that have run in this thread (mod_magnet).
    pub scripts: &'r mut Scripts,
    /// What a script has changed, and what stays when the request is looked at anew.
    pub lasting: Lasting,
    /// `server.feature-flags`
    pub flags: Flags,
    /// What is known beside the request.
    pub knowledge: &'r mut Knowledge,
    /// What the request says of its sender.
    pub trust: Trust,
    /// What the server is doing.
    pub board: &'r Board,
    /// The time.
    pub now: Now,
}

/// How a request was when modules first saw it.
#[derive(Clone, Debug, Default)]
pub struct First {
    /// The settings in force; nothing before `uri_clean`.
    pub settings: Option<Rc<Settings>>,
    /// Its target, if it has another one since.
    pub target: Option<Vec<u8>>,
}

impl First {
    /// The settings in force then; `now`: those in force now.
    pub fn settings<'s>(&'s self, now: &'s Settings) -> &'s Settings {
        self.settings.as_deref().unwrap_or(now)
    }
}

/// What scripts have changed, to last: a request that is looked at anew loses what other modules added, because they will
/// add it again.
#[derive(Debug, Default)]
pub struct Lasting {
    /// Header fields of the request.
    pub overrides: Vec<(Vec<u8>, Vec<u8>)>,
    /// Variables.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// Header fields of the response, whoever makes it.
    pub fields: Headers,
    /// How often the request was restarted.
    pub restarts: u8,
}

/// What happens after a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Ask the next module.
    GoOn,
    /// `response.status` is set: the exchange is answered. Or [`Exchange::handler`] is: it is to be forwarded.
    Done,
    /// What conditions look at has changed: the settings are found anew, and the next module is asked.
    Settle,
    /// The path changed ([`Physical::path`] or the URI): look it up again, from the `physical` moment on.
    Again,
    /// [`Knowledge::question`] is set: the request is put off until there is an answer, and then goes through the modules
    /// from the start. See [`crate::inquiry`].
    Wait,
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
    /// Where [`Physical::path`] may lead.
    pub reach: Reach,
}

/// Where a path may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nowhere but below [`Physical::base`].
    #[default]
    BelowBase,
    /// Anywhere: the administrator's script has chosen it.
    Anywhere,
}

impl Physical {
    /// Makes it ready for the next request, keeping its memory.
    pub fn clear(&mut self) {
        self.document_root.clear();
        self.base.clear();
        self.relative.clear();
        self.path.clear();
        self.path_info.clear();
        self.reach = Reach::BelowBase;
    }
}
