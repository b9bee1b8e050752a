//! What a source yields: each kind of evidence joins the line at the first stage it already knows.

use crate::model::frame::Frame;
use crate::model::message::Message;
use crate::model::record::Record;

/// One thing out of a source.
#[derive(Debug)]
pub enum Item<'a> {
    /// A captured frame.
    Frame(Frame<'a>),
    /// An application message (HAR, flow files).
    Message(Box<Message>),
    /// A record of a dump.
    Record(Record<'a>),
}
