//! A document on its way to a page.
//!
//! In: pieces of a document. Out: parts of a page: text, files that are included, commands to be run. Must hold: what is read is below the
//! document root or beside the document; a page ends, whatever its documents include.

use std::ffi::CString;
use std::rc::Rc;

use super::parse::{Directive, Piece, pieces};
use super::{Settings, expression};
use crate::exchange::Exchange;
use crate::files::{Entry, EntryKind, Rules};
use crate::response::FileRange;
use crate::settings;
use crate::sys::local_time;

/// Files that one page may include, however they are nested.
const INCLUDES_MAX: u32 = 1000;

/// Text of one page in bytes, without long files that are included as they are.
pub(super) const TEXT_MAX: usize = 16 << 20;

/// Variables that one page may set.
const VARIABLES_MAX: usize = 1000;
/// Lines of the error log about one page.
const COMPLAINTS_MAX: u32 = 20;
/// Documents that are included are carried out this deep at most.
const DEPTH_MAX: u16 = 16;

/// Documents are read up to this length in bytes; longer ones are sent as they are.
const DOCUMENT_MAX: u64 = 4 << 20;

/// The date, unless a document says otherwise.
const TIME_FORMAT: &[u8] = b"%a, %d %b %Y %T %Z";

/// A part of a page.
#[derive(Debug)]
pub(super) enum Content {
    /// This.
    Text(Vec<u8>),
    /// A long file, which is included as it is.
    File {
        /// Where it is.
        path: Vec<u8>,
        /// All of it.
        range: FileRange,
    },
    /// What a command will say.
    Command(Vec<u8>),
}

/// A page that is being made.
pub(super) struct Page<'p> {
    pub(super) contents: Vec<Content>,
    /// Of all that is in it: when the last was changed.
    pub(super) mtime: i64,
    settings: &'p settings::Settings,
    variables: Vec<(Vec<u8>, Vec<u8>)>,
    environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// The URL path of the document that is being read, without what stands behind it.
    url_path: Vec<u8>,
    branches: Vec<Branch>,
    time_format: Vec<u8>,
    size_format: SizeFormat,
    includes: u32,
    complaints: u32,
    /// Bytes of text in it.
    length: usize,
}

