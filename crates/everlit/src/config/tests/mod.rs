//! Whole configurations: what is made of them, and what is said about them.

mod conditions;
mod debian;
mod directives;
mod listeners;
mod problems;
mod support;
mod system;
