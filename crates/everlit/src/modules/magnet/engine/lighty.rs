//! The table `lighty`: what scripts know of the server and the request.
//!
//! In: an interpreter and the board. Out: a table, made once; its functions read and write the board. Must hold: scripts can
//! change nothing in it, so that one run leaves nothing to the next; what they set of its fields lies in a table beside it,
//! which is emptied.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use mlua::{Error, Function, Lua, LuaString, Result, Table, Value, Variadic};

use super::board::{ATTRIBUTES, Attribute, Board, ip_of};
use super::body::{self, End};
use super::script::MOST_MEMORY;
use super::stat::moment;
use super::{NAME, RESTART, fields, functions};
use crate::errorlog::Errors;
use crate::response::{Body, Headers};
use crate::version::version;

/// The board, as functions of Lua hold it.
pub(super) type Shared = Rc<RefCell<Board>>;

/// The table, and the one that takes what scripts set in it.
pub(super) struct Lighty {
    pub(super) table: Table,
    pub(super) result: Table,
}

/// The board, to read it. A metamethod of a script that runs in the middle of something cannot.
pub(super) fn reading(board: &Shared) -> Result<Ref<'_, Board>> {
    let busy = |_| Error::runtime("lighty.* is busy: a metamethod cannot use it here");
    board.try_borrow().map_err(busy)
}

/// The board, to write on it.
pub(super) fn writing(board: &Shared) -> Result<RefMut<'_, Board>> {
    let busy = |_| Error::runtime("lighty.* is busy: a metamethod cannot use it here");
    board.try_borrow_mut().map_err(busy)
}

/// Both tables.
pub(super) fn table(lua: &Lua, board: &Shared) -> Result<Lighty> {
    let result = lua.create_table()?;
    let (request, server) = (request(lua, board)?, server(lua, board)?);
    let functions = functions::table(lua, board)?;
    let table = lua.create_table()?;
    // What they were called until lighttpd 1.4.60.
    for (old, new) in [
        ("request", "req_header"),
        ("env", "req_attr"),
        ("req_env", "req_env"),
    ] {
        table.raw_set(old, request.raw_get::<Value>(new)?)?;
    }
    table.raw_set("status", server.raw_get::<Value>("plugin_stats")?)?;
    table.raw_set("stat", functions.raw_get::<Value>("stat")?)?;
    let requests = {
        let request = request.clone();
        // The others belong to other threads, and to none of them while they wait.
        lua.create_function(move |lua, ()| {
            let only = RefCell::new(Some(request.clone()));
            lua.create_function(move |_, ()| Ok(only.borrow_mut().take()))
        })?
    };
    server.raw_set("irequests", requests)?;
    read_only(lua, &server)?;
    read_only(lua, &request)?;
    table.raw_set("r", request)?;
    table.raw_set("server", server)?;
    table.raw_set("c", functions)?;
    table.raw_set("RESTART_REQUEST", RESTART)?;

    let (got, set) = (result.clone(), result.clone());
    let index = lua.create_function(move |lua, (_, key): (Value, Value)| {
        let value: Value = got.raw_get(&key)?;
        let is_made_when_asked_for = match &key {
            Value::String(key) => matches!(&*key.as_bytes(), b"header" | b"content"),
            _ => false,
        };
        if value.is_nil() && is_made_when_asked_for {
            let made = Value::Table(lua.create_table()?);
            got.raw_set(key, &made)?;
            return Ok(made);
        }
        Ok(value)
    })?;
    let new_index = lua.create_function(move |_, (_, key, value): (Value, Value, Value)| {
        set.raw_set(key, value)
    })?;
    let meta = protected(lua)?;
    meta.raw_set("__index", index)?;
    meta.raw_set("__newindex", new_index)?;
    table.set_metatable(Some(meta))?;
    Ok(Lighty { table, result })
}

/// A metatable that scripts neither see nor change.
fn protected(lua: &Lua) -> Result<Table> {
    let meta = lua.create_table()?;
    meta.raw_set("__metatable", false)?;
    Ok(meta)
}

/// Scripts cannot change this table.
pub(super) fn read_only(lua: &Lua, table: &Table) -> Result<()> {
    let meta = protected(lua)?;
    meta.raw_set("__newindex", refusal(lua)?)?;
    table.set_metatable(Some(meta))
}

