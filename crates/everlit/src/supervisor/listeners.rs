//! Listening sockets: who has which, and what a new configuration changes.
//!
//! In: the sockets in force and the listeners that a plan wants. Out: sockets bound, kept, retired; errors that name the
//! address, the reason and a way out. Must hold: nothing that is in force changes before [`Listeners::commit`], and
//! dropping what was prepared undoes it.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bind::{self, BindError, bind};
use crate::control::bound_address;
use crate::plan::{ListenAddress, ListenSpec};
use crate::sys;

/// The sockets in force.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Vec<Listener>);

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) spec: ListenSpec,
    pub(crate) socket: OwnedFd,
    pub(crate) origin: Origin,
}

/// Where a socket comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// Bound here. A Unix socket's file is ours while it is this one.
    Bound(Option<FileIdentity>),
    /// Taken over from an instance that left: ours as if bound here.
    Taken(Option<FileIdentity>),
    /// From systemd, which keeps it: never ours to retire, nor is its file.
    Activated,
}

/// Which file a Unix socket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// What a new plan changes: prepared, and not yet in force.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// In the order of the plan.
    entries: Vec<Entry>,
    /// Positions in [`Listeners`] of what is configured no longer.
    retiring: Vec<usize>,
}

#[derive(Debug)]
enum Entry {
    /// At this position in [`Listeners`], with perhaps other settings.
    Kept(usize, ListenSpec),
    /// Bound for this plan.
    Fresh(Fresh),
}

/// A new socket; when it is dropped before it is in force, its file goes too.
#[derive(Debug)]
struct Fresh(Option<Listener>);

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(listener) = &self.0 {
            listener.remove_file();
        }
    }
}

/// What to do with each listener, old and new.
#[derive(Debug, Default, PartialEq, Eq)]
struct Comparison {
    /// For each new one, in order: where the old one of the same address is, if there is one.
    wanted: Vec<Option<usize>>,
    /// Old ones that are not wanted.
    unwanted: Vec<usize>,
}

fn compare<'a>(old: impl Iterator<Item = &'a ListenSpec>, new: &[ListenSpec]) -> Comparison {
    let old: Vec<&ListenSpec> = old.collect();
    let wanted: Vec<Option<usize>> = new
        .iter()
        .map(|new| old.iter().position(|old| is_same(old, new)))
        .collect();
    let unwanted = (0..old.len())
        .filter(|index| !wanted.contains(&Some(*index)))
        .collect();
    Comparison { wanted, unwanted }
}

/// Whether an old listener is what a new configuration wants: the address counts, not how it is written, and a name may
/// lead elsewhere by now. Where the kernel chose the port, the name is all there is.
fn is_same(old: &ListenSpec, new: &ListenSpec) -> bool {
    match (&old.address, &new.address) {
        (ListenAddress::Tcp(old_address), ListenAddress::Tcp(new_address))
            if new_address.port() == 0 =>
        {
            old.name == new.name && old_address.ip() == new_address.ip()
        }
        (old_address, new_address) => old_address == new_address,
    }
}

impl Listeners {
    /// Sockets from systemd; each is named by where it is bound.
    pub(crate) fn activated(sockets: Vec<OwnedFd>) -> Self {
        sys::filter::accept_syns(&sockets);
        Self(
            sockets
                .into_iter()
                .map(|socket| Listener {
                    spec: found(bound_address(socket.as_fd()), socket.as_fd()),
                    socket,
                    origin: Origin::Activated,
                })
                .collect(),
        )
    }

    /// Sockets that another instance handed over, with their names.
    pub(crate) fn taken(sockets: impl Iterator<Item = (String, OwnedFd)>) -> Self {
        Self(
            sockets
                .map(|(name, socket)| {
                    sys::filter::accept_syns(std::slice::from_ref(&socket));
                    let spec = found(name, socket.as_fd());
                    let origin = Origin::Taken(spec.address.file());
                    Listener {
                        spec,
                        socket,
                        origin,
                    }
                })
                .collect(),
        )
    }

