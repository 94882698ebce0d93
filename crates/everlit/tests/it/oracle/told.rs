//! Requests as backends receive them, taken apart: one protocol after the other.
//!
//! In: bytes that a server sent. Out: what a backend was told, line by line, in an order that does not depend on the
//! server. Must hold: what differs from run to run, ports for one, is not in it.

/// How a backend is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Http,
    Scgi,
    Uwsgi,
    FastCgi,
    Ajp,
}

/// What stands in a request besides its body.
pub struct Told {
    /// What it says, sorted.
    pub lines: Vec<String>,
    /// Length of the body, unless that comes in chunks.
    pub body: usize,
    pub is_chunked: bool,
    /// Whether the answer is held back.
    pub is_held: bool,
    pub language: Language,
    /// The answer that is asked for by name, in the query: `answer=name`.
    pub named: Option<String>,
    /// The document root, if that is told.
    pub root: String,
}

/// In whose language the answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Http,
    Cgi,
    /// The same, in records.
    FastCgi,
    /// In packets.
    Ajp,
    /// Whoever does not ask is the other end of a tunnel.
    Echo,
}

/// Takes a request off what was received, but for its body; nothing, if it is not complete.
pub fn take(input: &mut Vec<u8>, wire: Wire) -> Option<Told> {
    match wire {
        Wire::FastCgi => records(input),
        Wire::Ajp => packets(input),
        Wire::Http if input.starts_with(b"tunnel") => Some(Told {
            lines: Vec::new(),
            body: 0,
            is_chunked: false,
            is_held: false,
            language: Language::Echo,
            named: None,
            root: String::new(),
        }),
        Wire::Http => {
            let end = input.windows(4).position(|four| four == b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(&input[..end]).into_owned();
            input.drain(..end + 4);
            let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
            let is_held = lines[0].contains("hold");
            let query = lines[0].split([' ', '?']).nth(2).unwrap_or_default();
            let named = query.strip_prefix("answer=").map(str::to_owned);
            lines[1..].sort_by_key(|line| line.to_ascii_lowercase());
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let body = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            // Connections are each server's own matter.
            lines.retain(|line| !line.to_ascii_lowercase().starts_with("connection:"));
            Some(Told {
                lines,
                body,
                is_chunked: lower.contains("transfer-encoding: chunked"),
                is_held,
                language: Language::Http,
                named,
                root: String::new(),
            })
        }
        Wire::Scgi => {
            let colon = input.iter().position(|byte| *byte == b':')?;
            let length: usize = std::str::from_utf8(&input[..colon]).ok()?.parse().ok()?;
            let block = input.get(colon + 1..colon + 1 + length)?;
            let texts: Vec<_> = block.split(|byte| *byte == 0).collect();
            let pairs = texts.chunks_exact(2).map(|pair| (pair[0], pair[1]));
            let told = variables(pairs);
            input.drain(..input.len().min(colon + 2 + length));
            Some(told)
        }
        Wire::Uwsgi => {
            let length = u16::from_le_bytes([*input.get(1)?, *input.get(2)?]);
            let mut rest = input.get(4..4 + usize::from(length))?;
            let mut pairs = Vec::new();
            let mut text = || {
                let (length, behind) = rest.split_first_chunk()?;
                let (text, behind) = behind.split_at(u16::from_le_bytes(*length).into());
                rest = behind;
                Some(text)
            };
            while let (Some(name), Some(value)) = (text(), text()) {
                pairs.push((name, value));
            }
            let told = variables(pairs.into_iter());
            input.drain(..4 + usize::from(length));
            Some(told)
        }
    }
}

/// The records of one FastCGI request, up to the end of its body; an authorizer has none (section 6.3).
fn records(input: &mut Vec<u8>) -> Option<Told> {
    const BEGIN: u8 = 1;
    const PARAMS: u8 = 4;
    const STDIN: u8 = 5;
    const AUTHORIZER: u8 = 2;
    let (mut role, mut parameters, mut body) = (0, Vec::new(), Vec::new());
    let mut rest = &input[..];
    loop {
        let (head, behind) = rest.split_first_chunk::<8>()?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let content = behind.get(..length)?;
        rest = behind.get(length + usize::from(head[6])..)?;
        match head[1] {
            BEGIN => role = content[1],
            PARAMS if content.is_empty() && role == AUTHORIZER => break,
            PARAMS => parameters.extend_from_slice(content),
            STDIN if content.is_empty() => break,
            STDIN => body.extend_from_slice(content),
            other => panic!("a record of kind {other}"),
        }
    }
    let mut rest = &parameters[..];
    let mut pairs = Vec::new();
    while let Some((name, after_name)) = length(rest) {
        let (value, behind) = length(after_name).expect("a name has a value");
        let (name, behind) = behind.split_at(name);
        let (value, behind) = behind.split_at(value);
        pairs.push((name, value));
        rest = behind;
    }
    let mut told = variables(pairs.into_iter());
    told.language = Language::FastCgi;
    // All of it is here, whatever was said about it.
    told.body = body.len();
    *input = body;
    told.lines.insert(0, format!("role {role}"));
    Some(told)
}

/// The packets of one AJP request, and of its body the first; more of that nobody asks for.
fn packets(input: &mut Vec<u8>) -> Option<Told> {
    let (content, behind) = packet(input)?;
    let mut rest = content.get(1..)?;
    let mut number = |bytes: usize| {
        let (taken, behind) = rest.split_at(bytes);
        rest = behind;
        taken
            .iter()
            .fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte))
    };
    let mut lines = vec![format!("method {}", number(1))];
    // A string; or, of a name, its code.
    fn string(number: &mut impl FnMut(usize) -> usize) -> String {
        match number(2) {
            0xffff => "-".to_owned(),
            code @ 0xa001..=0xa00e => format!("#{}", code - 0xa000),
            length => {
                let text: Vec<_> = (0..length).map(|_| number(1) as u8).collect();
                assert_eq!(number(1), 0, "the end of a string");
                String::from_utf8_lossy(&text).into_owned()
            }
        }
    }
    for name in ["protocol", "uri", "address", "host", "server"] {
        lines.push(format!("{name} {}", string(&mut number)));
    }
    // They differ from run to run.
    number(2);
    lines.push(format!("is_ssl {}", number(1)));
    let mut length = 0;
    for _ in 0..number(2) {
        let name = string(&mut number);
        let value = string(&mut number);
        if name == "#8" {
            length = value.parse().unwrap();
        }
        lines.push(format!("{name}={value}"));
    }
    loop {
        match number(1) {
            0xff => break,
            code => lines.push(format!("@{code}={}", string(&mut number))),
        }
    }
    let mut body = Vec::new();
    if length > 0 {
        body = packet(behind)?.0.to_vec();
    }
    lines[7..].sort();
    let mut told = variables(std::iter::empty());
    told.lines = lines;
    told.language = Language::Ajp;
    told.body = body.len();
    *input = body;
    Some(told)
}

