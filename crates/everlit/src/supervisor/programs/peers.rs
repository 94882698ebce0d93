//! Whether somebody still talks to a program.
//!
//! In: the kernel's tables of sockets (`/proc/net/unix`, `/proc/net/tcp`, `/proc/net/tcp6`) and of processes. Out: yes or
//! no. Must hold: connections that wait to be accepted count; whatever cannot be seen counts as a yes, because a no ends
//! the program.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

/// Whether a connection to the Unix socket that was bound with this name is open. Accepted sockets bear the name of the
/// listening one, and ours have names that were never used before (see [`socket`](super::socket)).
pub(super) fn of_unix(name: &Path) -> bool {
    match fs::read("/proc/net/unix") {
        Ok(table) => in_unix_table(&String::from_utf8_lossy(&table), &name.to_string_lossy()),
        Err(_) => true,
    }
}

/// Whether any socket was bound with this name and is still there.
pub(super) fn is_named(name: &Path) -> bool {
    match fs::read("/proc/net/unix") {
        Ok(table) => String::from_utf8_lossy(&table)
            .lines()
            .any(|line| line.ends_with(&format!(" {}", name.display()))),
        Err(_) => false,
    }
}

/// Whether a connection to a listening TCP socket is open: one in its queue, or one that a process of this group has.
/// The address alone would not do, because the program that replaces this one listens there as well.
pub(super) fn of_tcp(listener: u64, port: u16, group: i32) -> bool {
    let Ok(held) = sockets_of_group(group) else {
        return true;
    };
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        match fs::read_to_string(table) {
            Ok(table) => in_tcp_table(&table, listener, port, &held),
            // No IPv6 here.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    })
}

/// Lines: number, references, protocol, flags, type, state, inode, and perhaps a path.
fn in_unix_table(table: &str, name: &str) -> bool {
    const ACCEPTS: u32 = 0x1_0000;
    table.lines().skip(1).any(|line| {
        let mut rest = line;
        let mut fields = [""; 7];
        for field in &mut fields {
            rest = rest.trim_start();
            let end = rest.find(' ').unwrap_or(rest.len());
            (*field, rest) = rest.split_at(end);
        }
        let listens = u32::from_str_radix(fields[3], 16).is_ok_and(|flags| flags & ACCEPTS != 0);
        rest.strip_prefix(' ') == Some(name) && !listens
    })
}

/// Fields that matter: local address, state, queues (that of a listening socket is its queue of connections), inode.
fn in_tcp_table(table: &str, listener: u64, port: u16, held: &HashSet<u64>) -> bool {
    const LISTENS: &str = "0A";
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, queues, _, _, _, _, inode, ..] = fields.as_slice() else {
            return false;
        };
        let local_port = local.rsplit_once(':').map(|(_, port)| port);
        if local_port.and_then(|port| u16::from_str_radix(port, 16).ok()) != Some(port) {
            return false;
        }
        let inode = inode.parse().unwrap_or(0);
        match *state {
            LISTENS if inode == listener => queues
                .rsplit_once(':')
                .is_some_and(|(_, waiting)| u32::from_str_radix(waiting, 16) != Ok(0)),
            LISTENS => false,
            _ => held.contains(&inode),
        }
    })
}

/// Inodes of all sockets that processes of this group have open.
fn sockets_of_group(group: i32) -> io::Result<HashSet<u64>> {
    let mut sockets = HashSet::new();
    for process in fs::read_dir("/proc")?.flatten() {
        let path = process.path();
        let is_process = process.file_name().to_string_lossy().parse::<u32>().is_ok();
        // One that just ended is none.
        let stat = match is_process {
            true => fs::read_to_string(path.join("stat")).unwrap_or_default(),
            false => continue,
        };
        if group_in(&stat) != Some(group) {
            continue;
        }
        let descriptors = match fs::read_dir(path.join("fd")) {
            Ok(descriptors) => descriptors,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        sockets.extend(
            descriptors
                .flatten()
                .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
                .filter_map(|target| inode_in(&target.to_string_lossy())),
        );
    }
    Ok(sockets)
}

/// `PID (NAME) STATE PARENT GROUP ...`, where the name may hold anything.
fn group_in(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(2)?.parse().ok()
}

/// `socket:[INODE]`
fn inode_in(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_unix_table_is_read_by_name() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/my php/.1a.1\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 4712\n\
            0000000000000000: 00000003 00000000 00000000 0001 03  813 /run/other\n";
        assert!(!in_unix_table(table, "/run/my php/.1a.1"));
        assert!(in_unix_table(table, "/run/other"));
        let connected = table.replace("00010000 0001 01", "00000000 0001 03");
        assert!(in_unix_table(&connected, "/run/my php/.1a.1"));
        assert!(!in_unix_table(&connected, "/run/my php/.1a.11"));
    }

    #[test]
    fn a_tcp_table_is_read_by_who_has_the_socket() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0\n\
            1: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0\n\
            2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 200 1 0 20 4 30 10 -1\n\
            3: 0100007F:1F90 0100007F:C002 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0\n";
        let held = |inodes: &[u64]| inodes.iter().copied().collect::<HashSet<_>>();
        assert!(in_tcp_table(table, 100, 8080, &held(&[200])));
        assert!(!in_tcp_table(table, 100, 8080, &held(&[201])));
        assert!(!in_tcp_table(table, 100, 8081, &held(&[200])));
        // Somebody waits in the queue of the other one.
        assert!(in_tcp_table(table, 101, 8080, &held(&[])));
    }

    #[test]
    fn names_of_processes_hide_nothing() {
        assert_eq!(group_in("12 (a) b (c) S 1 34 34 0 -1"), Some(34));
        assert_eq!(group_in(""), None);
    }

    #[test]
    fn the_kernel_shows_connections_that_wait_and_that_are_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("listener");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(!of_unix(&path));
        let client = UnixStream::connect(&path).unwrap();
        assert!(of_unix(&path));
        let (accepted, _) = listener.accept().unwrap();
        assert!(of_unix(&path));
        drop((client, accepted));
        assert!(!of_unix(&path));

        let group = rustix::process::getpgrp().as_raw_nonzero().get();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inode = rustix::fs::fstat(listener.as_fd()).unwrap().st_ino;
        assert!(!of_tcp(inode, port, group));
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(of_tcp(inode, port, group));
        let (accepted, _) = listener.accept().unwrap();
        assert!(of_tcp(inode, port, group));
        drop(client);
        drop(accepted);
        assert!(!of_tcp(inode, port, group));
    }
}
