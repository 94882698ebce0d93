//! Users of the system's own logins: PAM with services of the tests.
//!
//! In: services in `/etc/pam.d`, under names that nobody else has, which ask a program of ours or say what they are told to.
//! Out: who is let in, and what the error log says. Must hold: the files are gone when a test ends, and no login of the system
//! is touched.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::{basic, setup, status};
use crate::support::http::{self, Asked};
use crate::support::servers::{self, Configuration, LIGHTTPD};
use crate::support::{Client, PATIENCE, Server, Setup};

const SERVICES: &str = "/etc/pam.d";

/// A service of PAM. Its file is removed with it.
struct Service {
    name: String,
    /// For what it needs.
    place: tempfile::TempDir,
}

impl Service {
    /// With these rules, in which `@DIR@` is a directory of its own. Nothing, where it cannot be made.
    fn new(rules: &str) -> Option<Service> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() || !Path::new(SERVICES).is_dir() {
            println!("skipped: services of PAM are made by root in {SERVICES}");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("everlit-test-{}-{number}", std::process::id());
        let place = tempfile::tempdir().unwrap();
        let service = Service { name, place };
        let place = service.place.path().display().to_string();
        let rules = rules.replace("@DIR@", &place);
        fs::write(service.path(), rules).unwrap();
        Some(service)
    }

    /// One that asks a program for each login: what it reads must be in the file of the user.
    fn asking() -> Option<Service> {
        let service = Service::new(
            "auth required pam_exec.so expose_authtok quiet /bin/sh @DIR@/auth\n\
             account required pam_exec.so quiet /bin/sh @DIR@/account\n",
        )?;
        let place = service.place.path();
        fs::create_dir(place.join("users")).unwrap();
        let auth = "cd @DIR@ && echo \"$PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RHOST\" >> asked\n\
             tr -d '\\000' | cmp -s - \"users/$PAM_USER\"\n";
        let account = "cd @DIR@ && test ! -e \"users/$PAM_USER.expired\"\n";
        for (name, script) in [("auth", auth), ("account", account)] {
            let script = script.replace("@DIR@", &place.display().to_string());
            fs::write(place.join(name), script).unwrap();
        }
        for (name, password) in USERS {
            fs::write(place.join("users").join(name), password).unwrap();
        }
        fs::write(place.join("users/gone.expired"), "").unwrap();
        Some(service)
    }

    fn path(&self) -> PathBuf {
        Path::new(SERVICES).join(&self.name)
    }

    fn setting(&self) -> String {
        format!(
            "auth.backend = \"pam\"\nauth.backend.pam.opts = ( \"service\" => \"{}\" )\n",
            self.name
        )
    }

    fn setup(&self) -> Setup {
        pam(&self.setting())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.path());
    }
}

/// Everlit with PAM.
fn pam(settings: &str) -> Setup {
    let module = "server.modules += ( \"mod_authn_pam\" )\n";
    setup("basic", &[module, AT_ONCE, settings].concat())
}

/// Who says something wrong is told so at once.
const AT_ONCE: &str = "server.feature-flags = ( \"auth.delay-invalid-creds\" => \"disable\" )\n";

/// As long as a password may be that PAM asks a program about.
const LONG: [u8; 500] = [b'x'; 500];

const USERS: [(&str, &[u8]); 6] = [
    ("joe", b"secret"),
    ("ann", b"\xe9t\xe9 \xff"),
    ("long", &LONG),
    ("colons", b"a:b:"),
    ("empty", b""),
    ("gone", b"secret"),
];

fn authorization(user: &[u8], password: &[u8]) -> String {
    use base64::Engine as _;
    let text = [user, b":", password].concat();
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    format!("Authorization: Basic {encoded}\r\n")
}

