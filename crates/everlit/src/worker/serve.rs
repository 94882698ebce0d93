//! Moves bytes between a connection's socket and its protocol.
//!
//! In: news from the kernel about one connection. Out: its [`Fate`]. Must hold: never blocks, never loses a byte that was
//! read: what cannot be dealt with now is held in the connection.

use std::os::fd::AsFd as _;

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};

use super::bench::Bench;
use super::conn::{Conn, Input};
use crate::errorlog;
use crate::http1::machine::Need;
use crate::route::Origin;
use crate::tls::channel::{Channel, Ending, Received, Stage};
use crate::transport::outbox::{Flushed, Sink};

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
        if conn
            .channel
            .as_ref()
            .is_some_and(|channel| channel.has_ended())
        {
            return client_ended(conn);
        }
        match rustix::net::recv(&conn.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => return client_ended(conn),
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
                match take(conn, &mut buffer[..n], origin, bench) {
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

/// A request that was put off is read again, and what comes after it.
pub(super) fn resumed(
    conn: &mut Conn,
    input: &[u8],
    origin: Origin<'_>,
    bench: &mut Bench,
    buffer: &mut [u8],
) -> Fate {
    match feed(conn, input, origin, bench) {
        Fate::Keep if conn.input != Input::Drained => readable(conn, origin, bench, buffer),
        fate => fate,
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

/// The client has closed its direction, and all that came before is dealt with.
fn client_ended(conn: &mut Conn) -> Fate {
    match conn.http.client_ended() {
        Need::Close => Fate::Close,
        _ => Fate::Keep,
    }
}

/// Deals with what was read from the socket.
fn take(conn: &mut Conn, input: &mut [u8], origin: Origin<'_>, bench: &mut Bench) -> Fate {
    let mut used = 0;
    if conn.awaits_introduction() {
        match conn.introduce(input) {
            Ok(length) => used = length,
            Err(why) => {
                errorlog::say("mod_extforward", format_args!("{}: {why}", conn.peer));
                return Fate::Close;
            }
        }
    }
    let input = &mut input[used..];
    if input.is_empty() {
        return Fate::Keep;
    }
    match conn.channel.take() {
        None => feed(conn, input, origin, bench),
        Some(channel) => decrypt(conn, channel, input, origin, bench),
    }
}

/// The same for a connection over TLS.
fn decrypt(
    conn: &mut Conn,
    mut channel: Box<Channel>,
    input: &mut [u8],
    origin: Origin<'_>,
    bench: &mut Bench,
) -> Fate {
    let mut plain = std::mem::take(&mut bench.tls.plain);
    plain.clear();
    let who = conn.who();
    let before = channel.stage();
    let received = channel.receive(input, &mut plain, &mut |offer| {
        bench.choose(offer, origin.of(&who))
    });
    let has_opened = before != Stage::Open && channel.stage() == Stage::Open;
    conn.channel = Some(channel);
    let fate = match plain.is_empty() {
        // Whoever speaks first (mod_sockproxy) has waited for this.
        true if has_opened && conn.http.outbox().is_some() => match flush(conn, bench) {
            Step::On(_) => Fate::Keep,
            Step::Stop(fate) => fate,
        },
        true => Fate::Keep,
        false => feed(conn, &plain, origin, bench),
    };
    bench.tls.plain = plain;
    bench.tls.plain.shrink_to(PLAIN_KEPT);
    match (received, fate) {
        (_, Fate::Close) | (Received::Broken, _) => return Fate::Close,
        (Received::Ended, _) => conn.input = Input::Ended,
        (Received::Going, _) => {}
    }
    match conn
        .channel
        .as_mut()
        .map(|channel| channel.flush(&conn.socket))
    {
        Some(Err(_)) => Fate::Close,
        _ => fate,
    }
}

/// Plaintext that is kept room for.
const PLAIN_KEPT: usize = 32 * 1024;

/// Gives input to the protocol and does what it needs, until all is dealt with or the socket blocks.
fn feed(conn: &mut Conn, input: &[u8], origin: Origin<'_>, bench: &mut Bench) -> Fate {
    let mut rest = input;
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
    let ending = match conn.http.ends_with_outbox() {
        true => Ending::Last,
        false => Ending::Open,
    };
    let allowed = conn.http.allowed(bench.now);
    let before = conn.http.sent();
    let flushed = match (&mut conn.channel, conn.http.outbox()) {
        (None, None) => return Step::On(Vec::new()),
        (None, Some((outbox, sent))) => {
            outbox.flush_into(Sink::Socket(conn.socket.as_fd()), sent, allowed)
        }
        (Some(channel), Some((outbox, sent))) => {
            let scratch = &mut bench.tls.scratch;
            channel.send(&conn.socket, outbox, sent, ending, allowed, scratch)
        }
        (Some(channel), None) => {
            return match channel.flush(&conn.socket) {
                Ok(Flushed::All | Flushed::Yielded) => Step::On(Vec::new()),
                Ok(Flushed::Blocked) => Step::Stop(Fate::Keep),
                Err(_) => Step::Stop(Fate::Close),
            };
        }
    };
    conn.http.used(allowed, conn.http.sent() - before);
    match flushed {
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

/// Tells a client over TLS that nothing more comes. What the socket does not take is lost: it was the last that was owed.
pub(super) fn part(conn: &mut Conn) {
    if let Some(channel) = &mut conn.channel {
        channel.close();
        let _ = channel.flush(&conn.socket);
    }
}

/// Closes our direction. If that fails the connection is gone, and reading will tell.
pub(super) fn linger(conn: &mut Conn) {
    part(conn);
    let _ = rustix::net::shutdown(&conn.socket, Shutdown::Write);
}
