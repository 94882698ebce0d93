//! COPY and MOVE (RFC 4918 sections 9.8 and 9.9).
//!
//! In: two places. Out: what was done, and what could not be. Must hold: a copy is one: what is written to it later does
//! not change what it was made of. Collections are merged, as lighttpd does: nothing is deleted because it has no
//! counterpart.
//!
//! As in lighttpd, a destination is not asked about anywhere else: what mod_access or mod_auth say of a URL is said of the
//! one that is requested.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::answer::{Answer, Outcome, encoded, of_look, of_write};
use super::condition::preconditions;
use super::guard::{self, Touch};
use super::order::Verb;
use super::place::{Found, Place, enter, look, names};
use super::propfind::{Reach, depth};
use super::store::Store;
use super::tree::{
    Failures, Replace, Replaced, copy_file, delete_file, make_directory, rename, told,
};
use super::work::Task;
use crate::files::EntryKind;

/// Directories within each other.
const DEPTH_MAX: usize = 128;

/// COPY or MOVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Copy,
    Move,
}

/// What is needed at each step.
struct Transfer<'t> {
    store: Option<&'t Store>,
    how: How,
    replace: Replace,
    failures: Failures,
}

/// Whether both are names of one file.
fn is_same(from: At<'_>, to: At<'_>) -> bool {
    let one = look(from.directory, from.name);
    let other = look(to.directory, to.name);
    matches!((one, other), (Ok(one), Ok(other)) if (one.device, one.inode) == (other.device, other.inode))
}

/// A name in a directory, and its URL's path.
#[derive(Clone, Copy)]
struct At<'p> {
    directory: &'p OwnedFd,
    name: &'p [u8],
    uri: &'p [u8],
}

impl Place {
    fn at(&self) -> At<'_> {
        At {
            directory: &self.directory,
            name: &self.name,
            uri: &self.uri,
        }
    }
}

pub(super) fn transfer(task: &Task, store: Option<&Store>) -> Outcome {
    let order = &task.order;
    let how = match order.verb {
        Verb::Move => How::Move,
        _ => How::Copy,
    };
    let replace = match order.field("Overwrite") {
        None | Some(b"T" | b"t") => Replace::Allowed,
        Some(b"F" | b"f") => Replace::Refused,
        Some(_) => return Err(Answer::status(400)),
    };
    let destination = order.field("Destination");
    let (path, uri) = guard::reaches(task, destination.ok_or_else(|| Answer::status(400))?)?;
    let source = Place::open(&order.path, &order.uri, task.rules).map_err(of_look)?;
    let found = source.metadata().map_err(of_look);
    let is_collection = matches!(&found, Ok(found) if found.kind == EntryKind::Directory);
    if how == How::Move {
        let whole = match is_collection {
            true => Touch::Tree(&source.uri),
            false => Touch::Resource(&source.uri),
        };
        guard::check(task, store, &[whole, Touch::Member(&source.uri)])?;
    }
    // Neither into itself nor onto itself.
    let own = order.path.strip_suffix(b"/").unwrap_or(&order.path);
    let is_inside = path
        .strip_prefix(own)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    if is_inside {
        return Err(Answer::status(403));
    }
    let (Found::Collection(metadata) | Found::Document(metadata)) = source.find()?;
    preconditions(task, Some(&metadata))?;
    if is_collection && !source.uri.ends_with(b"/") {
        let location = [&encoded(&source.uri), "/"].concat();
        return Err(Answer::status(308).with("Location", location));
    }
    let failed = |errno| Answer::status(of_write(errno));
    let mut target = Place::open(&path, &uri, task.rules).map_err(failed);
    let mut transfer = Transfer {
        store,
        how,
        replace,
        failures: Failures::new(),
    };
    if !is_collection {
        let target = target?;
        return transfer.document(task, &source, target);
    }
    if let Ok(target) = &mut target {
        target.as_collection();
        let there = [Touch::Tree(&target.uri), Touch::Member(&target.uri)];
        let count = match target.metadata() {
            // Its parent's list of members stays what it is.
            Ok(_) => 1,
            Err(_) => 2,
        };
        guard::check(task, store, &there[..count])?;
    }
    match depth(order.field("Depth")) {
        Reach::Members => return Err(Answer::status(400)),
        Reach::Itself if how == How::Move => return Err(Answer::status(400)),
        Reach::Itself => {
            let target = target?;
            return transfer.directory_alone(&source, &target);
        }
        Reach::Everything => {}
    }
    match target {
        Ok(target) => transfer.tree(source.at(), target.at(), 0)?,
        Err(answer) => transfer.failures.push((source.uri.clone(), answer.status)),
    }
    match transfer.failures.is_empty() {
        true => Ok(Answer::status(200)),
        false => Ok(told(&transfer.failures)),
    }
}