fn refusal(lua: &Lua) -> Result<Function> {
    lua.create_function(|_, _: Variadic<Value>| {
        Err::<(), _>(Error::runtime("lua table is read-only"))
    })
}

/// A table that is all functions.
fn face(lua: &Lua, get: Function, set: Function, pairs: Option<Function>) -> Result<Table> {
    let meta = protected(lua)?;
    meta.raw_set("__index", get)?;
    meta.raw_set("__newindex", set)?;
    meta.raw_set("__pairs", pairs)?;
    let table = lua.create_table()?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}

/// Something to read by a name.
fn getter<R: mlua::IntoLua>(
    lua: &Lua,
    board: &Shared,
    get: impl Fn(&Lua, &Board, &[u8]) -> Result<R> + 'static,
) -> Result<Function> {
    let board = board.clone();
    lua.create_function(move |lua, (_, key): (Value, LuaString)| {
        get(lua, &*reading(&board)?, &key.as_bytes())
    })
}

/// Something to set by a name; no value: it is nil.
fn setter(
    lua: &Lua,
    board: &Shared,
    set: impl Fn(&mut Board, &[u8], Option<&[u8]>) -> Result<()> + 'static,
) -> Result<Function> {
    let board = board.clone();
    lua.create_function(
        move |_, (_, key, value): (Value, LuaString, Option<LuaString>)| {
            let value = value.as_ref().map(LuaString::as_bytes);
            set(&mut *writing(&board)?, &key.as_bytes(), value.as_deref())
        },
    )
}

/// What `pairs` gives: what was there when it was asked for.
fn lister(
    lua: &Lua,
    board: &Shared,
    list: impl Fn(&Board) -> Vec<(Vec<u8>, Option<Vec<u8>>)> + 'static,
) -> Result<Function> {
    let board = board.clone();
    lua.create_function(move |lua, _: Value| {
        let rest = RefCell::new(list(&*reading(&board)?).into_iter());
        lua.create_function(move |lua, _: Variadic<Value>| {
            let Some((name, value)) = rest.borrow_mut().next() else {
                return Ok((None, None));
            };
            let value = value.map(|value| lua.create_string(value)).transpose()?;
            Ok((Some(lua.create_string(name)?), value))
        })
    })
}

fn text(lua: &Lua, bytes: Option<&[u8]>) -> Result<Option<LuaString>> {
    bytes.map(|bytes| lua.create_string(bytes)).transpose()
}

/// `lighty.r`
fn request(lua: &Lua, board: &Shared) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("req_header", request_fields(lua, board)?)?;
    table.raw_set("req_attr", attributes(lua, board)?)?;
    table.raw_set("req_env", environment(lua, board)?)?;
    table.raw_set("req_item", items(lua, board)?)?;
    table.raw_set("req_body", request_body(lua, board)?)?;
    table.raw_set("resp_header", response_fields(lua, board)?)?;
    table.raw_set("resp_body", response_body(lua, board)?)?;
    Ok(table)
}

fn request_fields(lua: &Lua, board: &Shared) -> Result<Table> {
    let get = getter(lua, board, |lua, board, name| {
        let name = str::from_utf8(name).unwrap_or_default();
        text(lua, board.fields.get(name))
    })?;
    let set = setter(lua, board, |board, name, value| {
        let value = value.unwrap_or_default();
        if let Some((name, value)) = fit(name, value, "request", &board.errors) {
            let cookie = name.eq_ignore_ascii_case("Set-Cookie");
            let host = name.eq_ignore_ascii_case("Host") && value.is_empty();
            if !cookie && !host {
                board.set_field(name, &value.join(&b", "[..]));
            }
        }
        Ok(())
    })?;
    let pairs = lister(lua, board, |board| list(&board.fields))?;
    face(lua, get, set, Some(pairs))
}

fn response_fields(lua: &Lua, board: &Shared) -> Result<Table> {
    let get = getter(lua, board, |lua, board, name| {
        let name = str::from_utf8(name).unwrap_or_default();
        // lighttpd knows the length already, and scripts of response_start may want it.
        text(lua, all(&board.headers, name).as_deref())
    })?;
    let set = setter(lua, board, |board, name, value| {
        set_response_field(board, name, value.unwrap_or_default());
        Ok(())
    })?;
    let pairs = lister(lua, board, |board| list(&board.headers))?;
    face(lua, get, set, Some(pairs))
}

