//! Moves bytes between a connection's socket and its protocol.
//!
//! In: news from the kernel about one connection. Out: its [`Fate`]. Must hold: never blocks, never loses a byte that was
//! read: what cannot be dealt with now is held in the connection.

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};

use super::bench::Bench;
use super::conn::{Conn, Input};
use crate::errorlog;
use crate::http1::machine::Need;
use crate::route::Origin;
use crate::transport::outbox::Flushed;

/// What becomes of a connection after it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits for the kernel's next news.
    Keep,
    /// It could go on at once; others have their turn first.
    Yield,
    /// It is over.
    Close,
}

/// Reads of one connection before others have their turn.
const READ_TURN: usize = 4;

/// Reads as long as there is something to read and a use for it, but not for ever.
pub(super) fn readable(
    conn: &mut Conn,
    origin: Origin<'_>,
    bench: &mut Bench,
    buffer: &mut [u8],
) -> Fate {
    for _ in 0..READ_TURN {
        if !conn.http.wants_input() {
            if conn.input == Input::Drained {
                conn.input = Input::Pending;
            }
            return Fate::Keep;
        }
        match rustix::net::recv(&conn.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => {
                return match conn.http.client_ended() {
                    Need::Close => Fate::Close,
                    _ => Fate::Keep,
                };
            }
            Ok((n, _)) => {
                // A short read means there is nothing more, unless the client has closed its direction. Noted before the
                // bytes are dealt with, because that may end our turn.
                if conn.input != Input::Ended {
                    conn.input = if n < buffer.len() {
                        Input::Drained
                    } else {
                        Input::Pending
                    };
                }
                match feed(conn, &buffer[..n], origin, bench) {
                    Fate::Keep => {}
                    fate => return fate,
                }
                if conn.input == Input::Drained {
                    return Fate::Keep;
                }
            }
            Err(Errno::AGAIN) => {
                conn.input = Input::Drained;
                return Fate::Keep;
            }
            Err(Errno::INTR) => {}
            Err(_) => return Fate::Close,
        }
    }
    Fate::Yield
}

/// Sends as much as the socket takes; goes on with what was held or left unread meanwhile.
pub(super) fn writable(
    conn: &mut Conn,
    origin: Origin<'_>,
    bench: &mut Bench,
    buffer: &mut [u8],
) -> Fate {
    match flush(conn, bench) {
        Step::On(unread) => {
            if !unread.is_empty() {
                match feed(conn, &unread, origin, bench) {
                    Fate::Keep => {}
                    fate => return fate,
                }
            }
            match conn.input {
                Input::Drained => Fate::Keep,
                Input::Pending | Input::Ended => readable(conn, origin, bench, buffer),
            }
        }
        // A client that does not read may still have to say what its backend waits for.
        Step::Stop(Fate::Keep) if conn.http.is_relaying() && conn.input != Input::Drained => {
            readable(conn, origin, bench, buffer)
        }
        Step::Stop(fate) => fate,
    }
}

/// The connection's patience is over.
pub(super) fn timed_out(conn: &mut Conn, origin: Origin<'_>, bench: &mut Bench) -> Fate {
    match conn.http.timed_out(origin, bench) {
        Need::Flush => match flush(conn, bench) {
            Step::On(_) => Fate::Keep,
            Step::Stop(fate) => fate,
        },
        _ => Fate::Close,
    }
}

/// Whether serving goes on after a flush.
enum Step {
    /// Yes, first with this input that was held.
    On(Vec<u8>),
    /// Not now.
    Stop(Fate),
}

/// Gives input to the protocol and does what it needs, until all is dealt with or the socket blocks.
fn feed(conn: &mut Conn, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Fate {
    let mut rest = input;
    if conn.awaits_introduction() {
        match conn.introduce(rest) {
            Ok(used) => rest = &rest[used..],
            Err(why) => {
                errorlog::say("mod_extforward", format_args!("{}: {why}", conn.peer));
                return Fate::Close;
            }
        }
    }
    // It may be somebody else now.
    let who = conn.who();
    let origin = origin.of(&who);
    while !rest.is_empty() {
        let (used, need) = conn.http.receive(rest, origin, bench);
        rest = &rest[used..];
        match need {
            Need::Input => debug_assert!(used > 0, "input neither used nor waited for"),
            Need::Flush => match flush(conn, bench) {
                // Whatever is held was given to `hold` below, and that returns.
                Step::On(_) => {}
                Step::Stop(Fate::Close) => return Fate::Close,
                Step::Stop(fate) => {
                    conn.http.hold(rest);
                    return fate;
                }
            },
            Need::Close => return Fate::Close,
            Need::Linger => linger(conn),
        }
        if conn.http.is_relaying() && !conn.http.wants_input() {
            conn.http.hold(rest);
            return Fate::Keep;
        }
        if used == 0 && need == Need::Input {
            return Fate::Close;
        }
    }
    Fate::Keep
}

fn flush(conn: &mut Conn, bench: &mut Bench) -> Step {
    let Some((outbox, sent)) = conn.http.outbox() else {
        return Step::On(Vec::new());
    };
    match outbox.flush(&conn.socket, sent) {
        Ok(Flushed::All) => {
            let (need, unread) = conn.http.flushed(bench);
            match need {
                Need::Input | Need::Flush => Step::On(unread),
                // Closing with unread input would have the kernel throw the end of the response away.
                Need::Close if conn.input == Input::Drained => Step::Stop(Fate::Close),
                Need::Close | Need::Linger => {
                    linger(conn);
                    Step::On(unread)
                }
            }
        }
        Ok(Flushed::Blocked) => Step::Stop(Fate::Keep),
        Ok(Flushed::Yielded) => Step::Stop(Fate::Yield),
        Err(_) => Step::Stop(Fate::Close),
    }
}

/// Closes our direction. If that fails the connection is gone, and reading will tell.
pub(super) fn linger(conn: &Conn) {
    let _ = rustix::net::shutdown(&conn.socket, Shutdown::Write);
}
