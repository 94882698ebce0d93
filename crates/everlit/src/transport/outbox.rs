//! 9. Bytes and file ranges that are still owed to the client.
//!
//! In: response heads and bodies. Out: as much of them as the socket takes. Must hold: order; what was sent is gone from
//! here, what was not is still here, at every moment, so that it can be frozen.

use std::collections::VecDeque;
use std::rc::Rc;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{SendFlags, sockopt};

use crate::pack::{Failed, Packing, Paused, Progress};
use crate::response::FileRange;

/// Bytes of a file that are sent in one go before other connections have their turn.
const FILE_TURN: u64 = 2 << 20;
/// Bytes that are compressed in one go.
const PACK_TURN: usize = 256 << 10;
/// Bytes of a file from which on the socket is corked: no short packet leaves between two turns.
const CORK_FROM: u64 = 1 << 20;

/// What is owed to the client.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Comes first. Its memory is kept from one response to the next.
    bytes: Vec<u8>,
    /// How much of `bytes` is sent.
    sent: usize,
    /// Comes after `bytes`.
    rest: VecDeque<Segment>,
    cork: Cork,
}

/// Whether the kernel holds back the last packet while it is short (`TCP_CORK`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cork {
    /// No, or it never matters: the socket is not TCP.
    #[default]
    Out,
    /// Yes. Only while a file comes next.
    In,
}

/// A piece of what is owed.
#[derive(Debug)]
pub enum Segment {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Part of a file; becomes shorter from the front as it is sent.
    File(FileRange),
    /// A body that is compressed as it is sent.
    Packed(Box<Packing>),
}

/// A piece of what was owed, by somebody who goes on elsewhere.
#[derive(Debug)]
pub enum Left {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Part of a file.
    File(FileRange),
    /// What is left of a body that is compressed as it is sent.
    Packed(Paused, Vec<Left>),
}

impl Segment {
    fn is_empty(&self) -> bool {
        match self {
            Segment::Bytes(bytes) => bytes.is_empty(),
            Segment::File(range) => range.length == 0,
            // Its end is still to be said.
            Segment::Packed(_) => false,
        }
    }
}

/// Where bytes go.
#[derive(Clone, Copy, Debug)]
pub enum Sink<'f> {
    /// A stream socket.
    Socket(BorrowedFd<'f>),
    /// The writing end of a pipe.
    Pipe(BorrowedFd<'f>),
}

impl AsFd for Sink<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Sink::Socket(fd) | Sink::Pipe(fd) => *fd,
        }
    }
}

impl Sink<'_> {
    pub(crate) fn send(self, bytes: &[u8], more: SendFlags) -> Result<usize, Errno> {
        match self {
            Sink::Socket(socket) => rustix::net::send(socket, bytes, SendFlags::NOSIGNAL | more),
            // Nobody reads: an error, because the process ignores SIGPIPE.
            Sink::Pipe(pipe) => rustix::io::write(pipe, bytes),
        }
    }

    fn set_cork(self, is: &mut Cork, wanted: Cork) {
        if *is != wanted {
            if let Sink::Socket(socket) = self {
                // A Unix socket has no packets, and refuses.
                let _ = sockopt::set_tcp_cork(socket, wanted == Cork::In);
            }
            *is = wanted;
        }
    }
}

/// How far [`Outbox::flush`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is owed any more.
    All,
    /// The socket takes no more now.
    Blocked,
    /// There is more, and the socket may take it, but others have their turn first.
    Yielded,
}

/// Why it cannot go on.
#[derive(Debug)]
pub enum Broken {
    /// The connection is no more.
    Socket(Errno),
    /// The file could not be read, or has become shorter than was promised.
    File(Errno),
}

