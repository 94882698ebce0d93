//! nginx, for comparison: one worker that passes tunnels on.
//!
//! In: the backend's port. Out: an address to connect to. Must hold: it listens when [`Nginx::start`] returns; it is gone
//! when [`Nginx`] is.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = "/usr/sbin/nginx";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Nginx {
    child: Child,
    dir: PathBuf,
    pub(crate) address: SocketAddrV4,
}

impl Nginx {
    /// Starts it for so many descriptors.
    pub(crate) fn start(backend: u16, descriptors: usize) -> Result<Nginx, Box<dyn Error>> {
        let dir = std::env::temp_dir().join(format!("everlit-crowd-nginx-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        // A port that was free a moment ago.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let conf = dir.join("nginx.conf");
        fs::write(&conf, configuration(&dir, port, backend, descriptors))?;
        let child = Command::new(PROGRAM)
            .arg("-p")
            .arg(&dir)
            .arg("-c")
            .arg(&conf)
            .arg("-e")
            .arg(dir.join("error.log"))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|cause| format!("start {PROGRAM}: {cause}"))?;
        let nginx = Nginx {
            child,
            dir,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(nginx.address).is_err() {
            if Instant::now() >= end {
                return Err("nginx does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Its master process.
    pub(crate) fn master(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn configuration(dir: &Path, port: u16, backend: u16, descriptors: usize) -> String {
    let dir = dir.display();
    // When fewer than a sixteenth are free it closes connections that have not asked for anything yet.
    let descriptors = descriptors * 5 / 4;
    format!(
        "daemon off;\n\
         worker_processes 1;\n\
         worker_rlimit_nofile {descriptors};\n\
         pid {dir}/pid;\n\
         error_log {dir}/error.log;\n\
         events {{ worker_connections {descriptors}; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path {dir}/body;\n\
         proxy_temp_path {dir}/proxy;\n\
         fastcgi_temp_path {dir}/fastcgi;\n\
         uwsgi_temp_path {dir}/uwsgi;\n\
         scgi_temp_path {dir}/scgi;\n\
         server {{\n\
         listen 127.0.0.1:{port} backlog=4096;\n\
         location / {{\n\
         proxy_pass http://127.0.0.1:{backend};\n\
         proxy_http_version 1.1;\n\
         proxy_set_header Upgrade $http_upgrade;\n\
         proxy_set_header Connection upgrade;\n\
         proxy_read_timeout 3600s;\n\
         proxy_send_timeout 3600s;\n\
         }}\n}}\n}}\n"
    )
}
