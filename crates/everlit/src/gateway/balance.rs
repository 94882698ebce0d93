//! Which host of a group answers a request.
//!
//! In: a group, how its hosts are doing, and what the choice is to depend on. Out: one of them, or none if all are left
//! alone. Must hold: nothing but the load decides under `fair`; under `hash` and `sticky` the same request gets the same
//! host as long as that one is up, before and after a restart, and other requests keep theirs when it is down.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::host::{Balance, Group, Host, State};

/// What the choice of a host depends on; plain data, so that another one can be chosen later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// `*.balance`
    pub balance: Balance,
    /// What [`Balance::Hash`] and [`Balance::Sticky`] go by; 0 for the others.
    pub hash: u64,
}

impl Preference {
    /// For a request for this path and host from this client, `None` if it has no address.
    pub fn new(balance: Balance, path: &[u8], host: &[u8], client: Option<IpAddr>) -> Preference {
        let hash = match (balance, client) {
            (Balance::Fair | Balance::RoundRobin, _) | (Balance::Sticky, None) => 0,
            (Balance::Hash, _) => hash(hash(BASIS, path), host),
            (Balance::Sticky, Some(IpAddr::V4(ip))) => hash(BASIS, &ip.octets()),
            (Balance::Sticky, Some(IpAddr::V6(ip))) => hash(BASIS, &ip.octets()),
        };
        Preference { balance, hash }
    }
}

/// Chooses a host that is not left alone at `now` (seconds, monotonic) and was not `tried` yet: its index.
pub fn choose(group: &Group, preference: Preference, now: u64, tried: &[usize]) -> Option<usize> {
    let hosts = &group.hosts;
    let usable = (0..hosts.len())
        .filter(|index| !tried.contains(index) && !hosts[*index].state.is_down(now));
    match preference.balance {
        Balance::Fair => usable.min_by_key(|index| hosts[*index].state.load()),
        Balance::RoundRobin => {
            let turn = group.turn.load(Relaxed) % hosts.len().max(1);
            let distance = |index: &usize| (index + hosts.len() - turn) % hosts.len();
            let index = usable.min_by_key(distance)?;
            // Two threads may take the same turn: that is no harm.
            group.turn.store(index + 1, Relaxed);
            Some(index)
        }
        Balance::Hash | Balance::Sticky => {
            usable.max_by_key(|index| weight(&hosts[*index], preference.hash))
        }
    }
}

