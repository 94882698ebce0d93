//! Host blocks: `proxy.server`, `fastcgi.server` and their kind, key by key.
//!
//! In: `( "key" => ( "label" => ( "host" => ..., ... ), ... ), ... )`. Out: groups, and the programs that are to be
//! started for them. Must hold: whatever can be wrong with a block is said with its place, and names are resolved here,
//! once; a reload resolves them again.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use lighttpd_conf::{Span, Value, ValueError};

use super::Backends;
use super::host::{Address, Balance, CheckLocal, Group, Host, Role, Script, Spawn};
use crate::config::nearest::nearest;
use crate::config::paths::absolute;
use crate::config::reader::Reader;
use crate::config::{Change, Read};
use crate::settings::Settings;

/// Bytes that the path of a Unix socket may have: `sun_path`, less the NUL at its end.
const MAX_SOCKET_PATH: usize = 107;

/// What is different from one module to the next.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// `fastcgi.server` and so on.
    pub directive: &'static str,
    /// Whether files can matter to it at all.
    pub files: Files,
    /// How `bin-path` is taken apart.
    pub command: Command,
    /// Where its backends are among the settings.
    pub backends: fn(&mut Settings) -> &mut Backends,
}

/// Whether a module looks for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// `check-local` decides, default on.
    Matter,
    /// Never: `check-local` has no effect.
    Ignored,
}

/// How `bin-path` is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// At spaces.
    Words,
    /// By `/bin/sh`, if there are spaces.
    Shell,
}

/// Reads `*.server`.
pub fn server(value: &Value, reader: &mut Reader, kind: Kind) -> Read<Settings> {
    let groups = groups(value, reader, kind)?;
    Ok(Change::new(move |settings| {
        (kind.backends)(settings).groups = groups.clone();
    }))
}

fn groups(value: &Value, reader: &mut Reader, kind: Kind) -> Result<Arc<[Arc<Group>]>, ValueError> {
    let mut groups = Vec::new();
    for (key, blocks) in value.to_map_of_arrays()? {
        let mut responders = Vec::new();
        let mut authorizers = Vec::new();
        for entry in blocks.iter() {
            if entry.value.as_array().is_none() {
                reader.error(
                    entry.value.span,
                    format!("{}: \"{key}\" needs a list of backends", kind.directive),
                    "put another pair of parentheses around the backend: ( \"...\" => ( ( \"host\" => \"...\" ) ) )",
                );
                // The other entries are keys of the same backend.
                break;
            }
            let mut draft = Draft::default();
            for (name, setting) in entry.value.to_map()? {
                draft.set(name, setting, reader, kind)?;
            }
            let label = entry.key.as_deref().unwrap_or_default();
            let check_local = draft.check_local;
            let list = match draft.role {
                Role::Responder => &mut responders,
                Role::Authorizer => &mut authorizers,
            };
            for host in draft.finish(label, entry.value.span, reader, kind) {
                list.push((host, check_local, entry.value.span));
            }
        }
        if blocks.is_empty() {
            let message = format!("{}: there is no backend for \"{key}\"", kind.directive);
            reader.warn(value.span, message);
        }
        for (role, hosts) in [
            (Role::Authorizer, authorizers),
            (Role::Responder, responders),
        ] {
            groups.extend(group(key, role, hosts, reader, kind).map(Arc::new));
        }
    }
    Ok(groups.into())
}

fn group(
    key: &str,
    role: Role,
    hosts: Vec<(Host, Option<bool>, Span)>,
    reader: &mut Reader,
    kind: Kind,
) -> Option<Group> {
    let (_, first, _) = hosts.first()?;
    let first = *first;
    if let Some((.., span)) = hosts
        .iter()
        .find(|(_, own, _)| own.unwrap_or(true) != first.unwrap_or(true))
    {
        reader.warn(
            *span,
            format!(
                "{}: check-local of the first backend for \"{key}\" counts for all of them",
                kind.directive
            ),
        );
    }
    let checked = kind.files == Files::Matter && first.unwrap_or(true);
    Some(Group {
        key: key.to_owned(),
        role,
        check_local: match checked {
            true => CheckLocal::Checked,
            false => CheckLocal::Unchecked,
        },
        hosts: hosts.into_iter().map(|(host, ..)| host).collect(),
        turn: AtomicUsize::new(0),
    })
}

