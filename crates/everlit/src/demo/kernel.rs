//! What the kernel says about the server's processes.
//!
//! In: numbers of processes, ports of clients. Out: which process holds which connection, and who has which children.
//! Must hold: nothing here asks the server.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::clients::Kind;
use super::crowd::Staying;

/// Connections of clients who stay, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ByKind {
    pub(super) busy: u64,
    pub(super) idle: u64,
    pub(super) half_sent: u64,
    pub(super) downloads: u64,
}

impl ByKind {
    /// Counts these.
    pub(super) fn of(staying: impl IntoIterator<Item = Staying>) -> Self {
        let mut counts = Self::default();
        for client in staying {
            match client.kind {
                Kind::Busy => counts.busy += 1,
                Kind::Idle => counts.idle += 1,
                Kind::Half => counts.half_sent += 1,
                Kind::Download => counts.downloads += 1,
                // They do not stay.
                Kind::Fresh => {}
            }
        }
        counts
    }

    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.busy + self.idle + self.half_sent + self.downloads
    }
}

/// Those of these clients whose connection, at the server's end (an IPv4 port), is held by this process.
pub(super) fn held_by(pid: u32, server_port: u16, staying: &[Staying]) -> io::Result<Vec<Staying>> {
    let held = sockets_of(pid)?;
    let table = fs::read_to_string("/proc/net/tcp")?;
    let by_client: HashMap<u16, u64> = table
        .lines()
        .filter_map(connection)
        .filter(|row| row.local_port == server_port)
        .map(|row| (row.remote_port, row.inode))
        .collect();
    let is_held = |client: &&Staying| {
        let inode = by_client.get(&client.port);
        inode.is_some_and(|inode| held.contains(inode))
    };
    Ok(staying.iter().filter(is_held).copied().collect())
}

/// Processes whose parent is this one.
pub(super) fn children_of(pid: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may be gone by now.
        let Ok(stat) = fs::read(format!("/proc/{number}/stat")) else {
            continue;
        };
        if parent(&stat) == Some(pid) {
            children.push(number);
        }
    }
    Ok(children)
}

fn descriptors(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/fd"))
}

fn sockets_of(pid: u32) -> io::Result<HashSet<u64>> {
    let mut inodes = HashSet::new();
    for entry in fs::read_dir(descriptors(pid))? {
        // It may be closed by now.
        let Ok(target) = fs::read_link(entry?.path()) else {
            continue;
        };
        inodes.extend(target.to_str().and_then(socket_inode));
    }
    Ok(inodes)
}

/// `socket:[1385346]`
fn socket_inode(target: &str) -> Option<u64> {
    let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// A row of `/proc/net/tcp`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    local_port: u16,
    remote_port: u16,
    inode: u64,
}

/// A row with a process behind it: `sl local remote st queues timer retransmits uid timeout inode ...`.
fn connection(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
    let local_port = port(fields.next()?)?;
    let remote_port = port(fields.next()?)?;
    let inode = fields.nth(6)?.parse().ok()?;
    (inode != 0).then_some(Row {
        local_port,
        remote_port,
        inode,
    })
}

/// The fourth field of `/proc/PID/stat`; the second is a name in parentheses, and may contain anything.
fn parent(stat: &[u8]) -> Option<u32> {
    let after_name = memchr::memrchr(b')', stat)? + 1;
    let rest = std::str::from_utf8(&stat[after_name..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn rows_are_read_and_headings_are_not() {
        let row = "   1: 0100007F:A17C 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 1385346 1";
        assert_eq!(
            connection(row),
            Some(Row {
                local_port: 0xa17c,
                remote_port: 0x1bb,
                inode: 1_385_346
            })
        );
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(connection(heading), None);
        assert_eq!(connection(&row.replace("1385346", "0")), None);
        assert_eq!(connection(""), None);
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent(b"7 (a) b) 12) S 42 7 7 0"), Some(42));
        assert_eq!(parent(b"7 (everlit"), None);
        assert_eq!(socket_inode("socket:[12]"), Some(12));
        assert_eq!(socket_inode("pipe:[12]"), None);
    }

    #[test]
    fn connections_that_we_hold_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let staying = Staying {
                port: client.local_addr().unwrap().port(),
                kind: Kind::Idle,
            };
            (client, staying)
        };
        let (_client, accepted) = connect();
        let server_end = listener.accept().unwrap();
        let (_other, waiting) = connect();
        let us = std::process::id();
        let held = held_by(us, port, &[accepted, waiting]).unwrap();
        assert_eq!(held, [accepted]);
        assert_eq!(ByKind::of(held).idle, 1);
        drop(server_end);
        assert_eq!(held_by(us, port, &[accepted]).unwrap(), []);
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let children = children_of(std::process::id()).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(children.contains(&child.id()));
    }
}
