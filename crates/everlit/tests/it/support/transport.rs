//! How a client's bytes travel: as they are, or over TLS.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use portable_tls::rustls::ClientConnection;

use super::PATIENCE;
use super::tls;

/// One hand on a connection.
pub enum Wire {
    Plain(TcpStream),
    Tls {
        socket: TcpStream,
        session: Arc<Session>,
    },
}

/// TLS that one thread may send with while another one receives.
pub struct Session {
    rustls: Mutex<ClientConnection>,
    /// What was received and not read: rustls holds little of it.
    plain: Mutex<VecDeque<u8>>,
    /// Whoever sends has this first, so that records are sent in the order in which they are sealed.
    sending: Mutex<()>,
}

impl Wire {
    /// A connection with a server of ours: over TLS where all tests are to speak it.
    pub fn connect(address: SocketAddr) -> Wire {
        let socket = TcpStream::connect(address).expect("connect to the server");
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        match tls::is_everywhere() {
            true => Wire::tls(socket, tls::Offer::all().begin()),
            false => Wire::Plain(socket),
        }
    }

    pub fn tls(socket: TcpStream, rustls: ClientConnection) -> Wire {
        let session = Arc::new(Session {
            rustls: Mutex::new(rustls),
            plain: Mutex::default(),
            sending: Mutex::new(()),
        });
        Wire::Tls { socket, session }
    }

    pub fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(socket) | Wire::Tls { socket, .. } => socket,
        }
    }

    pub fn try_clone(&self) -> Wire {
        let socket = self.socket().try_clone().unwrap();
        match self {
            Wire::Plain(_) => Wire::Plain(socket),
            Wire::Tls { session, .. } => {
                let session = session.clone();
                Wire::Tls { socket, session }
            }
        }
    }

    /// Says that nothing more will be sent. Over TLS that is `close_notify`, and the connection itself stays open.
    pub fn half_close(&mut self) {
        match self {
            Wire::Plain(socket) => drop(socket.shutdown(Shutdown::Write)),
            Wire::Tls { socket, session } => {
                let _ = session.send(socket, |rustls| rustls.send_close_notify());
            }
        }
    }

    pub fn with_tls<T>(&mut self, look: impl FnOnce(&mut ClientConnection) -> T) -> T {
        match self {
            Wire::Plain(_) => panic!("it does not speak TLS"),
            Wire::Tls { socket, session } => session.send(socket, look).unwrap(),
        }
    }
}

impl Session {
    /// Does something that may be to be sent.
    fn send<T>(
        &self,
        mut socket: &TcpStream,
        what: impl FnOnce(&mut ClientConnection) -> T,
    ) -> std::io::Result<T> {
        let _first = self.sending.lock().unwrap();
        let mut records = Vec::new();
        let done = {
            let mut rustls = self.rustls.lock().unwrap();
            let done = what(&mut rustls);
            while rustls.wants_write() {
                rustls.write_tls(&mut records)?;
            }
            done
        };
        socket.write_all(&records)?;
        Ok(done)
    }

    /// Reads records until the session can go on.
    fn receive(&self, mut socket: &TcpStream) -> std::io::Result<usize> {
        let mut records = [0; 16 * 1024];
        let count = socket.read(&mut records)?;
        let mut rest = &records[..count];
        let mut refused = Ok(());
        let wants_write = {
            let mut rustls = self.rustls.lock().unwrap();
            loop {
                rustls.read_tls(&mut rest)?;
                if let Err(error) = rustls.process_new_packets() {
                    refused = Err(std::io::Error::new(ErrorKind::InvalidData, error));
                    break;
                }
                let mut some = [0; 4096];
                while let Ok(length @ 1..) = rustls.reader().read(&mut some) {
                    self.plain.lock().unwrap().extend(&some[..length]);
                }
                if rest.is_empty() {
                    break;
                }
            }
            rustls.wants_write()
        };
        // Only then: a sender may be waiting for us to make room.
        if wants_write {
            self.send(socket, |_| ())?;
        }
        refused.map(|()| count)
    }

    /// The handshake comes first.
    fn shake_hands(&self, socket: &TcpStream) -> std::io::Result<()> {
        while self.rustls.lock().unwrap().is_handshaking() {
            self.send(socket, |_| ())?;
            if self.receive(socket)? == 0 {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
        }
        Ok(())
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(into),
            Wire::Tls { socket, session } => loop {
                session.shake_hands(socket)?;
                let count = session.plain.lock().unwrap().read(into)?;
                if count > 0 {
                    return Ok(count);
                }
                let read = session.rustls.lock().unwrap().reader().read(into);
                match read {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    other => return other,
                }
                session.receive(socket)?;
            },
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Tls { socket, session } => {
                session.shake_hands(socket)?;
                let some = &bytes[..bytes.len().min(16 * 1024)];
                session.send(socket, |rustls| rustls.writer().write(some))?
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
