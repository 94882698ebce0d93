//! Response header fields, kept as the text that goes on the wire.
//!
//! In: names and values. Out: one block of lines, and look-up by name. Must hold: no value contains control
//! characters (RFC 9110 section 5.5): one from a configuration, a file name or a target is replaced by a space.

/// Header fields in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    text: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a line stands in the text: `name: value\r\n`.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: u32,
    name_length: u16,
    end: u32,
}

impl Headers {
    /// Adds a field, whether or not there is one of that name already.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b": ");
        let from = self.text.len();
        self.text.extend_from_slice(value.as_ref());
        for byte in &mut self.text[from..] {
            if byte.is_ascii_control() && *byte != b'\t' {
                *byte = b' ';
            }
        }
        self.text.extend_from_slice(b"\r\n");
        self.lines.push(Line {
            start,
            name_length: name.len() as u16,
            end: self.text.len() as u32,
        });
    }

    /// Replaces all fields of that name by this one.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Appends to the field of that name, after a comma, or adds it.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) {
        match self.get(name).map(<[u8]>::to_vec) {
            Some(mut old) => {
                old.extend_from_slice(b", ");
                old.extend_from_slice(value.as_ref());
                self.set(name, old);
            }
            None => self.add(name, value),
        }
    }

    /// Value of the first field of that name, compared without case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines
            .iter()
            .find(|line| self.is_named(line, name))
            .map(|line| self.value(line))
    }

    /// Removes all fields of that name.
    pub fn remove(&mut self, name: &str) {
        while let Some(index) = self.lines.iter().position(|line| self.is_named(line, name)) {
            let gone = self.lines.remove(index);
            let length = gone.end - gone.start;
            self.text.drain(gone.start as usize..gone.end as usize);
            for line in &mut self.lines[index..] {
                line.start -= length;
                line.end -= length;
            }
        }
    }

    /// Puts these fields in the place of all that have their names.
    pub fn overlay(&mut self, others: &Headers) {
        for line in &others.lines {
            // A name is what was once a `str`.
            self.remove(str::from_utf8(others.name(line)).unwrap_or_default());
        }
        for line in &others.lines {
            let start = self.text.len() as u32;
            let text = &others.text[line.start as usize..line.end as usize];
            self.text.extend_from_slice(text);
            self.lines.push(Line {
                start,
                end: self.text.len() as u32,
                ..*line
            });
        }
    }

    /// Names and values in order, to keep.
    pub fn to_pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines
            .iter()
            .map(|line| (self.name(line), self.value(line)))
    }

    /// All lines, as they go on the wire.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Appends the lines that are for clients. Fields whose names begin with `X-LIGHTTPD-` are for the access log only.
    pub fn write(&self, out: &mut Vec<u8>) {
        const FOR_US: &[u8] = b"X-LIGHTTPD-";
        let is_for_us = |line: &Line| {
            let start = self.name(line).get(..FOR_US.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(FOR_US))
        };
        if !self.lines.iter().any(is_for_us) {
            out.extend_from_slice(&self.text);
            return;
        }
        for line in self.lines.iter().filter(|line| !is_for_us(line)) {
            out.extend_from_slice(&self.text[line.start as usize..line.end as usize]);
        }
    }

    /// Makes this a copy of `other`, keeping its memory.
    pub fn copy_from(&mut self, other: &Headers) {
        self.text.clear();
        self.text.extend_from_slice(&other.text);
        self.lines.clear();
        self.lines.extend_from_slice(&other.lines);
    }

    /// Forgets all fields, keeping its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    fn name(&self, line: &Line) -> &[u8] {
        let start = line.start as usize;
        &self.text[start..start + usize::from(line.name_length)]
    }

    fn value(&self, line: &Line) -> &[u8] {
        &self.text[line.start as usize + usize::from(line.name_length) + 2..line.end as usize - 2]
    }

    fn is_named(&self, line: &Line, name: &str) -> bool {
        self.name(line).eq_ignore_ascii_case(name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_added_replaced_appended_and_removed() {
        let mut headers = Headers::default();
        headers.add("A", "1");
        headers.add("b", "2");
        headers.add("a", "3");
        assert_eq!(headers.get("A"), Some(&b"1"[..]));
        headers.set("a", "4");
        assert_eq!(headers.text(), b"b: 2\r\na: 4\r\n");
        headers.append("B", "5");
        assert_eq!(headers.text(), b"a: 4\r\nB: 2, 5\r\n");
        headers.remove("nothing");
        headers.remove("A");
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [(&b"B"[..], &b"2, 5"[..])]
        );
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut headers = Headers::default();
        headers.add("Location", "/x\r\nSet-Cookie: a");
        assert_eq!(headers.text(), b"Location: /x  Set-Cookie: a\r\n");
    }

    #[test]
    fn fields_for_the_log_are_not_for_clients() {
        let mut headers = Headers::default();
        headers.add("A", "1");
        let mut out = Vec::new();
        headers.write(&mut out);
        headers.add("x-lighttpd-SID", "abc");
        headers.add("X-LIGHTTPD", "2");
        headers.write(&mut out);
        assert_eq!(out, b"A: 1\r\nA: 1\r\nX-LIGHTTPD: 2\r\n");
        assert_eq!(headers.get("X-LIGHTTPD-SID"), Some(&b"abc"[..]));
    }
}
