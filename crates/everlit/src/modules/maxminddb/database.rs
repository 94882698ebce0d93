//! A database in MaxMind's format, in memory.
//!
//! In: addresses. Out: values as text, as lighttpd writes them. Must hold: whatever is in the file, looking something up
//! gives a value or none.

use std::net::IpAddr;

/// A database. The same memory for all threads.
#[derive(Debug)]
pub struct Database {
    #[cfg(feature = "maxminddb")]
    reader: maxminddb::Reader<Vec<u8>>,
}

#[cfg(not(feature = "maxminddb"))]
impl Database {
    pub(super) fn open(_: &str) -> Result<Database, String> {
        Err("this program was built without the feature \"maxminddb\"".to_owned())
    }

    pub(super) fn look_up<'v>(
        &self,
        _: IpAddr,
        _: &'v [(String, Vec<String>)],
        _: impl FnMut(&'v str, Vec<u8>),
    ) {
    }
}

#[cfg(feature = "maxminddb")]
mod format {
    use std::fmt;

    use maxminddb::{PathElement, Reader};
    use serde::de::{Deserialize, Deserializer, Error, Visitor};

    use super::{Database, IpAddr};

    impl Database {
        /// Reads a file.
        pub(in super::super) fn open(path: &str) -> Result<Database, String> {
            let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
            let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
            Ok(Database { reader })
        }

        /// Gives `put` the values that there are for an address.
        pub(in super::super) fn look_up<'v>(
            &self,
            ip: IpAddr,
            variables: &'v [(String, Vec<String>)],
            mut put: impl FnMut(&'v str, Vec<u8>),
        ) {
            let Ok(found) = self.reader.lookup(ip) else {
                return;
            };
            if !found.has_data() {
                return;
            }
            let mut path = Vec::new();
            for (name, keys) in variables {
                path.clear();
                path.extend(keys.iter().map(|key| PathElement::Key(key)));
                let value = found.decode_path::<Text>(&path).or_else(|error| {
                    // In a list, a number is a place.
                    let mut has_places = false;
                    for (element, key) in path.iter_mut().zip(keys) {
                        if let Some(place) = place(key) {
                            *element = place;
                            has_places = true;
                        }
                    }
                    match has_places {
                        true => found.decode_path(&path),
                        false => Err(error),
                    }
                });
                if let Ok(Some(Text(value))) = value {
                    put(name, value);
                }
            }
        }
    }

    /// A place in a list: from its start, or its end ("-1" is the last).
    fn place(key: &str) -> Option<PathElement<'_>> {
        match key.strip_prefix('-') {
            Some(back) => Some(PathElement::IndexFromEnd(
                back.parse::<usize>().ok()?.checked_sub(1)?,
            )),
            None => key.parse().ok().map(PathElement::Index),
        }
    }

    /// A value as text; maps and lists are none.
    struct Text(Vec<u8>);

    impl<'de> Deserialize<'de> for Text {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
            deserializer.deserialize_any(Written)
        }
    }

    /// Writes values as lighttpd does.
    struct Written;

    impl Visitor<'_> for Written {
        type Value = Text;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a number")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
            Ok(Text(text.into()))
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
            Ok(Text(bytes.to_vec()))
        }

        fn visit_bool<E: Error>(self, is: bool) -> Result<Text, E> {
            Ok(Text(if is { b"1" } else { b"0" }.to_vec()))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
            Ok(Text(number.to_string().into()))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
            Ok(Text(number.to_string().into()))
        }

        fn visit_u128<E: Error>(self, number: u128) -> Result<Text, E> {
            Ok(Text(format!("0x{number:032X}").into()))
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Text, E> {
            Ok(Text(format!("{number:.5}").into()))
        }
    }
}
