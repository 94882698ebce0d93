//! Which group a request goes to.
//!
//! In: the groups of a module, a URL path, and the name that suffixes are compared with. Out: the first group that fits,
//! and how much of the path is `PATH_INFO`. Must hold: what lighttpd would ask is asked; keys are compared in the order of
//! the configuration, letters as they are.

use std::sync::Arc;

use super::host::{CheckLocal, Group, Role};
use super::{Backends, Handler, Protocol};
use crate::exchange::{Exchange, Flow};
use crate::request::Permit;

/// The first group for this role whose key fits: the beginning of the URL path, for a key that begins with a slash; else
/// the end of `name`. A suffix that is mapped to a key goes to that group, if there is one.
fn choose<'b>(
    backends: &'b Backends,
    role: Role,
    url_path: &[u8],
    name: &[u8],
) -> Option<&'b Arc<Group>> {
    let mut groups = backends.groups.iter().filter(|group| group.role == role);
    let mut mapped = backends.map_extensions.iter();
    let mapped = mapped.find(|(suffix, _)| name.ends_with(suffix.as_bytes()));
    mapped
        .and_then(|(_, key)| groups.clone().find(|group| group.key == *key))
        .or_else(|| {
            groups.find(|group| match group.key.starts_with('/') {
                true => url_path.starts_with(group.key.as_bytes()),
                false => name.ends_with(group.key.as_bytes()),
            })
        })
}

/// Bytes at the end of the URL path that are `PATH_INFO` where no file decides: what follows the first slash after the
/// prefix. `/app` with `/app/x/y`: `/x/y`. `/app/` with `/app/x/y`: `/y`. Nothing for a suffix.
fn path_info(group: &Group, url_path: &[u8]) -> usize {
    let key = group.key.as_bytes();
    if group.role == Role::Authorizer || key.first() != Some(&b'/') {
        return 0;
    }
    let fixes_root = |group: &Group| group.hosts.iter().any(|host| host.script.fix_root);
    if key == b"/" && fixes_root(group) {
        return url_path.len();
    }
    let after = url_path.get(key.len()..).unwrap_or_default();
    match after.iter().position(|byte| *byte == b'/') {
        Some(slash) => after.len() - slash,
        None => 0,
    }
}

/// Authorizers are asked before responders, until one has said yes.
fn first<'b>(
    backends: &'b Backends,
    permit: &Permit,
    url_path: &[u8],
    name: &[u8],
) -> Option<&'b Arc<Group>> {
    let authorizer = match permit {
        Permit::Sought => choose(backends, Role::Authorizer, url_path, name),
        Permit::Given | Permit::Below(_) => None,
    };
    authorizer.or_else(|| choose(backends, Role::Responder, url_path, name))
}

/// The group for this URL path, whatever files there are.
pub fn for_path<'b>(backends: &'b Backends, path: &[u8]) -> Option<&'b Arc<Group>> {
    first(backends, &Permit::Sought, path, path)
}

/// At `uri_clean`: gives the request to the group that fits the URL path, unless a file must be there.
pub fn by_url(exchange: &mut Exchange<'_>, backends: &Backends, protocol: Protocol) {
    let path = &exchange.request.uri.path;
    if exchange.handler.is_some() {
        return;
    }
    if let Some(group) = first(backends, &exchange.request.permit, path, path)
        && group.check_local == CheckLocal::Unchecked
    {
        exchange.handler = Some(Handler::Group {
            group: group.clone(),
            protocol,
            balance: backends.balance,
            path_info: path_info(group, path),
        });
    }
}

