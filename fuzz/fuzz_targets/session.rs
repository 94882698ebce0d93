//! One end of a WebSocket, from its first byte to its last: however what both sides say is cut and wherever the state
//! travels, the backend gets the same data and the client the same frames; the state stays small.
//!
//! The first byte says how data are sent and how often there are pings, the second how long the pieces are. Then steps:
//! what happens, and so many bytes of it.
#![no_main]

use everlit::gateway::websocket::Kind;
use everlit::gateway::websocket::handshake::Greeting;
use everlit::gateway::websocket::session::{Reason, Said, Session};
use libfuzzer_sys::fuzz_target;

/// A greeting without a subprotocol, as it travels.
const GREETING: &[u8] = b"\xa1\x00\x78\x1cs3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Bytes that a session takes when it travels: one head or one control frame, and what is the same in all of them.
const STATE_MAX: usize = 14 + 125 + 100;

/// Seconds that a tunnel may be silent.
const SILENCE: u16 = 50;

/// What happens.
enum Step<'i> {
    Client(&'i [u8]),
    Backend(&'i [u8]),
    Silence,
    Close(Reason),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// For the backend.
    data: Vec<u8>,
    /// For the client: opcode and payload, neighbouring data together.
    frames: Vec<(u8, Vec<u8>)>,
    /// How the client goes on, and the silence.
    said: Said,
    patience: u16,
}

fuzz_target!(|input: &[u8]| {
    let Some((&[flags, size], script)) = input.split_first_chunk::<2>() else {
        return;
    };
    let kind = if flags & 1 == 0 {
        Kind::Text
    } else {
        Kind::Binary
    };
    let interval = u16::from(flags >> 1);
    let steps = steps(script);
    let whole = run(&steps, kind, interval, usize::MAX);
    let given: Vec<u8> = steps
        .iter()
        .flat_map(|step| backend(step).iter().copied())
        .collect();
    let passed = data_of(&whole.frames);
    assert!(
        given.starts_with(&passed),
        "the client is told something else"
    );
    let is_closed = whole.frames.last().is_some_and(|(opcode, _)| *opcode == 8);
    if !is_closed {
        assert!(given.len() - passed.len() <= 3, "something is kept");
        assert!(kind == Kind::Text || given == passed);
    }
    assert_eq!(run(&steps, kind, interval, usize::from(size) + 1), whole);
});

fn steps(mut script: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let Some((&[what, length], rest)) = script.split_first_chunk::<2>() {
        let (bytes, rest) = rest.split_at(rest.len().min(length.into()));
        script = rest;
        steps.push(match what % 8 {
            0..=2 => Step::Client(bytes),
            3..=5 => Step::Backend(bytes),
            6 => Step::Silence,
            _ => Step::Close(match length % 4 {
                0 => Reason::Done,
                1 => Reason::Leaving,
                2 => Reason::Broken,
                _ => Reason::Lost,
            }),
        });
    }
    steps
}

fn backend<'i>(step: &Step<'i>) -> &'i [u8] {
    match step {
        Step::Backend(bytes) => bytes,
        _ => &[],
    }
}

fn run(steps: &[Step<'_>], kind: Kind, interval: u16, size: usize) -> Outcome {
    let greeting: Greeting = minicbor::decode(GREETING).expect("a greeting");
    let mut session = Session::new(greeting, kind, interval);
    let (mut data, mut out) = (Vec::new(), Vec::new());
    let mut said = Said::More;
    for step in steps {
        match step {
            Step::Client(bytes) => {
                for piece in bytes.chunks(size) {
                    session = travelled(&session);
                    said = session.read(piece, &mut data, &mut out);
                }
            }
            Step::Backend(bytes) => {
                for piece in bytes.chunks(size) {
                    session = travelled(&session);
                    let before = out.len();
                    session.write(piece, &mut out);
                    assert!(out.len() - before <= piece.len() + 3 + 10);
                }
            }
            Step::Silence => {
                let before = out.len();
                let goes_on = session.ping(SILENCE, &mut out);
                // It is a ping that keeps it.
                assert_eq!(goes_on == Said::More, out.len() > before);
            }
            Step::Close(reason) => session.close(*reason, &mut out),
        }
        assert!(session.patience(SILENCE) <= SILENCE);
    }
    session = travelled(&session);
    // Who has ended says nothing more.
    if said == Said::Over {
        let (mut more, mut answer) = (Vec::new(), Vec::new());
        let hello = b"\x81\x85\0\0\0\0hello";
        assert_eq!(session.read(hello, &mut more, &mut answer), Said::Over);
        assert!(more.is_empty() && answer.is_empty());
    }
    Outcome {
        data,
        frames: frames(&out, kind),
        said,
        patience: session.patience(SILENCE),
    }
}

fn travelled(session: &Session) -> Session {
    assert!(session.is_sane());
    let bytes = minicbor::to_vec(session).expect("it can be written");
    assert!(bytes.len() <= STATE_MAX, "{} bytes", bytes.len());
    let found: Session = minicbor::decode(&bytes).expect("and read");
    assert_eq!(found, *session);
    found
}

/// Reads what a client is sent, and forgives nothing (RFC 6455 section 5.2).
fn frames(mut out: &[u8], kind: Kind) -> Vec<(u8, Vec<u8>)> {
    let mut frames: Vec<(u8, Vec<u8>)> = Vec::new();
    while let Some((&[first, short], rest)) = out.split_first_chunk::<2>() {
        assert!(
            frames.last().is_none_or(|(opcode, _)| *opcode != 8),
            "after a close frame"
        );
        assert_eq!(first & 0xf0, 0x80, "a message of one frame");
        let (length, rest) = match short {
            126 => {
                let (length, rest) = rest.split_first_chunk().expect("two bytes");
                let length = u16::from_be_bytes(*length);
                assert!(length > 125);
                (usize::from(length), rest)
            }
            short => {
                assert!(short < 126, "masked, or longer than anything here");
                (usize::from(short), rest)
            }
        };
        let (payload, rest) = rest.split_at(length);
        out = rest;
        let opcode = first & 0xf;
        match opcode {
            8..=10 => assert!(length <= 125 && (opcode != 8 || length != 1)),
            1 => assert!(kind == Kind::Text && length > 0),
            2 => assert!(kind == Kind::Binary && length > 0),
            _ => panic!("opcode {opcode}"),
        }
        match frames.last_mut() {
            Some((last, data)) if *last == opcode && opcode < 8 => data.extend_from_slice(payload),
            _ => frames.push((opcode, payload.to_vec())),
        }
    }
    assert!(out.is_empty(), "half a frame");
    // If all of it is text, so is each part.
    let data = data_of(&frames);
    let is_text = std::str::from_utf8(&data).is_ok();
    if kind == Kind::Text && is_text {
        let mut texts = frames.iter().filter(|(opcode, _)| *opcode == 1);
        assert!(texts.all(|(_, text)| std::str::from_utf8(text).is_ok()));
    }
    frames
}

fn data_of(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let data = frames.iter().filter(|(opcode, _)| *opcode < 8);
    data.flat_map(|(_, payload)| payload.iter().copied())
        .collect()
}
