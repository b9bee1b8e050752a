//! What a source yields: each kind of evidence joins the line at the first stage it already knows.

use crate::model::account::Account;
use crate::model::door::Door;
use crate::model::frame::Frame;
use crate::model::message::Message;
use crate::model::record::Record;

/// One thing out of a source.
#[derive(Debug)]
pub enum Item<'a> {
    /// A captured frame.
    Frame(Frame<'a>),
    /// An application message (HAR).
    Message(Box<Message>),
    /// A conversation as a proxy in the middle tells it (flow files).
    Account(Box<Account>),
    /// A record of a dump.
    Record(Record<'a>),
    /// A store's door, and how it answered.
    Door(Box<Door>),
}
