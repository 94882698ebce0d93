//! The border with the kernel: descriptors over a Unix socket.
//! Borrowed descriptors and bytes go out, owned descriptors and bytes come in.
//! Everything received is close-on-exec and owned from the first moment; there is no `unsafe` here either.

pub mod scm_rights;
