//! Writes databases of addresses in MaxMind's format (MaxMind DB File Format Specification 2.0).
//!
//! In: networks and what is known of them. Out: a file's bytes, with pointers for what is written more than once, as real ones
//! have them. Must hold: every kind of value, both families of addresses and each size of a record can be written.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    Text(&'static str),
    Bytes(&'static [u8]),
    Double(f64),
    Float(f32),
    Bool(bool),
    Int32(i32),
    Uint16(u16),
    Uint32(u32),
    Uint64(u64),
    Uint128(u128),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

/// Which addresses a database has. IPv4's are in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// What half of a node says.
#[derive(Clone, Copy, Debug)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database that is being made.
pub struct Writer {
    family: Family,
    nodes: Vec<[Record; 2]>,
    data: Data,
}

/// Values, one after the other.
#[derive(Default)]
struct Data {
    bytes: Vec<u8>,
    /// Where texts are that were written already.
    texts: BTreeMap<&'static str, usize>,
}

impl Writer {
    pub fn new(family: Family) -> Writer {
        Writer {
            family,
            nodes: vec![[Record::Nothing; 2]],
            data: Data::default(),
        }
    }

    /// Adds what is known of a network, such as `192.0.2.0/24`. What was said of a part of it before is forgotten.
    pub fn add(mut self, network: &str, value: &Value) -> Writer {
        let record = Record::Data(self.data.bytes.len());
        self.data.write(value);
        let (ip, prefix) = network.split_once('/').expect("a network");
        let prefix: usize = prefix.parse().unwrap();
        let bits: Vec<usize> = match (ip.parse().unwrap(), self.family) {
            (IpAddr::V4(ip), family) => {
                let before = if family == Family::V6 { 96 } else { 0 };
                let bits = (0..prefix).map(|at| (ip.to_bits() >> (31 - at) & 1) as usize);
                std::iter::repeat_n(0, before).chain(bits).collect()
            }
            (IpAddr::V6(ip), Family::V6) => (0..prefix)
                .map(|at| (ip.to_bits() >> (127 - at) & 1) as usize)
                .collect(),
            (IpAddr::V6(_), Family::V4) => panic!("{network} is none of IPv4"),
        };
        let (last, way) = bits.split_last().expect("part of the addresses");
        let mut node = 0;
        for bit in way {
            node = match self.nodes[node][*bit] {
                Record::Node(next) => next,
                // What is known of the whole is known of both halves.
                other => {
                    self.nodes.push([other; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][*bit] = Record::Node(next);
                    next
                }
            };
        }
        self.nodes[node][*last] = record;
        self
    }

    /// The file, with records of 24, 28 or 32 bits.
    pub fn finish(&self, record_size: u16) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |record: Record| match record {
            Record::Nothing => count as u32,
            Record::Node(node) => node as u32,
            // Between the tree and the data are 16 bytes.
            Record::Data(offset) => (count + 16 + offset) as u32,
        };
        let mut out = Vec::new();
        for node in &self.nodes {
            let [left, right] = node.map(|record| number(record).to_be_bytes());
            match record_size {
                24 => out.extend([&left[1..], &right[1..]].concat()),
                28 => {
                    out.extend(&left[1..]);
                    out.push(left[0] << 4 | right[0]);
                    out.extend(&right[1..]);
                }
                32 => out.extend([left, right].concat()),
                other => panic!("there are no records of {other} bits"),
            }
        }
        out.extend([0; 16]);
        out.extend(&self.data.bytes);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        let mut metadata = Data::default();
        let version = if self.family == Family::V6 { 6 } else { 4 };
        metadata.write(&Value::Map(vec![
            ("binary_format_major_version", Value::Uint16(2)),
            ("binary_format_minor_version", Value::Uint16(0)),
            ("build_epoch", Value::Uint64(1_700_000_000)),
            ("database_type", Value::Text("Test")),
            (
                "description",
                Value::Map(vec![("en", Value::Text("Made by a test"))]),
            ),
            ("ip_version", Value::Uint16(version)),
            ("languages", Value::List(vec![Value::Text("de")])),
            ("node_count", Value::Uint32(count as u32)),
            ("record_size", Value::Uint16(record_size)),
        ]));
        out.extend(metadata.bytes);
        out
    }
}

impl Data {
    fn write(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Double(number) => self.plain(3, &number.to_be_bytes()),
            Value::Bytes(bytes) => self.plain(4, bytes),
            Value::Uint16(number) => self.number(5, &number.to_be_bytes()),
            Value::Uint32(number) => self.number(6, &number.to_be_bytes()),
            Value::Map(entries) => {
                self.control(7, entries.len());
                for (key, value) in entries {
                    self.text(key);
                    self.write(value);
                }
            }
            Value::Int32(number) => self.plain(8, &number.to_be_bytes()),
            Value::Uint64(number) => self.number(9, &number.to_be_bytes()),
            Value::Uint128(number) => self.number(10, &number.to_be_bytes()),
            Value::List(values) => {
                self.control(11, values.len());
                for value in values {
                    self.write(value);
                }
            }
            Value::Bool(is) => self.control(14, usize::from(*is)),
            Value::Float(number) => self.plain(15, &number.to_be_bytes()),
        }
    }

    fn text(&mut self, text: &'static str) {
        if let Some(offset) = self.texts.get(text) {
            let pointer = *offset as u32;
            match pointer {
                ..2048 => {
                    let short = (pointer | 1 << 13) as u16;
                    self.bytes.extend(short.to_be_bytes());
                }
                _ => {
                    let long = (pointer - 2048) | 1 << 21 | 1 << 19;
                    self.bytes.extend(&long.to_be_bytes()[1..]);
                }
            }
            return;
        }
        self.texts.insert(text, self.bytes.len());
        self.plain(2, text.as_bytes());
    }

    /// Without the zeros before it.
    fn number(&mut self, kind: u8, bytes: &[u8]) {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.plain(kind, &bytes[zeros..]);
    }

    fn plain(&mut self, kind: u8, bytes: &[u8]) {
        self.control(kind, bytes.len());
        self.bytes.extend(bytes);
    }

    fn control(&mut self, kind: u8, size: usize) {
        let (short, more) = match size {
            ..29 => (size as u8, vec![]),
            29..285 => (29, vec![(size - 29) as u8]),
            285..65821 => (30, ((size - 285) as u16).to_be_bytes().to_vec()),
            _ => (31, ((size - 65821) as u32).to_be_bytes()[1..].to_vec()),
        };
        match kind {
            ..8 => self.bytes.push(kind << 5 | short),
            _ => self.bytes.extend([short, kind - 7]),
        }
        self.bytes.extend(more);
    }
}
