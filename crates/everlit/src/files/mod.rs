//! Open files and small contents, cached for one worker thread.
//!
//! In: physical paths. Out: [`Entry`]: metadata, an open descriptor when wanted, the content of small files. Must hold:
//! a change of a file is noticed within a second (`server.stat-cache-engine`), and at once where the cache is disabled.

mod cache;
mod entry;

pub use cache::{FileCache, Rules};
pub use entry::{Entry, EntryKind, Metadata, OpenFile};
