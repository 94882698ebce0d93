//! Starting another program with exactly the descriptors it is meant to have.
//!
//! In: path, arguments, environment, streams and named descriptors. Out: [`Child`], as process number and pidfd. Must
//! hold: named descriptors sit at 3 and up in the order given, everything else is closed; a failing exec is an error
//! here, not a child that dies. The child outlives us: no parent-death signal.
#![allow(unsafe_code, reason = "fork, exec and what must happen between")]

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::privilege::Identity;

/// First number of a passed descriptor.
const FIRST: RawFd = 3;
/// Room for the number of a process in `LISTEN_PID=`.
const PID_DIGITS: usize = 10;

/// What to start.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    /// The binary.
    pub(crate) path: &'a Path,
    /// Its working directory; ours if that is gone.
    pub(crate) directory: &'a Path,
    /// Arguments, the zeroth included.
    pub(crate) arguments: &'a [OsString],
    /// The whole environment, but for `LISTEN_*`.
    pub(crate) environment: &'a [(OsString, OsString)],
    /// Standard input, output and error; `None` keeps ours.
    pub(crate) streams: [Option<BorrowedFd<'a>>; 3],
    /// Descriptors with their names, for 3 and up; announced by `LISTEN_FDS` if there are any.
    pub(crate) descriptors: &'a [(&'static str, BorrowedFd<'a>)],
    /// As whom it runs, and in whose process group.
    pub(crate) station: Station<'a>,
}

/// As whom a program runs, and in whose process group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Station<'a> {
    /// As we are.
    Ours,
    /// As somebody else, in a process group of its own: what a terminal sends to ours does not reach it. Path and working
    /// directory are looked up under its root directory.
    Apart(&'a Identity),
}

/// A started program.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its number.
    pub(crate) pid: Pid,
    /// Readable when it is gone; signals sent here cannot hit another process.
    pub(crate) handle: OwnedFd,
}

/// Everything the child needs between fork and exec, prepared before, because nothing may be allocated there.
struct Prepared {
    path: CString,
    directory: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    listen_pid: Option<Vec<u8>>,
    /// Sources (above all targets) and targets of `dup2`.
    moves: Vec<(OwnedFd, RawFd)>,
    apart: Option<Identity>,
    failure: OwnedFd,
}

/// Starts it. When this returns, the child runs the new program.
pub(crate) fn spawn(program: &Program<'_>) -> io::Result<Child> {
    let (failed, failure) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut prepared = prepare(program, &failure)?;
    drop(failure);
    let arguments = pointers(prepared.arguments.iter().map(|a| a.as_ptr()), None);
    let environment = pointers(
        prepared.environment.iter().map(|e| e.as_ptr()),
        prepared.listen_pid.as_ref().map(|e| e.as_ptr().cast()),
    );
    let digits = prepared
        .listen_pid
        .as_mut()
        .map_or(std::ptr::null_mut(), |variable| {
            variable[b"LISTEN_PID=".len()..].as_mut_ptr()
        });
    // SAFETY: the child calls only what is async-signal-safe (see `become_program`) until it execs or exits.
    let pid = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: `digits` is null or has room for `PID_DIGITS` digits and a NUL; the lists end with null pointers.
            unsafe { become_program(&prepared, &arguments, &environment, digits) }
        }
        pid => Pid::from_raw(pid).expect("fork returns a positive number to the parent"),
    };
    drop(prepared);
    let mut errno = [0; 4];
    if File::from(failed).read(&mut errno)? == errno.len() {
        rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())?;
        return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)));
    }
    // Not yet waited for, so the number cannot be another process's.
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    Ok(Child { pid, handle })
}

