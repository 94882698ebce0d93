//! Listening sockets: `server.bind` with `server.port`, and every `$SERVER["socket"] == "..."`.
//!
//! In: addresses as written, and the directives of scope `Socket`. Out: [`ListenSpec`]s. Must hold: each address is there
//! once, under the name by which conditions know it.

use std::net::{SocketAddr, ToSocketAddrs};

use lighttpd_conf::listen::ListenError;
use lighttpd_conf::{BlockId, Config, Diagnostic, ListenAddress as Written, Span};

use super::directive::Change;
use super::draft::Draft;
use super::paths::absolute;
use crate::plan::{ListenAddress, ListenSpec};

/// What directives of scope `Socket` set.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// `server.listen-backlog`, default 1024.
    pub backlog: u32,
    /// `server.defer-accept`
    pub defer_accept: bool,
    /// `server.set-v6only`
    pub v6_only: bool,
    /// `server.v4mapped`
    pub v4_mapped: bool,
    /// `server.ip-transparent`
    pub transparent: bool,
    /// `server.use-ipv6`: without `server.bind`, `[::]` is meant.
    pub use_ipv6: bool,
    /// `server.socket-perms`
    pub permissions: Option<u32>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        SocketOptions {
            backlog: 1024,
            defer_accept: true,
            v6_only: true,
            v4_mapped: false,
            transparent: false,
            use_ipv6: false,
            permissions: None,
        }
    }
}

/// All listeners of a configuration. `changes` are those of each block, by its index.
pub(super) fn listeners(
    config: &Config,
    draft: &Draft,
    changes: &[Vec<Change<SocketOptions>>],
    problems: &mut Vec<Diagnostic>,
) -> Vec<ListenSpec> {
    let base = options(changes, BlockId::GLOBAL);
    let mut wanted: Vec<(Written, SocketOptions, Option<Span>)> = Vec::new();

    let bind = config.global().get("server.bind").map(|value| value.span);
    match main_address(&draft.bind, draft.port, &base) {
        Ok(address) => wanted.push((address, base, bind)),
        Err(error) => {
            let problem = Diagnostic::error(format!("server.bind: {error}")).help(error.help());
            problems.push(match bind {
                Some(span) => problem.at(config.sources(), span),
                None => problem,
            });
        }
    }
    for (block, condition) in config.sockets() {
        // An address that cannot be read is reported with the condition.
        if let Ok(address) = Written::parse(&condition.value, draft.port) {
            let options = options(changes, block.id);
            wanted.push((address, options, Some(condition.value_span)));
        }
    }

    let mut specs: Vec<ListenSpec> = Vec::new();
    for (index, (written, options, span)) in wanted.into_iter().enumerate() {
        match resolve(&written, &options) {
            Ok(address) if specs.iter().any(|known| known.address == address) => {}
            Ok(address) => specs.push(spec(&written, address, &options)),
            Err(reason) => {
                let whose = if index == 0 { "server.bind: " } else { "" };
                let problem = Diagnostic::error(format!("{whose}listen on {written}: {reason}"));
                let problem =
                    problem.help("name an address of this machine, or the path of a socket");
                problems.push(match span {
                    Some(span) => problem.at(config.sources(), span),
                    None => problem,
                });
            }
        }
    }
    specs
}

/// Options of a block: those of the global block, and its own.
fn options(changes: &[Vec<Change<SocketOptions>>], block: BlockId) -> SocketOptions {
    let own = match block {
        BlockId::GLOBAL => None,
        block => changes.get(block.index()),
    };
    let mut options = SocketOptions::default();
    for change in changes.first().into_iter().chain(own).flatten() {
        change.apply(&mut options);
    }
    options
}

/// `server.bind` as written: an address, a name, the path of a Unix socket (`unix:` before it is allowed, which lighttpd
/// has only for backends); empty: any address.
fn main_address(bind: &str, port: u16, options: &SocketOptions) -> Result<Written, ListenError> {
    match bind {
        "" if options.use_ipv6 => Written::parse("[::]", port),
        "" => Written::parse("0.0.0.0", port),
        bind => Written::parse(bind.strip_prefix("unix:").unwrap_or(bind), port),
    }
}

/// Names are resolved here, once; a reload resolves them again. IPv4 first, unless `server.use-ipv6` says otherwise.
fn resolve(written: &Written, options: &SocketOptions) -> Result<ListenAddress, String> {
    Ok(match written {
        Written::Unix(path) => ListenAddress::Unix(absolute(path)),
        Written::Ip { ip, port } => ListenAddress::Tcp(SocketAddr::new(*ip, *port)),
        Written::Host { host, port } => {
            let found = (host.as_str(), *port).to_socket_addrs();
            let all: Vec<SocketAddr> = found.map_err(|error| error.to_string())?.collect();
            let preferred = all.iter().find(|a| a.is_ipv6() == options.use_ipv6);
            let address = preferred.or(all.first());
            ListenAddress::Tcp(*address.ok_or("the name has no address")?)
        }
    })
}

fn spec(written: &Written, address: ListenAddress, options: &SocketOptions) -> ListenSpec {
    ListenSpec {
        name: written.to_string(),
        address,
        backlog: options.backlog,
        defer_accept: options.defer_accept,
        v6_only: options.v6_only && !options.v4_mapped,
        transparent: options.transparent,
        permissions: options.permissions,
    }
}
