//! Real processes: the echo example replaces itself by exec, and its successor is killed at the worst moment.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// One echo server through all its generations. What it prints drives the test: nothing here waits for time to pass.
struct Echo {
    first: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Processes we have been told of that have not been seen to end.
    alive: Vec<Pid>,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Echo {
        let mut first = Command::new(binary())
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the echo example, which `cargo test` builds");
        let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.rsplit(' ').next().unwrap().parse().unwrap();
        let pid = Pid::from_child(&first);
        Echo {
            first,
            lines,
            alive: vec![pid],
            address,
        }
    }

    /// Waits for a line with this text, and returns the process that printed it.
    fn expect(&mut self, text: &str) -> Pid {
        loop {
            let line = self.lines.next().expect(text).unwrap();
            let after = line.split("process ").nth(1).unwrap();
            let digits = after.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            let pid = Pid::from_raw(digits.parse().unwrap()).unwrap();
            if !self.alive.contains(&pid) {
                self.alive.push(pid);
            }
            if line.contains(text) {
                return pid;
            }
        }
    }

    fn signal(&self, pid: Pid, signal: Signal) {
        kill_process(pid, signal).unwrap();
    }

    fn gone(&mut self, pid: Pid) {
        self.alive.retain(|&alive| alive != pid);
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Client(stream)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        for pid in &self.alive {
            // Only processes of this server, none of which has been waited for.
            let _ = kill_process(*pid, Signal::KILL);
        }
        let _ = self.first.wait();
    }
}

fn binary() -> PathBuf {
    // target/PROFILE/deps/it-HASH -> target/PROFILE/examples/echo
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/echo")
}

struct Client(TcpStream);

impl Client {
    fn echo(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; text.len()];
        self.0.read_exact(&mut answer).unwrap();
        assert_eq!(answer, text.as_bytes());
    }
}

#[test]
fn connections_survive_two_upgrades() {
    const BYTES: usize = 6 << 20;
    let mut echo = Echo::start();
    let mut clients: Vec<_> = (0..50).map(|_| echo.connect()).collect();
    for client in &mut clients {
        client.echo("before");
    }
    // One that is owed much: it sends all the time, and does not read before the upgrades are over.
    let slow = echo.connect();
    let mut sender = slow.0.try_clone().unwrap();
    let pattern = || (0..BYTES).map(|n| (n % 251) as u8);
    let sending = thread::spawn(move || {
        sender.write_all(&pattern().collect::<Vec<_>>()).unwrap();
        sender
    });

    let first = echo.alive[0];
    echo.signal(first, Signal::USR1);
    let second = echo.expect("took 51 connections from echo 1");
    assert_ne!(first, second);
    for client in &mut clients {
        client.echo("between");
    }
    assert!(
        echo.first.wait().unwrap().success(),
        "the predecessor leaves"
    );
    echo.gone(first);
    clients.push(echo.connect());
    clients[50].echo("new");

    echo.signal(second, Signal::USR1);
    echo.expect("took 52 connections from echo 2");
    for client in &mut clients {
        client.echo("after");
    }
    echo.connect().echo("newer");

    let mut slow = slow.0;
    let mut received = vec![0; BYTES];
    slow.read_exact(&mut received).unwrap();
    assert!(received.into_iter().eq(pattern()), "not a byte lost");
    sending.join().unwrap().shutdown(Shutdown::Write).unwrap();
    assert_eq!(slow.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_successor_killed_in_the_middle_costs_nothing() {
    let mut echo = Echo::start();
    let mut clients: Vec<_> = (0..300).map(|_| echo.connect()).collect();
    for client in &mut clients {
        client.echo("before");
    }
    let first = echo.alive[0];
    echo.signal(first, Signal::USR2);
    let bad = echo.expect("holds");
    assert_ne!(first, bad);
    echo.signal(bad, Signal::KILL);
    assert_eq!(echo.expect("serving on with 300 connections"), first);
    echo.gone(bad);
    for client in &mut clients {
        client.echo("after");
    }
    // And then a good one.
    echo.signal(first, Signal::USR1);
    echo.expect("took 300 connections");
    for client in &mut clients {
        client.echo("at last");
    }
}
