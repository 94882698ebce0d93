//! Giving up privileges, for good.
#![allow(
    unsafe_code,
    reason = "changing the user of all threads, and reading the user database, are the C library's business"
)]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

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
    Ok(Some(User {
        name,
        uid: entry.pw_uid,
        gid: entry.pw_gid,
    }))
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

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