/// Sets a field of the response; an empty value removes it.
pub(super) fn set_response_field(board: &mut Board, name: &[u8], value: &[u8]) {
    if let Some((name, values)) = fit(name, value, "response", &board.errors) {
        board.headers.remove(name);
        for value in values.iter().filter(|value| !value.is_empty()) {
            board.headers.add(name, value);
        }
    }
}

/// Name and values of a field, if scripts may set it so. No values: it is to be removed.
fn fit<'n>(
    name: &'n [u8],
    value: &[u8],
    whose: &str,
    errors: &Errors,
) -> Option<(&'n str, Vec<Vec<u8>>)> {
    let shown = String::from_utf8_lossy(name);
    let Some(name) = str::from_utf8(name).ok().filter(|_| fields::is_name(name)) else {
        errors.say(
            NAME,
            format_args!("\"{shown}\" is no name for a {whose} header field"),
        );
        return None;
    };
    if fields::is_ours(name) {
        return None;
    }
    if value.is_empty() {
        return Some((name, Vec::new()));
    }
    let values = fields::values(name, value);
    if values.is_none() {
        errors.say(
            NAME,
            format_args!(
                "the {whose} header field {name} is left as it was: its value has control characters in it"
            ),
        );
    }
    Some((name, values?))
}

/// All fields of a name, in one text, as lighttpd keeps them.
fn all(fields: &Headers, name: &str) -> Option<Vec<u8>> {
    let mut found: Option<Vec<u8>> = None;
    for (own, value) in fields.iter() {
        if !own.eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        match &mut found {
            None => found = Some(value.to_vec()),
            Some(text) => {
                text.extend_from_slice(&[b"\r\n", own, b": ", value].concat());
            }
        }
    }
    found
}

fn list(fields: &Headers) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut listed: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    for (name, _) in fields.iter() {
        if listed
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            continue;
        }
        let value = all(fields, str::from_utf8(name).unwrap_or_default());
        listed.push((name.to_vec(), value));
    }
    listed
}

fn attributes(lua: &Lua, board: &Shared) -> Result<Table> {
    let find = |name: &[u8]| ATTRIBUTES.iter().find(|(own, _)| *own == name);
    let get = getter(lua, board, move |lua, board, name| match find(name) {
        Some((_, attribute)) => text(lua, board.text(*attribute)),
        None => Ok(None),
    })?;
    let set = setter(lua, board, move |board, name, value| {
        let shown = String::from_utf8_lossy(name);
        let Some((_, attribute)) = find(name) else {
            let message = format!("couldn't store '{shown}' in r.req_attr[]");
            return Err(Error::runtime(message));
        };
        let is_address = matches!(attribute, Attribute::RemoteIp | Attribute::RemoteAddress);
        if is_address && ip_of(value.unwrap_or_default()).is_none() {
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            let message = format!("r.req_attr['remote-addr'] invalid addr: {value}");
            return Err(Error::runtime(message));
        }
        board.set_text(*attribute, value);
        Ok(())
    })?;
    let pairs = lister(lua, board, |board| {
        let one = |(name, attribute): &(&[u8], Attribute)| {
            (name.to_vec(), board.text(*attribute).map(<[u8]>::to_vec))
        };
        ATTRIBUTES.iter().map(one).collect()
    })?;
    face(lua, get, set, Some(pairs))
}

fn environment(lua: &Lua, board: &Shared) -> Result<Table> {
    let get = getter(lua, board, |lua, board, name| {
        let mut variables = board.environment.iter().rev();
        let found = variables.find(|(own, _)| own.eq_ignore_ascii_case(name));
        text(lua, found.map(|(_, value)| &value[..]))
    })?;
    let set = setter(lua, board, |board, name, value| {
        board.set_variable(name, value);
        Ok(())
    })?;
    let pairs = lister(lua, board, |board| {
        let variables = board.environment.iter();
        variables
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect()
    })?;
    face(lua, get, set, Some(pairs))
}

