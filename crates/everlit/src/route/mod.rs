//! From a request to the module that answers it.

pub mod uri;
