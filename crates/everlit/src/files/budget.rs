//! How much a cache may hold on to.
//!
//! In: wishes to keep a descriptor or some bytes. Out: a [`Share`], or a refusal. Must hold: a share is given back when
//! it is dropped, so that the sums cannot drift.

use std::cell::Cell;
use std::rc::Rc;

/// Descriptors that one cache keeps open at most.
pub(super) const MAX_DESCRIPTORS: u64 = 256;

/// Bytes of file contents that one cache keeps at most.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Something of which there is only so much.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: Rc<Cell<u64>>,
}

/// A part of a [`Budget`], held until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    left: Rc<Cell<u64>>,
    amount: u64,
}

impl Budget {
    /// A budget of this much.
    pub(super) fn new(amount: u64) -> Budget {
        Budget {
            left: Rc::new(Cell::new(amount)),
        }
    }

    /// Takes so much of it, if it is still there.
    pub(super) fn take(&self, amount: u64) -> Option<Share> {
        let left = self.left.get().checked_sub(amount)?;
        self.left.set(left);
        Some(Share {
            left: self.left.clone(),
            amount,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.left.set(self.left.get() + self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_comes_back_when_it_is_dropped() {
        let budget = Budget::new(3);
        let two = budget.take(2).expect("there are three");
        assert!(budget.take(2).is_none());
        let one = budget.take(1).expect("one is left");
        drop(two);
        assert!(budget.take(2).is_some());
        drop(one);
        assert!(budget.take(3).is_some());
        assert!(budget.take(4).is_none());
    }
}
