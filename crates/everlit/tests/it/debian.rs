//! Debian's configuration as it is shipped, with each of `conf-available` enabled in turn, in both servers.
//!
//! In: what the packages have put into `/etc/lighttpd`. Out: which of them start, and differences of answers. Must hold: where
//! both start, they answer alike; where Everlit does not, it is for something that this version does not have, and it says so.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use everlit::config::{self, Standing};
use everlit::source::Source;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use tempfile::TempDir;

use crate::support::http::{Asked, Client, Response};
use crate::support::servers::{LIGHTTPD, end, lighttpd_is_there};
use crate::support::tls::{Identity, Offer};

/// What is asked, and under which host.
const REQUESTS: &[(&str, &str)] = &[
    ("debian.example", "/"),
    ("debian.example", "/index.html"),
    ("debian.example", "/a.txt"),
    ("debian.example", "/sub"),
    ("debian.example", "/sub/"),
    ("debian.example", "/files/"),
    ("debian.example", "/missing"),
    ("debian.example", "/a.txt~"),
    ("debian.example", "/x.php"),
    ("debian.example", "/page.shtml"),
    ("debian.example", "/cgi-bin/x"),
    ("debian.example", "/cgi-bin/missing"),
    ("debian.example", "/~user/"),
    ("debian.example", "/~root/"),
    ("debian.example", "/javascript/x.js"),
    ("debian.example", "/doc/lighttpd/copyright"),
    ("debian.example", "/server-status"),
    ("www.debian.example", "/a.txt?q"),
    ("simple.example", "/"),
];

const ETC: &str = "/etc/lighttpd";

/// Fields that are compared. The rest is compared by the tests with the oracle.
const FIELDS: &[&str] = &[
    "Location",
    "Content-Type",
    "Content-Encoding",
    "Allow",
    "WWW-Authenticate",
];

