//! Everlit from outside: real processes, real sockets.

mod command_line;
mod control_socket;
mod restart;
mod support;
