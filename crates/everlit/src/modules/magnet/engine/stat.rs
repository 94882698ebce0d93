//! What scripts learn of local files: `lighty.c.stat`, `lighty.c.readdir`, `lighty.c.readlink`.
//!
//! In: paths. Out: an object with lighttpd's field names, an iterator, a path; nil if there is nothing. Must hold: what `stat`
//! says is what the server itself believes of the file, and as old (a second at most).

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use mlua::{Error, Function, Lua, LuaString, MetaMethod, Result, UserData, UserDataMethods, Value};
use rustix::fs::FileType;

use super::NAME;
use super::lighty::{Shared, reading, writing};
use crate::files::Entry;
use crate::modules::staticfile::etag;

/// `lighty.c.stat(path)`
pub(super) fn function(lua: &Lua, board: &Shared) -> Result<Function> {
    let board = board.clone();
    lua.create_function(move |_, path: Option<LuaString>| {
        let Some(path) = path.filter(|path| !path.as_bytes().is_empty()) else {
            return Ok(None);
        };
        let mut borrowed = writing(&board)?;
        let now = borrowed.now;
        // Scripts see through links, whatever is served.
        let rules = crate::files::Rules::FollowLinks;
        let found = borrowed.files.look_up(&path.as_bytes(), rules, now);
        drop(borrowed);
        let board = board.clone();
        Ok(found.ok().map(|entry| Stat { entry, board }))
    })
}

struct Stat {
    entry: Rc<Entry>,
    board: Shared,
}

impl Stat {
    fn field(&self, lua: &Lua, name: &[u8]) -> Result<Value> {
        let metadata = &self.entry.metadata;
        let kind = FileType::from_raw_mode(metadata.mode);
        let truth = |is: FileType| Ok(Value::Boolean(kind == is));
        let number = |number: i64| Ok(Value::Integer(number));
        let text = |text: Option<String>| match text {
            Some(text) => Ok(Value::String(lua.create_string(text)?)),
            None => Ok(Value::Nil),
        };
        match name {
            b"is_file" => truth(FileType::RegularFile),
            b"is_dir" => truth(FileType::Directory),
            b"is_char" => truth(FileType::CharacterDevice),
            b"is_block" => truth(FileType::BlockDevice),
            b"is_socket" => truth(FileType::Socket),
            b"is_fifo" => truth(FileType::Fifo),
            b"is_link" => truth(FileType::Symlink),
            b"st_mode" => number(i64::from(metadata.mode)),
            b"st_size" => number(metadata.size as i64),
            b"st_ino" => number(metadata.inode.cast_signed()),
            b"st_mtime" => number(metadata.mtime),
            b"st_ctime" => number(metadata.ctime.0),
            b"st_mtim" => moment(lua, metadata.mtime, metadata.mtime_nanos),
            b"st_ctim" => moment(lua, metadata.ctime.0, metadata.ctime.1),
            // The server itself has no use for these.
            b"st_atime" | b"st_atim" | b"st_uid" | b"st_gid" => {
                let stat = rustix::fs::stat(self.entry.path()).map_err(Error::external)?;
                match name {
                    b"st_uid" => number(i64::from(stat.st_uid)),
                    b"st_gid" => number(i64::from(stat.st_gid)),
                    b"st_atime" => number(stat.st_atime),
                    _ => moment(lua, stat.st_atime, stat.st_atime_nsec as u32),
                }
            }
            b"etag" => text(etag::entity_tag(metadata, reading(&self.board)?.etag)),
            b"content-type" => {
                let board = reading(&self.board)?;
                let attribute = self.entry.attribute(&board.mime_attribute);
                let found = || board.mime.find(self.entry.path()).map(str::to_owned);
                text(attribute.or_else(found))
            }
            b"http-response-send-file" => {
                let mut board = writing(&self.board)?;
                board.file = Some(self.entry.path().to_vec());
                number(200)
            }
            name => Err(Error::runtime(format!(
                "stat[\"field\"] invalid: {}",
                String::from_utf8_lossy(name)
            ))),
        }
    }
}

/// A time in seconds and nanoseconds, as lighttpd tells it: a function that returns both.
pub(super) fn moment(lua: &Lua, seconds: i64, nanoseconds: u32) -> Result<Value> {
    let both = lua.create_function(move |_, ()| Ok((seconds, nanoseconds)))?;
    Ok(Value::Function(both))
}

impl UserData for Stat {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Index, |lua, stat, name: LuaString| {
            stat.field(lua, &name.as_bytes())
        });
        methods.add_meta_method(MetaMethod::NewIndex, |_, _, _: (Value, Value)| {
            Err::<(), _>(Error::runtime("lua table is read-only"))
        });
        methods.add_meta_method(MetaMethod::Pairs, |lua, stat, ()| {
            reading(&stat.board)?
                .errors
                .say(NAME, "pairs() gives nothing for lighty.c.stat()");
            lua.create_function(|_, ()| Ok(Value::Nil))
        });
    }
}

/// `lighty.c.readdir(path)`: a function that gives a name at a time.
pub(super) fn read_directory(lua: &Lua, path: LuaString) -> Result<Option<Function>> {
    let Ok(entries) = std::fs::read_dir(local(&path)) else {
        return Ok(None);
    };
    let entries = RefCell::new(entries);
    let next = lua.create_function(move |lua, ()| {
        let entry = entries.borrow_mut().find_map(std::result::Result::ok);
        let name = entry.map(|entry| entry.file_name());
        name.map(|name| lua.create_string(name.as_bytes()))
            .transpose()
    })?;
    Ok(Some(next))
}

/// `lighty.c.readlink(path)`
pub(super) fn read_link(lua: &Lua, path: LuaString) -> Result<Option<LuaString>> {
    let target = std::fs::read_link(local(&path)).ok();
    target
        .map(|target| lua.create_string(target.as_os_str().as_bytes()))
        .transpose()
}

fn local(path: &LuaString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&path.as_bytes()))
}
