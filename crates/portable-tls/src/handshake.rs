//! The handshake, from the answer to the ClientHello until there is a [`Session`].
//!
//! In: what the client sends. Out: what to send to it, and in the end a session and what was agreed on. Must hold: rustls
//! gets one record at a time and none after the client's Finished, so that no byte and no key is left inside it.

use std::fmt;

use rustls::ServerConnection;
use rustls::server::Accepted;

use crate::config::{Config, TrafficSecrets, listen};
use crate::error::HandshakeError;
use crate::facts::Facts;
use crate::record::Session;
use crate::record::header::{HEADER_BYTES, TLS12_BODY_MAX};
use crate::secrets::Material;
use crate::suite::{Suite, Version};

/// Most bytes that a client may send until it has finished: room for a long chain of certificates.
pub const HANDSHAKE_MAX: usize = 64 * 1024;

/// A handshake that waits for the client.
pub struct Handshake {
    rustls: Box<ServerConnection>,
    secrets: TrafficSecrets,
    /// What was read and is not a whole record.
    pending: Vec<u8>,
    /// Bytes that the client may send.
    room: usize,
}

/// What came of more bytes.
#[derive(Debug)]
pub enum Progress {
    /// The client has to say more.
    More(Handshake),
    /// Both have finished.
    Done(Established),
}

/// The end of a handshake.
#[derive(Debug)]
pub struct Established {
    /// The session. It has sealed what is in `out`, and nothing else.
    pub session: Session,
    /// What was agreed on.
    pub facts: Facts,
    /// What the client sent after its Finished, not opened: usually empty, sometimes the first request. Give it to
    /// [`Session::open`].
    pub unread: Vec<u8>,
}

impl Handshake {
    pub(crate) fn begin(
        accepted: Accepted,
        config: &Config,
        unread: &[u8],
        used: usize,
        out: &mut Vec<u8>,
    ) -> Result<Progress, HandshakeError> {
        let mut secrets = TrafficSecrets::default();
        let config = config.rustls().clone();
        match listen(&mut secrets, || accepted.into_connection(config)) {
            Ok(rustls) => {
                let rustls = Box::new(rustls);
                let room = HANDSHAKE_MAX - used;
                let handshake = Handshake {
                    rustls,
                    secrets,
                    pending: Vec::new(),
                    room,
                };
                handshake.read(unread, out)
            }
            Err((error, mut alert)) => {
                while alert.write(out).is_ok_and(|written| written > 0) {}
                Err(error.into())
            }
        }
    }

    /// Takes what was read, and adds what must be sent to `out`. If it is an error, that ends with an alert.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::TooLong`], or what rustls says. The connection is of no more use once `out` is sent.
    pub fn read(mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, HandshakeError> {
        self.pending.extend_from_slice(input);
        let mut at = 0;
        loop {
            self.send(out);
            if !self.rustls.is_handshaking() {
                return self.finish(at).map(Progress::Done);
            }
            let Some(length) = self.next_record(at, out)? else {
                self.pending.drain(..at);
                return Ok(Progress::More(self));
            };
            let result = feed(
                &mut self.rustls,
                &mut self.secrets,
                &self.pending[at..at + length],
            );
            if let Err(error) = result {
                self.send(out);
                return Err(error.into());
            }
            at += length;
            self.room -= length;
        }
    }

    /// Length of the record that begins here, if all of it came.
    fn next_record(
        &mut self,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, HandshakeError> {
        let rest = &self.pending[at..];
        let Some(length) = rest.get(3..HEADER_BYTES) else {
            return Ok(None);
        };
        let length = HEADER_BYTES + usize::from(u16::from_be_bytes([length[0], length[1]]));
        let too_long = if length > HEADER_BYTES + TLS12_BODY_MAX {
            Some(HandshakeError::TooLong {
                what: "record",
                bound: TLS12_BODY_MAX,
            })
        } else if length > self.room {
            Some(HandshakeError::TooLong {
                what: "handshake",
                bound: HANDSHAKE_MAX,
            })
        } else {
            None
        };
        if let Some(error) = too_long {
            // The only alert that rustls sends for others.
            self.rustls.send_close_notify();
            self.send(out);
            return Err(error);
        }
        Ok((rest.len() >= length).then_some(length))
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        while self.rustls.wants_write() {
            // A `Vec` takes everything; zero would mean that nothing was there.
            if !self.rustls.write_tls(out).is_ok_and(|written| written > 0) {
                break;
            }
        }
    }

    /// Takes the session out of rustls.
    fn finish(mut self, at: usize) -> Result<Established, HandshakeError> {
        self.pending.drain(..at);
        let facts = Facts::of(&self.rustls);
        let suite = self.rustls.negotiated_cipher_suite().map(|it| it.suite());
        // `Config` has refused every provider with another one.
        let suite = suite.and_then(|it| Suite::from_id(it.into()));
        let suite = suite.ok_or(HandshakeError::SecretsDisagree)?;
        let extracted = self.rustls.dangerous_extract_secrets()?;
        let material = |side: &rustls::ConnectionTrafficSecrets, told: &[u8]| {
            match suite.version() {
                Version::Tls12 => Material::of_tls12(suite, side),
                Version::Tls13 => find_generation(suite, told, side),
            }
            .ok_or(HandshakeError::SecretsDisagree)
        };
        let tx = material(&extracted.tx.1, &self.secrets.server)?;
        let rx = material(&extracted.rx.1, &self.secrets.client)?;
        let session = Session::new(suite, (tx, extracted.tx.0), (rx, extracted.rx.0));
        Ok(Established {
            session,
            facts,
            unread: self.pending,
        })
    }
}

/// Gives rustls a whole record.
fn feed(
    rustls: &mut ServerConnection,
    secrets: &mut TrafficSecrets,
    mut record: &[u8],
) -> Result<(), rustls::Error> {
    while !record.is_empty() {
        let taken = rustls.read_tls(&mut record);
        listen(secrets, || rustls.process_new_packets())?;
        if !taken.is_ok_and(|bytes| bytes > 0) {
            return Err(rustls::Error::General("rustls takes no bytes".to_owned()));
        }
    }
    Ok(())
}

/// The generation of the secret that was told whose key and IV are in use. It is the first, as rustls was stopped before
/// it could see a KeyUpdate; that they agree proves that we derive keys as it does.
fn find_generation(
    suite: Suite,
    told: &[u8],
    in_use: &rustls::ConnectionTrafficSecrets,
) -> Option<Material> {
    const GENERATIONS_MAX: usize = 4;
    let mut material = Material::from_bytes(suite, told)?;
    for _ in 0..GENERATIONS_MAX {
        if material.agrees_with(suite, in_use) {
            return Some(material);
        }
        material.advance(suite);
    }
    None
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handshake({} bytes to come at most)", self.room)
    }
}