fn prepare(program: &Program<'_>, failure: &OwnedFd) -> io::Result<Prepared> {
    let count = RawFd::try_from(program.descriptors.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let above = FIRST + count;
    let lift = |descriptor: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(descriptor, above);
    let mut moves = Vec::new();
    for (target, stream) in (0..).zip(program.streams) {
        if let Some(stream) = stream {
            moves.push((lift(stream)?, target));
        }
    }
    for (target, (_, descriptor)) in (FIRST..).zip(program.descriptors) {
        moves.push((lift(*descriptor)?, target));
    }
    let mut environment = program
        .environment
        .iter()
        .map(|(name, value)| variable(name, value))
        .collect::<io::Result<Vec<_>>>()?;
    let mut listen_pid = None;
    if count > 0 {
        let names: Vec<&str> = program.descriptors.iter().map(|(name, _)| *name).collect();
        environment.push(variable("LISTEN_FDS".as_ref(), count.to_string().as_ref())?);
        environment.push(variable(
            "LISTEN_FDNAMES".as_ref(),
            names.join(":").as_ref(),
        )?);
        let mut text = b"LISTEN_PID=".to_vec();
        text.resize(text.len() + PID_DIGITS + 1, 0);
        listen_pid = Some(text);
    }
    Ok(Prepared {
        path: CString::new(program.path.as_os_str().as_bytes())?,
        directory: CString::new(program.directory.as_os_str().as_bytes())?,
        arguments: program
            .arguments
            .iter()
            .map(|argument| CString::new(argument.as_bytes()).map_err(Into::into))
            .collect::<io::Result<Vec<_>>>()?,
        environment,
        listen_pid,
        moves,
        apart: match program.station {
            Station::Ours => None,
            Station::Apart(identity) => Some(identity.clone()),
        },
        failure: lift(failure.as_fd())?,
    })
}

fn variable(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    let mut text = name.as_bytes().to_vec();
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    Ok(CString::new(text)?)
}

fn pointers(
    list: impl Iterator<Item = *const libc::c_char>,
    last: Option<*const libc::c_char>,
) -> Vec<*const libc::c_char> {
    list.chain(last)
        .chain(std::iter::once(std::ptr::null()))
        .collect()
}

/// The child's way from fork to exec. Nothing here allocates, locks or panics.
///
/// # Safety
/// `digits` is null or points at `PID_DIGITS` + 1 zero bytes; both lists hold NUL-terminated strings and end with null.
unsafe fn become_program(
    prepared: &Prepared,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
    digits: *mut u8,
) -> ! {
    super::signal::reset_for_exec();
    // SAFETY: plain system calls on descriptors that `prepared` keeps open, and pointers as promised by the caller.
    unsafe {
        if !digits.is_null() {
            write_decimal(libc::getpid().unsigned_abs(), digits);
        }
        let mut failed = false;
        let mut above = FIRST;
        for (source, target) in &prepared.moves {
            failed |= libc::dup2(source.as_raw_fd(), *target) < 0;
            above = above.max(*target + 1);
        }
        if !failed {
            // Belt and braces: everything of ours is close-on-exec already, but what we were started with may not be.
            libc::syscall(
                libc::SYS_close_range,
                above.unsigned_abs(),
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            );
            if let Some(identity) = &prepared.apart {
                failed = libc::setpgid(0, 0) != 0 || !identity.put_on_groups_and_root();
            }
        }
        if !failed {
            libc::chdir(prepared.directory.as_ptr());
            failed = prepared
                .apart
                .as_ref()
                .is_some_and(|identity| !identity.put_on_user());
        }
        if !failed {
            libc::execve(
                prepared.path.as_ptr(),
                arguments.as_ptr(),
                environment.as_ptr(),
            );
        }
        let errno = (*libc::__errno_location()).to_ne_bytes();
        libc::write(
            prepared.failure.as_raw_fd(),
            errno.as_ptr().cast(),
            errno.len(),
        );
        libc::_exit(127)
    }
}

/// # Safety
/// `to` has room for `PID_DIGITS` bytes.
unsafe fn write_decimal(number: u32, to: *mut u8) {
    let mut divisor = 1;
    while number / divisor >= 10 {
        divisor *= 10;
    }
    let mut at = 0;
    while divisor > 0 {
        // SAFETY: a u32 has at most `PID_DIGITS` digits.
        unsafe { *to.add(at) = b'0' + (number / divisor % 10) as u8 };
        divisor /= 10;
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, descriptors: &[(&'static str, BorrowedFd<'_>)]) -> String {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let arguments = ["sh", "-c", script].map(OsString::from);
        let child = spawn(&Program {
            path: Path::new("/bin/sh"),
            directory: Path::new("/usr"),
            arguments: &arguments,
            environment: &[("PATH".into(), "/usr/bin:/bin".into())],
            streams: [None, Some(writer.as_fd()), None],
            descriptors,
            station: Station::Ours,
        })
        .unwrap();
        drop(writer);
        let mut output = String::new();
        File::from(reader).read_to_string(&mut output).unwrap();
        let status = rustix::process::waitid(
            rustix::process::WaitId::PidFd(child.handle.as_fd()),
            rustix::process::WaitIdOptions::EXITED,
        )
        .unwrap()
        .unwrap();
        assert_eq!(status.exit_status(), Some(0), "{output}");
        output
    }

    #[test]
    fn descriptors_are_named_and_numbered_and_nothing_else_is_open() {
        let file = tempfile::tempfile().unwrap();
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let output = run(
            "echo $LISTEN_FDS $LISTEN_FDNAMES; test $LISTEN_PID = $$ && echo mine; set -- /proc/$$/fd/*; for f; do test -e $f && printf '%s ' ${f##*/}; done; true",
            &[("one", file.as_fd()), ("two", reader.as_fd())],
        );
        let mut lines = output.lines();
        assert_eq!(lines.next(), Some("2 one:two"));
        assert_eq!(lines.next(), Some("mine"));
        assert_eq!(lines.next().unwrap().trim(), "0 1 2 3 4");
    }

    #[test]
    fn it_works_where_it_is_told_to() {
        assert_eq!(run("pwd -P", &[]), "/usr\n");
    }

    #[test]
    fn a_failing_exec_is_an_error_here() {
        let error = spawn(&Program {
            path: Path::new("/nonexistent/everlit"),
            directory: Path::new("/"),
            arguments: &["everlit".into()],
            environment: &[],
            streams: [None, None, None],
            descriptors: &[],
            station: Station::Ours,
        })
        .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn apart_it_has_a_process_group_of_its_own() {
        let identity = Identity::default();
        let script = "read -r pid name state parent group rest < /proc/$$/stat; test $group = $$ && echo own";
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let child = spawn(&Program {
            path: Path::new("/bin/sh"),
            directory: Path::new("/"),
            arguments: &["sh".into(), "-c".into(), script.into()],
            environment: &[],
            streams: [None, Some(writer.as_fd()), None],
            descriptors: &[],
            station: Station::Apart(&identity),
        })
        .unwrap();
        drop(writer);
        let mut output = String::new();
        File::from(reader).read_to_string(&mut output).unwrap();
        rustix::process::waitid(
            rustix::process::WaitId::PidFd(child.handle.as_fd()),
            rustix::process::WaitIdOptions::EXITED,
        )
        .unwrap();
        assert_eq!(output, "own\n");
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [1, 9, 10, 4_194_304, u32::MAX] {
            let mut digits = [0_u8; PID_DIGITS];
            // SAFETY: the buffer is as long as asked.
            unsafe { write_decimal(number, digits.as_mut_ptr()) };
            let text = std::str::from_utf8(&digits).unwrap();
            assert_eq!(text.trim_end_matches('\0'), number.to_string());
        }
    }
}
