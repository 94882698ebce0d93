//! One end of a WebSocket: what a client's frames mean for a tunnel.
//!
//! In: bytes of either side; time that passes. Out: data for the backend, frames for the client, and whether the client
//! has anything more to say. Must hold: no I/O; plain data between two calls; after a close frame nothing is written, and
//! a client is sent one at most.

use minicbor::{Decode, Encode};

use super::handshake::Greeting;
use super::{Control, Frames, Kind, What, write, write_control};

/// Bytes of a character that may wait for its last one.
const PARTIAL_MAX: usize = 3;

/// The state of one WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Session {
    /// What is to be answered when a backend is there.
    #[n(0)]
    greeting: Option<Greeting>,
    /// How data are sent.
    #[n(1)]
    kind: Kind,
    /// Seconds of silence between two pings; 0: none.
    #[n(2)]
    ping_interval: u16,
    /// Pings since something was said.
    #[n(3)]
    pings: u16,
    /// Reads what the client sends.
    #[n(4)]
    frames: Frames,
    /// What the client has said of its end.
    #[n(5)]
    client: Side,
    /// What it was told of ours.
    #[n(6)]
    server: Side,
    /// The beginning of a character, because no text frame may end inside one.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum Side {
    #[n(0)]
    Open,
    /// A close frame was sent.
    #[n(1)]
    Closed,
}

/// Whether a client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It does.
    More,
    /// It has closed, or cannot be understood any further.
    Over,
}

/// Why a client is sent a close frame (section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The backend has said everything.
    Done,
    /// The server is going away.
    Leaving,
    /// The client has broken a rule.
    Broken,
    /// The backend is lost.
    Lost,
}

impl Reason {
    fn status(self) -> u16 {
        match self {
            Reason::Done => 1000,
            Reason::Leaving => 1001,
            Reason::Broken => 1002,
            Reason::Lost => 1011,
        }
    }
}

impl Session {
    /// One that begins.
    pub fn new(greeting: Greeting, kind: Kind, ping_interval: u16) -> Session {
        Session {
            greeting: Some(greeting),
            kind,
            ping_interval,
            pings: 0,
            frames: Frames::default(),
            client: Side::Open,
            server: Side::Open,
            partial: Vec::new(),
        }
    }

    /// What is to be answered; said once.
    pub fn greeting(&mut self) -> Option<Greeting> {
        self.greeting.take()
    }

    /// Reads what a client sends: appends data to `data`, and frames for it to `out`.
    pub fn read(&mut self, mut input: &[u8], data: &mut Vec<u8>, out: &mut Vec<u8>) -> Said {
        let before = data.len();
        while self.client == Side::Open && !input.is_empty() {
            match self.frames.decode(input, data) {
                Ok((used, what)) => {
                    input = &input[used..];
                    if let What::Control(kind, payload) = what {
                        self.answer(kind, &payload, out);
                    }
                }
                Err(_) => {
                    self.client = Side::Closed;
                    self.close(Reason::Broken, out);
                }
            }
        }
        if data.len() > before {
            self.pings = 0;
        }
        match self.client {
            Side::Open => Said::More,
            Side::Closed => Said::Over,
        }
    }

    fn answer(&mut self, kind: Control, payload: &[u8], out: &mut Vec<u8>) {
        match kind {
            Control::Ping if self.server == Side::Open => {
                write_control(Control::Pong, payload, out);
            }
            Control::Ping | Control::Pong => {}
            Control::Close => {
                self.client = Side::Closed;
                match payload.first_chunk() {
                    // The client's status is said again (section 5.5.1).
                    Some(status) if is_status(u16::from_be_bytes(*status)) => {
                        self.end(status, out);
                    }
                    None if payload.is_empty() => self.end(&[], out),
                    Some(_) | None => self.close(Reason::Broken, out),
                }
            }
        }
    }

    /// Appends a frame with what a backend has said; text is cut between characters.
    pub fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if self.server == Side::Closed {
            return;
        }
        self.pings = 0;
        match self.kind {
            Kind::Binary => write(Kind::Binary, data, out),
            Kind::Text => {
                let mut text = std::mem::take(&mut self.partial);
                text.extend_from_slice(data);
                self.partial = text.split_off(text.len() - unfinished(&text));
                write(Kind::Text, &text, out);
            }
        }
    }

    /// Appends a close frame, if none was sent.
    pub fn close(&mut self, reason: Reason, out: &mut Vec<u8>) {
        self.end(&reason.status().to_be_bytes(), out);
    }

    fn end(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if self.server == Side::Open {
            // Whatever it is, it is not ours to keep.
            write(self.kind, &std::mem::take(&mut self.partial), out);
            write_control(Control::Close, payload, out);
            self.server = Side::Closed;
        }
    }

    /// Seconds until something is to be done, when so many of silence are allowed in all.
    pub fn patience(&self, silence: u16) -> u16 {
        match self.ping_interval {
            0 => silence,
            interval => interval.min(silence.saturating_sub(self.silent())),
        }
    }

    /// Seconds of silence so far, by the pings.
    fn silent(&self) -> u16 {
        self.ping_interval.saturating_mul(self.pings)
    }

    /// Nothing was said for as long as [`Session::patience`] allows: appends a ping, unless there were enough of them.
    pub fn ping(&mut self, silence: u16, out: &mut Vec<u8>) -> Said {
        if self.ping_interval == 0 || self.server == Side::Closed {
            return Said::Over;
        }
        if self.silent().saturating_add(self.ping_interval) >= silence && silence < u16::MAX {
            return Said::Over;
        }
        self.pings = self.pings.saturating_add(1);
        write_control(Control::Ping, b"ping", out);
        Said::More
    }

    /// Whether it is a state that can come about: for what was frozen elsewhere.
    pub fn is_sane(&self) -> bool {
        let greeting = self.greeting.as_ref();
        greeting.is_none_or(Greeting::is_sane)
            && self.frames.is_sane()
            && self.partial.len() <= PARTIAL_MAX
    }
}