/// At `subrequest_start`: gives the request to the group that fits the file, which is there.
pub fn by_file(exchange: &mut Exchange<'_>, backends: &Backends, protocol: Protocol) -> Flow {
    let (path, file) = (&exchange.request.uri.path, &exchange.physical.path);
    let Some(group) = first(backends, &exchange.request.permit, path, file) else {
        return Flow::GoOn;
    };
    exchange.handler = Some(Handler::Group {
        group: group.clone(),
        protocol,
        balance: backends.balance,
        path_info: 0,
    });
    Flow::Done
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gateway::host::tests::group;

    fn backends(keys: &[&str], map: &[(&str, &str)]) -> Backends {
        Backends {
            groups: keys.iter().map(|key| Arc::new(group(key, 1))).collect(),
            map_extensions: map
                .iter()
                .map(|(suffix, key)| ((*suffix).to_owned(), (*key).to_owned()))
                .collect(),
            ..Backends::default()
        }
    }

    fn chosen(backends: &Backends, path: &str) -> Option<String> {
        let path = path.as_bytes();
        first(backends, &Permit::Sought, path, path).map(|group| group.key.clone())
    }

    #[test]
    fn the_first_key_that_fits_counts() {
        let some = backends(&["/app", ".php", "/app/x.php", "x"], &[]);
        for (path, expected) in [
            ("/app", Some("/app")),
            ("/apple", Some("/app")),
            ("/app/x.php", Some("/app")),
            ("/b/app", None),
            ("/x.php", Some(".php")),
            ("/x.PHP", None),
            ("/APP", None),
            ("/x.php/y", None),
            ("/.php", Some(".php")),
            ("/x", Some("x")),
            ("/", None),
        ] {
            assert_eq!(chosen(&some, path).as_deref(), expected, "{path}");
        }
        let all = backends(&["/app", ""], &[]);
        assert_eq!(chosen(&all, "/anything").as_deref(), Some(""));
        assert_eq!(chosen(&all, "/app/").as_deref(), Some("/app"));
    }

    #[test]
    fn prefixes_are_of_the_url_and_suffixes_of_the_file() {
        let some = backends(&["/app", ".php"], &[]);
        let key = |url: &str, file: &str| {
            let group = first(&some, &Permit::Sought, url.as_bytes(), file.as_bytes());
            group.map(|group| group.key.clone())
        };
        assert_eq!(key("/", "/srv/index.php").as_deref(), Some(".php"));
        assert_eq!(key("/a", "/app/a"), None);
        assert_eq!(key("/app/x.php", "/srv/x").as_deref(), Some("/app"));
    }

    #[test]
    fn suffixes_may_be_mapped() {
        let some = backends(
            &["/app", ".php"],
            &[
                (".php5", ".php"),
                (".x", "/app"),
                (".y", ".no"),
                ("y", "/app"),
            ],
        );
        for (path, expected) in [
            ("/a.php5", Some(".php")),
            ("/a.x", Some("/app")),
            // The first suffix that fits leads nowhere: as if there were none.
            ("/a.y", None),
            ("/app/a.y", Some("/app")),
            ("/app/a.php5", Some(".php")),
            ("/y", Some("/app")),
        ] {
            assert_eq!(chosen(&some, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn authorizers_are_asked_first() {
        let authorizer = Group {
            role: Role::Authorizer,
            ..group("/a/b", 1)
        };
        let some = Backends {
            groups: vec![Arc::new(group("/a", 1)), Arc::new(authorizer)].into(),
            ..Backends::default()
        };
        assert_eq!(chosen(&some, "/a/b/c").as_deref(), Some("/a/b"));
        assert_eq!(chosen(&some, "/a/c").as_deref(), Some("/a"));
        assert_eq!(path_info(&some.groups[1], b"/a/b/c"), 0);
    }

    #[test]
    fn what_follows_the_name_is_path_info() {
        for (key, path, expected) in [
            ("/app", "/app/x/y", "/x/y"),
            ("/app", "/app", ""),
            ("/app", "/apple/x", "/x"),
            ("/app/", "/app/x/y", "/y"),
            ("/app/", "/app/x", ""),
            ("/", "/cgi/x/y", "/x/y"),
            ("", "/a/b", ""),
            (".php", "/a.php", ""),
        ] {
            let length = path_info(&group(key, 1), path.as_bytes());
            assert_eq!(&path[path.len() - length..], expected, "{key} {path}");
        }
        let mut root = group("/", 1);
        root.hosts[0].script.fix_root = true;
        assert_eq!(path_info(&root, b"/a/b"), 4);
    }

    proptest! {
        #[test]
        fn a_path_is_never_split_inside_the_prefix(key in "/[a/]{0,4}", rest in "[a/]{0,6}") {
            let path = format!("{key}{rest}");
            let length = path_info(&group(&key, 1), path.as_bytes());
            prop_assert!(length <= rest.len());
            prop_assert!(length == 0 || path[path.len() - length..].starts_with('/'));
        }
    }
}
