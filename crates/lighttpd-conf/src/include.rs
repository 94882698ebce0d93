//! What `include` and `include_shell` bring in.
//! A name becomes paths (braces and wildcards, in glibc's order), a path becomes bytes, a command becomes what it
//! printed. All relative to the directory of the main file. This is the only I/O of the crate.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// The largest text that is read, in bytes.
pub(crate) const LARGEST_TEXT: usize = 32 << 20;

/// Alternatives that braces may make of one name.
const MOST_ALTERNATIVES: usize = 4096;

/// Why nothing was brought in.
#[derive(Debug)]
pub(crate) enum IncludeError {
    /// There is no such file, and the name has no wildcards.
    NotFound {
        path: PathBuf,
    },
    /// The braces make too many names.
    TooManyAlternatives,
    Read {
        path: PathBuf,
        cause: io::Error,
    },
    TooLarge,
    Run {
        cause: io::Error,
    },
    Failed {
        status: ExitStatus,
        stderr: String,
    },
}

/// What a command printed.
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// The files that a name means, sorted within each wildcard. None is fine if it has wildcards.
pub(crate) fn find(directory: &Path, name: &str) -> Result<Vec<PathBuf>, IncludeError> {
    let mut names = Vec::new();
    expand_braces(String::new(), name, &mut names)?;
    let optional = names.len() > 1 || name.contains(['*', '?', '[', '{']);
    let mut found = Vec::new();
    for name in names {
        let path = directory.join(&name);
        if !name.contains(['*', '?', '[']) {
            match path.try_exists() {
                Ok(false) if !optional => return Err(IncludeError::NotFound { path }),
                Ok(false) => {}
                Ok(true) | Err(_) => found.push(path),
            }
            continue;
        }
        let pattern = match name.strip_prefix('/') {
            Some(_) => name,
            None => {
                let directory = directory.to_string_lossy();
                format!("{}/{name}", glob::Pattern::escape(&directory))
            }
        };
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        // To glibc `**` is `*`, and what is no pattern matches nothing.
        if let Ok(paths) = glob::glob_with(&single_stars(&pattern), options) {
            found.extend(paths.filter_map(Result::ok));
        }
    }
    Ok(found)
}

fn single_stars(pattern: &str) -> String {
    let mut single = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if c != '*' || !single.ends_with('*') {
            single.push(c);
        }
    }
    single
}

/// `a{b,c}d` is `abd` and `acd`. Braces without partner, and `{}`, are themselves.
fn expand_braces(before: String, rest: &str, names: &mut Vec<String>) -> Result<(), IncludeError> {
    let Some((head, alternatives, tail)) = first_braces(rest) else {
        if names.len() >= MOST_ALTERNATIVES {
            return Err(IncludeError::TooManyAlternatives);
        }
        names.push(before + rest);
        return Ok(());
    };
    for alternative in alternatives {
        // An alternative may have braces itself: they are expanded together with what follows.
        expand_braces(
            format!("{before}{head}"),
            &format!("{alternative}{tail}"),
            names,
        )?;
    }
    Ok(())
}

/// The text before the first pair of braces, the parts between its commas, and the text after it.
fn first_braces(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = text
        .match_indices('{')
        .map(|(at, _)| at)
        .find(|at| !text[*at..].starts_with("{}"))?;
    let mut depth = 0;
    let mut parts = Vec::new();
    let mut start = open + 1;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => {
                parts.push(&text[start..at]);
                return Some((&text[..open], parts, &text[at + 1..]));
            }
            '}' => depth -= 1,
            ',' if depth == 1 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, IncludeError> {
    use io::Read;
    let path = path.to_owned();
    let fail = |cause| IncludeError::Read {
        path: path.clone(),
        cause,
    };
    let file = fs::File::open(&path).map_err(fail)?;
    let mut text = Vec::new();
    file.take(LARGEST_TEXT as u64 + 1)
        .read_to_end(&mut text)
        .map_err(fail)?;
    limited(text)
}

/// Runs a command in the shell, as lighttpd does, and waits for it.
pub(crate) fn run(command: &str, directory: &Path) -> Result<Output, IncludeError> {
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| IncludeError::Run { cause })?;
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        let status = output.status;
        return Err(IncludeError::Failed { status, stderr });
    }
    let stdout = limited(output.stdout)?;
    Ok(Output { stdout, stderr })
}

fn limited(text: Vec<u8>) -> Result<Vec<u8>, IncludeError> {
    if text.len() > LARGEST_TEXT {
        Err(IncludeError::TooLarge)
    } else {
        Ok(text)
    }
}

impl fmt::Display for IncludeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IncludeError::NotFound { path } => write!(f, "there is no file {}", path.display()),
            IncludeError::TooManyAlternatives => {
                write!(f, "the braces make more than {MOST_ALTERNATIVES} names")
            }
            IncludeError::Read { path, cause } => write!(f, "read {}: {cause}", path.display()),
            IncludeError::TooLarge => {
                write!(f, "the text is larger than {} MB", LARGEST_TEXT >> 20)
            }
            IncludeError::Run { cause } => write!(f, "run /bin/sh: {cause}"),
            IncludeError::Failed { status, stderr } if stderr.is_empty() => {
                write!(f, "the command failed: {status}")
            }
            IncludeError::Failed { status, stderr } => {
                write!(f, "the command failed: {status}: {stderr}")
            }
        }
    }
}

impl std::error::Error for IncludeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IncludeError::Read { cause, .. } | IncludeError::Run { cause } => Some(cause),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn braces(name: &str) -> Vec<String> {
        let mut names = Vec::new();
        expand_braces(String::new(), name, &mut names).unwrap();
        names
    }

    #[test]
    fn braces_expand_from_left_to_right() {
        assert_eq!(braces("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(braces("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
        assert_eq!(braces("{a,b{c,d}}"), ["a", "bc", "bd"]);
        assert_eq!(braces("{a}{}{"), ["a{}{"]);
        assert_eq!(braces("é{,x}"), ["é", "éx"]);
        assert!(expand_braces(String::new(), &"{a,b}".repeat(20), &mut Vec::new()).is_err());
    }

    #[test]
    fn files_come_sorted_and_hidden_ones_do_not_come() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".c.conf", "d.txt"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let found = find(dir.path(), pattern).unwrap();
            let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            found.into_iter().map(name).collect()
        };
        assert_eq!(names("*.conf"), ["a.conf", "b.conf"]);
        assert_eq!(names("**.conf"), ["a.conf", "b.conf"]);
        assert_eq!(names("{d.txt,a*,nothing}"), ["d.txt", "a.conf"]);
        assert_eq!(names("nothing*"), [""; 0]);
        assert_eq!(names("[x"), [""; 0]);
        assert!(find(dir.path(), "nothing").is_err());
        let absolute = dir.path().join("?.txt");
        assert_eq!(names(absolute.to_str().unwrap()), ["d.txt"]);
    }

    #[test]
    fn a_command_runs_in_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x"), "hello").unwrap();
        assert_eq!(run("cat x", dir.path()).unwrap().stdout, b"hello");
        let error = run("echo no >&2; exit 3", dir.path()).err().unwrap();
        assert!(error.to_string().ends_with("exit status: 3: no"), "{error}");
    }
}
