//! CGI programs: they say what they were told, or give one of the [`answers`](super::answers).
//!
//! Out: files below a document root. Must hold: what a program says depends on nothing but the request and its own file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::answers::{End, OF_PROGRAMS};

/// What the process was given when it began, where it runs, and the body. Ports differ from run to run.
const TELL: &str = r#"#!/bin/sh
printf 'Content-Type: text/x-told\r\n\r\narguments %s: %s\n' "$#" "$*"
tr '\0' '\n' < /proc/$$/environ | LC_ALL=C sort | sed 's/^\(REMOTE_PORT\|SERVER_PORT\)=.*/\1=PORT/'
echo "in $(pwd)"
cat
"#;

/// The answer that the query names.
const ANSWER: &str = r#"#!/bin/sh
name=${QUERY_STRING#answer=}
cat "${0%/*}/answers/$name"
cat "${0%/*}/answers/$name.complaint" >&2
exit "$(cat "${0%/*}/answers/$name.status")"
"#;

const PROGRAMS: &[(&str, &str, u32)] = &[
    ("tell.sh", TELL, 0o755),
    ("tell.cgi", TELL, 0o755),
    ("answer.sh", ANSWER, 0o755),
    ("fails.cgi", "#!/bin/sh\nexit 3\n", 0o755),
    ("silent.cgi", "#!/bin/sh\nexit 0\n", 0o755),
    (
        "complains.cgi",
        "#!/bin/sh\necho trouble >&2\nexit 1\n",
        0o755,
    ),
    ("killed.cgi", "#!/bin/sh\nkill -9 $$\n", 0o755),
    (
        "killed-late.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\nhalf'\nkill -9 $$\n",
        0o755,
    ),
    (
        "fails-late.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\nall'\nexit 3\n",
        0o755,
    ),
    (
        "reads-nothing.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\nread nothing'\n",
        0o755,
    ),
    (
        "counts.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\n'\nwc -c\n",
        0o755,
    ),
    (
        "nph-tell.cgi",
        "#!/bin/sh\nprintf 'HTTP/1.1 404 Not Found\\r\\nContent-Type: text/x\\r\\n\\r\\nnph'\n",
        0o755,
    ),
    (
        "plain.cgi",
        "#!/bin/sh\nprintf 'Content-Type: text/x\\r\\n\\r\\nran'\n",
        0o644,
    ),
    (
        "plain.sh",
        "printf 'Content-Type: text/x\\r\\n\\r\\nran'\n",
        0o644,
    ),
    (
        "no-shebang.cgi",
        "printf 'Content-Type: text/x\\r\\n\\r\\nran'\n",
        0o755,
    ),
    ("bad-shebang.cgi", "#!/nonexistent/interpreter\n", 0o755),
    ("empty.cgi", "", 0o755),
    ("program.lost", "", 0o755),
    ("with space.cgi", TELL, 0o755),
    (
        "directory.cgi/x.txt",
        "in a directory with a program's name\n",
        0o644,
    ),
];

/// Makes them, in `cgi` below this root.
pub fn install(root: &Path) {
    let directory = root.join("cgi");
    for (name, text, mode) in PROGRAMS {
        write(&directory.join(name), text.as_bytes(), *mode);
    }
    let answers = directory.join("answers");
    let path = root.to_str().expect("a path in UTF-8");
    for answer in OF_PROGRAMS {
        let status = match answer.end {
            End::Ended(status) => status,
            End::Refused(_) | End::Cut => 1,
        };
        let put = |end: &str, text: &[u8]| {
            write(&answers.join(format!("{}{end}", answer.name)), text, 0o644);
        };
        put("", &answer.output(path));
        put(".complaint", answer.complaint.as_bytes());
        put(".status", status.to_string().as_bytes());
    }
}

fn write(path: &Path, text: &[u8], mode: u32) {
    fs::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
