//! Clients that speak TLS, each blocking on a thread or resting in a list.
//!
//! In: the server's address and its certificate. Out: lines, each with the next cipher suite in turn, by a full handshake.
//! Must hold: a certificate that is not the server's, and a record that is not right, is an error.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use portable_tls::rustls::client::Resumption;
use portable_tls::rustls::crypto::aws_lc_rs;
use portable_tls::rustls::pki_types::{CertificateDer, ServerName};
use portable_tls::rustls::{self, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::sockets::{self, Sources};

/// How long a read or a write may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection over TLS.
pub(crate) type Line = StreamOwned<ClientConnection, TcpStream>;

/// What all clients are made with.
pub(crate) struct Exchange {
    address: SocketAddrV4,
    /// One for each suite that goes with the certificate.
    configs: Vec<Arc<ClientConfig>>,
}

impl Exchange {
    /// For a server with this certificate, whose key is for ECDSA.
    pub(crate) fn new(
        address: SocketAddrV4,
        certificate: CertificateDer<'static>,
    ) -> Result<Exchange, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let all = aws_lc_rs::default_provider().cipher_suites;
        let usable = all
            .into_iter()
            .filter(|suite| !format!("{:?}", suite.suite()).contains("_RSA_"));
        let config = |suite: rustls::SupportedCipherSuite| {
            let version = match suite.tls13() {
                Some(_) => &rustls::version::TLS13,
                None => &rustls::version::TLS12,
            };
            let mut provider = aws_lc_rs::default_provider();
            provider.cipher_suites = vec![suite];
            let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[version])?
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.resumption = Resumption::disabled();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(Exchange {
            address,
            configs: usable.map(config).collect::<Result<_, _>>()?,
        })
    }

    /// Cipher suites that are taken in turn.
    pub(crate) fn suites(&self) -> usize {
        self.configs.len()
    }

    /// A line after its handshake, from the next source.
    pub(crate) fn call(&self, number: usize, sources: &mut Sources) -> io::Result<Line> {
        let socket = TcpStream::from(sources.connect(self.address)?);
        // It is on its way; a blocking write waits for that.
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let config = self.configs[number % self.configs.len()].clone();
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut line = StreamOwned::new(tls, socket);
        while line.conn.is_handshaking() {
            line.conn.complete_io(&mut line.sock)?;
        }
        Ok(line)
    }
}

/// Ends a line so that nothing of it stays behind in the kernel.
pub(crate) fn hang_up(line: Line) {
    sockets::close_at_once(line.sock.into());
}

/// Reads the head of an answer; returns what came behind it, too.
pub(crate) fn read_head(line: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut got = Vec::new();
    let mut some = [0; 4096];
    loop {
        if let Some(at) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = got.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&got).into_owned(), rest));
        }
        match line.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => got.extend_from_slice(&some[..count]),
        }
    }
}

/// Asks for something small and compares the whole answer's body.
pub(crate) fn ask(line: &mut Line, request: &[u8], wanted: &[u8]) -> io::Result<()> {
    line.write_all(request)?;
    line.flush()?;
    expect(line, wanted)
}

/// Reads an answer with this body.
pub(crate) fn expect(line: &mut Line, wanted: &[u8]) -> io::Result<()> {
    let (head, mut body) = read_head(line)?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(format!("answered {head:?}")));
    }
    let mut some = [0; 4096];
    while body.len() < wanted.len() {
        match line.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => body.extend_from_slice(&some[..count]),
        }
    }
    match body == wanted {
        true => Ok(()),
        false => Err(io::Error::other("wrong bytes")),
    }
}
