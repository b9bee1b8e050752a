//! Frames → packets: link, IP and transport headers.
//!
//! In: a [`Frame`](crate::model::frame::Frame) of any link type. Out: [`Packet`](crate::model::packet::Packet)s that
//! borrow its bytes. Fragments are put together first, and what a tunnel carries (IP in IP, GRE) is read as if it had
//! come bare; what VXLAN carries, too, beside the datagram around it. What frames carry beside IP is a packet as well, unless
//! it keeps the link working. It never looks inside a payload. Every frame that yields no packet has a [`Skip`] that is
//! counted.

mod fragment;
mod hash;
mod ip;
mod link;
mod owner;
mod reader;
mod stray;
mod transport;

#[cfg(test)]
mod tests;

use crate::bytes::Malformed;
use crate::model::frame::LinkType;
pub use fragment::{Datagram, Defragmenter, Fragment, FragmentLoss};
pub use hash::flow_hash;
pub use ip::{Parsed, parse};
pub use link::LINKS;
pub use owner::{Owner, owner};
pub use reader::{Reader, Skipped};

/// Why a frame yields no packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Skip {
    /// Something other than IP: ARP, spanning tree, a PPP negotiation …
    #[error("not-ip")]
    NotIp,
    /// A header is not what its protocol allows, or is cut short.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The capture's link type is not known to this version.
    #[error("unsupported link type {}", .0.0)]
    UnsupportedLink(LinkType),
}