    /// Names of those that stay open when we are gone.
    pub(crate) fn kept_by_others(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|listener| listener.origin == Origin::Activated)
            .map(|listener| listener.spec.name.clone())
            .collect()
    }

    /// Put together again after an exec.
    pub(crate) fn resume(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.0.iter()
    }

    /// Adds what is not there yet.
    pub(crate) fn join(&mut self, other: Self) {
        for listener in other.0 {
            if !self
                .0
                .iter()
                .any(|have| have.spec.name == listener.spec.name)
            {
                self.0.push(listener);
            }
        }
    }

    /// Has everything that the plan wants: keeps what is here, binds the rest.
    pub(crate) fn prepare(&self, wanted: &[ListenSpec]) -> Result<Prepared, BindError> {
        let comparison = compare(self.0.iter().map(|listener| &listener.spec), wanted);
        let unwanted: Vec<&Listener> = comparison
            .unwanted
            .iter()
            .map(|index| &self.0[*index])
            .collect();
        let mut entries = Vec::new();
        for (spec, place) in wanted.iter().zip(&comparison.wanted) {
            entries.push(match place {
                Some(index) => Entry::Kept(*index, spec.clone()),
                None => {
                    let socket = bind(spec, &unwanted)?;
                    let origin = Origin::Bound(spec.address.file());
                    Entry::Fresh(Fresh(Some(Listener {
                        spec: spec.clone(),
                        socket,
                        origin,
                    })))
                }
            });
        }
        Ok(Prepared {
            entries,
            retiring: comparison.unwanted,
        })
    }

    /// The sockets to serve once `prepared` is in force.
    pub(crate) fn to_serve<'a>(
        &'a self,
        prepared: &'a Prepared,
    ) -> impl Iterator<Item = BorrowedFd<'a>> {
        prepared.entries.iter().filter_map(|entry| match entry {
            Entry::Kept(index, _) => Some(self.0[*index].socket.as_fd()),
            Entry::Fresh(fresh) => fresh.0.as_ref().map(|listener| listener.socket.as_fd()),
        })
    }

    /// The sockets to empty and close then.
    pub(crate) fn to_retire<'a>(
        &'a self,
        prepared: &'a Prepared,
    ) -> impl Iterator<Item = &'a Listener> {
        prepared
            .retiring
            .iter()
            .map(|index| &self.0[*index])
            .filter(|listener| listener.origin != Origin::Activated)
    }

    /// The sockets from systemd that nothing is configured for.
    pub(crate) fn left_over<'a>(
        &'a self,
        prepared: &'a Prepared,
    ) -> impl Iterator<Item = &'a Listener> {
        prepared
            .retiring
            .iter()
            .map(|index| &self.0[*index])
            .filter(|listener| listener.origin == Origin::Activated)
    }

    /// Puts it in force; what could not be adjusted is told.
    pub(crate) fn commit(&mut self, prepared: Prepared) -> Vec<BindError> {
        let mut old: Vec<Option<Listener>> =
            std::mem::take(&mut self.0).into_iter().map(Some).collect();
        let mut complaints = Vec::new();
        for entry in prepared.entries {
            match entry {
                Entry::Kept(index, spec) => {
                    // A name that is wanted twice is kept once.
                    if let Some(mut listener) = old[index].take() {
                        complaints.extend(bind::adjust(&mut listener, spec));
                        self.0.push(listener);
                    }
                }
                Entry::Fresh(mut fresh) => {
                    let fresh = fresh.0.take();
                    fresh.iter().for_each(bind::keep_port);
                    self.0.extend(fresh);
                }
            }
        }
        for listener in old.into_iter().flatten() {
            listener.remove_file();
        }
        complaints
    }

    /// A successor that was to retire sockets is gone: whatever it did to them is undone.
    pub(crate) fn roll_back(&self, prepared: Prepared) {
        for listener in self.to_retire(&prepared) {
            // Not a TCP socket, or nothing was done to it: as it should be.
            let _ = sys::socket::show_listener(listener.socket.as_fd());
            let _ = sys::socket::detach_filter(listener.socket.as_fd());
            bind::keep_port(listener);
        }
    }

    /// Closes our copies; files of Unix sockets go at once, what is in their queues is still served.
    pub(crate) fn close(&mut self) {
        for listener in self.0.drain(..) {
            listener.remove_file();
        }
    }

    /// Closes our copies; they live on in another instance.
    pub(crate) fn give_away(&mut self) {
        self.0.clear();
    }
}