impl Outbox {
    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len() && self.rest.is_empty()
    }

    /// The buffer to append bytes to, for whatever is to be sent next. Only when no segment stands behind it.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            self.rest.is_empty(),
            "bytes appended here would overtake the segments"
        );
        &mut self.bytes
    }

    /// Appends a segment.
    pub fn push(&mut self, segment: Segment) {
        self.rest.push_back(segment);
    }

    /// Appends bytes after everything else.
    pub fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.rest.back_mut() {
            None => self.bytes.extend_from_slice(bytes),
            Some(Segment::Bytes(last)) => last.extend_from_slice(bytes),
            Some(Segment::File(_) | Segment::Packed(_)) => {
                self.rest.push_back(Segment::Bytes(bytes.to_vec()));
            }
        }
    }

    /// Appends part of a file; what follows the last one in the same file becomes one with it.
    pub fn extend_file(&mut self, range: FileRange) {
        match self.rest.back_mut() {
            Some(Segment::File(last))
                if Rc::ptr_eq(&last.file, &range.file)
                    && last.offset + last.length == range.offset =>
            {
                last.length += range.length;
            }
            _ => self.rest.push_back(Segment::File(range)),
        }
    }

    /// Appends all that another one owes.
    pub fn append_all(&mut self, other: &mut Outbox) {
        self.append(&other.bytes[other.sent..]);
        self.rest.append(&mut other.rest);
        other.clear();
    }

    /// Bytes that are owed from memory.
    pub fn memory(&self) -> usize {
        let rest = self.rest.iter().map(|segment| match segment {
            Segment::Bytes(bytes) => bytes.len(),
            Segment::File(_) => 0,
            Segment::Packed(packing) => packing.memory(),
        });
        self.bytes.len() - self.sent + rest.sum::<usize>()
    }

    /// All bytes that are owed; of a body that is compressed as it is sent: what it is made of.
    pub fn length(&self) -> u64 {
        let files = self.files().map(|range| range.length);
        self.memory() as u64 + files.sum::<u64>()
    }

    /// Forgets everything, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        self.rest.clear();
        self.cork = Cork::Out;
    }

    /// Sends what the socket takes. `sent` is told the number of bytes, whatever the outcome.
    pub fn flush(&mut self, socket: impl AsFd, sent: &mut u64) -> Result<Flushed, Broken> {
        self.flush_into(Sink::Socket(socket.as_fd()), sent, u64::MAX)
    }

    /// The same, into whatever it is, and at most so many bytes.
    pub fn flush_into(
        &mut self,
        sink: Sink<'_>,
        sent: &mut u64,
        mut allowed: u64,
    ) -> Result<Flushed, Broken> {
        let mut turn = FILE_TURN;
        let mut pack_turn = PACK_TURN;
        loop {
            if allowed == 0 && !self.is_empty() {
                return Ok(Flushed::Yielded);
            }
            if self.sent < self.bytes.len() {
                let more = if self.rest.is_empty() {
                    SendFlags::empty()
                } else {
                    SendFlags::MORE
                };
                let owed = &self.bytes[self.sent..];
                let now = &owed[..allowed.min(owed.len() as u64) as usize];
                match sink.send(now, more) {
                    Ok(n) => {
                        *sent += n as u64;
                        self.sent += n;
                        allowed -= n as u64;
                        if n < now.len() {
                            return Ok(Flushed::Blocked);
                        }
                        if self.sent < self.bytes.len() {
                            return Ok(Flushed::Yielded);
                        }
                    }
                    Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                    Err(Errno::INTR) => continue,
                    Err(errno) => return Err(Broken::Socket(errno)),
                }
            }
            self.bytes.clear();
            self.sent = 0;
            let Some(segment) = self.rest.front_mut() else {
                return Ok(Flushed::All);
            };
            match segment {
                Segment::Bytes(bytes) => {
                    self.bytes = std::mem::take(bytes);
                    self.rest.pop_front();
                }
                Segment::File(range) if range.length == 0 => {
                    self.rest.pop_front();
                    sink.set_cork(&mut self.cork, Cork::Out);
                }
                Segment::Packed(_) if pack_turn == 0 => return Ok(Flushed::Yielded),
                Segment::Packed(packing) => match packing.fill(&mut self.bytes)? {
                    Progress::More(read) => pack_turn = pack_turn.saturating_sub(read),
                    Progress::Over => drop(self.rest.pop_front()),
                },
                Segment::File(range) if range.length >= CORK_FROM && self.cork == Cork::Out => {
                    sink.set_cork(&mut self.cork, Cork::In);
                }
                Segment::File(range) => {
                    let mut offset = range.offset;
                    let count = range.length.min(FILE_TURN).min(allowed) as usize;
                    match rustix::fs::sendfile(sink.as_fd(), &*range.file, Some(&mut offset), count)
                    {
                        Ok(0) => return Err(Broken::File(Errno::NODATA)),
                        Ok(n) => {
                            *sent += n as u64;
                            range.offset += n as u64;
                            range.length -= n as u64;
                            allowed -= n as u64;
                            turn = turn.saturating_sub(n as u64);
                            if range.length > 0 && turn == 0 {
                                return Ok(Flushed::Yielded);
                            }
                        }
                        Err(Errno::AGAIN) => return Ok(Flushed::Blocked),
                        Err(Errno::INTR) => {}
                        Err(errno @ (Errno::IO | Errno::OVERFLOW | Errno::INVAL)) => {
                            return Err(Broken::File(errno));
                        }
                        Err(errno) => return Err(Broken::Socket(errno)),
                    }
                }
            }
        }
    }

    /// Moves what comes first into `into`, as much as fits: for whoever sends it otherwise. Returns how much it was; nothing
    /// only if nothing is owed, or nothing fits.
    pub fn take(&mut self, into: &mut [u8]) -> Result<usize, Broken> {
        let mut taken = 0;
        while taken < into.len() {
            let room = &mut into[taken..];
            if self.sent < self.bytes.len() {
                let owed = &self.bytes[self.sent..];
                let count = owed.len().min(room.len());
                room[..count].copy_from_slice(&owed[..count]);
                self.sent += count;
                taken += count;
                continue;
            }
            self.bytes.clear();
            self.sent = 0;
            match self.rest.front_mut() {
                None => break,
                Some(Segment::Bytes(bytes)) => {
                    self.bytes = std::mem::take(bytes);
                    self.rest.pop_front();
                }
                Some(Segment::File(range)) if range.length == 0 => {
                    self.rest.pop_front();
                }
                Some(Segment::Packed(packing)) => {
                    if packing.fill(&mut self.bytes)? == Progress::Over {
                        self.rest.pop_front();
                    }
                }
                Some(Segment::File(range)) => {
                    let count = range.length.min(room.len() as u64) as usize;
                    let read = rustix::io::retry_on_intr(|| {
                        rustix::io::pread(&*range.file, &mut room[..count], range.offset)
                    });
                    match read {
                        Ok(0) => return Err(Broken::File(Errno::NODATA)),
                        Ok(n) => {
                            range.offset += n as u64;
                            range.length -= n as u64;
                            taken += n;
                            if range.length == 0 {
                                self.rest.pop_front();
                            }
                        }
                        Err(errno) => return Err(Broken::File(errno)),
                    }
                }
            }
        }
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        }
        // So that "nothing is owed" is true as soon as it is.
        while self.bytes.is_empty()
            && let Some(segment) = self.rest.front()
            && segment.is_empty()
        {
            self.rest.pop_front();
        }
        Ok(taken)
    }

    /// All that is owed, which must be little.
    pub fn drain(&mut self) -> Result<Vec<u8>, Broken> {
        let mut all = vec![0; self.length() as usize];
        let mut taken = 0;
        while taken < all.len() {
            match self.take(&mut all[taken..])? {
                0 => return Err(Broken::File(Errno::NODATA)),
                n => taken += n,
            }
        }
        Ok(all)
    }

    /// The file ranges, in order.
    pub fn files(&self) -> impl Iterator<Item = &FileRange> {
        self.rest.iter().flat_map(|segment| {
            let (one, more) = match segment {
                Segment::File(range) => (Some(range), None),
                Segment::Packed(packing) => (None, Some(packing.files())),
                Segment::Bytes(_) => (None, None),
            };
            one.into_iter().chain(more.into_iter().flatten())
        })
    }

    /// Whether a body is among it that is compressed as it is sent.
    pub fn is_packing(&self) -> bool {
        let is_packed = |segment| matches!(segment, &Segment::Packed(_));
        self.rest.iter().any(is_packed)
    }

    /// Has what is on its way through an encoder come out of it, so that all that is left can go elsewhere; fails if it
    /// cannot. It can still go on here.
    pub fn settle(&mut self) -> Result<(), Failed> {
        let mut at = 0;
        while let Some(segment) = self.rest.get_mut(at) {
            if let Segment::Packed(packing) = segment {
                let mut made = Vec::new();
                packing.pause(&mut made)?;
                if at == 0 {
                    self.bytes.extend_from_slice(&made);
                } else {
                    self.rest.insert(at, Segment::Bytes(made));
                    at += 1;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Takes everything out, in order: what a frozen connection still owes. Call [`Outbox::settle`] first.
    pub fn into_left(self) -> Vec<Left> {
        let segments = self.into_segments().into_iter();
        let left = segments.map(|segment| match segment {
            Segment::Bytes(bytes) => Left::Bytes(bytes),
            Segment::File(range) => Left::File(range),
            Segment::Packed(packing) => {
                let (paused, source) = packing.into_left().expect("it was settled");
                Left::Packed(paused, source.into_left())
            }
        });
        left.collect()
    }

    /// The reverse of [`Outbox::into_left`].
    pub fn from_left(left: Vec<Left>) -> Outbox {
        let segments = left.into_iter().map(|left| match left {
            Left::Bytes(bytes) => Segment::Bytes(bytes),
            Left::File(range) => Segment::File(range),
            Left::Packed(paused, source) => {
                let packing = Packing::new(Outbox::from_left(source), paused, None);
                Segment::Packed(Box::new(packing))
            }
        });
        Outbox::from_segments(segments.collect())
    }

    /// Takes everything out, in order.
    pub fn into_segments(mut self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(1 + self.rest.len());
        if self.sent < self.bytes.len() {
            self.bytes.drain(..self.sent);
            segments.push(Segment::Bytes(self.bytes));
        }
        segments.extend(self.rest);
        segments
    }

    /// The reverse of [`Outbox::into_segments`].
    pub fn from_segments(segments: Vec<Segment>) -> Outbox {
        let cork = match segments.first() {
            // If it was under way, it has left the socket corked.
            Some(Segment::File(_)) => Cork::In,
            Some(Segment::Bytes(_) | Segment::Packed(_)) | None => Cork::Out,
        };
        Outbox {
            bytes: Vec::new(),
            sent: 0,
            rest: segments.into(),
            cork,
        }
    }

    /// Gives all its memory back if nothing is owed: nobody knows when it is needed again.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Outbox {
                cork: self.cork,
                ..Outbox::default()
            };
        }
    }

    /// Gives its memory back if it holds a lot of it and none is needed.
    pub fn shrink(&mut self) {
        if self.bytes.capacity() > 64 * 1024 {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;

    use super::*;
    use crate::files::OpenFile;

    /// More than two sockets hold.
    const LARGE: u64 = 64 << 20;

    /// Ours, which never blocks, and the client's.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, client)
    }

    fn file(length: u64) -> Segment {
        let mut file = tempfile::tempfile().unwrap();
        let line: Vec<u8> = (0..=255).cycle().take(1021).collect();
        let mut content = line.repeat(length as usize / line.len() + 1);
        content.truncate(length as usize);
        file.write_all(&content).unwrap();
        file.rewind().unwrap();
        Segment::File(FileRange {
            file: Rc::new(OpenFile::from(std::os::fd::OwnedFd::from(file))),
            offset: 0,
            length,
        })
    }

    fn is_corked(socket: &TcpStream) -> bool {
        sockopt::tcp_cork(socket).unwrap()
    }

    /// Flushes until the socket blocks or all is sent.
    fn flush(outbox: &mut Outbox, socket: &TcpStream, sent: &mut u64) -> Flushed {
        loop {
            match outbox.flush(socket, sent).unwrap() {
                Flushed::Yielded => {}
                outcome => return outcome,
            }
        }
    }

    #[test]
    fn what_is_taken_comes_in_order_and_whole() {
        for room in [1, 7, 1000, 1 << 20] {
            let mut outbox = Outbox::default();
            outbox.append(b"head");
            outbox.push(file(3000));
            outbox.append(b"between");
            outbox.push(file(0));
            outbox.push(file(5));
            let length = outbox.length();
            let (mut all, mut into) = (Vec::new(), vec![0; room]);
            while !outbox.is_empty() {
                let taken = outbox.take(&mut into).unwrap();
                assert!(taken > 0, "{room}");
                all.extend_from_slice(&into[..taken]);
            }
            assert_eq!(all.len() as u64, length);
            assert!(all.starts_with(b"head") && all[3004..].starts_with(b"between"));
            assert_eq!(outbox.take(&mut into).unwrap(), 0);
        }
    }

    #[test]
    fn a_large_file_is_corked_to_its_end_even_by_somebody_else() {
        let (ours, mut client) = connection();
        let mut outbox = Outbox::default();
        outbox.bytes().extend_from_slice(b"head");
        outbox.push(file(LARGE));
        outbox.push(Segment::Bytes(b"end".to_vec()));
        let mut sent = 0;
        assert_eq!(flush(&mut outbox, &ours, &mut sent), Flushed::Blocked);
        assert!(is_corked(&ours));

        let mut outbox = Outbox::from_segments(outbox.into_segments());
        let expected = 4 + LARGE + 3;
        let reader = std::thread::spawn(move || {
            let mut received = vec![0; expected as usize];
            client.read_exact(&mut received).unwrap();
            (client, received)
        });
        while flush(&mut outbox, &ours, &mut sent) == Flushed::Blocked {
            std::thread::yield_now();
        }
        let (_client, received) = reader.join().unwrap();
        assert!(!is_corked(&ours));
        assert_eq!(sent, expected);
        assert!(received.starts_with(b"head\x00\x01\x02"));
        assert!(received.ends_with(b"end"));
    }

    #[test]
    fn a_small_file_is_not_corked() {
        let (ours, _client) = connection();
        let mut outbox = Outbox::default();
        outbox.push(file(CORK_FROM - 1));
        let mut sent = 0;
        flush(&mut outbox, &ours, &mut sent);
        assert!(!is_corked(&ours));
    }

    #[test]
    fn what_is_cleared_leaves_no_cork_to_the_next() {
        let (ours, _client) = connection();
        let mut outbox = Outbox::default();
        outbox.push(file(LARGE));
        flush(&mut outbox, &ours, &mut 0);
        outbox.clear();

        let (other, _client) = connection();
        outbox.push(file(LARGE));
        flush(&mut outbox, &other, &mut 0);
        assert!(is_corked(&other));
    }

    #[test]
    fn a_file_that_has_become_shorter_is_an_error() {
        let (ours, _client) = connection();
        let mut outbox = Outbox::default();
        let Segment::File(mut range) = file(10) else {
            unreachable!("it is a file");
        };
        range.length = 11;
        outbox.push(Segment::File(range));
        let mut sent = 0;
        assert!(matches!(
            outbox.flush(&ours, &mut sent),
            Err(Broken::File(Errno::NODATA))
        ));
        assert_eq!(sent, 10);
    }
}
