//! Certificates and keys that change while a generation serves.
//!
//! In: the files that TLS needs, as they are at each look; `now`. Out: whether generations are to get them anew. Must hold: a
//! change that is seen is told once, also if what changed is no good; what changed while a generation started is told, too.

use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Supervisor;
use super::binary::FileState;
use crate::link::ToGeneration;
use crate::plan::Plan;
use crate::tls::snapshot::Snapshot;

/// The watch over files.
#[derive(Debug, Default)]
pub(super) struct Watch {
    files: Vec<PathBuf>,
    interval: Duration,
    /// `None`: nobody looks.
    next: Option<Instant>,
    /// What the generation that serves has been told of, `None` for a file that is not there. Nothing yet: it has read them
    /// itself, nobody knows exactly when.
    told: Option<Vec<Option<FileState>>>,
}

impl Watch {
    /// Over the files of this configuration, from now on.
    pub(super) fn begin(plan: &Plan, now: Instant) -> Watch {
        let interval = plan.certificate_watch.unwrap_or_default();
        let is_on = !interval.is_zero() && !plan.certificates.is_empty();
        Watch {
            files: plan.certificates.clone(),
            interval,
            next: is_on.then(|| now + interval),
            told: None,
        }
    }

    /// When [`look`](Self::look) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Whether they are to be told, if it is time to look.
    fn look(&mut self, now: Instant) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        self.next = Some(now + self.interval);
        self.note()
    }

    /// Notes how the files are; whether they are as they were when they were told.
    fn note(&mut self) -> bool {
        let states = self.files.iter().map(|path| FileState::of(path).ok());
        let states: Vec<_> = states.collect();
        let is_new = self.told.as_ref() != Some(&states);
        self.told = Some(states);
        is_new
    }
}

impl Supervisor {
    pub(super) fn tick_certificates(&mut self) {
        // A generation that starts reads them itself.
        if self.restart.is_none() && self.certificates.look(self.now) {
            self.tell_certificates();
        }
    }

    /// Hands what the files contain now to the generation that serves, which may not read them itself.
    pub(super) fn renew_certificates(&mut self) {
        self.certificates.note();
        self.tell_certificates();
    }

    fn tell_certificates(&mut self) {
        let Some(worker) = self.serving() else {
            return;
        };
        if self.certificates.files.is_empty() {
            return;
        }
        let told = match Snapshot::take(&self.certificates.files).pack() {
            Ok(file) => worker
                .tell(&ToGeneration::Certificates, &[file.as_fd()])
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = told {
            self.journal.say(format_args!("certificates: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_seen_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cert.pem");
        std::fs::write(&path, "a").unwrap();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut watch = Watch {
            files: vec![path.clone()],
            interval: second,
            next: Some(start + second),
            told: None,
        };
        assert!(!watch.look(start));
        // It may have changed while the generation read it.
        assert!(watch.look(start + second));
        assert_eq!(watch.deadline(), Some(start + 2 * second));
        assert!(!watch.look(start + 2 * second));
        std::fs::write(&path, "longer").unwrap();
        assert!(!watch.look(start + 2 * second), "it is not time yet");
        assert!(watch.look(start + 3 * second));
        assert!(!watch.look(start + 4 * second));
        // Replaced, as most programs do it.
        std::fs::write(directory.path().join("new"), "longer").unwrap();
        std::fs::rename(directory.path().join("new"), &path).unwrap();
        assert!(watch.look(start + 5 * second));
        std::fs::remove_file(&path).unwrap();
        assert!(watch.look(start + 6 * second));
        assert!(!watch.look(start + 7 * second));
    }
}
