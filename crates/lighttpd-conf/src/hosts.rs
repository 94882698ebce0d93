//! Many blocks that each ask for one host: finding those that may hold without looking at all of them.
//! In: hosts as conditions name them, then the host of a request. Out: the blocks whose host is the same, but for a port that
//! only one of the two has. What is found here is compared once more, so all that matters is that none is missed.

use crate::config::BlockId;
use std::collections::HashMap;

/// Blocks by the host that they ask for.
#[derive(Debug)]
pub(crate) struct HostIndex {
    /// Where the host is, among the fields of the conditions.
    pub(crate) field: usize,
    /// By the host as it was written.
    by_host: HashMap<Box<[u8]>, Vec<BlockId>>,
    /// Those that were written with a port, by the host without it.
    by_name: HashMap<Box<[u8]>, Vec<BlockId>>,
}

impl HostIndex {
    /// An index of fields, hosts and blocks; none if there are none. All fields are the same.
    pub(crate) fn new<'h>(
        hosts: impl IntoIterator<Item = (usize, &'h [u8], BlockId)>,
    ) -> Option<HostIndex> {
        let mut index: Option<HostIndex> = None;
        for (field, host, id) in hosts {
            let index = index.get_or_insert_with(|| HostIndex {
                field,
                by_host: HashMap::new(),
                by_name: HashMap::new(),
            });
            index.by_host.entry(host.into()).or_default().push(id);
            if let Some(name) = without_port(host) {
                index.by_name.entry(name.into()).or_default().push(id);
            }
        }
        index
    }

    /// Appends the blocks for this host.
    pub(crate) fn find(&self, host: &[u8], out: &mut Vec<BlockId>) {
        let same = self.by_host.get(host);
        let with_any_port = self.by_name.get(host);
        let without = without_port(host).and_then(|name| self.by_host.get(name));
        for found in [same, with_any_port, without].into_iter().flatten() {
            out.extend_from_slice(found);
        }
    }
}

/// A host without its port, if it has one.
fn without_port(host: &[u8]) -> Option<&[u8]> {
    let colon = host.iter().rposition(|byte| *byte == b':')?;
    let name = &host[..colon];
    same_host(name, host).then_some(name)
}

/// Equal, or equal but for a port that only one of them has.
pub(crate) fn same_host(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    match long.strip_prefix(short) {
        None => false,
        Some([]) => true,
        Some([b':', port @ ..]) => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_port_matches_any() {
        for (a, b, same) in [
            ("a.b", "a.b", true),
            ("a.b:80", "a.b", true),
            ("a.b", "a.b:8080", true),
            ("a.b:80", "a.b:81", false),
            ("a.b", "a.bc", false),
            ("[::1]", "[::1]:80", true),
            ("a", "a:b", false),
            ("", "", true),
        ] {
            assert_eq!(same_host(a.as_bytes(), b.as_bytes()), same, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn none_is_missed(hosts in prop::collection::vec("[ab.:0]{0,6}", 1..20), host in "[ab.:0]{0,6}") {
            let blocks = hosts.iter().zip((1..).map(BlockId));
            let index = HostIndex::new(blocks.clone().map(|(host, id)| (0, host.as_bytes(), id)));
            let mut found = Vec::new();
            index.unwrap().find(host.as_bytes(), &mut found);
            found.sort_unstable();
            let same = |(wanted, id): (&String, BlockId)| same_host(host.as_bytes(), wanted.as_bytes()).then_some(id);
            let all: Vec<BlockId> = blocks.filter_map(same).collect();
            prop_assert_eq!(found, all);
        }
    }
}