/// Statuses that may be sent (section 7.4).
fn is_status(status: u16) -> bool {
    matches!(status, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Bytes at the end that are the beginning of a character. What is no UTF-8 anyway is none.
fn unfinished(text: &[u8]) -> usize {
    let last = &text[text.len().saturating_sub(PARTIAL_MAX)..];
    let Some(at) = last.iter().rposition(|byte| *byte & 0xc0 != 0x80) else {
        return 0;
    };
    let length = match last[at] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let there = last.len() - at;
    if there < length { there } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session(kind: Kind, ping_interval: u16) -> Session {
        Session::new(Greeting::sample(), kind, ping_interval)
    }

    /// What a client's bytes give: data, answer, and whether it goes on.
    fn read(session: &mut Session, input: &[u8]) -> (Vec<u8>, Vec<u8>, Said) {
        let (mut data, mut out) = (Vec::new(), Vec::new());
        let said = session.read(input, &mut data, &mut out);
        (data, out, said)
    }

    // With a mask of zeros.
    const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";

    #[test]
    fn data_and_pings_are_told_apart() {
        let mut session = session(Kind::Text, 0);
        let input = [HELLO, b"\x89\x82\0\0\0\0hi", HELLO, b"\x8a\x80\0\0\0\0"].concat();
        assert_eq!(
            read(&mut session, &input),
            (b"hellohello".to_vec(), b"\x8a\x02hi".to_vec(), Said::More)
        );
    }

    #[test]
    fn a_close_is_answered_once_and_is_the_last() {
        for (close, answer) in [
            (&b"\x88\x82\0\0\0\0\x0f\xa0"[..], &b"\x88\x02\x0f\xa0"[..]),
            (b"\x88\x85\0\0\0\0\x03\xe8bye", b"\x88\x02\x03\xe8"),
            (b"\x88\x80\0\0\0\0", b"\x88\x00"),
            // Half a status, and one that is never sent.
            (b"\x88\x81\0\0\0\0\x03", b"\x88\x02\x03\xea"),
            (b"\x88\x82\0\0\0\0\x03\xed", b"\x88\x02\x03\xea"),
            // No mask.
            (b"\x81\x01a", b"\x88\x02\x03\xea"),
        ] {
            let mut session = session(Kind::Text, 0);
            let input = [HELLO, close, HELLO].concat();
            assert_eq!(
                read(&mut session, &input),
                (b"hello".to_vec(), answer.to_vec(), Said::Over)
            );
            let mut out = Vec::new();
            session.write(b"more", &mut out);
            session.close(Reason::Done, &mut out);
            assert_eq!(session.ping(100, &mut out), Said::Over);
            assert!(out.is_empty());
        }
        let mut session = session(Kind::Binary, 0);
        let mut out = Vec::new();
        session.close(Reason::Leaving, &mut out);
        assert_eq!(out, b"\x88\x02\x03\xe9");
        // What it said before it knew still counts.
        let input = [HELLO, b"\x88\x80\0\0\0\0"].concat();
        assert_eq!(
            read(&mut session, &input),
            (b"hello".to_vec(), Vec::new(), Said::Over)
        );
    }

    #[test]
    fn pings_come_in_silence_and_not_for_ever() {
        let mut some = session(Kind::Text, 20);
        let mut out = Vec::new();
        for patience in [20, 20, 10] {
            assert_eq!(some.patience(50), patience);
            let said = some.ping(50, &mut out);
            assert_eq!(
                said,
                if patience == 20 {
                    Said::More
                } else {
                    Said::Over
                }
            );
        }
        assert_eq!(out, b"\x89\x04ping\x89\x04ping");
        some.write(b"a", &mut out);
        assert_eq!(some.patience(50), 20);
        let mut none = session(Kind::Text, 0);
        assert_eq!(none.patience(50), 50);
        assert_eq!(none.ping(50, &mut out), Said::Over);
        let mut patient = session(Kind::Text, 60_000);
        for _ in 0..3 {
            assert_eq!(patient.ping(u16::MAX, &mut out), Said::More);
        }
    }

    proptest! {
        #[test]
        fn text_is_cut_between_characters(text in "[a\u{e9}\u{20ac}\u{1f980}]{0,20}", size in 1_usize..9) {
            let mut session = session(Kind::Text, 0);
            let mut all = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                let mut out = Vec::new();
                session.write(piece, &mut out);
                let payload = out.get(2..).unwrap_or_default();
                prop_assert!(str::from_utf8(payload).is_ok());
                prop_assert!(session.is_sane());
                all.extend_from_slice(payload);
            }
            prop_assert_eq!(all, text.into_bytes());
        }

        #[test]
        fn any_bytes_arrive_as_text(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let mut session = session(Kind::Text, 0);
            let mut all = Vec::new();
            for piece in &pieces {
                let mut out = Vec::new();
                session.write(piece, &mut out);
                prop_assert!(session.is_sane());
                all.extend_from_slice(out.get(2..).unwrap_or_default());
            }
            all.extend_from_slice(&session.partial);
            prop_assert_eq!(all, pieces.concat());
        }
    }
}
