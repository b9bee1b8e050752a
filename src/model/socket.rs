//! What a trace of an app's sockets says: who opened a connection.

use crate::model::packet::Endpoint;
use crate::model::time::Timestamp;
use std::net::IpAddr;

/// One end of a connection on the phone, and who holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Socket {
    /// Address on the phone, where the trace has it.
    pub local_ip: Option<IpAddr>,
    /// Port on the phone.
    pub local_port: u16,
    /// The other end.
    pub remote: Endpoint,
    /// When, nanoseconds since the epoch.
    pub at: Option<Timestamp>,
    /// The process: on Android the package's name.
    pub process: Option<String>,
    /// The library whose code asked for it: the first name on the stack that is neither the platform's nor a transport's.
    pub sdk: Option<String>,
}
