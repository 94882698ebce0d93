//! XML that clients send (RFC 4918 section 8.2), read into a small tree.
//!
//! In: text. Out: elements with their namespaces, and what is in an element as text again. Must hold: bounded in size and
//! depth; no document type, so no entities but XML's own five; a name is known by its namespace, never by its prefix.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The namespace of WebDAV.
pub(super) const DAV: &str = "DAV:";

/// Elements within each other.
const DEPTH_MAX: usize = 32;
/// Elements in a document.
const ELEMENTS_MAX: usize = 4096;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Namespace; empty: none.
    pub(super) space: String,
    /// Name without its prefix.
    pub(super) name: String,
    prefix: String,
    attributes: Vec<Attribute>,
    content: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    prefix: String,
    space: String,
    name: String,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Text(String),
    Element(Element),
}

impl Element {
    /// Whether it is this one of WebDAV's.
    pub(super) fn is(&self, name: &str) -> bool {
        self.space == DAV && self.name == name
    }

    /// The elements in it.
    pub(super) fn children(&self) -> impl Iterator<Item = &Element> {
        self.content.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// What is in it, as text that means the same in any other document.
    pub(super) fn inner(&self) -> String {
        let mut out = String::new();
        for node in &self.content {
            write_node(node, &mut out);
        }
        out
    }
}

fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Text(text) => out.push_str(&escaped(text)),
        Node::Element(element) => {
            let name = match element.prefix.as_str() {
                "" => element.name.clone(),
                prefix => format!("{prefix}:{}", element.name),
            };
            // Writing to memory cannot fail.
            let _ = write!(out, "<{name}");
            let mut declared: Vec<&str> = Vec::new();
            declare(&element.prefix, &element.space, &mut declared, out);
            for attribute in &element.attributes {
                let Attribute {
                    prefix,
                    space,
                    name,
                    value,
                } = attribute;
                let value = escaped(value);
                if prefix.is_empty() {
                    let _ = write!(out, " {name}=\"{value}\"");
                } else {
                    declare(prefix, space, &mut declared, out);
                    let _ = write!(out, " {prefix}:{name}=\"{value}\"");
                }
            }
            if element.content.is_empty() {
                out.push_str("/>");
                return;
            }
            out.push('>');
            for node in &element.content {
                write_node(node, out);
            }
            let _ = write!(out, "</{name}>");
        }
    }
}

fn declare<'e>(prefix: &'e str, space: &str, declared: &mut Vec<&'e str>, out: &mut String) {
    if prefix == "xml" || declared.contains(&prefix) {
        return;
    }
    declared.push(prefix);
    let space = escaped(space);
    let _ = match prefix {
        "" => write!(out, " xmlns=\"{space}\""),
        prefix => write!(out, " xmlns:{prefix}=\"{space}\""),
    };
}

/// Text as it stands in a document, or in an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            letter => out.push(letter),
        }
    }
    out
}

/// What an element is while it is read.
struct Open {
    element: Element,
    /// Namespaces by prefix that were in force before.
    outer: usize,
}

/// Reads a document. Fails, with the reason, at what is not well-formed, or is not wanted.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut spaces: Vec<(String, String)> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() => {
                return Err("a second root element".to_owned());
            }
            Event::Start(start) => {
                elements += 1;
                if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err("too many elements".to_owned());
                }
                let outer = spaces.len();
                let element = element(&start, &mut spaces)?;
                open.push(Open { element, outer });
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err("too many elements".to_owned());
                }
                let outer = spaces.len();
                let element = element(&start, &mut spaces)?;
                spaces.truncate(outer);
                close(element, &mut open, &mut root);
            }
            Event::End(_) => {
                let Some(Open { element, outer }) = open.pop() else {
                    return Err("an end without a start".to_owned());
                };
                spaces.truncate(outer);
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::CData(text) => add_text(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                let letter = reference
                    .resolve_char_ref()
                    .map_err(|error| error.to_string())?;
                let letter = match (letter, &*reference) {
                    (Some(letter), _) => letter,
                    (None, "amp") => '&',
                    (None, "lt") => '<',
                    (None, "gt") => '>',
                    (None, "quot") => '"',
                    (None, "apos") => '\'',
                    (None, name) => return Err(format!("unknown entity {name}")),
                };
                add_text(letter.encode_utf8(&mut [0; 4]), &mut open)?;
            }
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err("it ends in the middle".to_owned()),
    }
}

fn close(element: Element, open: &mut [Open], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.element.content.push(Node::Element(element)),
        None => *root = Some(element),
    }
}

fn add_text(text: &str, open: &mut [Open]) -> Result<(), String> {
    if !text.chars().all(is_letter) {
        return Err("a character that XML does not have".to_owned());
    }
    match open.last_mut().map(|open| &mut open.element.content) {
        Some(content) => match content.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => content.push(Node::Text(text.to_owned())),
        },
        None if text.trim_ascii().is_empty() => {}
        None => return Err("text outside of the root element".to_owned()),
    }
    Ok(())
}

