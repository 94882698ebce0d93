//! The program that writes databases of figures (mod_rrdtool), in the hands of the lead thread.
//!
//! In: the time, what the program says. Out: lines to it, nothing that waits. Must hold: it is started when there is something
//! to say, and ended when it does not answer, or when another generation writes; then what it has not confirmed stays counted.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::time::Timespec;

use crate::board::Board;
use crate::clock::Now;
use crate::errorlog;
use crate::inherit::forget_in;
use crate::modules::rrdtool::Recording;
use crate::modules::rrdtool::dialogue::{Dialogue, Presence, Step};
use crate::sys::signal::unblock_in;

/// How long a handover waits for an answer that is on its way.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Longest line that it may say.
const LINE_MAX: usize = 4096;

/// Who writes figures.
#[derive(Debug)]
pub(super) struct Recorder {
    recording: Recording,
    dialogue: Dialogue,
    program: Option<Program>,
    /// Killed, and not gone yet.
    dying: Vec<Child>,
    /// What was last said to be wrong with the program.
    complaint: String,
}

#[derive(Debug)]
struct Program {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// The beginning of a line.
    heard: Vec<u8>,
}

impl Recorder {
    /// If there is something to write.
    pub(super) fn new(recording: &Recording) -> Option<Recorder> {
        (!recording.databases.is_empty()).then(|| Recorder {
            dialogue: Dialogue::new(recording.databases.len(), recording.period),
            recording: recording.clone(),
            program: None,
            dying: Vec::new(),
            complaint: String::new(),
        })
    }

    /// Nobody else writes from now on.
    pub(super) fn begin(&mut self, now: Now) {
        self.dialogue.begin(now);
    }

    /// The successor writes from now on, and this generation no more. Waits for an answer that is due, but not long.
    pub(super) fn hush(&mut self, board: &Board) {
        let until = Now::read().monotonic + LAST_ANSWER;
        while self.dialogue.is_asking() {
            let now = Now::read();
            let left = until.saturating_sub(now.monotonic);
            let Some(program) = &self.program else {
                break;
            };
            if left.is_zero() {
                break;
            }
            let timeout = Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let mut output = [PollFd::new(&program.output, PollFlags::IN)];
            // Interrupted or not, the answer is there or not.
            let _ = poll(&mut output, Some(&timeout));
            self.hear(now, board);
        }
        self.dialogue.hush();
        self.end_program();
    }

    /// Where it answers.
    pub(super) fn output(&self) -> Option<BorrowedFd<'_>> {
        Some(self.program.as_ref()?.output.as_fd())
    }

    /// When there is something to do (monotonic).
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.dialogue.wake_at()
    }

    /// Goes on.
    pub(super) fn step(&mut self, now: Now, board: &Board) {
        self.dying
            .retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        self.hear(now, board);
        loop {
            match self.dialogue.step(now, board, look) {
                Step::Wait => return,
                Step::GiveUp => {
                    self.complain("does not answer; it is started anew");
                    self.end_program();
                }
                Step::Say(line) => match self.say(&line) {
                    Ok(()) => {}
                    Err(error) => {
                        self.complain(&error.to_string());
                        self.dialogue.broke_off(now);
                        self.end_program();
                    }
                },
            }
        }
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let program = match &mut self.program {
            Some(program) => program,
            none => none.insert(start(&self.recording)?),
        };
        // It has answered everything so far, so its pipe is empty: a line that does not fit at once never will.
        program.input.write_all(line.as_bytes())
    }

    fn hear(&mut self, now: Now, board: &Board) {
        let Some(program) = &mut self.program else {
            return;
        };
        let mut buffer = [0; LINE_MAX];
        match program.output.read(&mut buffer) {
            Ok(0) => {
                self.complain("has ended; it is started again");
                self.dialogue.broke_off(now);
                self.end_program();
            }
            Ok(length) => {
                program.heard.extend_from_slice(&buffer[..length]);
                while let Some(end) = memchr::memchr(b'\n', &program.heard) {
                    let line: Vec<u8> = program.heard.drain(..=end).collect();
                    let line = String::from_utf8_lossy(&line);
                    self.dialogue.hear(line.trim_end(), board);
                    self.complaint.clear();
                }
                if program.heard.len() > LINE_MAX {
                    program.heard.clear();
                }
            }
            // There is nothing, or there will be an end.
            Err(_) => {}
        }
    }

    /// It may hang, or be a script that has started others.
    fn end_program(&mut self) {
        let Some(Program { mut child, .. }) = self.program.take() else {
            return;
        };
        if let Some(group) = Pid::from_raw(child.id() as i32) {
            // It is not waited for yet, so the number is still its own.
            let _ = kill_process_group(group, Signal::KILL);
        }
        if !matches!(child.try_wait(), Ok(Some(_))) {
            self.dying.push(child);
        }
    }

    /// Says it, but not once a minute.
    fn complain(&mut self, text: &str) {
        if self.complaint != text {
            let program = self.recording.program.display();
            errorlog::say("mod_rrdtool", format_args!("{program}: {text}"));
            text.clone_into(&mut self.complaint);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end_program();
    }
}

fn start(recording: &Recording) -> io::Result<Program> {
    let mut command = Command::new(&recording.program);
    unblock_in(&mut command);
    forget_in(&mut command);
    let mut child = command
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    rustix::io::ioctl_fionbio(&input, true)?;
    rustix::io::ioctl_fionbio(&output, true)?;
    Ok(Program {
        child,
        input,
        output,
        heard: Vec::new(),
    })
}

/// What is at the place of a database. An empty file is one that nobody has made a database of yet.
fn look(name: &str) -> Presence {
    match std::fs::metadata(name) {
        Ok(metadata) if !metadata.is_file() => Presence::NoFile,
        Ok(metadata) if metadata.len() > 0 => Presence::There,
        // If it cannot even be looked for, rrdtool will say why.
        _ => Presence::Missing,
    }
}
