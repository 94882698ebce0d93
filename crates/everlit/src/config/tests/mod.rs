//! Whole configurations: what is made of them, and what is said about them.

mod backends;
mod compatibility;
mod conditions;
mod debian;
mod directives;
mod document;
mod listeners;
mod malformed;
mod problems;
pub(crate) mod support;
mod survey;
mod system;