/// What XML 1.0 calls a Char.
fn is_letter(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The element that begins here; the namespaces that it declares are added to those in force.
fn element(start: &BytesStart<'_>, spaces: &mut Vec<(String, String)>) -> Result<Element, String> {
    let mut plain = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = quick_xml::escape::unescape(&attribute.value);
        let value = value.map_err(|error| error.to_string())?.into_owned();
        if !value.chars().all(is_letter) {
            return Err("a character that XML does not have".to_owned());
        }
        let name: &str = attribute.key.as_ref();
        match split(name)? {
            ("", "xmlns") => spaces.push((String::new(), value)),
            ("xmlns", prefix) if value.is_empty() => {
                return Err(format!("prefix {prefix} stands for nothing"));
            }
            ("xmlns", prefix) => spaces.push((prefix.to_owned(), value)),
            (prefix, name) => plain.push((prefix.to_owned(), name.to_owned(), value)),
        }
    }
    let find = |prefix: &str| -> Result<String, String> {
        let known = spaces.iter().rev().find(|(known, _)| known == prefix);
        match (known, prefix) {
            (Some((_, space)), _) => Ok(space.clone()),
            (None, "") => Ok(String::new()),
            (None, "xml") => Ok("http://www.w3.org/XML/1998/namespace".to_owned()),
            (None, prefix) => Err(format!("unknown prefix {prefix}")),
        }
    };
    let name = start.name();
    let (prefix, name) = split(name.as_ref())?;
    let attributes = plain.into_iter().map(|(prefix, name, value)| {
        let space = match prefix.as_str() {
            // Without a prefix it is in no namespace.
            "" => String::new(),
            prefix => find(prefix)?,
        };
        Ok(Attribute {
            prefix,
            space,
            name,
            value,
        })
    });
    Ok(Element {
        space: find(prefix)?,
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        attributes: attributes.collect::<Result<_, String>>()?,
        content: Vec::new(),
    })
}

/// Prefix and name.
fn split(name: &str) -> Result<(&str, &str), String> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if !prefix.is_empty() => (prefix, local),
        Some(_) => return Err(format!("not a name: {name}")),
        None => ("", name),
    };
    let is_name = |text: &str| {
        let first = text.chars().next();
        let begins = first.is_some_and(|letter| letter.is_alphabetic() || letter == '_');
        let is_in =
            |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_' | '\u{b7}');
        begins && text.chars().all(is_in)
    };
    match is_name(local) && (prefix.is_empty() || is_name(prefix)) {
        true => Ok((prefix, local)),
        false => Err(format!("not a name: {name}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_known_by_their_namespace() {
        let text = "<?xml version=\"1.0\"?>\n<a:propfind xmlns:a='DAV:'><a:prop><b xmlns='urn:x'/>\
                    <c/></a:prop><a:prop xmlns:a='urn:y'/></a:propfind>";
        let root = parse(text).unwrap();
        assert!(root.is("propfind"));
        let props: Vec<&Element> = root.children().collect();
        assert!(props[0].is("prop"));
        assert_eq!(props[1].space, "urn:y");
        let names: Vec<_> = props[0]
            .children()
            .map(|element| (element.space.as_str(), element.name.as_str()))
            .collect();
        assert_eq!(names, [("urn:x", "b"), ("", "c")]);
    }

    #[test]
    fn what_is_in_an_element_means_the_same_elsewhere() {
        for (text, inner) in [
            ("<a/>", ""),
            (
                "<a> x &lt; &#65;&amp;<![CDATA[<&>]]> </a>",
                " x &lt; A&amp;&lt;&amp;&gt; ",
            ),
            (
                "<a xmlns='u' xmlns:p='v'><b p:q='1' r='2&quot;'/><p:c>t</p:c></a>",
                "<b xmlns=\"u\" xmlns:p=\"v\" p:q=\"1\" r=\"2&quot;\"/><p:c xmlns:p=\"v\">t</p:c>",
            ),
            (
                "<a><b xml:lang='de'/></a>",
                "<b xmlns=\"\" xml:lang=\"de\"/>",
            ),
        ] {
            assert_eq!(parse(text).unwrap().inner(), inner, "{text}");
        }
    }

    #[test]
    fn what_is_not_wanted_is_refused() {
        let deep = "<a>".repeat(40) + &"</a>".repeat(40);
        let many = format!("<a>{}</a>", "<b/>".repeat(5000));
        for text in [
            "",
            "x",
            "<a",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<p:a/>",
            "<a p:b='1'/>",
            "<a xmlns:p=''/>",
            "<a b='1' b='2'/>",
            "<a:b:c xmlns:a='u'/>",
            "<1a/>",
            "<a>&e;</a>",
            "<a>&#0;</a>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            &deep,
            &many,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_read_again(text in "(<a>|</a>|<b xmlns='u'>|</b>|<p:c xmlns:p='v' p:d='&lt;'/>|x|&amp;|&#9;|]]>|<!---->){0,12}") {
            if let Ok(root) = parse(&format!("<r>{text}</r>")) {
                let inner = root.inner();
                let again = parse(&format!("<r>{inner}</r>")).unwrap();
                prop_assert_eq!(again.inner(), inner);
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,64}") {
            let _ = parse(&text);
        }
    }
}
