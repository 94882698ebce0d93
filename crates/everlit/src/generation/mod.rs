//! The generation