/// Who tries, and what becomes of it.
fn logins() -> Vec<(Vec<u8>, Vec<u8>, u16)> {
    let longer = [&LONG[..], &LONG[..]].concat();
    let logins: [(&[u8], &[u8], u16); 25] = [
        (b"joe", b"secret", 200),
        (b"joe", b"wrong", 401),
        (b"joe", b"", 401),
        (b"joe", b"Secret", 401),
        (b"joe", b"secret ", 401),
        (b"joe", b"secret\n", 401),
        (b"joe", b"secre", 401),
        // It would end where the string does.
        (b"joe", b"secret\0more", 401),
        (b"joe", b"\0", 401),
        (b"joe\0x", b"secret", 401),
        (b"ann", b"\xe9t\xe9 \xff", 200),
        (b"ann", "été ÿ".as_bytes(), 401),
        (b"ann", b"\xff\xfe\xfd", 401),
        (b"long", &LONG, 200),
        (b"long", &LONG[1..], 401),
        (b"long", &longer[..980], 401),
        (b"long", &longer, 401),
        (b"colons", b"a:b:", 200),
        (b"colons", b"a", 401),
        (b"nobody-of-that-name", b"secret", 401),
        (b"\xff\xfe", b"secret", 401),
        (b"", b"secret", 401),
        (b"joe ", b"secret", 401),
        (b"gone", b"secret", 401),
        (b"gone", b"wrong", 401),
    ];
    logins
        .into_iter()
        .map(|(user, password, status)| (user.to_vec(), password.to_vec(), status))
        .collect()
}

