//! What a client wants to have done, as plain data: it travels with its request.
//!
//! In: an exchange. Out: an [`Order`], and its bytes. Must hold: everything that is needed later is in it, except for
//! settings: those are the ones in force when the work is done.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::exchange::Exchange;
use crate::http1::head::Head;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Verb {
    /// PROPFIND
    #[n(0)]
    Propfind,
    /// PROPPATCH
    #[n(1)]
    Proppatch,
    /// MKCOL
    #[n(2)]
    Mkcol,
    /// PUT
    #[n(3)]
    Put,
    /// DELETE
    #[n(4)]
    Delete,
    /// COPY
    #[n(5)]
    Copy,
    /// MOVE
    #[n(6)]
    Move,
    /// LOCK
    #[n(7)]
    Lock,
    /// UNLOCK
    #[n(8)]
    Unlock,
}

impl Verb {
    /// That of a request, if it is one of ours.
    pub(super) fn of(head: &Head<'_>) -> Option<Verb> {
        Some(match head.method_name {
            b"PROPFIND" => Verb::Propfind,
            b"PROPPATCH" => Verb::Proppatch,
            b"MKCOL" => Verb::Mkcol,
            b"PUT" => Verb::Put,
            b"DELETE" => Verb::Delete,
            b"COPY" => Verb::Copy,
            b"MOVE" => Verb::Move,
            b"LOCK" => Verb::Lock,
            b"UNLOCK" => Verb::Unlock,
            _ => return None,
        })
    }

    /// Whether it changes files or properties.
    pub(super) fn changes(self) -> bool {
        match self {
            Verb::Propfind | Verb::Lock | Verb::Unlock => false,
            Verb::Proppatch | Verb::Mkcol | Verb::Put | Verb::Delete | Verb::Copy | Verb::Move => {
                true
            }
        }
    }

    /// Whether a body means anything to it.
    pub(super) fn takes_body(self) -> bool {
        matches!(
            self,
            Verb::Propfind | Verb::Proppatch | Verb::Put | Verb::Lock
        )
    }
}

/// Header fields that orders have.
const FIELDS: &[&str] = &[
    "Content-Range",
    "Content-Type",
    "Depth",
    "Destination",
    "If",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Lock-Token",
    "Overwrite",
    "Timeout",
];

/// What a client wants to have done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Order {
    /// What.
    #[n(0)]
    pub(super) verb: Verb,
    /// Where, in the file system.
    #[n(1)]
    pub(super) path: ByteVec,
    /// Nothing outside of this is to be touched: the start of the path.
    #[n(2)]
    pub(super) base: ByteVec,
    /// The path of its URL, decoded, as it is written in the database.
    #[n(3)]
    pub(super) uri: ByteVec,
    /// `http` or `https`.
    #[n(4)]
    pub(super) scheme: String,
    /// The host that was asked for.
    #[n(5)]
    pub(super) host: ByteVec,
    /// Who asks, if that is known (`REMOTE_USER`); empty: nobody knows.
    #[n(6)]
    pub(super) user: ByteVec,
    /// Names and values of header fields: those of [`FIELDS`].
    #[n(7)]
    fields: Vec<(String, ByteVec)>,
}

impl Order {
    pub(super) fn new(verb: Verb, exchange: &Exchange<'_>) -> Order {
        let request = &exchange.request;
        let physical = &*exchange.physical;
        let user = (request.environment.iter()).find(|(name, _)| name == b"REMOTE_USER");
        let field = |name: &&str| {
            let value = request.field(name)?;
            Some(((*name).to_owned(), value.to_vec().into()))
        };
        Order {
            verb,
            path: physical.path.clone().into(),
            base: physical.base.clone().into(),
            uri: physical.relative.clone().into(),
            scheme: request.scheme.to_owned(),
            host: request.host.to_vec().into(),
            user: user.map_or(Vec::new(), |(_, name)| name.clone()).into(),
            fields: FIELDS.iter().filter_map(field).collect(),
        }
    }

    /// The value of a header field of [`FIELDS`].
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        debug_assert!(FIELDS.contains(&name), "{name} is not kept");
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &value[..])
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail, and no field refuses to be written.
        minicbor::to_vec(self).expect("an order can always be written")
    }

    /// Nothing if it is none: it came from another process.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Order> {
        let order: Order = minicbor::decode(bytes).ok()?;
        let is_contained = order.path.starts_with(&order.base) && order.uri.starts_with(b"/");
        is_contained.then_some(order)
    }
}

#[cfg(test)]
impl Order {
    /// An order for tests.
    pub(super) fn sample(verb: Verb, path: &str, uri: &str, fields: &[(&str, &str)]) -> Order {
        let own = |text: &str| ByteVec::from(text.as_bytes().to_vec());
        Order {
            verb,
            path: own(path),
            base: own(path.strip_suffix(uri).unwrap_or(path)),
            uri: own(uri),
            scheme: "http".to_owned(),
            host: own("h"),
            user: own(""),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), own(value)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_travel() {
        let order = Order::sample(Verb::Put, "/srv/a", "/a", &[("If", "(<x>)")]);
        let bytes = order.to_bytes();
        assert_eq!(Order::from_bytes(&bytes), Some(order.clone()));
        assert_eq!(order.field("If"), Some(&b"(<x>)"[..]));
        for end in 0..bytes.len() {
            assert_eq!(Order::from_bytes(&bytes[..end]), None);
        }
        let outside = Order {
            base: b"/other".to_vec().into(),
            ..order
        };
        assert_eq!(Order::from_bytes(&outside.to_bytes()), None);
    }
}