impl Listener {
    fn remove_file(&self) {
        let (Origin::Bound(Some(ours)) | Origin::Taken(Some(ours))) = self.origin else {
            return;
        };
        if let ListenAddress::Unix(path) = &self.spec.address
            && file_identity(path) == Some(ours)
        {
            // Gone already is as good.
            let _ = fs::remove_file(path);
        }
    }
}

impl ListenAddress {
    fn file(&self) -> Option<FileIdentity> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => file_identity(path),
        }
    }
}

pub(super) fn file_identity(path: &Path) -> Option<FileIdentity> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some(FileIdentity {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// What can be said of a socket that somebody else bound.
fn found(name: String, socket: BorrowedFd<'_>) -> ListenSpec {
    let bound = bound_address(socket);
    ListenSpec {
        name,
        address: match bound.parse() {
            Ok(address) => ListenAddress::Tcp(address),
            Err(_) => ListenAddress::Unix(bound.into()),
        },
        backlog: bind::DEFAULT_BACKLOG,
        defer_accept: false,
        v6_only: true,
        transparent: false,
        permissions: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    fn tcp(address: &str) -> ListenSpec {
        let address: SocketAddr = address.parse().unwrap();
        ListenSpec {
            name: address.to_string(),
            address: ListenAddress::Tcp(address),
            backlog: 16,
            defer_accept: false,
            v6_only: true,
            transparent: false,
            permissions: None,
        }
    }

    fn unix(path: &Path) -> ListenSpec {
        ListenSpec {
            name: path.display().to_string(),
            address: ListenAddress::Unix(path.to_owned()),
            permissions: Some(0o640),
            ..tcp("127.0.0.1:0")
        }
    }

    /// A port that was free a moment ago.
    fn port() -> u16 {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    }

    #[test]
    fn old_and_new_are_compared_by_address() {
        let named = |name: &str, address| ListenSpec {
            name: name.to_owned(),
            ..tcp(address)
        };
        let [a, b, c, d] = ["1", "2", "3", "4"].map(|n| tcp(&format!("127.0.0.1:{n}")));
        let compared = compare([&a, &b, &c].into_iter(), &[c.clone(), d, a.clone()]);
        assert_eq!(compared.wanted, [Some(2), None, Some(0)]);
        assert_eq!(compared.unwanted, [1]);
        let one = named("localhost:1", "127.0.0.1:1");
        assert_eq!(
            compare([&a].into_iter(), std::slice::from_ref(&one)).wanted,
            [Some(0)]
        );
        let elsewhere = named("localhost:1", "127.0.0.9:1");
        assert_eq!(compare([&one].into_iter(), &[elsewhere]).wanted, [None]);
        let (bound, any) = (named("127.0.0.1:0", "127.0.0.1:99"), tcp("127.0.0.1:0"));
        assert_eq!(
            compare([&bound].into_iter(), std::slice::from_ref(&any)).wanted,
            [Some(0)]
        );
        assert_eq!(compare([&a].into_iter(), &[any]).wanted, [None]);
    }

    #[test]
    fn a_socket_that_stays_is_the_same_socket() {
        let mut listeners = Listeners::default();
        let prepared = listeners.prepare(&[tcp("127.0.0.1:0")]).unwrap();
        assert!(listeners.commit(prepared).is_empty());
        let before = bound_address(listeners.0[0].socket.as_fd());
        let prepared = listeners
            .prepare(&[tcp("[::1]:0"), tcp("127.0.0.1:0")])
            .unwrap();
        assert_eq!(listeners.to_serve(&prepared).count(), 2);
        assert_eq!(listeners.to_retire(&prepared).count(), 0);
        assert!(listeners.commit(prepared).is_empty());
        assert_eq!(bound_address(listeners.0[1].socket.as_fd()), before);
        TcpStream::connect(before).unwrap();
    }

    #[test]
    fn nothing_changes_before_commit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("www.sock");
        let listeners = Listeners::default();
        let prepared = listeners.prepare(&[unix(&path)]).unwrap();
        UnixStream::connect(&path).unwrap();
        listeners.roll_back(prepared);
        assert!(!path.exists());
        assert!(listeners.0.is_empty());
    }

    #[test]
    fn a_unix_socket_has_its_mode_and_its_file_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("www.sock");
        let mut listeners = Listeners::default();
        let prepared = listeners.prepare(&[unix(&path)]).unwrap();
        assert!(listeners.commit(prepared).is_empty());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let prepared = listeners.prepare(&[tcp("127.0.0.1:0")]).unwrap();
        assert_eq!(listeners.to_retire(&prepared).count(), 1);
        listeners.commit(prepared);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_unix_socket_is_replaced_a_live_one_and_a_file_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("www.sock");
        let live = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let listeners = Listeners::default();
        let error = listeners.prepare(&[unix(&path)]).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        // Nor is one with a full queue (the look from above is still in it), and nobody waits for it.
        rustix::net::listen(&live, 0).unwrap();
        assert!(listeners.prepare(&[unix(&path)]).is_err());
        drop(live);
        assert!(path.exists());
        drop(listeners.prepare(&[unix(&path)]).unwrap());
        fs::write(&path, "precious").unwrap();
        let error = listeners.prepare(&[unix(&path)]).unwrap_err().to_string();
        assert!(error.contains("not a socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn an_address_in_use_is_named_with_its_user() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let error = Listeners::default()
            .prepare(&[tcp(&address.to_string())])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("bind {address}: ")), "{error}");
        let pid = format!("process {}", std::process::id());
        assert!(error.contains(&pid), "{error}");
    }

    #[test]
    fn a_wildcard_can_follow_a_single_address_and_the_other_way_round() {
        let port = port();
        let (one, all) = (format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"));
        let mut listeners = Listeners::default();
        for address in [&one, &all, &one] {
            // An attempt that fails leaves everything as it was.
            listeners.roll_back(listeners.prepare(&[tcp(address)]).unwrap());
            let prepared = listeners.prepare(&[tcp(address)]).unwrap();
            if !listeners.0.is_empty() {
                // Until the successor listens, clients meet the old one.
                TcpStream::connect(&one).unwrap();
            }
            for socket in listeners.to_serve(&prepared) {
                rustix::net::listen(socket, 16).unwrap();
            }
            assert!(listeners.commit(prepared).is_empty());
            TcpStream::connect(&one).unwrap();
            // And nobody else can squeeze in.
            assert!(Listeners::default().prepare(&[tcp(&one)]).is_err());
        }
    }

    #[test]
    fn what_a_socket_has_for_life_is_told() {
        let mut listeners = Listeners::default();
        let prepared = listeners.prepare(&[tcp("[::1]:0")]).unwrap();
        listeners.commit(prepared);
        let dual = ListenSpec {
            v6_only: false,
            // Another change does not hide it.
            defer_accept: true,
            ..tcp("[::1]:0")
        };
        // Each time, because it is never done.
        for _ in 0..2 {
            let prepared = listeners.prepare(std::slice::from_ref(&dual)).unwrap();
            let complaints = listeners.commit(prepared);
            assert!(complaints[0].to_string().contains("server.set-v6only"));
        }
    }

    #[test]
    fn sockets_that_others_had_turn_nobody_away() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = |socket: &TcpListener| {
            sys::filter::drop_syns(socket.as_fd()).unwrap();
            OwnedFd::from(socket.try_clone().unwrap())
        };
        let _activated = Listeners::activated(vec![closed(&listener)]);
        TcpStream::connect_timeout(&address, std::time::Duration::from_secs(60)).unwrap();
        let _taken = Listeners::taken([("a".to_owned(), closed(&listener))].into_iter());
        TcpStream::connect_timeout(&address, std::time::Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn a_socket_from_systemd_is_matched_by_its_address() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut listeners = Listeners::activated(vec![socket.into(), other.into()]);
        let prepared = listeners.prepare(&[tcp(&address)]).unwrap();
        assert_eq!(listeners.left_over(&prepared).count(), 1);
        assert_eq!(listeners.to_retire(&prepared).count(), 0);
        assert!(listeners.commit(prepared).is_empty());
        assert_eq!(listeners.0[0].origin, Origin::Activated);
    }
}