/// Reads `*.balance`.
pub fn balance(value: &Value, kind: Kind) -> Read<Settings> {
    let balance = choice(value)?;
    Ok(Change::new(move |settings| {
        (kind.backends)(settings).balance = balance;
    }))
}

fn choice(value: &Value) -> Result<Balance, ValueError> {
    Ok(match value.to_str()? {
        "" | "fair" | "least-connection" => Balance::Fair,
        "round-robin" => Balance::RoundRobin,
        "hash" => Balance::Hash,
        "sticky" => Balance::Sticky,
        _ => {
            return Err(
                value.unfit("\"least-connection\", \"round-robin\", \"hash\" or \"sticky\"")
            );
        }
    })
}

/// A block, as far as it was read. Where nothing was set, lighttpd's defaults.
#[derive(Debug)]
struct Draft {
    host: String,
    port: Option<u16>,
    socket: String,
    backlog: u32,
    bin_path: String,
    kill_signal: u16,
    check_local: Option<bool>,
    role: Role,
    min_procs: Option<u16>,
    max_procs: u16,
    disable_time: u16,
    environment: Vec<(String, String)>,
    copy_environment: Vec<String>,
    script: Script,
    x_sendfile: bool,
    x_sendfile_docroot: Vec<PathBuf>,
    connect_timeout: u32,
    write_timeout: u32,
    read_timeout: u32,
    upgrade: bool,
}

impl Default for Draft {
    fn default() -> Self {
        Draft {
            host: String::new(),
            port: None,
            socket: String::new(),
            backlog: 4096,
            bin_path: String::new(),
            kill_signal: 15,
            check_local: None,
            role: Role::Responder,
            min_procs: None,
            max_procs: 4,
            disable_time: 1,
            environment: Vec::new(),
            copy_environment: Vec::new(),
            script: Script::default(),
            x_sendfile: false,
            x_sendfile_docroot: Vec::new(),
            connect_timeout: 8,
            write_timeout: 0,
            read_timeout: 0,
            upgrade: false,
        }
    }
}

/// All keys of a block.
const KEYS: &[&str] = &[
    "allow-x-send-file",
    "bin-copy-environment",
    "bin-environment",
    "bin-path",
    "broken-scriptfilename",
    "check-local",
    "connect-timeout",
    "disable-time",
    "docroot",
    "fix-root-scriptname",
    "host",
    "idle-timeout",
    "kill-signal",
    "listen-backlog",
    "max-load-per-proc",
    "max-procs",
    "min-procs",
    "mode",
    "port",
    "read-timeout",
    "socket",
    "strip-request-uri",
    "tcp-fin-propagate",
    "upgrade",
    "write-timeout",
    "x-sendfile",
    "x-sendfile-docroot",
];

