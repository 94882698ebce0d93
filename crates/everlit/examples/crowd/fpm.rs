//! PHP-FPM, on a Unix socket of its own.
//!
//! In: how many children. Out: its socket; a journal in which its script notes what it begins and ends. Must hold: it
//! listens when [`Fpm::start`] returns; it is gone when [`Fpm`] is.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

const PROGRAM: &str = "/usr/sbin/php-fpm8.2";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Fpm {
    child: Child,
    dir: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) script: PathBuf,
}

/// What the journal says about one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) begun: u32,
    pub(crate) ended: u32,
}

impl Fpm {
    /// Starts it with so many children. It waits so many seconds for their requests when it is reloaded.
    pub(crate) fn start(children: u32, patience: u32) -> Result<Fpm, Box<dyn Error>> {
        let dir = std::env::temp_dir().join(format!("everlit-crowd-fpm-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
        let (socket, script) = (dir.join("fpm.sock"), dir.join("answer.php"));
        fs::write(&script, php(&dir))?;
        fs::write(journal(&dir), "")?;
        fs::set_permissions(journal(&dir), fs::Permissions::from_mode(0o666))?;
        let conf = dir.join("fpm.conf");
        fs::write(&conf, configuration(&dir, children, patience))?;
        let child = Command::new(PROGRAM)
            .args(["--nodaemonize", "--no-php-ini", "--fpm-config"])
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| format!("start {PROGRAM}: {cause}"))?;
        let fpm = Fpm {
            child,
            dir,
            socket,
            script,
        };
        let end = Instant::now() + PATIENCE;
        while UnixStream::connect(&fpm.socket).is_err() {
            if Instant::now() >= end {
                return Err(format!("PHP-FPM does not listen: {}", fpm.log()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(fpm)
    }

    /// Has it begin anew, with all children.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let pid = Pid::from_raw(self.child.id() as i32).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(kill_process(pid, Signal::USR2)?)
    }

    /// What it says about itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("fpm.log")).unwrap_or_default()
    }

    /// What its script has noted of each request, by their numbers.
    pub(crate) fn journal(&self, requests: usize) -> io::Result<Vec<Noted>> {
        let mut all = vec![Noted::default(); requests];
        for line in fs::read_to_string(journal(&self.dir))?.lines() {
            let Some((what, number)) = line.split_once(' ') else {
                continue;
            };
            let number = number.parse().ok();
            let Some(noted) = number.and_then(|number: usize| all.get_mut(number)) else {
                continue;
            };
            match what {
                "begin" => noted.begun += 1,
                _ => noted.ended += 1,
            }
        }
        Ok(all)
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn journal(dir: &Path) -> PathBuf {
    dir.join("journal")
}

fn configuration(dir: &Path, children: u32, patience: u32) -> String {
    let dir = dir.display();
    // As root it insists on another user for its children.
    let user = match geteuid().is_root() {
        true => "user = www-data\ngroup = www-data\n",
        false => "",
    };
    format!(
        "[global]\n\
         error_log = {dir}/fpm.log\n\
         process_control_timeout = {patience}s\n\
         [crowd]\n\
         {user}\
         listen = {dir}/fpm.sock\n\
         listen.mode = 0666\n\
         listen.backlog = 4096\n\
         pm = static\n\
         pm.max_children = {children}\n"
    )
}

/// The script: notes that it begins, waits as long as it was asked to, notes that it ends, says what it was asked. Signals
/// cut a sleep short, so it sleeps until the time is there.
fn php(dir: &Path) -> String {
    let journal = journal(dir);
    let journal = journal.display();
    format!(
        "<?php\n\
         $end = microtime(true) + $_GET['ms'] / 1000;\n\
         file_put_contents('{journal}', \"begin {{$_GET['n']}}\\n\", FILE_APPEND);\n\
         while (($left = $end - microtime(true)) > 0) usleep((int)($left * 1e6) + 1);\n\
         $answer = $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['QUERY_STRING'] . ' ' . file_get_contents('php://input');\n\
         file_put_contents('{journal}', \"end {{$_GET['n']}}\\n\", FILE_APPEND);\n\
         header('Content-Type: text/plain');\n\
         echo $answer;\n"
    )
}
