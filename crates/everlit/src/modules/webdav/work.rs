//! An order, carried out.
//!
//! In: an order, what came with it, the settings. Out: an answer. Must hold: whatever goes wrong, there is one; whoever
//! changes something has the database to himself from the first look at the locks to the last change.

use std::sync::Arc;

use super::answer::{Answer, Outcome};
use super::body::Body;
use super::order::{Order, Verb};
use super::store::Store;
use super::{lock, propfind, proppatch, put, transfer, tree};
use crate::errorlog::Errors;
use crate::files::{Metadata, Rules};
use crate::mime::Table;
use crate::modules::staticfile::etag::entity_tag;
use crate::settings::{EtagParts, Settings};
use crate::worker::chores::Piece;

/// An order, and all that is needed to carry it out.
pub(super) struct Task {
    pub(super) order: Order,
    pub(super) body: Body,
    pub(super) settings: super::Settings,
    pub(super) rules: Rules,
    pub(super) names: Names,
    types: Arc<Table>,
    tags: EtagParts,
    errors: Errors,
}

/// How files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As they come.
    AsTheyAre,
    /// In lower case (`server.force-lowercase-filenames`).
    LowerCase,
}

impl Task {
    pub(super) fn new(order: Order, body: Vec<Piece>, settings: &Settings) -> Task {
        let core = &settings.core;
        Task {
            order,
            body: Body::new(body),
            settings: settings.webdav.clone(),
            rules: Rules::from(core),
            names: match core.force_lowercase {
                true => Names::LowerCase,
                false => Names::AsTheyAre,
            },
            types: core.mime.clone(),
            errors: core.errors.clone(),
            tags: match settings.staticfile.etags {
                true => core.etag,
                false => EtagParts {
                    inode: false,
                    mtime: false,
                    size: false,
                },
            },
        }
    }

    /// Carries it out; the answer is written as a CGI program writes it.
    pub(super) fn run(&self) -> Vec<u8> {
        let answer = match self.perform() {
            Ok(answer) | Err(answer) => answer,
        };
        if self.settings.log_xml && !answer.body.is_empty() {
            let text = String::from_utf8_lossy(&answer.body);
            self.errors
                .say("mod_webdav", format_args!("XML-response-body: {text}"));
        }
        answer.to_bytes()
    }

    fn perform(&self) -> Outcome {
        let store = match &self.settings.database {
            Some(path) => Some(Store::open(path)?),
            None => None,
        };
        let store = store.as_ref();
        if self.order.verb == Verb::Propfind {
            return propfind::propfind(self, store);
        }
        // What takes long without changing anything comes first.
        let upload = match self.order.verb {
            Verb::Put => Some(put::receive(self)?),
            _ => None,
        };
        if let Some(store) = store {
            store.begin()?;
        }
        let outcome = match (self.order.verb, upload) {
            (Verb::Put, Some(upload)) => put::put(self, store, upload),
            (Verb::Propfind | Verb::Put, _) => Err(Answer::status(500)),
            (Verb::Proppatch, _) => proppatch::proppatch(self, store),
            (Verb::Mkcol, _) => tree::mkcol(self, store),
            (Verb::Delete, _) => tree::delete(self, store),
            (Verb::Copy | Verb::Move, _) => transfer::transfer(self, store),
            (Verb::Lock, _) => lock::lock(self, store),
            (Verb::Unlock, _) => lock::unlock(self, store),
        };
        // What was done to files is done, and its properties with it; PROPPATCH has taken back what it did not want.
        if let Some(store) = store {
            store.commit()?;
        }
        outcome
    }

    /// The tag of a file, as mod_staticfile tells it.
    pub(super) fn tag(&self, metadata: &Metadata) -> Option<String> {
        entity_tag(metadata, self.tags)
    }

    /// Its media type.
    pub(super) fn media_type(&self, name: &[u8]) -> Option<&str> {
        self.types.find(name)
    }

    /// The body as XML; nothing if there is none.
    pub(super) fn document(&self) -> Result<Option<super::xml::Element>, Answer> {
        if self.body.is_empty() {
            return Ok(None);
        }
        // Clients that do not say what it is mean what the method is about; of LOCK lighttpd does not ask.
        if self.order.verb != Verb::Lock
            && let Some(media_type) = self.order.field("Content-Type")
        {
            let name = media_type.split(|byte| *byte == b';').next();
            let name = name.unwrap_or_default().trim_ascii();
            let is_xml = [&b"application/xml"[..], b"text/xml"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            if !is_xml {
                return Err(Answer::status(415));
            }
        }
        let text = self.body.text()?;
        if self.settings.log_xml {
            self.errors
                .say("mod_webdav", format_args!("XML-request-body: {text}"));
        }
        match super::xml::parse(&text) {
            Ok(root) => Ok(Some(root)),
            Err(why) => {
                self.errors
                    .say("mod_webdav", format_args!("XML body: {why}"));
                Err(Answer::status(400))
            }
        }
    }
}
