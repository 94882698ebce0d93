//! Integration tests: one binary, one module for each way of looking at a handover.

mod channels;
mod golden;
mod pair;
mod untrusted;
