//! A packet filter on a listening socket.
#![allow(
    unsafe_code,
    reason = "rustix cannot attach a classic BPF program to a socket"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::socket::detach_filter;

/// Has the kernel drop connection attempts (bare SYNs) at a TCP listener, and nothing else: handshakes under way
/// complete. A client whose SYN is dropped tries again a second later, and meets whoever listens then.
///
/// The program sees a segment from its TCP header on (RFC 9293 section 3.1): the flags are its byte 13.
pub(crate) fn drop_syns(listener: BorrowedFd<'_>) -> io::Result<()> {
    const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
    const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(LOAD_BYTE, 0, 0, 13),
        step(AND, 0, 0, SYN | ACK),
        step(JUMP_IF_EQUAL, 0, 1, SYN),
        step(RETURN, 0, 0, 0),
        step(RETURN, 0, 0, u32::MAX),
    ];
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the option takes a `sock_fprog` of exactly this size, whose program lives until the call returns; the
    // kernel copies and verifies it.
    let result = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Undoes [`drop_syns`] on sockets that were somebody else's before: the filter stays with the socket, not with the
/// process.
pub(crate) fn accept_syns(listeners: &[OwnedFd]) {
    for listener in listeners {
        // Not a TCP socket, or no filter on it: as it should be.
        let _ = detach_filter(listener.as_fd());
    }
}