/// How much a host is preferred for a hash: each pair has a weight of its own (rendezvous hashing), so that only the
/// requests of a host that is down move.
fn weight(host: &Host, of_request: u64) -> u64 {
    let mut mixed = hash(of_request, host.name.as_bytes());
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: the same in every process and version.
fn hash(basis: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(basis, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A request that is under way at a host, as far as its load is concerned; dropping it ends it.
#[derive(Debug)]
pub struct Busy(Arc<State>);

impl State {
    /// A request goes to this host.
    pub fn begin(self: &Arc<State>) -> Busy {
        self.load.fetch_add(1, Relaxed);
        Busy(self.clone())
    }

    /// Requests under way.
    pub fn load(&self) -> u32 {
        self.load.load(Relaxed)
    }

    /// The host could not be reached at `now` (seconds, monotonic): it is left alone for so many seconds.
    pub fn failed(&self, now: u64, disable_time: u16) {
        self.disabled_until
            .fetch_max(now.saturating_add(disable_time.into()), Relaxed);
    }

    /// Whether it is left alone. Until the whole second is over: not shorter than was configured.
    pub fn is_down(&self, now: u64) -> bool {
        let until = self.disabled_until.load(Relaxed);
        until != 0 && now <= until
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::gateway::host::tests::group;

    fn preferences() -> impl Strategy<Value = Preference> {
        let balances = vec![
            Balance::Fair,
            Balance::RoundRobin,
            Balance::Hash,
            Balance::Sticky,
        ];
        (prop::sample::select(balances), any::<u64>())
            .prop_map(|(balance, hash)| Preference { balance, hash })
    }

    proptest! {
        #[test]
        fn a_usable_host_is_found_if_there_is_one(
            preference in preferences(),
            hosts in prop::collection::vec((0u32..4, 0u64..3, any::<bool>()), 1..8),
            turn in any::<usize>(),
        ) {
            let group = group("", hosts.len());
            group.turn.store(turn, Relaxed);
            let mut tried = Vec::new();
            for (index, (load, until, was_tried)) in hosts.iter().enumerate() {
                group.hosts[index].state.load.store(*load, Relaxed);
                group.hosts[index].state.disabled_until.store(*until, Relaxed);
                if *was_tried {
                    tried.push(index);
                }
            }
            let usable: Vec<usize> = (0..hosts.len())
                .filter(|i| !hosts[*i].2 && (hosts[*i].1 == 0 || hosts[*i].1 < 1))
                .collect();
            let chosen = choose(&group, preference, 1, &tried);
            prop_assert_eq!(chosen.is_some(), !usable.is_empty());
            if let Some(chosen) = chosen {
                prop_assert!(usable.contains(&chosen));
                if preference.balance == Balance::Fair {
                    let least = usable.iter().map(|i| hosts[*i].0).min();
                    prop_assert_eq!(Some(hosts[chosen].0), least);
                }
            }
        }

        #[test]
        fn only_the_requests_of_a_host_that_is_down_move(hash in any::<u64>(), down in 0usize..5) {
            let group = group("", 5);
            for balance in [Balance::Hash, Balance::Sticky] {
                let preference = Preference { balance, hash };
                let before = choose(&group, preference, 1, &[]);
                prop_assert_eq!(choose(&group, preference, 1, &[]), before);
                let after = choose(&group, preference, 1, &[down]);
                if before == Some(down) {
                    prop_assert_ne!(after, before);
                } else {
                    prop_assert_eq!(after, before);
                }
            }
        }
    }

    #[test]
    fn round_robin_goes_round() {
        let group = group("", 3);
        let preference = Preference {
            balance: Balance::RoundRobin,
            hash: 0,
        };
        let next = || choose(&group, preference, 10, &[]).unwrap();
        assert_eq!([next(), next(), next(), next()], [0, 1, 2, 0]);
        group.hosts[1].state.failed(9, 1);
        let next = || choose(&group, preference, 10, &[]).unwrap();
        assert_eq!([next(), next(), next()], [2, 0, 2]);
    }

    #[test]
    fn the_first_of_the_idlest_is_taken() {
        let group = group("", 3);
        let fair = Preference::new(Balance::Fair, b"/", b"", None);
        assert_eq!(choose(&group, fair, 1, &[]), Some(0));
        let first = group.hosts[0].state.begin();
        assert_eq!(choose(&group, fair, 1, &[]), Some(1));
        let second = group.hosts[1].state.begin();
        assert_eq!(choose(&group, fair, 1, &[]), Some(2));
        drop(second);
        assert_eq!(choose(&group, fair, 1, &[]), Some(1));
        drop(first);
        assert_eq!(group.hosts[0].state.load(), 0);
    }

    #[test]
    fn a_host_that_failed_is_left_alone_for_a_while() {
        let group = group("", 1);
        let fair = Preference::new(Balance::Fair, b"/", b"", None);
        let host = &group.hosts[0];
        host.state.failed(100, 2);
        // A second failure that is noticed late does not shorten it.
        host.state.failed(99, 2);
        for (now, expected) in [(100, None), (102, None), (103, Some(0))] {
            assert_eq!(choose(&group, fair, now, &[]), expected, "{now}");
        }
    }

    #[test]
    fn hashes_depend_on_what_they_should() {
        let client = |last| Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        let of = |balance, path: &str, last| {
            Preference::new(balance, path.as_bytes(), b"h", client(last)).hash
        };
        assert_eq!(of(Balance::Hash, "/a", 1), of(Balance::Hash, "/a", 2));
        assert_ne!(of(Balance::Hash, "/a", 1), of(Balance::Hash, "/b", 1));
        assert_eq!(of(Balance::Sticky, "/a", 1), of(Balance::Sticky, "/b", 1));
        assert_ne!(of(Balance::Sticky, "/a", 1), of(Balance::Sticky, "/a", 2));
        assert_eq!(of(Balance::Fair, "/a", 1), 0);

        // All hosts get something.
        let group = group("", 4);
        let mut counts = [0; 4];
        for n in 0..400 {
            let path = format!("/{n}");
            let preference = Preference::new(Balance::Hash, path.as_bytes(), b"h", None);
            counts[choose(&group, preference, 1, &[]).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }
}
