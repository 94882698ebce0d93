//! PROPFIND: what is known of resources (RFC 4918 section 9.1).
//!
//! In: names of properties, or none for all of them. Out: 207. Must hold: locks of what is around a collection are told
//! once, with the collection itself.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::answer::{Answer, Outcome, active_lock, encoded, href, of_look, status};
use super::place::{Found, Place, Slash, enter, follow, look, names};
use super::store::Store;
use super::work::Task;
use super::xml::{DAV, Element, escaped};
use crate::files::{EntryKind, Metadata};

/// Properties that are asked for by name.
const PROPERTIES_MAX: usize = 32;
/// Collections within each other.
const DEPTH_MAX: usize = 128;

/// The properties that follow from a file, in this order; all are in [`DAV`].
const LIVE: &[&str] = &[
    "getcontentlength",
    "getcontenttype",
    "getetag",
    "getlastmodified",
    "resourcetype",
    "supportedlock",
];

const SUPPORTED_LOCK: &str = "<D:supportedlock>\
    <D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>\
    <D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>\
    </D:supportedlock>";

/// What is asked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// These: namespace and name.
    named: Vec<(String, String)>,
    everything: Everything,
    locks: Locks,
}

/// What is asked beside what is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Everything {
    /// Nothing.
    #[default]
    No,
    /// The names of all there are.
    Names,
    /// All there are.
    Values,
}

/// Whether locks are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Locks {
    #[default]
    No,
    /// Those that were taken for the resource itself.
    Own,
    /// And those of the collections that it is in.
    All,
}

/// Whether members are told, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// No.
    Itself,
    /// They are.
    Members,
    /// And theirs.
    Everything,
}

/// `Depth`; none means everything.
pub(super) fn depth(value: Option<&[u8]>) -> Reach {
    match value {
        Some([b'0', ..]) => Reach::Itself,
        Some([b'1', ..]) => Reach::Members,
        _ => Reach::Everything,
    }
}

pub(super) fn propfind(task: &Task, store: Option<&Store>) -> Outcome {
    let reach = depth(task.order.field("Depth"));
    if reach == Reach::Everything && !task.settings.options.depth_infinity {
        return Err(Answer::condition(403, "propfind-finite-depth", ""));
    }
    let mut place = Place::open(&task.order.path, &task.order.uri, task.rules).map_err(of_look)?;
    let found = place.find()?;
    let wanted = wanted(task.document()?.as_ref())?;
    let mut survey = Survey {
        task,
        store,
        wanted,
        out: String::new(),
    };
    let mut slash = Slash::Given;
    match found {
        Found::Document(metadata) => survey.tell(&place.uri, &metadata, Locks::All)?,
        Found::Collection(metadata) => {
            slash = place.as_collection();
            survey.tell(&place.uri, &metadata, Locks::All)?;
            if reach != Reach::Itself {
                let directory = place.enter().map_err(of_look)?;
                survey.members(&directory, &place.uri, reach, 0)?;
            }
        }
    }
    let text = format!(
        "<D:multistatus xmlns:D=\"DAV:\" xmlns:ns0=\"urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/\">\n\
         {}</D:multistatus>\n",
        survey.out
    );
    let answer = Answer::document(207, &text);
    Ok(located(answer, &place, slash))
}

/// Says where a collection is if it was asked for by another name.
pub(super) fn located(answer: Answer, place: &Place, slash: Slash) -> Answer {
    match slash {
        Slash::Given => answer,
        Slash::Added => answer.with("Content-Location", encoded(&place.uri)),
    }
}

fn wanted(root: Option<&Element>) -> Result<Wanted, Answer> {
    let mut wanted = Wanted::default();
    let commands = root.filter(|root| root.is("propfind")).into_iter();
    for command in commands.flat_map(Element::children) {
        if command.is("allprop") {
            wanted.everything = Everything::Values;
            wanted.locks = Locks::All;
        } else if command.is("propname") {
            wanted.everything = Everything::Names;
        } else if command.is("prop") || command.is("include") {
            for property in command.children() {
                if property.is("lockdiscovery") {
                    wanted.locks = Locks::All;
                    continue;
                }
                // What is included in everything is there already.
                if command.is("include") && property.space == DAV {
                    continue;
                }
                if wanted.named.len() == PROPERTIES_MAX {
                    return Err(Answer::status(400));
                }
                let name = (property.space.clone(), property.name.clone());
                wanted.named.push(name);
            }
        }
    }
    if wanted == Wanted::default() {
        wanted.everything = Everything::Values;
        wanted.locks = Locks::All;
    }
    Ok(wanted)
}

/// An answer that is being written.
struct Survey<'t> {
    task: &'t Task,
    store: Option<&'t Store>,
    wanted: Wanted,
    out: String,
}

