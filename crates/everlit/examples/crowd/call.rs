//! The conversation in which a reload is asked for.
//!
//! In: the control socket. Out: the server's report, and when it came. Must hold: as `everlit reload` asks it.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use everlit::control::message::{Reply, Report, Request, Until, decode, encode};
use rustix::fd::OwnedFd;

use crate::process;
use crate::scene::{Interest, Scene, Who};
use crate::server::Server;

/// A reload under way, or over.
pub(crate) struct Call {
    stream: UnixStream,
    /// What has been read of the next reply.
    input: Vec<u8>,
    old_process: OwnedFd,
    asked: Instant,
    /// The server's report, and how long it took.
    pub(crate) report: Option<(Report, Duration)>,
    /// How long the old process was there.
    pub(crate) gone: Option<Duration>,
}

impl Call {
    /// Asks for a reload. `old_pid` is the process that is to go.
    pub(crate) fn ask(
        server: &Server,
        old_pid: u32,
        scene: &mut Scene,
    ) -> Result<Call, Box<dyn Error>> {
        let old_process = process::watch(old_pid)?;
        scene.watch(&old_process, Who::OldProcess, 0, Interest::Readable)?;
        let asked = Instant::now();
        let mut stream = UnixStream::connect(server.control_path())?;
        stream.write_all(&encode(&Request::Reload { until: Until::Gone }))?;
        stream.set_nonblocking(true)?;
        scene.watch(&stream, Who::Call, 0, Interest::Readable)?;
        Ok(Call {
            stream,
            input: Vec::new(),
            old_process,
            asked,
            report: None,
            gone: None,
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.report.is_some() && self.gone.is_some()
    }

    /// The server has said something.
    pub(crate) fn hear(&mut self, scene: &Scene) -> Result<(), Box<dyn Error>> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) if self.report.is_some() => {
                    scene.forget(&self.stream)?;
                    return Ok(());
                }
                Ok(0) => return Err("the server ended the conversation without a report".into()),
                Ok(count) => self.input.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            match decode(&line)? {
                Reply::Progress(_) => {}
                Reply::Reloaded(report) => self.report = Some((*report, scene.since(self.asked))),
                reply => return Err(format!("to a reload the server says {reply:?}").into()),
            }
        }
        Ok(())
    }

    /// The old process is gone.
    pub(crate) fn see_it_go(&mut self, scene: &Scene) -> Result<(), Box<dyn Error>> {
        self.gone.get_or_insert(scene.since(self.asked));
        scene.forget(&self.old_process)?;
        Ok(())
    }
}
