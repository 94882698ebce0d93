//! Waiting, while something is shown.
//!
//! In: descriptors and a moment to wait for; signals; the clients. Out: when it came; lines on a terminal meanwhile. Must
//! hold: Ctrl-C, and any other signal that would end us, is noticed at once, so that everything is cleared away.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::crowd::{Crowd, CrowdError, Look};
use super::options::Format;
use crate::sys::signal::Signals;

/// How often the live line is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// Columns of the live line: it must not wrap.
const COLUMNS: usize = 79;

/// What the demo shows, and what it waits for beside.
#[derive(Debug)]
pub(super) struct Stage {
    signals: Signals,
    screen: Screen,
    /// What is going on, for the live line.
    scene: String,
    /// The clients, once they are there.
    pub(super) crowd: Option<Crowd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Screen {
    /// One line that changes, below lines that stay.
    Terminal,
    /// Lines that stay.
    Plain,
    /// Nothing.
    Dark,
}

/// Why waiting ended before its time.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// A signal.
    Signal,
    /// The clients cannot go on.
    Crowd(CrowdError),
    /// The kernel refused to let us wait.
    Kernel(io::Error),
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal => f.write_str("interrupted"),
            Self::Crowd(error) => error.fmt(f),
            Self::Kernel(_) => f.write_str("wait"),
        }
    }
}

impl std::error::Error for Interrupted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Signal => None,
            Self::Crowd(error) => error.source(),
            Self::Kernel(error) => Some(error),
        }
    }
}

impl From<CrowdError> for Interrupted {
    fn from(error: CrowdError) -> Self {
        Self::Crowd(error)
    }
}

impl Stage {
    /// Blocks the signals, which other threads must inherit; begins to show.
    pub(super) fn new(format: Format) -> io::Result<Self> {
        Ok(Self {
            signals: Signals::block()?,
            screen: match format {
                Format::Json => Screen::Dark,
                Format::Text if io::stdout().is_terminal() => Screen::Terminal,
                Format::Text => Screen::Plain,
            },
            scene: String::new(),
            crowd: None,
        })
    }

    /// The clients.
    pub(super) fn crowd(&mut self) -> Result<&mut Crowd, CrowdError> {
        self.crowd.as_mut().ok_or(CrowdError::Ended)
    }

    /// What is going on from now on.
    pub(super) fn scene(&mut self, text: impl Into<String>) {
        self.scene = text.into();
    }

    /// Shows lines that stay.
    pub(super) fn say(&self, text: &str) {
        match self.screen {
            Screen::Terminal => print(&format!("\r\x1b[K{text}\n")),
            Screen::Plain => print(&format!("{text}\n")),
            Screen::Dark => {}
        }
    }

    /// Waits until one of these is readable, or until then.
    pub(super) fn wait(
        &mut self,
        watched: &[BorrowedFd<'_>],
        until: Instant,
    ) -> Result<(), Interrupted> {
        loop {
            self.draw()?;
            let now = Instant::now();
            let left = until.saturating_duration_since(now).min(FRAME);
            let timeout = Timespec {
                tv_sec: 0,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let signals = PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN);
            let mut polled = vec![signals];
            polled.extend(
                watched
                    .iter()
                    .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)),
            );
            let ready = match poll(&mut polled, Some(&timeout)) {
                Ok(ready) => ready,
                Err(Errno::INTR) => 0,
                Err(errno) => return Err(Interrupted::Kernel(errno.into())),
            };
            if let Some(_any) = self.signals.next().map_err(Interrupted::Kernel)? {
                return Err(Interrupted::Signal);
            }
            if ready > 0 || Instant::now() >= until {
                return Ok(());
            }
        }
    }

    fn draw(&mut self) -> Result<(), CrowdError> {
        if self.screen != Screen::Terminal || self.scene.is_empty() {
            return Ok(());
        }
        let look = match &mut self.crowd {
            Some(crowd) => crowd.look()?,
            None => None,
        };
        let line = match look {
            Some(look) => live_line(&self.scene, &look),
            None => self.scene.clone(),
        };
        let line: String = line.chars().take(COLUMNS).collect();
        print(&format!("\r{line}\x1b[K"));
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.screen == Screen::Terminal {
            print("\r\x1b[K");
        }
    }
}

fn live_line(scene: &str, look: &Look) -> String {
    format!(
        "{scene}: {} open, {} answers, {} lost, longest wait {:.1} ms",
        look.staying,
        look.answered,
        look.lost,
        look.longest.as_secs_f64() * 1000.0
    )
}

/// Nobody to read it is no reason to leave a server running.
fn print(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_fits_a_terminal() {
        let look = Look {
            staying: 10_008,
            answered: 99_999,
            lost: 0,
            longest: Duration::from_micros(12_345),
        };
        let line = live_line("restart 5 of 5", &look);
        assert_eq!(
            line,
            "restart 5 of 5: 10008 open, 99999 answers, 0 lost, longest wait 12.3 ms"
        );
        assert!(line.len() <= COLUMNS);
    }
}
