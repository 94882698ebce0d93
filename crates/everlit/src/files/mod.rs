//! Open files and small contents, cached for one worker thread.
//!
//! In: physical paths. Out: [`Entry`]: metadata, an open descriptor when wanted, the content of small files. Must hold:
//! a change of a file is noticed within a second (`server.stat-cache-engine`), and at once where the cache is disabled.

mod budget;
mod cache;
mod entry;
mod look;
mod texts;

pub use cache::FileCache;
pub use entry::{Entry, OpenFile, read_whole};
pub use look::{EntryKind, Metadata, Rules, directory};
pub use texts::{Text, Texts};
