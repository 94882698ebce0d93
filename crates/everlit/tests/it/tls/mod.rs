//! TLS: handshakes, restarts in the middle of everything, tickets, certificates of clients.

mod clients;
mod dumps;
mod memory;
mod names;
mod restart;
mod strangers;
mod tickets;
mod transfers;
