//! `lighty.c`: functions that have nothing to do with the request, but for the time and what is known of files.
//!
//! In: an interpreter. Out: a table. Must hold: a function that is given nothing makes an empty text of it, as in lighttpd.

use mlua::{Error, Lua, LuaString, Result, Table, Value, Variadic};

use super::coding::{self, Base64, Escapes, Half};
use super::lighty::{Shared, read_only, reading};
use super::stat;
use crate::clock::Now;

/// The table.
pub(super) fn table(lua: &Lua, board: &Shared) -> Result<Table> {
    let table = lua.create_table()?;
    encodings(lua, &table)?;
    digests(lua, &table)?;
    parsers(lua, &table)?;
    let of_time = board.clone();
    let seconds = move |_: &Lua, ()| Ok(reading(&of_time)?.now.unix.as_secs());
    table.raw_set("time", lua.create_function(seconds)?)?;
    table.raw_set(
        "hrtime",
        lua.create_function(|_, ()| {
            let now = Now::read().unix;
            Ok((now.as_secs(), now.subsec_nanos()))
        })?,
    )?;
    table.raw_set(
        "rand",
        lua.create_function(|_, ()| {
            let mut bytes = [0; 4];
            aws_lc_rs::rand::fill(&mut bytes)
                .map_err(|_| Error::runtime("the system has no random numbers"))?;
            Ok(i32::from_ne_bytes(bytes))
        })?,
    )?;
    table.raw_set("stat", stat::function(lua, board)?)?;
    table.raw_set("readdir", lua.create_function(stat::read_directory)?)?;
    table.raw_set("readlink", lua.create_function(stat::read_link)?)?;
    read_only(lua, &table)?;
    Ok(table)
}

/// A text made of a text; none of none.
fn encodings(lua: &Lua, table: &Table) -> Result<()> {
    type Coder = fn(&[u8]) -> Option<Vec<u8>>;
    let coders: [(&str, Coder); 17] = [
        ("b64enc", |text| Some(Base64::Standard.encode(text))),
        ("b64dec", |text| Base64::Standard.decode(text)),
        ("b64urlenc", |text| Some(Base64::Url.encode(text))),
        ("b64urldec", |text| Base64::Url.decode(text)),
        ("hexenc", |text| Some(coding::hex(text))),
        ("hexdec", coding::from_hex),
        ("xmlenc", |text| Some(coding::xml(text))),
        ("urlenc", |text| Some(coding::url(text))),
        ("urldec", |text| Some(coding::from_url(text))),
        ("urlenc_normalize", |text| Some(coding::normal_url(text))),
        ("fspath_simplify", |text| Some(coding::simple_path(text))),
        ("urlpath_simplify", |text| Some(coding::simple_path(text))),
        ("quotedenc", |text| Some(coding::quoted(text))),
        ("quoteddec", coding::unquoted),
        ("bsenc", |text| Some(coding::escaped(text, Escapes::Bytes))),
        ("bsenc_json", |text| {
            Some(coding::escaped(text, Escapes::Json))
        }),
        ("bsdec", |text| Some(coding::unescaped(text))),
    ];
    for (name, coder) in coders {
        let function = lua.create_function(move |lua, text: Option<LuaString>| {
            let made = match &text {
                Some(text) if !text.as_bytes().is_empty() => coder(&text.as_bytes()),
                Some(_) | None => Some(Vec::new()),
            };
            made.map(|made| lua.create_string(made)).transpose()
        })?;
        table.raw_set(name, function)?;
    }
    Ok(())
}

fn digests(lua: &Lua, table: &Table) -> Result<()> {
    /// Exactly so many texts.
    fn texts<const N: usize>(usage: &str, given: Variadic<LuaString>) -> Result<[LuaString; N]> {
        let wrong = |_| Error::runtime(format!("{usage}: incorrect number of arguments"));
        Vec::from(given).try_into().map_err(wrong)
    }
    let text =
        |lua: &Lua, made: Option<Vec<u8>>| made.map(|made| lua.create_string(made)).transpose();
    let digest = lua.create_function(move |lua, given: Variadic<LuaString>| {
        let [algorithm, data] = texts("lighty.c.md(algo, data)", given)?;
        text(
            lua,
            coding::message_digest(&algorithm.as_bytes(), &data.as_bytes()),
        )
    })?;
    table.raw_set("md", digest)?;
    let keyed = lua.create_function(move |lua, given: Variadic<LuaString>| {
        let [algorithm, key, data] = texts("lighty.c.hmac(algo, secret, data)", given)?;
        let (key, data) = (key.as_bytes(), data.as_bytes());
        text(
            lua,
            coding::keyed_digest(&algorithm.as_bytes(), &key, &data),
        )
    })?;
    table.raw_set("hmac", keyed)?;
    let digests = lua.create_function(|_, given: Variadic<LuaString>| {
        let [one, other] = texts("lighty.c.digest_eq(d1, d2)", given)?;
        Ok(coding::is_same_digest(&one.as_bytes(), &other.as_bytes()))
    })?;
    table.raw_set("digest_eq", digests)?;
    let secrets = lua.create_function(|_, given: Variadic<LuaString>| {
        let [one, other] = texts("lighty.c.secret_eq(d1, d2)", given)?;
        Ok(coding::is_same(&one.as_bytes(), &other.as_bytes()))
    })?;
    table.raw_set("secret_eq", secrets)
}

/// Tables made of texts, and a text made of a table.
fn parsers(lua: &Lua, table: &Table) -> Result<()> {
    type Parser = fn(&[u8]) -> Vec<(Vec<u8>, Vec<u8>)>;
    let parsers: [(&str, Parser); 2] = [
        ("urldec_query", coding::from_query),
        ("cookie_tokens", coding::cookies),
    ];
    for (name, parse) in parsers {
        let function = lua.create_function(move |lua, text: Option<LuaString>| {
            let parsed = lua.create_table()?;
            for (name, value) in text.map_or_else(Vec::new, |text| parse(&text.as_bytes())) {
                parsed.raw_set(lua.create_string(name)?, lua.create_string(value)?)?;
            }
            Ok(parsed)
        })?;
        table.raw_set(name, function)?;
    }
    let words = lua.create_function(|lua, text: Option<LuaString>| {
        let words = text.map_or_else(Vec::new, |text| coding::words(&text.as_bytes()));
        let words = words.into_iter().map(|word| lua.create_string(word));
        lua.create_sequence_from(words.collect::<Result<Vec<_>>>()?)
    })?;
    table.raw_set("header_tokens", words)?;
    let query = lua.create_function(|lua, pairs: Value| {
        let mut out = Vec::new();
        if let Value::Table(pairs) = pairs {
            for pair in pairs.pairs::<LuaString, LuaString>() {
                let (name, value) = pair?;
                if !out.is_empty() {
                    out.push(b'&');
                }
                coding::query(&name.as_bytes(), Half::Name, &mut out);
                out.push(b'=');
                coding::query(&value.as_bytes(), Half::Value, &mut out);
            }
        }
        lua.create_string(out)
    })?;
    table.raw_set("urlenc_query", query)
}