impl Draft {
    fn set(
        &mut self,
        name: &str,
        value: &Value,
        reader: &mut Reader,
        kind: Kind,
    ) -> Result<(), ValueError> {
        match name.to_ascii_lowercase().as_str() {
            "host" => self.host = value.to_str()?.to_owned(),
            "port" => self.port = Some(port(value, reader)?),
            "socket" => self.socket = value.to_str()?.to_owned(),
            "listen-backlog" => self.backlog = value.to_int()?,
            "bin-path" => self.bin_path = value.to_str()?.to_owned(),
            "kill-signal" => self.kill_signal = signal(value, reader)?,
            "check-local" => {
                let on = value.to_bool()?;
                if on && kind.files == Files::Ignored {
                    let message = format!(
                        "check-local has no effect in {}: files are never looked for",
                        kind.directive
                    );
                    reader.warn(value.span, message);
                }
                self.check_local = Some(on);
            }
            "mode" => {
                self.role = match value.to_str()? {
                    "" | "responder" => Role::Responder,
                    "authorizer" => Role::Authorizer,
                    // lighttpd takes it for a responder, and so lets everybody in.
                    _ => return Err(value.unfit("\"responder\" or \"authorizer\"")),
                }
            }
            "docroot" => self.script.docroot = value.to_str()?.to_owned(),
            "min-procs" => self.min_procs = Some(value.to_short()?),
            "max-procs" => self.max_procs = value.to_short()?,
            // They are about processes beyond min-procs, and those are warned about.
            "max-load-per-proc" | "idle-timeout" => drop(value.to_short()?),
            "disable-time" => self.disable_time = value.to_short()?,
            "bin-environment" => self.environment = value.to_pairs()?,
            "bin-copy-environment" => self.copy_environment = value.to_list()?,
            "broken-scriptfilename" => self.script.broken_filename = value.to_bool()?,
            "strip-request-uri" => {
                let path = value.to_str()?;
                let path = path.strip_suffix('/').unwrap_or(path);
                self.script.strip_request_uri = path.to_owned();
            }
            "fix-root-scriptname" => self.script.fix_root = value.to_bool()?,
            "x-sendfile" => self.x_sendfile = value.to_bool()?,
            "allow-x-send-file" => {
                reader.warn(
                    value.span,
                    "allow-x-send-file is obsolete: write x-sendfile",
                );
                self.x_sendfile = value.to_bool()?;
            }
            "x-sendfile-docroot" => self.x_sendfile_docroot = directories(value)?,
            "tcp-fin-propagate" if value.to_bool()? => reader.warn(
                value.span,
                "tcp-fin-propagate has no effect: that a client has closed its direction is passed on in tunnels only",
            ),
            "tcp-fin-propagate" => {}
            "connect-timeout" => self.connect_timeout = value.to_int()?,
            "write-timeout" => self.write_timeout = value.to_int()?,
            "read-timeout" => self.read_timeout = value.to_int()?,
            "upgrade" => self.upgrade = value.to_bool()?,
            other => {
                let mut message =
                    format!("unknown key \"{other}\" in {} is ignored", kind.directive);
                if let Some(near) = nearest(&other.replace('_', "-"), KEYS.iter().copied()) {
                    message.push_str(&format!("; did you mean \"{near}\"?"));
                }
                reader.warn(value.span, message);
            }
        }
        Ok(())
    }

    /// The hosts of the block: one for each process, if it starts a program. None, if something is wrong with it.
    fn finish(self, label: &str, span: Span, reader: &mut Reader, kind: Kind) -> Vec<Host> {
        let addresses = match self.addresses() {
            Ok(addresses) => addresses,
            Err((message, help)) => {
                reader.error(span, format!("{}: {message}", kind.directive), help);
                return Vec::new();
            }
        };
        if !self.bin_path.is_empty() {
            if self.min_procs.is_some_and(|least| least < self.max_procs) {
                let message = format!(
                    "{}: min-procs has no effect: all max-procs processes ({}) always run",
                    kind.directive, self.max_procs
                );
                reader.warn(span, message);
            }
            let spawn = self.spawn(addresses.clone(), kind.command);
            if let Err(taken) = reader.program(spawn) {
                reader.error(
                    span,
                    format!("{}: another program listens on {taken}", kind.directive),
                    "give each bin-path a socket of its own",
                );
            }
        }
        addresses
            .into_iter()
            .map(|address| self.host(label, address, reader))
            .collect()
    }

    fn host(&self, label: &str, address: Address, reader: &mut Reader) -> Host {
        Host {
            name: address.to_string(),
            label: label.to_owned(),
            state: reader.state_of(&address),
            address,
            script: self.script.clone(),
            x_sendfile: self.x_sendfile.then(|| self.x_sendfile_docroot.clone()),
            upgrade: self.upgrade,
            connect_timeout: self.connect_timeout,
            write_timeout: self.write_timeout,
            read_timeout: self.read_timeout,
            disable_time: self.disable_time,
        }
    }

    fn spawn(&self, addresses: Vec<Address>, command: Command) -> Spawn {
        let words = self.bin_path.split_ascii_whitespace();
        let words: Vec<String> = words.map(str::to_owned).collect();
        let command = match command {
            Command::Shell if words.len() > 1 => {
                let line = format!("exec {}", self.bin_path);
                vec!["/bin/sh".to_owned(), "-c".to_owned(), line]
            }
            Command::Shell | Command::Words => words,
        };
        Spawn {
            command,
            addresses,
            environment: self.environment.clone(),
            copy_environment: self.copy_environment.clone(),
            kill_signal: self.kill_signal,
            backlog: self.backlog,
        }
    }