impl Survey<'_> {
    /// What is in a collection.
    fn members(
        &mut self,
        directory: &std::os::fd::OwnedFd,
        uri: &[u8],
        reach: Reach,
        level: usize,
    ) -> Result<(), Answer> {
        for name in names(directory).map_err(of_look)? {
            // It may be gone, or lead nowhere.
            let Ok(mut metadata) = look(directory, &name) else {
                continue;
            };
            if self.task.settings.options.follow_links
                && metadata.kind == EntryKind::Special
                && let Ok(target) = follow(directory, &name)
            {
                metadata = target;
            }
            let mut place = [uri, &name].concat();
            if self.task.names == super::work::Names::LowerCase {
                place.make_ascii_lowercase();
            }
            let is_directory = metadata.kind == EntryKind::Directory;
            if is_directory {
                place.push(b'/');
            }
            self.tell(&place, &metadata, Locks::Own)?;
            if is_directory && reach == Reach::Everything && level < DEPTH_MAX {
                // A link to a directory is not entered: it might lead in circles.
                if let Ok(inner) = enter(directory, &name) {
                    self.members(&inner, &place, reach, level + 1)?;
                }
            }
        }
        Ok(())
    }

    /// One resource. `locks`: those that are told, if any are.
    fn tell(&mut self, uri: &[u8], metadata: &Metadata, locks: Locks) -> Result<(), Answer> {
        let (mut found, mut missing) = (String::new(), String::new());
        if self.wanted.everything == Everything::Names {
            for name in LIVE.iter().chain(["lockdiscovery"].iter()) {
                let _ = write!(found, "<D:{name}/>");
            }
            for [space, name, _] in self.dead(uri)? {
                found.push_str(&element(&space, &name, ""));
            }
        } else {
            for (space, name) in &self.wanted.named {
                let value = match (space.as_str(), name.as_str()) {
                    (DAV, live) if LIVE.contains(&live) => self.live(live, uri, metadata),
                    (space, name) => {
                        let value = match self.store {
                            Some(store) => store.property(uri, space, name)?,
                            None => None,
                        };
                        value.map(|value| element(space, name, &value))
                    }
                };
                match value {
                    Some(value) => found.push_str(&value),
                    None => missing.push_str(&element(space, name, "")),
                }
            }
            if self.wanted.everything == Everything::Values {
                for name in LIVE {
                    if let Some(value) = self.live(name, uri, metadata) {
                        found.push_str(&value);
                    }
                }
                for [space, name, value] in self.dead(uri)? {
                    found.push_str(&element(&space, &name, &value));
                }
            }
            if self.wanted.locks != Locks::No {
                found.push_str("<D:lockdiscovery>");
                if let Some(store) = self.store {
                    let locks = match locks {
                        Locks::All => store.locks_over(uri)?,
                        Locks::Own | Locks::No => store.locks_at(uri)?,
                    };
                    for lock in &locks {
                        found.push_str(&active_lock(lock, lock.expires - store.now));
                    }
                }
                found.push_str("</D:lockdiscovery>");
            }
        }
        self.out.push_str("<D:response>\n");
        self.out.push_str(&href(uri));
        for (properties, code) in [(found, 200), (missing, 404)] {
            if !properties.is_empty() {
                let _ = write!(
                    self.out,
                    "<D:propstat>\n<D:prop>\n{properties}</D:prop>\n{}</D:propstat>\n",
                    status(code)
                );
            }
        }
        self.out.push_str("</D:response>\n");
        Ok(())
    }

    fn dead(&self, uri: &[u8]) -> Result<Vec<[String; 3]>, Answer> {
        match self.store {
            Some(store) => store.properties(uri),
            None => Ok(Vec::new()),
        }
    }

    fn live(&self, name: &str, uri: &[u8], metadata: &Metadata) -> Option<String> {
        let is_directory = metadata.kind == EntryKind::Directory;
        Some(match name {
            "getcontentlength" => {
                format!("<D:getcontentlength>{}</D:getcontentlength>", metadata.size)
            }
            "getcontenttype" if is_directory => {
                "<D:getcontenttype>httpd/unix-directory</D:getcontenttype>".to_owned()
            }
            "getcontenttype" => {
                let media_type = escaped(self.task.media_type(uri)?);
                format!("<D:getcontenttype>{media_type}</D:getcontenttype>")
            }
            "getetag" => format!("<D:getetag>{}</D:getetag>", self.task.tag(metadata)?),
            "getlastmodified" => {
                let seconds = u64::try_from(metadata.mtime).unwrap_or(0);
                let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
                format!("<D:getlastmodified ns0:dt=\"dateTime.rfc1123\">{date}</D:getlastmodified>")
            }
            "resourcetype" if is_directory => {
                "<D:resourcetype><D:collection/></D:resourcetype>".to_owned()
            }
            "resourcetype" => "<D:resourcetype/>".to_owned(),
            "supportedlock" => SUPPORTED_LOCK.to_owned(),
            _ => return None,
        })
    }
}

/// A property; `value`: XML, as it is in the database.
fn element(space: &str, name: &str, value: &str) -> String {
    let space = escaped(space);
    match value {
        "" => format!("<{name} xmlns=\"{space}\"/>"),
        value => format!("<{name} xmlns=\"{space}\">{value}</{name}>"),
    }
}