impl Transfer<'_> {
    /// One document, whose target may be a collection: then it goes into it, under its own name.
    fn document(&mut self, task: &Task, source: &Place, mut target: Place) -> Outcome {
        let failed = |errno| Answer::status(of_write(errno));
        let mut into = false;
        if let Ok(there) = target.metadata()
            && there.kind == EntryKind::Directory
        {
            target.as_collection();
            let uri = [&target.uri[..], &source.name].concat();
            target = Place {
                directory: target.enter().map_err(failed)?,
                name: source.name.clone(),
                uri,
            };
            into = true;
        } else if target.uri.ends_with(b"/") {
            return Err(Answer::status(409));
        }
        let there = target.metadata();
        let touches = [Touch::Resource(&target.uri), Touch::Member(&target.uri)];
        let count = match &there {
            Ok(_) => 1,
            Err(_) => 2,
        };
        guard::check(task, self.store, &touches[..count])?;
        match there {
            Ok(_) if self.replace == Replace::Refused => return Err(Answer::status(412)),
            Ok(there) if there.kind == EntryKind::Directory => return Err(Answer::status(409)),
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        match self.file(source.at(), target.at())? {
            Ok(Replaced::No) if !into => Ok(Answer::status(201)),
            Ok(_) => Ok(Answer::status(204)),
            Err(status) => Err(Answer::status(status)),
        }
    }

    /// One file. Fails only where the database does; within: the status of what could not be done.
    fn file(&self, from: At<'_>, to: At<'_>) -> Result<Result<Replaced, u16>, Answer> {
        let names = ((from.directory, from.name), (to.directory, to.name));
        let moved = match self.how {
            How::Copy => Err(Errno::XDEV),
            How::Move => rename(names.0, names.1, self.replace),
        };
        let (done, is_left) = match moved {
            // On another file system.
            Err(Errno::XDEV) => (copy_file(names.0, names.1, self.replace), true),
            // What is renamed onto another name of the same file stays where it is.
            other => (other, is_same(from, to)),
        };
        let replaced = match done {
            Ok(replaced) => replaced,
            Err(Errno::EXIST) => return Ok(Err(412)),
            Err(Errno::ISDIR) => return Ok(Err(409)),
            Err(errno) => return Ok(Err(of_write(errno))),
        };
        if let Some(store) = self.store {
            store.copy_properties(from.uri, to.uri)?;
            if self.how == How::Move {
                store.forget(from.uri)?;
            }
        }
        if self.how == How::Move
            && is_left
            && let Err(answer) = delete_file(from.directory, from.name, from.uri, None)
            && answer.status != 404
        {
            return Ok(Err(answer.status));
        }
        Ok(Ok(replaced))
    }

    /// A collection without what is in it.
    fn directory_alone(&self, source: &Place, target: &Place) -> Outcome {
        let status = match target.metadata() {
            Ok(there) if there.kind == EntryKind::Directory => 204,
            Ok(_) if self.replace == Replace::Refused => return Err(Answer::status(412)),
            Ok(_) => {
                self.make_way(target.at())?;
                204
            }
            Err(_) => 201,
        };
        if let Err(errno) = make_directory(&target.directory, &target.name)
            && errno != Errno::EXIST
        {
            return Err(Answer::status(of_write(errno)));
        }
        if let Some(store) = self.store {
            store.copy_properties(&source.uri, &target.uri)?;
        }
        Ok(Answer::status(status))
    }

    /// Deletes the document that is where a collection is to be.
    fn make_way(&self, to: At<'_>) -> Result<(), Answer> {
        let uri = to.uri.strip_suffix(b"/").unwrap_or(to.uri);
        delete_file(to.directory, to.name, uri, self.store)
    }

    /// A collection and what is in it. Fails only where the database does.
    fn tree(&mut self, from: At<'_>, to: At<'_>, level: usize) -> Result<(), Answer> {
        let there = look(to.directory, to.name);
        let is_there = there.is_ok();
        let is_directory = matches!(&there, Ok(there) if there.kind == EntryKind::Directory);
        let refused = match (is_there, self.replace, self.how) {
            // A collection is not copied onto another one, nor is anything moved.
            (true, Replace::Refused, How::Copy) => Some(409),
            (true, Replace::Refused, How::Move) => Some(412),
            _ if level >= DEPTH_MAX => Some(403),
            _ => None,
        };
        if let Some(status) = refused {
            self.failures.push((from.uri.to_vec(), status));
            return Ok(());
        }
        if is_there
            && !is_directory
            && let Err(answer) = self.make_way(to)
        {
            self.failures.push((from.uri.to_vec(), answer.status));
            return Ok(());
        }
        if self.how == How::Move && !is_directory {
            let names = ((from.directory, from.name), (to.directory, to.name));
            match rename(names.0, names.1, Replace::Refused) {
                Ok(_) => {
                    return match self.store {
                        Some(store) => store.moved_tree(from.uri, to.uri),
                        None => Ok(()),
                    };
                }
                Err(Errno::XDEV) => {}
                Err(errno) => {
                    self.failures.push((from.uri.to_vec(), of_write(errno)));
                    return Ok(());
                }
            }
        }
        self.merge(from, to, level)
    }

    /// One directory into another, name by name.
    fn merge(&mut self, from: At<'_>, to: At<'_>, level: usize) -> Result<(), Answer> {
        let failed = self.failures.len();
        let made = match make_directory(to.directory, to.name) {
            Err(Errno::EXIST) => Ok(()),
            other => other,
        };
        let opened = made.and_then(|()| {
            let source = enter(from.directory, from.name)?;
            Ok((names(&source)?, source, enter(to.directory, to.name)?))
        });
        let (members, source, target) = match opened {
            Ok(opened) => opened,
            Err(errno) => {
                self.failures.push((from.uri.to_vec(), of_write(errno)));
                return Ok(());
            }
        };
        if let Some(store) = self.store {
            store.copy_properties(from.uri, to.uri)?;
        }
        for name in members {
            let Ok(metadata) = look(&source, &name) else {
                // It is gone.
                continue;
            };
            let slash: &[u8] = match metadata.kind {
                EntryKind::Directory => b"/",
                _ => b"",
            };
            let uris = [from.uri, to.uri].map(|uri| [uri, &name, slash].concat());
            let from = At {
                directory: &source,
                name: &name,
                uri: &uris[0],
            };
            let to = At {
                directory: &target,
                name: &name,
                uri: &uris[1],
            };
            match metadata.kind {
                EntryKind::Directory => self.tree(from, to, level + 1)?,
                EntryKind::File => {
                    if let Err(status) = self.file(from, to)? {
                        self.failures.push((from.uri.to_vec(), status));
                        if status == 507 {
                            return Ok(());
                        }
                    }
                }
                // Links and devices stay where they are.
                EntryKind::Special => {}
            }
        }
        if self.how == How::Move && self.failures.len() == failed {
            super::tree::delete_tree(
                from.directory,
                from.name,
                from.uri,
                self.store,
                &mut self.failures,
                0,
            )?;
        }
        Ok(())
    }
}
