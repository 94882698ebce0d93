//! Giving up privileges, for good.
#![allow(
    unsafe_code,
    reason = "changing the user of all threads, and reading the user database, are the C library's business"
)]

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A user to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// Name, for the supplementary groups.
    pub(crate) name: CString,
    /// User ID.
    pub(crate) uid: u32,
    /// Its main group.
    pub(crate) gid: u32,
}

/// Finds a user by name; `None` if there is none of that name.
pub(crate) fn user(name: &str) -> io::Result<Option<User>> {
    let own = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    with_user(name, |entry| User {
        name: own,
        uid: entry.pw_uid,
        gid: entry.pw_gid,
    })
}

/// Looks up a user, and has something taken from the entry while it is there; `None` if there is none of that name.
fn with_user<T>(name: &str, take: impl FnOnce(&libc::passwd) -> T) -> io::Result<Option<T>> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut buffer = vec![0; 16 * 1024];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the lengths given, and the entry is read only if `found` says it was written.
    let error = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if found.is_null() {
        return if error == 0 {
            Ok(None)
        } else {
            Err(io::Error::from_raw_os_error(error))
        };
    }
    // SAFETY: `found` is not null, so the entry was written.
    let entry = unsafe { entry.assume_init() };
    Ok(Some(take(&entry)))
}

/// The home of the user of this name, if there is one.
pub(crate) fn home(name: &str) -> Option<Vec<u8>> {
    with_user(name, |entry| {
        // SAFETY: the entry is the one that was found; its strings end with a NUL and last as long as the buffer.
        let home = unsafe { std::ffi::CStr::from_ptr(entry.pw_dir) };
        home.to_bytes().to_vec()
    })
    .ok()
    .flatten()
}

/// Finds a group's ID by name; `None` if there is none of that name.
pub(crate) fn group(name: &str) -> io::Result<Option<u32>> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let mut buffer = vec![0; 64 * 1024];
    let mut found = std::ptr::null_mut();
    // SAFETY: as in `user`.
    let error = unsafe {
        libc::getgrnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if found.is_null() {
        return if error == 0 {
            Ok(None)
        } else {
            Err(io::Error::from_raw_os_error(error))
        };
    }
    // SAFETY: `found` is not null, so the entry was written.
    Ok(Some(unsafe { entry.assume_init() }.gr_gid))
}

/// Joins this group (or else the user's own) and the user's supplementary groups, and leaves all others. All threads
/// change.
pub(crate) fn join_groups(user: Option<&User>, group: Option<u32>) -> io::Result<()> {
    let Some(gid) = group.or(user.map(|user| user.gid)) else {
        return Ok(());
    };
    // SAFETY: a plain number.
    check(unsafe { libc::setgid(gid) })?;
    match user {
        // SAFETY: the name is a C string.
        Some(user) => check(unsafe { libc::initgroups(user.name.as_ptr(), gid) }),
        // SAFETY: no groups, so no list is read.
        None => check(unsafe { libc::setgroups(0, std::ptr::null()) }),
    }
}

/// Becomes this user, for good. All threads change.
pub(crate) fn become_user(user: &User) -> io::Result<()> {
    // SAFETY: a plain number. The kernel also makes the process undumpable by this.
    check(unsafe { libc::setuid(user.uid) })
}

/// As whom, and under which root directory, another program is to run: looked up before a fork, put on after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    uid: Option<u32>,
    /// Main group, and all groups.
    groups: Option<(u32, Vec<u32>)>,
    root: Option<CString>,
}

impl Identity {
    /// The one that `server.username`, `server.groupname` and `server.chroot` describe. They are for servers that are
    /// started as root; for others it is our own.
    pub(crate) fn of(
        user: Option<&str>,
        group: Option<&str>,
        root: Option<&Path>,
    ) -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::default());
        }
        let unknown = |what, name: &str| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no {what} \"{name}\""),
            )
        };
        let user = match user {
            Some(name) => Some(self::user(name)?.ok_or_else(|| unknown("user", name))?),
            None => None,
        };
        let group = match group {
            Some(name) => Some(self::group(name)?.ok_or_else(|| unknown("group", name))?),
            None => None,
        };
        let groups = match (group.or(user.as_ref().map(|user| user.gid)), &user) {
            (None, _) => None,
            (Some(gid), None) => Some((gid, Vec::new())),
            (Some(gid), Some(user)) => Some((gid, groups_of(&user.name, gid)?)),
        };
        let root = root.map(|root| CString::new(root.as_os_str().as_bytes()));
        Ok(Self {
            uid: user.map(|user| user.uid),
            groups,
            root: root.transpose()?,
        })
    }

    /// User and group that its files should belong to; none: as they are.
    pub(crate) fn owner(&self) -> (Option<u32>, Option<u32>) {
        (self.uid, self.groups.as_ref().map(|(gid, _)| *gid))
    }

    /// Where a path of its is for us.
    pub(crate) fn outside(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => Path::new(OsStr::from_bytes(root.as_bytes()))
                .join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// Takes groups and root directory, between fork and exec; whether that worked, else `errno` says why.
    /// Async-signal-safe.
    pub(super) fn put_on_groups_and_root(&self) -> bool {
        if let Some((gid, groups)) = &self.groups {
            // SAFETY: a pointer with its length, and plain numbers. System calls and not the C library's functions, which
            // would speak to other threads; there are none in a child that was just forked.
            let result = unsafe {
                libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) != 0
                    || libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid) != 0
            };
            if result {
                return false;
            }
        }
        match &self.root {
            // SAFETY: C strings.
            Some(root) => unsafe {
                libc::chroot(root.as_ptr()) == 0 && libc::chdir(c"/".as_ptr()) == 0
            },
            None => true,
        }
    }

    /// Becomes the user, for good; the last step. Otherwise as the other one.
    pub(super) fn put_on_user(&self) -> bool {
        match self.uid {
            // SAFETY: plain numbers.
            Some(uid) => unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) == 0 },
            None => true,
        }
    }
}

/// All groups of a user, this one included.
fn groups_of(name: &CString, gid: u32) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; 64];
    loop {
        let mut count =
            libc::c_int::try_from(groups.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the list has room for as many as said.
        let result =
            unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if result >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        // There are more, and now it is known how many.
        groups.resize(count.max(groups.len() * 2), 0);
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_outside_the_root_directory() {
        let mut identity = Identity::default();
        let path = Path::new("/run/php.sock");
        assert_eq!(identity.outside(path), path);
        identity.root = Some(c"/srv/jail".to_owned());
        assert_eq!(identity.outside(path), Path::new("/srv/jail/run/php.sock"));
        assert_eq!(identity.outside(Path::new("/")), Path::new("/srv/jail"));
    }

    #[test]
    fn who_is_unknown_is_named() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let error = Identity::of(Some("no such user"), None, None).unwrap_err();
        assert_eq!(error.to_string(), "there is no user \"no such user\"");
        let root = Identity::of(Some("root"), None, None).unwrap();
        assert_eq!(root.owner(), (Some(0), Some(0)));
        assert!(root.groups.is_some_and(|(_, groups)| groups.contains(&0)));
    }
}
