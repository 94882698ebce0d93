//! Paths and hosts on their way to an HTTP backend and back (`proxy.header`), and what it is told of the client
//! (`proxy.forwarded`).

/// `proxy.header`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap {
    /// `https-remap`: with the host, `https` becomes `http` in requests, and `http` becomes `https` in responses, for
    /// clients that came by `https`.
    pub https_remap: bool,
    /// `force-http10`: the backend is spoken to in HTTP/1.0.
    pub force_http10: bool,
    /// `upgrade`: clients may change the protocol; like `upgrade` of each host.
    pub upgrade: bool,
    /// `connect`: the method CONNECT is allowed.
    pub connect: bool,
    /// `map-urlpath`: beginnings of paths here, and what they are at the backend.
    pub urlpath: Vec<(String, String)>,
    /// `map-host-request`: hosts in requests; `-` as key stands for the client's, as value too.
    pub host_request: Vec<(String, String)>,
    /// `map-host-response`: hosts in responses; `-` as key stands for the one that the backend was asked for, as value for
    /// the client's.
    pub host_response: Vec<(String, String)>,
    /// `map-urlpath-resp-host-include`: the only hosts in responses whose paths are mapped; empty: all.
    pub path_hosts: Vec<String>,
    /// `map-urlpath-resp-host-exclude`: hosts in responses whose paths are not mapped.
    pub no_path_hosts: Vec<String>,
}

/// `proxy.forwarded`: parameters of the field `Forwarded` (RFC 7239); default none, then there is no such field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Our address.
    pub by: bool,
    /// The client's address.
    pub for_: bool,
    /// The host that the client asked for.
    pub host: bool,
    /// The protocol that the client used.
    pub proto: bool,
    /// The user, if one is logged in.
    pub remote_user: bool,
}
