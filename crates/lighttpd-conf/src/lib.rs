//! `lighttpd.conf`, read and understood: text -> tokens -> tree -> settings -> answers.
//!
//! Configuration files go in; a [`Config`] (blocks of settings, each behind a condition) or a [`Report`] that lists
//! every mistake with its place comes out, and [`Conditions`] then say which blocks are in force for a request.
//! There is no I/O here but reading files, globbing `include` and running `include_shell`, and no look at the clock.
//!
//! # Layout, in the order of the data's path
//!
//! | module | what it does |
//! |---|---|
//! | [`source`] | files, spans, and how a byte offset becomes file:line:column |
//! | [`diagnostic`] | what is wrong, where, and what would have been accepted |
//! | `lexer`, `ast`, `parser` | characters to tokens to a tree, recovering at each mistake |
//! | [`value`] | strings, integers and arrays; joining, merging, and lighttpd's coercions |
//! | `include` | which files a name means; what a command printed |
//! | `load` | walks the tree: variables, includes, blocks; gives a [`Config`] |
//! | [`config`] | blocks and settings with everything resolved |
//! | `print` | the canonical form of `lighttpd -p`, and a form that loads again |
//! | [`directive`], [`check()`] | a table of known directives, and a configuration held against it |
//! | [`condition`], [`listen`], [`network`] | fields and operators, listening addresses, CIDR |
//! | [`pattern`] | PCRE expressions over bytes |
//! | [`eval`], `hosts` | facts of a request -> blocks in force; hosts of many blocks |
//!
//! # The whole way
//!
//! ```
//! use lighttpd_conf::{Conditions, Facts, Field, Matches};
//! use std::{net::IpAddr, path::Path};
//!
//! let text = r#"
//!     server.document-root = "/srv/www"
//!     $HTTP["host"] =~ "^(\w+)\.example\.com$" {
//!         server.document-root = "/srv/sites"
//!     }
//! "#;
//! let config = lighttpd_conf::load_text(text, "example.conf", Path::new("/etc/lighttpd"))?;
//! let conditions = Conditions::new(&config)?;
//!
//! struct Request;
//! impl Facts for Request {
//!     fn bytes(&self, field: &Field) -> Option<&[u8]> {
//!         match field {
//!             Field::Host => Some(b"blog.example.com"),
//!             _ => None,
//!         }
//!     }
//!     fn remote_ip(&self) -> Option<IpAddr> {
//!         None
//!     }
//! }
//!
//! let mut matches = Matches::default();
//! conditions.evaluate(&Request, &mut matches);
//! let root = matches
//!     .blocks()
//!     .iter()
//!     .filter_map(|id| config.block(id).get("server.document-root"))
//!     .last()
//!     .and_then(|value| value.as_str());
//! assert_eq!(root, Some("/srv/sites"));
//! # Ok::<(), lighttpd_conf::Report>(())
//! ```

pub mod diagnostic;
pub mod source;

mod ast;
mod lexer;
mod parser;

pub mod value;

mod include;
mod load;
mod print;

pub mod config;

pub mod check;
pub mod directive;
mod nearest;

pub mod condition;
pub mod listen;
pub mod network;
pub mod pattern;
mod pcre;

pub mod eval;
mod hosts;

pub use check::check;
pub use condition::{Condition, Field, Operator};
pub use config::{Block, BlockId, Config, Setting};
pub use diagnostic::{Diagnostic, Place, Report, Severity, Style};
pub use directive::{Directive, Kind, Scope};
pub use eval::{BlockSet, Captured, Captures, Conditions, Facts, Matches};
pub use listen::ListenAddress;
pub use load::{load, load_bytes, load_text};
pub use pattern::Pattern;
pub use source::Span;
pub use value::{Array, Data, Entry, Value, ValueError};