#[test]
fn users_of_the_system_log_in() {
    let Some(service) = Service::asking() else {
        return;
    };
    let server = Server::start(service.setup());
    for (user, password, expected) in logins() {
        let shown = user.escape_ascii();
        let field = authorization(&user, &password);
        assert_eq!(status(&server, "/a.txt", &field), expected, "{shown}");
    }
    assert_eq!(status(&server, "/a.txt", ""), 401);
    let said = server.said();
    let barred = "(mod_authn_pam) gone is not let in: System error";
    assert_eq!(said.matches(barred).count(), 2, "{said}");
    assert!(!said.contains("does not work"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    // What PAM was told: who, by which service, and where from.
    let asked = fs::read(service.place.path().join("asked")).unwrap();
    let asked = String::from_utf8_lossy(&asked);
    let first = format!("auth {} joe 127.0.0.1", service.name);
    assert_eq!(asked.lines().next(), Some(&first[..]), "{asked}");
    // A password that was right is not asked for again at once.
    let times = |asked: &str| asked.lines().filter(|line| *line == first).count();
    let field = authorization(b"joe", b"secret");
    for _ in 0..3 {
        assert_eq!(status(&server, "/a.txt", &field), 200);
    }
    let later = fs::read(service.place.path().join("asked")).unwrap();
    let again = times(&String::from_utf8_lossy(&later)) - times(&asked);
    assert!(again <= 1, "asked again {again} times");
}

#[test]
fn what_pam_says_is_understood() {
    let modules = ["/lib", "/usr/lib"].map(|lib| {
        format!(
            "{lib}/{}-linux-gnu/security/pam_debug.so",
            std::env::consts::ARCH
        )
    });
    if !modules.iter().any(|module| Path::new(module).exists()) {
        println!("skipped: pam_debug.so is missing");
        return;
    }
    // (what it says, status, in the log)
    let outcomes = [
        ("auth=success acct=success", 200, ""),
        ("auth=auth_err", 401, "joe is not let in: "),
        ("auth=user_unknown", 401, "joe is not let in: "),
        ("auth=maxtries", 401, "joe is not let in: "),
        ("auth=cred_insufficient", 401, "joe is not let in: "),
        (
            "auth=perm_denied",
            401,
            "joe is not let in: Permission denied",
        ),
        ("auth=system_err", 401, "joe is not let in: System error"),
        ("auth=authinfo_unavail", 503, "(error 9: "),
        ("auth=service_err", 503, "(error 3: "),
        ("auth=buf_err", 503, "(error 5: "),
        ("auth=abort", 503, "(error 26: "),
        (
            "auth=success acct=acct_expired",
            401,
            "User account has expired",
        ),
        (
            "auth=success acct=new_authtok_reqd",
            401,
            "joe is not let in: ",
        ),
        ("auth=success acct=perm_denied", 401, "joe is not let in: "),
        ("auth=success acct=system_err", 401, "joe is not let in: "),
        ("auth=success acct=service_err", 503, "(error 3: "),
    ];
    let mut rules: Vec<(String, u16, &str)> = outcomes
        .iter()
        .map(|(options, status, said)| {
            let rule = |kind: &str| format!("{kind} required pam_debug.so {options}\n");
            (rule("auth") + &rule("account"), *status, *said)
        })
        .collect();
    let always =
        |auth: &str, account: &str| format!("auth required {auth}\naccount required {account}\n");
    rules.extend([
        (always("pam_permit.so", "pam_permit.so"), 200, ""),
        (
            always("pam_deny.so", "pam_permit.so"),
            401,
            "joe is not let in: ",
        ),
        (
            always("pam_permit.so", "pam_deny.so"),
            401,
            "joe is not let in: ",
        ),
        // No user of this system.
        (
            always("pam_unix.so", "pam_unix.so"),
            401,
            "joe is not let in: ",
        ),
        (
            always("pam_no_such_module.so", "pam_permit.so"),
            503,
            "(error 28: ",
        ),
        (String::new(), 401, "joe is not let in: "),
        ("what is this\n".to_owned(), 401, "joe is not let in: "),
    ]);
    // All in one server: each has a path.
    let services: Vec<Service> = rules
        .iter()
        .map_while(|(rules, ..)| Service::new(rules))
        .collect();
    if services.len() < rules.len() {
        return;
    }
    let mut text = String::new();
    for (index, service) in services.iter().enumerate() {
        let setting = service.setting();
        let _ = writeln!(
            text,
            "$HTTP[\"query-string\"] == \"{index}\" {{\n{setting}}}"
        );
    }
    text += "$HTTP[\"query-string\"] == \"none\" {\nauth.backend = \"pam\"\nauth.backend.pam.opts = ( \"service\" => \"everlit-no-such-service\" )\n}";
    let server = Server::start(pam(&text));
    let mut told = String::new();
    for (index, (rules, expected, line)) in rules.iter().enumerate() {
        let field = format!("Authorization: {}\r\n", basic("joe", "secret"));
        let status = status(&server, &format!("/a.txt?{index}"), &field);
        assert_eq!(status, *expected, "{rules}{}", server.said());
        let said = server.said();
        let fresh = said.strip_prefix(&told[..]).expect("it only grows");
        assert!(fresh.contains(line), "{rules}{fresh}");
        let has_complained = fresh.contains("(mod_authn_pam)");
        assert_eq!(has_complained, *expected != 200, "{rules}{fresh}");
        told = said;
    }
    // There is no such service: the system's rules for all others refuse it.
    let field = format!("Authorization: {}\r\n", basic("joe", "secret"));
    assert_ne!(status(&server, "/a.txt?none", &field), 200);
}

#[test]
fn a_login_that_takes_long_holds_up_nobody_else() {
    let Some(service) = Service::new(
        "auth required pam_exec.so quiet /bin/sh @DIR@/auth\naccount required pam_permit.so\n",
    ) else {
        return;
    };
    let place = service.place.path().to_path_buf();
    let gate = place.join("gate");
    assert!(
        Command::new("mkfifo")
            .arg(&gate)
            .status()
            .unwrap()
            .success()
    );
    // Who opens it waits until somebody writes.
    let script = format!("cd {} && echo >> asked && : < gate\n", place.display());
    fs::write(place.join("auth"), script).unwrap();
    let server = Server::start(service.setup());
    let wait_for = |times: usize| {
        let begun = Instant::now();
        while fs::read(place.join("asked")).unwrap_or_default().len() < times {
            assert!(begun.elapsed() < PATIENCE, "nobody asks PAM");
            std::thread::yield_now();
        }
    };
    let request = format!(
        "GET /a.txt HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\n\r\n",
        basic("joe", "secret")
    );
    let mut waiting: Vec<Client> = (0..3).map(|_| Client::connect(server.address())).collect();
    for client in &mut waiting {
        client.send(&request);
    }
    wait_for(1);
    let mut other = Client::connect(server.address());
    for _ in 0..3 {
        other.send("GET /none HTTP/1.1\r\nHost: test\r\n\r\n");
        let (head, length) = other.head();
        assert!(head.contains(" 404 "), "{head}");
        let _ = other.body(length);
    }
    // Nor does it hold up a restart: the successor asks itself.
    let report = server.reload().unwrap();
    assert_eq!(report.tally.moved.head, 3, "{report:?}");
    assert_eq!((report.tally.drained, report.tally.dropped), (0, 0));
    wait_for(2);
    let gate = fs::File::options().read(true).write(true).open(gate);
    for client in &mut waiting {
        assert_eq!(client.response(), "first");
    }
    // Asked once for all of them, by each.
    assert_eq!(fs::read(place.join("asked")).unwrap().len(), 2);
    drop(gate);
}

#[test]
fn nobody_waits_because_others_are_wrong() {
    // An hour.
    let Some(service) = Service::new(
        "auth optional pam_faildelay.so delay=3600000000\n\
         auth sufficient pam_succeed_if.so quiet user = joe\nauth required pam_deny.so\naccount required pam_permit.so\n",
    ) else {
        return;
    };
    let server = Server::start(service.setup());
    for user in ["eve", "bob", "ann"] {
        let field = authorization(user.as_bytes(), b"secret");
        assert_eq!(status(&server, "/a.txt", &field), 401);
    }
    assert!(
        !server.said().contains("does not work"),
        "{}",
        server.said()
    );
}

/// What lighttpd's module answers, Everlit's does; but to lighttpd a password ends where a zero is.
#[test]
fn lighttpd_answers_alike() {
    if !super::is_there(LIGHTTPD) || !super::is_there("/usr/lib/lighttpd/mod_authn_pam.so") {
        return;
    }
    let Some(service) = Service::asking() else {
        return;
    };
    let documents = tempfile::tempdir().unwrap();
    fs::write(documents.path().join("a.txt"), "first").unwrap();
    let setting = service.setting();
    let text = format!(
        "server.modules += ( \"mod_auth\", \"mod_authn_pam\" )\n{AT_ONCE}{setting}\
         auth.require = ( \"/a\" => ( \"method\" => \"basic\", \"realm\" => \"r\", \"require\" => \"user=joe|user=ann|user=long|user=gone\" ) )\n"
    );
    let configuration = Configuration {
        text: &text,
        root: documents.path(),
    };
    let theirs = servers::Server::lighttpd(&configuration);
    let ours = servers::Server::everlit(&configuration);
    let mut let_in = 0;
    for (user, password, _) in logins() {
        let field = authorization(&user, &password);
        let request = format!("GET /a.txt HTTP/1.1\r\nHost: test\r\n{field}\r\n");
        let answer = |server: &servers::Server| {
            let mut client = http::Client::connect(server.address);
            client.send(request.as_bytes());
            let response = client.response(Asked::ForAnything).unwrap();
            (response.status, response.text("WWW-Authenticate"))
        };
        let their = answer(&theirs);
        let_in += usize::from(answer(&ours).0 == 200);
        let shown = (user.escape_ascii(), password.escape_ascii());
        let has_zero = user.contains(&0) || password.contains(&0);
        let is_alike = their == answer(&ours) || has_zero && answer(&ours).0 == 401;
        assert!(is_alike, "{}:{}: {their:?}", shown.0, shown.1);
    }
    assert_eq!(let_in, 3);
}
