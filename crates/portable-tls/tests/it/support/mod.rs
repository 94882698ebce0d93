//! A client of rustls and a server of ours, and what lies on the wire between them.

pub(crate) mod pki;

use std::io::{Read, Write};
use std::sync::Arc;

use portable_tls::rustls::client::{ClientConfig, ClientConnection};
use portable_tls::rustls::version::{TLS12, TLS13};
use portable_tls::{
    Arrived, Collected, Config, Established, Event, Facts, Handshake, HandshakeError, Hello,
    Progress, Session, SessionError, Suite, Version, Whole,
};

use self::pki::{ClientAuth, NAME, client_config, server_config_with};

/// A server's side of a connection that is being made.
pub(crate) enum Opening {
    Hello(Hello),
    Handshake(Handshake),
}

impl Opening {
    /// Takes bytes of the client.
    pub(crate) fn read(
        self,
        input: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Result<Established, Opening>, HandshakeError> {
        let progress = match self {
            Opening::Handshake(handshake) => handshake.read(input, out)?,
            Opening::Hello(hello) => match hello.read(input, out)? {
                Collected::More(hello) => return Ok(Err(Opening::Hello(hello))),
                Collected::Complete(offer) => offer.accept(config, out)?,
            },
        };
        Ok(match progress {
            Progress::More(handshake) => Err(Opening::Handshake(handshake)),
            Progress::Done(established) => Ok(established),
        })
    }
}

/// What a client of rustls has to send.
pub(crate) fn flush(client: &mut ClientConnection) -> Vec<u8> {
    let mut wire = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    wire
}

/// Gives bytes to a client of rustls; what they say.
pub(crate) fn hear(client: &mut ClientConnection, mut wire: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while !wire.is_empty() {
        client.read_tls(&mut wire).unwrap();
        client
            .process_new_packets()
            .expect("the client understands the server");
        // At the end of the stream it is an error not to have been told so.
        let _ = client.reader().read_to_end(&mut plain);
    }
    plain
}

pub(crate) fn new_client(config: ClientConfig) -> ClientConnection {
    ClientConnection::new(Arc::new(config), NAME.try_into().unwrap()).unwrap()
}

/// Makes a connection, with pieces of this size on the wire.
pub(crate) fn shake_hands(
    client: &mut ClientConnection,
    config: &Config,
    piece: usize,
) -> Result<Established, HandshakeError> {
    let mut opening = Opening::Hello(Hello::new());
    loop {
        let wire = flush(client);
        assert!(!wire.is_empty(), "the client has something to say");
        let mut pieces = wire.chunks(piece);
        while let Some(piece) = pieces.next() {
            let mut out = Vec::new();
            let progress = opening.read(piece, config, &mut out);
            if progress.is_ok() {
                hear(client, &out);
            }
            match progress? {
                Err(more) => opening = more,
                Ok(mut established) => {
                    established.unread.extend(pieces.flatten());
                    return Ok(established);
                }
            }
        }
    }
}

/// A connection.
pub(crate) struct Link {
    pub(crate) client: ClientConnection,
    pub(crate) session: Session,
    pub(crate) facts: Facts,
    /// Sealed and not sent.
    pub(crate) unsent: Vec<u8>,
}

impl Link {
    /// A connection with this cipher suite.
    pub(crate) fn new(suite: Suite) -> Link {
        let version = match suite.version() {
            Version::Tls12 => &TLS12,
            Version::Tls13 => &TLS13,
        };
        let config = Config::new(server_config_with(suite)).unwrap();
        let mut client = new_client(client_config(version, ClientAuth::None));
        let Established {
            session,
            facts,
            unread,
        } = shake_hands(&mut client, &config, usize::MAX).unwrap();
        assert_eq!((session.suite(), unread.len()), (suite, 0));
        Link {
            client,
            session,
            facts,
            unsent: Vec::new(),
        }
    }

    /// Moves the server's side to "another process", with whatever is unsent.
    pub(crate) fn hop(self) -> Link {
        let Link {
            client,
            session,
            facts,
            unsent,
        } = self;
        let frozen = session.freeze(unsent, facts);
        let arrived = Arrived::decode(&frozen.image()).unwrap();
        frozen.gone();
        let Whole {
            session,
            unsent,
            facts,
        } = arrived.begin();
        Link {
            client,
            session,
            facts,
            unsent,
        }
    }

    /// The server reads this; what it says.
    pub(crate) fn server_hears(&mut self, wire: &[u8]) -> Result<Vec<u8>, SessionError> {
        let mut input = wire.to_vec();
        let mut data = Vec::new();
        let mut incoming = self.session.open(&mut input);
        while let Some(event) = incoming.next(&mut self.unsent)? {
            if let Event::Data(plain) = event {
                data.extend_from_slice(plain);
            }
        }
        Ok(data)
    }

    /// The client says something, the server hears it.
    #[track_caller]
    pub(crate) fn up(&mut self, plain: &[u8]) {
        self.client.writer().write_all(plain).unwrap();
        let wire = flush(&mut self.client);
        assert_eq!(self.server_hears(&wire).unwrap(), plain);
    }

    /// The server says something, the client hears it.
    #[track_caller]
    pub(crate) fn down(&mut self, plain: &[u8]) {
        self.session.seal(&[plain], &mut self.unsent).unwrap();
        let wire = std::mem::take(&mut self.unsent);
        assert_eq!(hear(&mut self.client, &wire), plain);
    }
}
