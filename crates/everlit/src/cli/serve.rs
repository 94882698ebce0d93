//! `everlit serve DIR`: a server without any configuration.
//!
//! In: a directory, and perhaps where to listen. Out: a server in the foreground, running a configuration made up here.
//! Must hold: only this machine is served unless somebody says otherwise.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

use super::code;
use super::lighttpd::{foreground, working_directory};
use crate::causes::with_causes;
use crate::inherit::Inherited;
use crate::source::Source;
use crate::supervisor::binary::Binary;
use crate::supervisor::start::{self, Greeting, Start};

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Serve {
    directory: PathBuf,
    address: SocketAddr,
}

pub(super) fn run(parser: Parser) -> Result<ExitCode, lexopt::Error> {
    let serve = parse(parser)?;
    let directory = match serve.directory.canonicalize() {
        Ok(directory) if directory.is_dir() => directory,
        Ok(file) => return Ok(refuse(&format!("{} is not a directory", file.display()))),
        Err(error) => {
            return Ok(refuse(&format!(
                "find {}: {error}",
                serve.directory.display()
            )));
        }
    };
    let Some(text) = configuration(&directory, serve.address) else {
        return Ok(refuse(&format!(
            "serve {}: a name with line feeds or that is not UTF-8 cannot be configured",
            directory.display()
        )));
    };
    let source = Source::Text {
        name: format!("serve {} on {}", directory.display(), serve.address),
        text,
        directory,
    };
    let inherited = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(error) => return Ok(refuse(&with_causes(&error))),
    };
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(error) => return Ok(refuse(&format!("find the binary: {error}"))),
    };
    Ok(start::run(Start {
        binary,
        source,
        directory: working_directory(),
        ground: foreground(),
        idle_limit: None,
        outcome: None,
        inherited,
        greeting: Greeting::Addresses,
    }))
}

fn refuse(text: &str) -> ExitCode {
    eprintln!("everlit serve: {text}");
    ExitCode::from(code::FAILED)
}

fn parse(mut parser: Parser) -> Result<Serve, lexopt::Error> {
    let mut directory = None;
    let mut port = 8080;
    let mut bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("port") | Arg::Short('p') => port = parser.value()?.parse()?,
            Arg::Long("bind") | Arg::Short('b') => bind = parser.value()?.parse()?,
            Arg::Value(value) if directory.is_none() => directory = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let directory = directory.ok_or_else(|| lexopt::Error::MissingValue {
        option: Some("DIR".to_owned()),
    })?;
    Ok(Serve {
        directory,
        address: SocketAddr::new(bind, port),
    })
}

/// The configuration, if the directory's name can stand in one.
fn configuration(directory: &Path, address: SocketAddr) -> Option<String> {
    let root = OsString::from(directory).into_string().ok()?;
    // A backslash before a quote would be read as an escape, and nothing else is one.
    if root.contains(['\n', '\r']) || root.contains("\\\"") || root.ends_with('\\') {
        return None;
    }
    let root = root.replace('"', "\\\"");
    let bind = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Some(format!(
        "server.document-root = \"{root}\"
server.bind = \"{bind}\"
server.port = {port}
server.modules = ( \"mod_indexfile\", \"mod_dirlisting\", \"mod_staticfile\" )
index-file.names = ( \"index.html\", \"index.htm\" )
dir-listing.activate = \"enable\"
",
        port = address.port()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Serve, lexopt::Error> {
        parse(Parser::from_args(arguments.iter().map(OsString::from)))
    }

    #[test]
    fn a_directory_is_enough() {
        assert_eq!(
            parsed(&["www"]).unwrap(),
            Serve {
                directory: "www".into(),
                address: "127.0.0.1:8080".parse().unwrap(),
            }
        );
        assert_eq!(
            parsed(&["--port", "0", "www", "--bind=::1"])
                .unwrap()
                .address,
            "[::1]:0".parse().unwrap()
        );
        assert!(parsed(&[]).is_err());
        assert!(parsed(&["a", "b"]).is_err());
        assert!(parsed(&["a", "--port", "70000"]).is_err());
    }

    #[test]
    fn the_configuration_quotes_what_it_must() {
        let address = "[::1]:8080".parse().unwrap();
        let text = configuration(Path::new("/srv/my \"www\""), address).unwrap();
        assert!(text.starts_with(
            "server.document-root = \"/srv/my \\\"www\\\"\"\nserver.bind = \"[::1]\"\n"
        ));
        assert!(configuration(Path::new("/srv/\nx"), address).is_none());
        assert!(configuration(Path::new("/srv/x\\"), address).is_none());
    }
}
