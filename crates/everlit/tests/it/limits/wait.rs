//! Waiting for what a server writes into files.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::support::PATIENCE;

/// Waits until a file has a line with this text; that line.
pub(crate) fn for_line(path: &Path, wanted: &str) -> String {
    let directory = path.parent().expect("a file");
    let watch = inotify::init(CreateFlags::CLOEXEC).expect("a watch more is allowed");
    let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, directory, changes).expect("it exists");
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some(line) = text.lines().find(|line| line.contains(wanted)) {
            return line.to_owned();
        }
        let mut watched = [PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).expect("a minute");
        let changed = poll(&mut watched, Some(&patience)).expect("it can be watched");
        assert_ne!(changed, 0, "no {wanted:?} in {}:\n{text}", path.display());
        rustix::io::read(&watch, &mut [0; 4096]).expect("it is readable");
    }
}
