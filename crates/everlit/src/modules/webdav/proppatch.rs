//! PROPPATCH: properties are set and removed, all or none (RFC 4918 section 9.2).
//!
//! In: a list of changes. Out: 204; or 207 that says which of them are not possible. Must hold: they are made in the order in
//! which they stand.

use super::answer::{Answer, Outcome, href, of_look, status};
use super::condition::preconditions;
use super::guard::{self, Touch};
use super::place::{Found, Place, Slash};
use super::propfind::located;
use super::store::Store;
use super::work::Task;
use super::xml::{DAV, Element, escaped};

/// Properties that follow from something else.
const PROTECTED: &[&str] = &[
    "creationdate",
    "getcontentlength",
    "getcontenttype",
    "getetag",
    "getlastmodified",
    "lockdiscovery",
    "resourcetype",
    "supportedlock",
];

/// A change.
enum Change<'e> {
    Set(&'e Element),
    Remove(&'e Element),
}

pub(super) fn proppatch(task: &Task, store: Option<&Store>) -> Outcome {
    let Some(store) = store else {
        return Err(Answer::status(405));
    };
    let mut place = Place::open(&task.order.path, &task.order.uri, task.rules).map_err(of_look)?;
    guard::check(task, Some(store), &[Touch::Resource(&place.uri)])?;
    let Some(root) = task.document()? else {
        return Err(Answer::status(400));
    };
    let mut slash = Slash::Given;
    match place.find()? {
        Found::Document(metadata) => preconditions(task, Some(&metadata))?,
        Found::Collection(metadata) => {
            preconditions(task, Some(&metadata))?;
            slash = place.as_collection();
        }
    }
    if !root.is("propertyupdate") {
        return Err(Answer::status(422));
    }
    let changes = changes(&root);
    let is_protected = |change: &Change<'_>| {
        let (Change::Set(property) | Change::Remove(property)) = change;
        property.space == DAV && PROTECTED.contains(&property.name.as_str())
    };
    if changes.iter().any(is_protected) {
        let mut text = String::from("<D:response>\n");
        text.push_str(&href(&place.uri));
        for change in &changes {
            let (Change::Set(property) | Change::Remove(property)) = change;
            let name = match property.space.as_str() {
                DAV => format!("<D:{}/>", property.name),
                space => format!("<{} xmlns=\"{}\"/>", property.name, escaped(space)),
            };
            let (why, code) = match is_protected(change) {
                true => (
                    "<D:error><D:cannot-modify-protected-property/></D:error>\n",
                    403,
                ),
                // It would have been possible, alone.
                false => ("", 424),
            };
            text.push_str(&format!(
                "<D:propstat>\n<D:prop>{name}</D:prop>\n{why}{}</D:propstat>\n",
                status(code)
            ));
        }
        text.push_str("</D:response>\n");
        return Ok(located(Answer::multistatus(&text), &place, slash));
    }
    store.remember()?;
    for change in changes {
        let made = match change {
            Change::Set(property) => store.set_property(
                &place.uri,
                &property.space,
                &property.name,
                &property.inner(),
            ),
            Change::Remove(property) => {
                store.remove_property(&place.uri, &property.space, &property.name)
            }
        };
        if let Err(answer) = made {
            store.take_back()?;
            return Err(answer);
        }
    }
    Ok(located(Answer::status(204), &place, slash))
}

fn changes(root: &Element) -> Vec<Change<'_>> {
    let mut changes = Vec::new();
    for command in root.children() {
        let properties = command
            .children()
            .filter(|inner| inner.is("prop"))
            .flat_map(Element::children);
        if command.is("set") {
            changes.extend(properties.map(Change::Set));
        } else if command.is("remove") {
            changes.extend(properties.map(Change::Remove));
        }
    }
    changes
}
