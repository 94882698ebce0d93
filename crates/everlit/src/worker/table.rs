//! Live connections of one worker thread, and when each has waited long enough.
//!
//! In: connections, and their deadlines. Out: a key for each that is never mistaken for another's, and the keys whose
//! time is up. Must hold: a stale key finds nothing; an idle connection costs no more than its [`Conn`].

use std::collections::BTreeMap;

use slab::Slab;

use super::conn::Conn;

/// Names a connection, also in the kernel's event queue. Two connections do not have the same key, even if they use the
/// same place in the table one after the other (until four thousand million connections later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    index: u32,
    serial: u32,
}

impl Key {
    /// As one number, never below 2^32.
    pub fn to_bits(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.index)
    }

    /// The reverse. `None` for numbers below 2^32, which name other things.
    pub fn from_bits(bits: u64) -> Option<Key> {
        let key = Key {
            index: bits as u32,
            serial: (bits >> 32) as u32,
        };
        (key.serial != 0).then_some(key)
    }
}

/// All connections.
#[derive(Debug, Default)]
pub struct Table {
    slots: Slab<(u32, Conn)>,
    last_serial: u32,
    /// Keys by the second in which they are looked at. A key may stand here more than once; only the entry for
    /// [`Conn::looked_at`] counts.
    schedule: BTreeMap<u32, Vec<Key>>,
}

impl Table {
    /// Number of connections.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a connection.
    pub fn insert(&mut self, mut conn: Conn) -> Key {
        // Whatever stood in a schedule under an earlier key counts no more.
        conn.looked_at = u32::MAX;
        self.last_serial = self.last_serial.checked_add(1).unwrap_or(1);
        let index = self.slots.insert((self.last_serial, conn)) as u32;
        Key {
            index,
            serial: self.last_serial,
        }
    }

    /// The connection of this key, if it is still there.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Conn> {
        match self.slots.get_mut(key.index as usize) {
            Some((serial, conn)) if *serial == key.serial => Some(conn),
            _ => None,
        }
    }

    /// Takes a connection out.
    pub fn remove(&mut self, key: Key) -> Option<Conn> {
        match self.slots.get(key.index as usize) {
            Some((serial, _)) if *serial == key.serial => {
                Some(self.slots.remove(key.index as usize).1)
            }
            _ => None,
        }
    }

    /// The keys of all connections.
    pub fn keys(&self) -> Vec<Key> {
        self.slots
            .iter()
            .map(|(index, (serial, _))| Key {
                index: index as u32,
                serial: *serial,
            })
            .collect()
    }

    /// Sets a deadline, in seconds of the monotonic clock. Costs next to nothing when it only moves further away.
    pub fn set_deadline(&mut self, key: Key, deadline: u32) {
        let Some(conn) = self.get_mut(key) else {
            return;
        };
        conn.deadline = deadline;
        if deadline < conn.looked_at {
            conn.looked_at = deadline;
            self.schedule.entry(deadline).or_default().push(key);
        }
    }

    /// The second in which the next deadline may be due.
    pub fn next_look(&self) -> Option<u32> {
        self.schedule.keys().next().copied()
    }

    /// The keys of all connections whose deadline is over at `second`.
    pub fn due(&mut self, second: u32) -> Vec<Key> {
        let mut due = Vec::new();
        while let Some(entry) = self
            .schedule
            .first_entry()
            .filter(|entry| *entry.key() <= second)
        {
            let (looked_at, keys) = entry.remove_entry();
            for key in keys {
                let Some(conn) = self.get_mut(key) else {
                    continue;
                };
                if conn.looked_at != looked_at {
                    continue;
                }
                let deadline = conn.deadline;
                if deadline <= second {
                    conn.looked_at = u32::MAX;
                    due.push(key);
                } else {
                    conn.looked_at = deadline;
                    self.schedule.entry(deadline).or_default().push(key);
                }
            }
        }
        due
    }
}