fn items(lua: &Lua, board: &Shared) -> Result<Table> {
    let get = getter(lua, board, |lua, board, name| {
        Ok(Value::Integer(match name {
            b"http_status" => i64::from(board.status),
            b"bytes_in" | b"req_header_len" => board.head_length,
            b"keep_alive" => i64::from(board.keeps_alive),
            b"bytes_out" | b"resp_header_len" | b"stream_id" => 0,
            b"start_time" => {
                let start = board.now.unix;
                return moment(lua, start.as_secs() as i64, start.subsec_nanos());
            }
            name => {
                let name = String::from_utf8_lossy(name);
                return Err(Error::runtime(format!("r.req_item['{name}'] invalid")));
            }
        }))
    })?;
    let set = setter(lua, board, |_, name, _| {
        let name = String::from_utf8_lossy(name);
        let message = format!("r.req_item['{name}'] invalid or read-only");
        Err(Error::runtime(message))
    })?;
    face(lua, get, set, None)
}

/// The request's body has not come yet when scripts run, if there is one.
fn request_body(lua: &Lua, board: &Shared) -> Result<Table> {
    let get = getter(lua, board, |lua, board, name| {
        let is_there = board.request_length == 0;
        Ok(match name {
            b"len" => Value::Integer(board.request_length),
            b"bytes_in" | b"bytes_out" => Value::Integer(0),
            b"unspecified_len" => Value::Boolean(false),
            b"get" if is_there => Value::String(lua.create_string("")?),
            b"collect" if is_there => Value::Boolean(true),
            b"get" => Value::Nil,
            b"collect" | b"add" | b"set" => {
                let name = String::from_utf8_lossy(name);
                board.errors.say(
                    NAME,
                    format_args!(
                        "r.req_body.{name}: this server gives bodies of requests to backends only, not to scripts"
                    ),
                );
                Value::Nil
            }
            _ => return Err(Error::runtime("r.req_body invalid method or param")),
        })
    })?;
    face(lua, get, refusal(lua)?, None)
}

fn response_body(lua: &Lua, board: &Shared) -> Result<Table> {
    let shared = board.clone();
    let add = lua.create_function(move |_, what: Value| add(&mut *writing(&shared)?, &what))?;
    let shared = board.clone();
    let set = lua.create_function(move |_, what: Value| {
        let mut board = writing(&shared)?;
        board.body = Body::Empty;
        self::add(&mut board, &what)
    })?;
    let get = getter(lua, board, move |lua, board, name| {
        let is_made = board.status != 0 || !matches!(board.body, Body::Empty);
        Ok(match name {
            b"add" => Value::Function(add.clone()),
            b"set" => Value::Function(set.clone()),
            b"len" => match board.body.length().filter(|_| is_made) {
                Some(length) => Value::Integer(length as i64),
                None => Value::Nil,
            },
            b"get" if board.body.length() > Some(MOST_MEMORY as u64) => return Err(too_large()),
            b"get" => match body::content(&board.body).filter(|_| is_made) {
                Some(content) => {
                    Value::String(lua.create_string(content.map_err(Error::external)?)?)
                }
                None => Value::Nil,
            },
            b"bytes_in" => Value::Integer(board.body.length().unwrap_or(0) as i64),
            b"bytes_out" => Value::Integer(0),
            _ => return Err(Error::runtime("r.resp_body invalid method or param")),
        })
    })?;
    face(lua, get, refusal(lua)?, None)
}