/// An `if` that is open.
struct Branch {
    /// Whether what is around it is shown.
    around: Shown,
    /// Whether one of its parts was shown.
    taken: bool,
    /// Whether the present part is.
    now: Shown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

impl From<bool> for Shown {
    fn from(shown: bool) -> Shown {
        match shown {
            true => Shown::Yes,
            false => Shown::No,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SizeFormat {
    Exact,
    Short,
}

impl<'p> Page<'p> {
    pub(super) fn new(
        settings: &'p settings::Settings,
        environment: Vec<(Vec<u8>, Vec<u8>)>,
        exchange: &Exchange<'_>,
    ) -> Page<'p> {
        let path = &exchange.request.uri.path[..];
        let info = &exchange.physical.path_info[..];
        Page {
            contents: Vec::new(),
            mtime: 0,
            settings,
            variables: Vec::new(),
            environment,
            url_path: path.strip_suffix(info).unwrap_or(path).to_vec(),
            branches: Vec::new(),
            time_format: TIME_FORMAT.to_vec(),
            size_format: SizeFormat::Exact,
            includes: 0,
            complaints: 0,
            length: 0,
        }
    }

    /// Adds a document. `depth`: 0 for the first.
    pub(super) fn add(&mut self, entry: &Rc<Entry>, exchange: &mut Exchange<'_>, depth: u16) {
        self.mtime = self.mtime.max(entry.metadata.mtime);
        let Some(document) = read(entry) else {
            return self.include_raw(entry);
        };
        for piece in pieces(&document) {
            match piece {
                Piece::Text(text) if self.is_shown() => self.text(text),
                Piece::Text(_) => {}
                Piece::Directive(directive) => self.carry_out(&directive, entry, exchange, depth),
            }
        }
    }

    fn is_shown(&self) -> bool {
        let last = self.branches.last();
        last.is_none_or(|branch| branch.now == Shown::Yes)
    }

    fn text(&mut self, text: &[u8]) {
        let before = self.length;
        self.length = before.saturating_add(text.len());
        if self.length > TEXT_MAX {
            if before <= TEXT_MAX {
                self.complain("a page is too long");
            }
            return;
        }
        match self.contents.last_mut() {
            Some(Content::Text(bytes)) => bytes.extend_from_slice(text),
            _ => self.contents.push(Content::Text(text.to_vec())),
        }
    }

    fn carry_out(
        &mut self,
        directive: &Directive<'_>,
        entry: &Rc<Entry>,
        exchange: &mut Exchange<'_>,
        depth: u16,
    ) {
        match directive.name {
            b"if" | b"elif" | b"else" | b"endif" => return self.branch(directive),
            _ if !self.is_shown() => return,
            _ => {}
        }
        match directive.name {
            b"echo" => match directive.get("var") {
                Some(name) => self.echo(name, directive.get("encoding"), entry, exchange),
                None => self.complain("echo without var"),
            },
            b"set" => match (directive.get("var"), directive.get("value")) {
                (Some(name), Some(value)) => {
                    self.variables.retain(|(other, _)| other != name);
                    match self.variables.len() < VARIABLES_MAX {
                        true => self.variables.push((name.to_vec(), value.to_vec())),
                        false => self.complain("a page sets too many variables"),
                    }
                }
                _ => self.complain("set without var or value"),
            },
            b"config" => self.configure(directive),
            b"include" | b"fsize" | b"flastmod" => {
                self.about_file(directive, entry, exchange, depth)
            }
            b"printenv" => {
                let mut out = Vec::new();
                for (name, value) in self.variables.iter().chain(&self.environment) {
                    out.extend_from_slice(name);
                    out.push(b'=');
                    escape(value, &mut out);
                    out.push(b'\n');
                }
                self.text(&out);
            }
            b"exec" if self.settings.ssi.exec => match directive.get("cmd") {
                Some(command) if command.contains(&0) => self.complain("exec with a zero byte"),
                Some(command) => self.contents.push(Content::Command(command.to_vec())),
                None => self.complain("exec without cmd"),
            },
            b"exec" => {}
            b"comment" => {}
            name => self.complain(&format!(
                "unknown directive {}",
                String::from_utf8_lossy(name)
            )),
        }
    }

    fn branch(&mut self, directive: &Directive<'_>) {
        let expression = directive.get("expr");
        match (directive.name, expression) {
            (b"if" | b"elif", None) => self.complain("if or elif without expr"),
            (b"if", Some(expression)) => {
                let around = Shown::from(self.is_shown());
                let taken = around == Shown::Yes && self.holds(expression);
                self.branches.push(Branch {
                    around,
                    taken,
                    now: taken.into(),
                });
            }
            (b"elif", Some(expression)) => {
                let holds = self.holds(expression);
                self.turn(holds);
            }
            (b"else", _) => self.turn(true),
            _ => drop(self.branches.pop()),
        }
    }

    /// The next part of an `if`.
    fn turn(&mut self, holds: bool) {
        let Some(branch) = self.branches.last_mut() else {
            // An end without a beginning: as in lighttpd, nothing more is shown.
            return self.branches.push(Branch {
                around: Shown::No,
                taken: true,
                now: Shown::No,
            });
        };
        let is_next = !branch.taken && holds && branch.around == Shown::Yes;
        branch.now = is_next.into();
        branch.taken |= is_next;
    }

    fn holds(&self, expression: &[u8]) -> bool {
        expression::holds(expression, &|name| self.variable(name).map(<[u8]>::to_vec))
    }

    /// What the request says goes before what a document sets.
    fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        let mut all = self.environment.iter().chain(&self.variables);
        all.find(|(other, _)| other == name)
            .map(|(_, value)| &value[..])
    }

    fn echo(
        &mut self,
        name: &[u8],
        encoding: Option<&[u8]>,
        entry: &Rc<Entry>,
        exchange: &Exchange<'_>,
    ) {
        let now = exchange.now.unix.as_secs();
        let value = match name {
            b"DATE_LOCAL" => self.date(now, Zone::Local),
            b"DATE_GMT" => self.date(now, Zone::Utc),
            b"LAST_MODIFIED" => self.date(seconds(entry.metadata.mtime), Zone::Local),
            b"DOCUMENT_NAME" => file_name(entry.path()).to_vec(),
            b"DOCUMENT_URI" => self.url_path.clone(),
            name => self.variable(name).unwrap_or(b"(none)").to_vec(),
        };
        let mut out = Vec::new();
        match encoding {
            Some(b"entity") => escape(&value, &mut out),
            Some(b"url") => {
                use crate::route::percent::{Part, encode};
                encode(&value, Part::Segment, &mut out);
            }
            _ => out = value,
        }
        self.text(&out);
    }

    fn configure(&mut self, directive: &Directive<'_>) {
        for (key, value) in &directive.attributes {
            match (*key, *value) {
                (b"timefmt", b"") => self.time_format = TIME_FORMAT.to_vec(),
                (b"timefmt", format) => self.time_format = format.to_vec(),
                (b"sizefmt", b"abbrev") => self.size_format = SizeFormat::Short,
                (b"sizefmt", b"bytes") => self.size_format = SizeFormat::Exact,
                (key, _) => self.complain(&format!("config {}", String::from_utf8_lossy(key))),
            }
        }
    }

    /// `include`, `fsize`, `flastmod`
    fn about_file(
        &mut self,
        directive: &Directive<'_>,
        document: &Rc<Entry>,
        exchange: &mut Exchange<'_>,
        depth: u16,
    ) {
        let mut url_path = Vec::new();
        let path = match (directive.get("file"), directive.get("virtual")) {
            (Some(file), None) => {
                let directory = directory(document.path());
                [directory, b"/", &below(&decoded(file))].concat()
            }
            (None, Some(target)) => {
                let target = decoded(target);
                let from = match target.starts_with(b"/") {
                    true => target,
                    false => [directory(&self.url_path), b"/", &target].concat(),
                };
                let inside = below(&from);
                url_path = [b"/", &inside[..]].concat();
                [&exchange.physical.document_root[..], b"/", &inside].concat()
            }
            _ => return self.complain("a file is named by file or by virtual"),
        };
        let rules = Rules::from(&self.settings.core);
        let entry = match exchange.files.look_up(&path, rules, exchange.now) {
            Ok(entry) if entry.metadata.kind == EntryKind::File && !path.contains(&0) => entry,
            Ok(_) => {
                return self.complain(&format!("{} is no file", String::from_utf8_lossy(&path)));
            }
            Err(errno) => {
                return self.complain(&format!("{}: {errno}", String::from_utf8_lossy(&path)));
            }
        };
        match directive.name {
            b"fsize" => {
                let text = self.size(entry.metadata.size);
                self.text(text.as_bytes());
            }
            b"flastmod" => {
                let text = self.date(seconds(entry.metadata.mtime), Zone::Local);
                self.text(&text);
            }
            _ => {
                self.includes += 1;
                if self.includes > INCLUDES_MAX {
                    if self.includes == INCLUDES_MAX + 1 {
                        self.complain("a page includes too many files");
                    }
                    return;
                }
                self.mtime = self.mtime.max(entry.metadata.mtime);
                let Settings {
                    extensions,
                    recursion_max,
                    ..
                } = &self.settings.ssi;
                let is_document = extensions
                    .iter()
                    .any(|suffix| path.ends_with(suffix.as_bytes()));
                let is_carried_out =
                    is_document && *recursion_max > 0 && directive.get("virtual").is_some();
                if !is_carried_out {
                    self.include_raw(&entry);
                } else if entry.path() == document.path() {
                    self.text(b"(error: include directives create an infinite loop)");
                } else if depth >= (*recursion_max).min(DEPTH_MAX) {
                    self.text(b"(error: include directives recurse deeper than pre-defined ssi.recursion-max)");
                } else {
                    let around = std::mem::replace(&mut self.url_path, url_path);
                    self.add(&entry, exchange, depth + 1);
                    self.url_path = around;
                }
            }
        }
    }

    fn include_raw(&mut self, entry: &Rc<Entry>) {
        match (entry.content(), entry.open()) {
            (Ok(Some(content)), _) => self.text(&content),
            (_, Ok(file)) => self.contents.push(Content::File {
                path: entry.path().to_vec(),
                range: FileRange {
                    file,
                    offset: 0,
                    length: entry.metadata.size,
                },
            }),
            (_, Err(errno)) => {
                self.complain(&format!(
                    "{}: {errno}",
                    String::from_utf8_lossy(entry.path())
                ));
            }
        }
    }

    /// Says what is wrong with it, but not for ever.
    fn complain(&mut self, text: &str) {
        self.complaints += 1;
        match self.complaints {
            0..COMPLAINTS_MAX => self.settings.core.errors.say("mod_ssi", text),
            COMPLAINTS_MAX => self
                .settings
                .core
                .errors
                .say("mod_ssi", format_args!("{text}; and there is more")),
            _ => {}
        }
    }

    fn size(&self, size: u64) -> String {
        if self.size_format == SizeFormat::Exact {
            return size.to_string();
        }
        let (mut size, mut unit) = (size, "B");
        for next in ["kB", "MB", "GB", "TB", "PB"] {
            if size <= 1024 {
                break;
            }
            size /= 1024;
            unit = next;
        }
        format!("{size} {unit}")
    }

    fn date(&self, seconds: u64, zone: Zone) -> Vec<u8> {
        let mut out = Vec::new();
        if let Ok(format) = CString::new(self.time_format.clone()) {
            match zone {
                Zone::Local => local_time::format(seconds, &format, &mut out),
                Zone::Utc => local_time::format_utc(seconds, &format, &mut out),
            }
        }
        match out.is_empty() {
            true => b"(none)".to_vec(),
            false => out,
        }
    }
}

#[derive(Clone, Copy)]
enum Zone {
    Local,
    Utc,
}

fn read(entry: &Entry) -> Option<Rc<[u8]>> {
    if let Ok(Some(content)) = entry.content() {
        return Some(content);
    }
    if entry.metadata.size > DOCUMENT_MAX {
        return None;
    }
    let file = entry.open().ok()?;
    let bytes = crate::files::read_whole(&*file, entry.metadata.size as usize).ok()?;
    Some(bytes.into())
}

fn seconds(mtime: i64) -> u64 {
    u64::try_from(mtime).unwrap_or(0)
}

/// Without what follows the last slash.
fn directory(path: &[u8]) -> &[u8] {
    &path[..memchr::memrchr(b'/', path).unwrap_or(0)]
}

fn file_name(path: &[u8]) -> &[u8] {
    &path[memchr::memrchr(b'/', path).map_or(0, |at| at + 1)..]
}

/// A path without `.` and `..`, relative to where it starts: nothing leads above that.
fn below(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(path.get(at + 1)), digit(path.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            byte => out.push(*byte),
        }
    }
}