#[test]
fn the_stock_configuration_means_the_same() {
    if !lighttpd_is_there() || !Path::new(ETC).join("lighttpd.conf").exists() {
        return;
    }
    let mut wrong = compare(None);
    let mut snippets: Vec<PathBuf> = fs::read_dir(Path::new(ETC).join("conf-available"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
        .collect();
    snippets.sort();
    assert!(snippets.len() > 20);
    for snippet in snippets {
        let name = snippet.file_name().unwrap().to_str().unwrap();
        wrong.extend(compare(Some(name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both servers with this snippet. What is not as it should be.
fn compare(snippet: Option<&str>) -> Vec<String> {
    let name = snippet.unwrap_or("lighttpd.conf");
    let site = Site::new(snippet);
    let theirs = site.tries(&mut Command::new(LIGHTTPD));
    let checked = config::check(&Source::File(site.configuration.clone()));
    if let Err(error) = &checked.outcome {
        let survey = checked.survey.expect("it can be read");
        let lacks: Vec<&str> = survey
            .notes
            .iter()
            .filter(|note| note.state == Standing::NotYet)
            .map(|note| note.directive.as_str())
            .collect();
        println!(
            "{name}: lighttpd starts: {}; Everlit does not have {}",
            theirs.status.success(),
            lacks.join(", ")
        );
        return match lacks.is_empty() && theirs.status.success() {
            true => vec![format!("{name}: {error}")],
            false => Vec::new(),
        };
    }
    if !theirs.status.success() {
        let complaint = String::from_utf8_lossy(&theirs.stderr).into_owned();
        println!(
            "{name}: lighttpd does not start, Everlit does: {}",
            complaint.lines().next().unwrap_or_default()
        );
        return Vec::new();
    }
    let answers = |server: &Running| -> Vec<Response> {
        let ask = |(host, target): &(&str, &str)| server.ask(host, target);
        REQUESTS.iter().map(ask).collect()
    };
    // One after the other: they have the same address.
    let theirs = answers(&site.start(Command::new(LIGHTTPD)));
    let ours = answers(&site.start(everlit(&site.directory)));
    let statuses: Vec<u16> = ours.iter().map(|response| response.status).collect();
    println!("{name}: {statuses:?}");
    let mut wrong = Vec::new();
    for (((host, target), theirs), ours) in REQUESTS.iter().zip(&theirs).zip(&ours) {
        let mut differs = |what: &str, theirs: &str, ours: &str| {
            if theirs != ours {
                wrong.push(format!(
                    "{name}: {host}{target}: {what}: lighttpd {theirs}, Everlit {ours}"
                ));
            }
        };
        differs(
            "status",
            &theirs.status.to_string(),
            &ours.status.to_string(),
        );
        for field in FIELDS {
            let text = |response: &Response| response.text(field).unwrap_or_default();
            differs(field, &text(theirs), &text(ours));
        }
        // What a server has written itself has looks of its own.
        let is_written = theirs.status >= 300 || theirs.body.windows(8).any(|it| it == b"Index of");
        if !is_written && !ours.has("Content-Encoding", "gzip") {
            let body = |response: &Response| String::from_utf8_lossy(&response.body).into_owned();
            differs("body", &body(theirs), &body(ours));
        }
    }
    wrong
}

/// A copy of `/etc/lighttpd` whose paths and ports are those of a test, and everything that it names.
struct Site {
    directory: PathBuf,
    configuration: PathBuf,
    sockets: Sockets,
    _removed_at_last: TempDir,
}

struct Sockets {
    plain: TcpListener,
    plain_v6: TcpListener,
    secure: TcpListener,
}

impl Sockets {
    fn new() -> Sockets {
        loop {
            let plain = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            let port = plain.local_addr().unwrap().port();
            // The same port has to be free for both.
            if let Some(plain_v6) = v6_only(port) {
                let secure = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
                return Sockets {
                    plain,
                    plain_v6,
                    secure,
                };
            }
        }
    }
}

fn v6_only(port: u16) -> Option<TcpListener> {
    let socket = socket_with(
        AddressFamily::INET6,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    sockopt::set_ipv6_v6only(&socket, true).unwrap();
    bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).ok()?;
    listen(&socket, 128).unwrap();
    Some(socket.into())
}

fn port(socket: &TcpListener) -> u16 {
    socket.local_addr().unwrap().port()
}

impl Site {
    fn new(snippet: Option<&str>) -> Site {
        let removed_at_last = tempfile::Builder::new()
            .prefix("everlit-debian-")
            .tempdir()
            .unwrap();
        let directory = removed_at_last.path().to_owned();
        let sockets = Sockets::new();
        for name in [
            "",
            "conf-enabled",
            "www",
            "www/sub",
            "www/files",
            "log",
            "cache",
            "cache/uploads",
            "cache/compress",
            "run",
            "cgi-bin",
            "home/user/public_html",
            "srv/simple.example/htdocs",
            "javascript",
        ] {
            let path = directory.join(name);
            fs::create_dir_all(&path).unwrap();
            // The servers become www-data.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        for path in ["home", "home/user", "srv", "srv/simple.example"] {
            fs::set_permissions(directory.join(path), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (name, text) in [
            ("www/index.html", "front"),
            ("www/a.txt", &"text ".repeat(500)),
            ("www/a.txt~", "backup"),
            ("www/x.php", "<?php"),
            ("www/page.shtml", "no instructions"),
            ("www/sub/index.html", "sub"),
            ("www/files/b.txt", "b"),
            ("home/user/public_html/index.html", "user"),
            ("srv/simple.example/htdocs/index.html", "simple"),
            ("javascript/x.js", "x"),
            (
                "cgi-bin/x",
                "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nprogram\\n'\n",
            ),
        ] {
            fs::write(directory.join(name), text).unwrap();
        }
        fs::set_permissions(
            directory.join("cgi-bin/x"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        let own = Identity::own("debian.example");
        fs::write(directory.join("server.pem"), [own.pem, own.key].concat()).unwrap();

        let rewritten = |name: &str| {
            let text = fs::read_to_string(Path::new(ETC).join(name)).unwrap();
            rewrite(&text, &directory, &sockets)
        };
        let configuration = directory.join("lighttpd.conf");
        fs::write(&configuration, rewritten("lighttpd.conf")).unwrap();
        let mut enabled = vec!["90-javascript-alias.conf"];
        enabled.extend(snippet);
        for name in enabled {
            let text = rewritten(&format!("conf-available/{name}"));
            for needed in needs(&text) {
                let text = rewritten(&format!("conf-available/10-{needed}.conf"));
                fs::write(
                    directory.join(format!("conf-enabled/10-{needed}.conf")),
                    text,
                )
                .unwrap();
            }
            fs::write(directory.join("conf-enabled").join(name), text).unwrap();
        }
        let own = "server.systemd-socket-activation = \"enable\"\n";
        let homes = match snippet {
            Some("10-userdir.conf") => {
                format!("userdir.basepath = \"{}/home\"\n", directory.display())
            }
            _ => String::new(),
        };
        fs::write(
            directory.join("conf-enabled/99-test.conf"),
            [own, &homes].concat(),
        )
        .unwrap();
        Site {
            directory,
            configuration,
            sockets,
            _removed_at_last: removed_at_last,
        }
    }

    /// `-tt`
    fn tries(&self, command: &mut Command) -> Output {
        let command = command.args(["-tt", "-f"]).arg(&self.configuration);
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn start(&self, command: Command) -> Running {
        let Sockets {
            plain,
            plain_v6,
            secure,
        } = &self.sockets;
        let is_secure = self.directory.join("conf-enabled/10-ssl.conf").exists();
        // Numbers of descriptors are known to the process itself only, before it becomes the server.
        let script = match is_secure {
            true => {
                "export LISTEN_PID=$$ LISTEN_FDS=3; exec \"$@\" 3<&0 4<&1 5<&2 0</dev/null 1>/dev/null 2>>\"$LOG\""
            }
            false => {
                "export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$@\" 3<&0 4<&1 0</dev/null 1>/dev/null 2>>\"$LOG\""
            }
        };
        let copy = |socket: &TcpListener| OwnedFd::from(socket.try_clone().unwrap());
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, "sh"]).arg(command.get_program());
        shell.args(["-D", "-f"]).arg(&self.configuration);
        shell.env("LOG", self.directory.join("stderr"));
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        shell
            .stdin(copy(plain))
            .stdout(copy(plain_v6))
            .stderr(copy(secure));
        let at = |socket| SocketAddr::from((Ipv4Addr::LOCALHOST, port(socket)));
        Running {
            child: shell.spawn().expect("start a server"),
            address: at(plain),
            secure: is_secure.then(|| at(secure)),
        }
    }
}

/// Where it is, and nothing else.
fn rewrite(text: &str, directory: &Path, sockets: &Sockets) -> String {
    let at = directory.to_str().expect("a path in UTF-8");
    text.replace("/etc/lighttpd/conf-enabled", &format!("{at}/conf-enabled"))
        .replace("/etc/lighttpd/server.pem", &format!("{at}/server.pem"))
        .replace("/var/www/html", &format!("{at}/www"))
        .replace("/var/www/", &format!("{at}/"))
        .replace("/var/log/lighttpd", &format!("{at}/log"))
        .replace("/var/cache/lighttpd", &format!("{at}/cache"))
        .replace("\"/run/lighttpd", &format!("\"{at}/run"))
        .replace("\"/srv", &format!("\"{at}/srv"))
        .replace("/usr/lib/cgi-bin", &format!("{at}/cgi-bin"))
        .replace("/usr/share/javascript", &format!("{at}/javascript"))
        .replace("www.example.com", "simple.example")
        .replace("= 80\n", &format!("= {}\n", port(&sockets.plain)))
        .replace("0.0.0.0:443", &format!("0.0.0.0:{}", port(&sockets.secure)))
        // The same once more, for IPv6.
        .replace("include_shell \"/usr/share/lighttpd/use-ipv6.pl 443\"", "")
}

/// `-*- depends: fastcgi -*-`
fn needs(text: &str) -> Vec<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once("depends:"));
    let Some((_, names)) = lines.next() else {
        return Vec::new();
    };
    let names = names.split("-*-").next().unwrap_or_default();
    names
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect()
}

fn everlit(directory: &Path) -> Command {
    let runtime = directory.join("runtime");
    let _ = fs::create_dir(&runtime);
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_everlit"));
    command.env("EVERLIT_RUNTIME_DIR", runtime);
    command
}

struct Running {
    child: Child,
    address: SocketAddr,
    secure: Option<SocketAddr>,
}

impl Running {
    fn ask(&self, host: &str, target: &str) -> Response {
        let mut client = match self.secure {
            Some(address) => Offer::all().connect(address),
            None => Client::plain(self.address),
        };
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
        );
        client.send(head.as_bytes());
        let response = client.response(Asked::ForAnything);
        response.unwrap_or_else(|failure| panic!("{host}{target}: {failure:?}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

const UNIT: &str = "/lib/systemd/system/lighttpd.service";

/// Values of a key in a unit, in order.
fn values<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(found, _)| *found == key)
        .map(|(_, value)| value)
        .collect()
}

/// `examples/debian`: the unit starts Everlit and nothing else, and the same unit reloads it.
#[test]
fn the_example_takes_the_place_of_the_program() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/debian/lighttpd.service.d/everlit.conf");
    let drop_in = fs::read_to_string(example).unwrap();
    if let Ok(unit) = fs::read_to_string(UNIT) {
        for key in [
            "ExecStartPre",
            "ExecStart",
            "ExecReload",
            "ExecStop",
            "ExecStartPost",
        ] {
            // The first, empty value takes away Debian's.
            let is_replaced = values(&drop_in, key).first() == Some(&"");
            assert!(values(&unit, key).is_empty() || is_replaced, "{key}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_str().unwrap();
    let page = directory.path().join("index.html");
    fs::write(&page, "front").unwrap();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let configuration = directory.path().join("lighttpd.conf");
    let text = |names: &str| {
        format!(
            "server.document-root = \"{at}\"\nserver.bind = \"127.0.0.1\"\nserver.port = {}\nserver.pid-file = \"{at}/pid\"\nindex-file.names = ( \"{names}\" )\n",
            address.port()
        )
    };
    fs::write(&configuration, text("index.html")).unwrap();
    let command = |key: &str| {
        let line = *values(&drop_in, key).last().unwrap();
        let line = line.replace(
            "/etc/lighttpd/lighttpd.conf",
            configuration.to_str().unwrap(),
        );
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("/usr/local/bin/everlit"));
        let mut command = everlit(directory.path());
        command
            .args(words)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    let test = command("ExecStartPre").output().unwrap();
    assert!(test.status.success());
    let notify = std::os::unix::net::UnixDatagram::bind(directory.path().join("notify")).unwrap();
    notify
        .set_read_timeout(Some(crate::support::PATIENCE))
        .unwrap();
    let mut start = command("ExecStart");
    start.env("NOTIFY_SOCKET", directory.path().join("notify"));
    let running = Running {
        child: start.spawn().unwrap(),
        address,
        secure: None,
    };
    let mut message = [0; 4096];
    loop {
        let length = notify.recv(&mut message).expect("it says that it is ready");
        if message[..length]
            .split(|byte| *byte == b'\n')
            .any(|line| line == b"READY=1")
        {
            break;
        }
    }
    assert_eq!(running.ask("debian.example", "/").body, b"front");
    fs::write(directory.path().join("other.html"), "other").unwrap();
    fs::write(&configuration, text("other.html")).unwrap();
    assert!(command("ExecReload").output().unwrap().status.success());
    assert_eq!(running.ask("debian.example", "/").body, b"other");
    reopens_logs(directory.path());
    fs::write(&configuration, "server.port = \"x\"\n").unwrap();
    assert!(!command("ExecReload").output().unwrap().status.success());
    assert_eq!(running.ask("debian.example", "/").body, b"other");
    let pid = fs::read_to_string(directory.path().join("pid")).unwrap();
    assert_eq!(pid.trim(), running.child.id().to_string());
}

/// As Debian's init script does it for logrotate, with the link that the example puts in the place of the program.
fn reopens_logs(directory: &Path) {
    const TOOL: &str = "/sbin/start-stop-daemon";
    if !Path::new(TOOL).exists() {
        return;
    }
    let link = directory.join("lighttpd");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_everlit"), &link).unwrap();
    let mut command = Command::new(TOOL);
    command.args(["--stop", "--signal", "HUP", "--quiet", "--pidfile"]);
    command.arg(directory.join("pid")).arg("--exec").arg(&link);
    assert!(command.status().unwrap().success());
}