/// Appends what a script gives: a text, or a list of texts and files.
fn add(board: &mut Board, what: &Value) -> Result<bool> {
    if matches!(board.body, Body::Coming | Body::Packed(_)) {
        board.errors.say(
            NAME,
            "r.resp_body.add: this response is still to come; r.resp_body.set can take its place",
        );
        return Ok(false);
    }
    match what {
        Value::String(text) => add_text(board, &text.as_bytes())?,
        Value::Integer(_) | Value::Number(_) => add_text(board, what.to_string()?.as_bytes())?,
        Value::Table(list) => add_all(board, list, Meaning::Length)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// What `length` says of a file's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// How long it is.
    Length,
    /// Where it ends: so it was in `lighty.content`.
    End,
}

/// Appends texts and files, up to the first that cannot be.
pub(super) fn add_all(board: &mut Board, list: &Table, meaning: Meaning) -> Result<()> {
    for index in 1..=list.raw_len() {
        let problem = match list.raw_get::<Value>(index)? {
            Value::String(text) => {
                add_text(board, &text.as_bytes())?;
                None
            }
            number @ (Value::Integer(_) | Value::Number(_)) => {
                add_text(board, number.to_string()?.as_bytes())?;
                None
            }
            Value::Table(file) => add_file(board, &file, meaning)?,
            Value::Nil => return Ok(()),
            _ => Some("it is neither a string nor a table".to_owned()),
        };
        if let Some(problem) = problem {
            board
                .errors
                .say(NAME, format_args!("part {index} of the body: {problem}"));
            return Ok(());
        }
    }
    Ok(())
}

/// Appends a text. It is not in the interpreter's memory, which has a limit, but in ours.
fn add_text(board: &mut Board, text: &[u8]) -> Result<()> {
    let_in(board, text.len())?;
    body::append(&mut board.body, text);
    Ok(())
}

fn let_in(board: &Board, more: usize) -> Result<()> {
    match body::memory(&board.body) + more > MOST_MEMORY {
        true => Err(too_large()),
        false => Ok(()),
    }
}

fn too_large() -> Error {
    let most = MOST_MEMORY >> 20;
    Error::runtime(format!("a body has {most} MiB in memory at most"))
}

fn add_file(board: &mut Board, file: &Table, meaning: Meaning) -> Result<Option<String>> {
    let Ok(name) = file.get::<LuaString>("filename") else {
        return Ok(Some("\"filename\" is not a string".to_owned()));
    };
    let offset = file.get::<Option<i64>>("offset")?.unwrap_or(0);
    let length = file.get::<Option<i64>>("length")?;
    if meaning == Meaning::End && (offset < 0 || length.is_some_and(|end| end < offset)) {
        return Ok(Some("\"offset\" is not before its end".to_owned()));
    }
    let end = match (length.map(u64::try_from), meaning) {
        (Some(Ok(length)), Meaning::Length) => End::After(length),
        (Some(Ok(end)), Meaning::End) => End::After(end - offset.unsigned_abs()),
        (Some(Err(_)) | None, _) => End::OfFile,
    };
    // A small one is read at once.
    let_in(board, 0)?;
    let path = name.as_bytes();
    let added = body::append_file(&mut board.body, &path, offset, end);
    Ok(added.err().map(|error| {
        let path = String::from_utf8_lossy(&path);
        format!("open {path}: {error}")
    }))
}

/// `lighty.server`
fn server(lua: &Lua, board: &Shared) -> Result<Table> {
    let table = lua.create_table()?;
    let get = getter(lua, board, |lua, board, name| {
        Ok(match name {
            b"uptime" => {
                let uptime = board.now.monotonic.saturating_sub(board.since.monotonic);
                Value::Integer(uptime.as_secs() as i64)
            }
            b"version" => Value::String(lua.create_string(format!("Everlit/{}", version()))?),
            name => {
                let name = String::from_utf8_lossy(name);
                return Err(Error::runtime(format!("server.stats['{name}'] invalid")));
            }
        })
    })?;
    table.raw_set("stats", face(lua, get, refusal(lua)?, None)?)?;
    let get = getter(lua, board, |_, board, name| {
        Ok(board.counters.get(name).copied().unwrap_or(0))
    })?;
    let shared = board.clone();
    let set = lua.create_function(move |_, (_, name, value): (Value, LuaString, i64)| {
        let name = name.as_bytes().to_vec();
        writing(&shared)?.counters.insert(name, value);
        Ok(())
    })?;
    let shared = board.clone();
    let pairs = lua.create_function(move |lua, _: Value| {
        let counters = reading(&shared)?.counters.clone();
        let rest = RefCell::new(counters.into_iter());
        lua.create_function(move |lua, _: Variadic<Value>| {
            // Not borrowed any more while a text is made, which may collect garbage.
            let Some((name, count)) = rest.borrow_mut().next() else {
                return Ok((None, None));
            };
            Ok((Some(lua.create_string(name)?), Some(count)))
        })
    })?;
    table.raw_set("plugin_stats", face(lua, get, set, Some(pairs))?)?;
    Ok(table)
}