    /// Where the backends of the block listen, or what is wrong and what to write instead.
    fn addresses(&self) -> Result<Vec<Address>, (String, String)> {
        let problem = |message: &str, help: &str| Err((message.to_owned(), help.to_owned()));
        let starts = !self.bin_path.trim().is_empty();
        if !self.bin_path.is_empty() && !starts {
            return problem("bin-path is blank", "name the program to start");
        }
        if starts && self.max_procs == 0 {
            return problem("max-procs is 0", "start at least one process");
        }
        let base = match (self.socket.as_str(), self.host.as_str()) {
            ("", "") if !starts => {
                return problem(
                    "the backend has no address",
                    "set \"host\" and \"port\", or \"socket\"",
                );
            }
            ("", "") if self.port.is_none() => {
                return problem(
                    "bin-path needs an address for the program to listen on",
                    "set \"socket\" to the path of a Unix socket",
                );
            }
            ("", "") => self.tcp("127.0.0.1")?,
            ("", path) if path.starts_with('/') => Address::Unix(path.into()),
            ("", host) => self.tcp(host)?,
            (socket, "") if self.port.is_none() => Address::Unix(absolute(socket)),
            _ => {
                return problem(
                    "the backend has two addresses",
                    "set either \"host\" and \"port\", or \"socket\"",
                );
            }
        };
        let addresses: Vec<Address> = match starts {
            true => (0..self.max_procs)
                .filter_map(|n| numbered(&base, n))
                .collect(),
            false => vec![base],
        };
        if starts && addresses.len() < usize::from(self.max_procs) {
            return problem(
                "there are not that many ports",
                "set \"socket\" instead of \"port\", or lower max-procs",
            );
        }
        let is_long = |address: &&Address| matches!(address, Address::Unix(path) if path.as_os_str().len() > MAX_SOCKET_PATH);
        if let Some(long) = addresses.iter().find(is_long) {
            return Err((
                format!("the path of the socket is too long: {long}"),
                format!("it may have {MAX_SOCKET_PATH} bytes"),
            ));
        }
        Ok(addresses)
    }

    /// IPv4 first, if a name has both.
    fn tcp(&self, host: &str) -> Result<Address, (String, String)> {
        let port = self.port.filter(|port| *port != 0).unwrap_or(80);
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let failed = |error: String| {
            (
                format!("look up \"{host}\": {error}"),
                "write an IP address, or a name that can be resolved".to_owned(),
            )
        };
        let found = (bare.unwrap_or(host), port).to_socket_addrs();
        let all: Vec<SocketAddr> = found.map_err(|error| failed(error.to_string()))?.collect();
        let preferred = all.iter().find(|address| address.is_ipv4()).or(all.first());
        let address = preferred.ok_or_else(|| failed("the name has no address".to_owned()))?;
        Ok(Address::Tcp(*address))
    }
}

/// The address of one of several processes; `None`: there is no such port.
fn numbered(base: &Address, n: u16) -> Option<Address> {
    Some(match base {
        Address::Unix(path) => {
            let mut path = path.clone().into_os_string();
            path.push(format!("-{n}"));
            Address::Unix(path.into())
        }
        Address::Tcp(address) => {
            let port = address.port().checked_add(n)?;
            Address::Tcp(SocketAddr::new(address.ip(), port))
        }
    })
}

/// A port that does not exist is a mistake, where other numbers that are too large only mean "many".
fn port(value: &Value, reader: &mut Reader) -> Result<u16, ValueError> {
    let number = value.to_short()?;
    if value.to_int()? > u32::from(number) {
        reader.error(
            value.span,
            "there is no such port",
            "a port is an integer from 0 to 65535",
        );
    }
    Ok(number)
}

fn signal(value: &Value, reader: &mut Reader) -> Result<u16, ValueError> {
    let number = value.to_short()?;
    if !(1..=64).contains(&number) {
        reader.error(
            value.span,
            "there is no such signal",
            "a signal is an integer from 1 to 64, such as 15 (SIGTERM) or 10 (SIGUSR1)",
        );
    }
    Ok(number)
}

/// `x-sendfile-docroot`: absolute paths.
pub fn directories(value: &Value) -> Result<Vec<PathBuf>, ValueError> {
    let list = value.to_list()?;
    match list.iter().all(|path| path.starts_with('/')) {
        true => Ok(list.into_iter().map(PathBuf::from).collect()),
        false => Err(value.unfit("directories that begin with \"/\"")),
    }
}
