//! Who has a TCP port.
//!
//! In: an address that cannot be bound. Out: the process in the way, in words, if /proc tells. Must hold: only for
//! messages; every doubt is `None`.

use std::fs;
use std::net::SocketAddr;

/// `nginx (process 123)`.
pub(super) fn of(address: SocketAddr) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, address.port()))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    fs::read_dir("/proc")
        .ok()?
        .flatten()
        .find_map(|process| holder(&process.path(), &inodes))
}

/// The process if one of its descriptors is one of these.
fn holder(process: &std::path::Path, inodes: &[String]) -> Option<String> {
    let pid: u32 = process.file_name()?.to_str()?.parse().ok()?;
    fs::read_dir(process.join("fd"))
        .ok()?
        .flatten()
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .find(|target| {
            inodes
                .iter()
                .any(|inode| target.as_os_str() == inode.as_str())
        })?;
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    Some(format!("{} (process {pid})", name.trim()))
}

/// Inodes of the sockets that listen on a port, from the text of `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTENING: &str = "0A";
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next()?;
            let _remote = fields.next()?;
            let state = fields.next()?;
            let inode = fields.nth(5)?.parse().ok()?;
            let (_, local_port) = local.rsplit_once(':')?;
            let same = u16::from_str_radix(local_port, 16) == Ok(port);
            (same && state == LISTENING).then_some(inode)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0\n   \
            1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 100 0\n";
        assert_eq!(listening_inodes(table, 8080), [4242]);
        assert!(listening_inodes(table, 8081).is_empty());
        assert!(listening_inodes("nonsense\nmore nonsense", 1).is_empty());
    }
}