/// The content of a packet, and what follows it.
fn packet(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, behind) = input.split_first_chunk::<4>()?;
    assert_eq!(head[..2], [0x12, 0x34]);
    behind.split_at_checked(u16::from_be_bytes([head[2], head[3]]).into())
}

/// The length of a name or value: one byte or four.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [high @ 128..=255, a, b, c, rest @ ..] => {
            let length = u32::from_be_bytes([high & 127, *a, *b, *c]);
            Some((length.try_into().ok()?, rest))
        }
        [length @ ..128, rest @ ..] => Some((usize::from(*length), rest)),
        _ => None,
    }
}

fn variables<'i>(pairs: impl Iterator<Item = (&'i [u8], &'i [u8])>) -> Told {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let mut told = Told {
        lines: Vec::new(),
        body: 0,
        is_chunked: false,
        is_held: false,
        language: Language::Cgi,
        named: None,
        root: String::new(),
    };
    for (name, value) in pairs {
        let (name, mut value) = (text(name), text(value));
        match &*name {
            // They differ from run to run.
            "REMOTE_PORT" | "SERVER_PORT" => value = "PORT".to_owned(),
            "CONTENT_LENGTH" => told.body = value.parse().unwrap(),
            "REQUEST_URI" => told.is_held = value.contains("hold"),
            "QUERY_STRING" => told.named = value.strip_prefix("answer=").map(str::to_owned),
            "DOCUMENT_ROOT" => told.root = value.clone(),
            _ => {}
        }
        told.lines.push(format!("{name}={value}"));
    }
    told.lines.sort();
    told
}
