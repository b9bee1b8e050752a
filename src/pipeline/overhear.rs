//! What the line hears before anyone looks at it: the bytes of every flow in order, and every message. For tools that
//! hold our reading against somebody else's; judging goes by [`run`](super::run).

use crate::capture::{self, Wanted, keylog};
use crate::message::driver::{Conversation, Surroundings, Told};
use crate::model::budget;
use crate::model::item::Item;
use crate::model::message::Message;
use crate::model::stream::{Direction, FlowKey, StreamEvent, StreamMeta};
use crate::packet;
use crate::pipeline::RunError;
use crate::stream::{FlowInfo, Listener, Table};
use std::path::{Path, PathBuf};

/// One thing heard, in the order of its hearing.
#[derive(Debug)]
pub enum Overheard<'a> {
    /// Payload of a flow, in its order.
    Bytes {
        /// The flow.
        flow: FlowKey,
        /// Which way.
        direction: Direction,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A message, at whatever depth.
    Message(&'a Message),
}

/// Reads a capture of packets from end to end, opened with the secrets in it and in `keys`.
///
/// # Errors
/// The capture or a key log cannot be opened. Damage ends the reading; what was heard before stands.
pub fn overhear(path: &Path, keys: &[PathBuf], hear: &mut dyn FnMut(Overheard<'_>)) -> Result<(), RunError> {
    let mut secrets = capture::survey(path, Wanted::Capture)?.secrets;
    for keys in keys {
        secrets.extend(keylog::read(keys)?.secrets);
    }
    let mut source = capture::open(path, Wanted::Capture)?.source;
    let around = Surroundings { secrets: &secrets, held: 0, allowed: budget::MESSAGE_TOTAL };
    let mut ear = Ear { around, hear };
    let mut reader = packet::Reader::new();
    let mut table = Table::new();
    while let Ok(Some(item)) = source.next() {
        match item {
            Item::Frame(frame) => reader.frame(&frame, |packet| table.packet(packet, &mut ear)),
            Item::Message(message) => (ear.hear)(Overheard::Message(&message)),
            Item::Account(account) => {
                for message in &account.messages {
                    (ear.hear)(Overheard::Message(message));
                }
            }
            Item::Record(_) | Item::Door(_) => {}
        }
    }
    reader.finish(|packet| table.packet(packet, &mut ear));
    table.finish(&mut ear);
    Ok(())
}

struct Ear<'a, 'h> {
    around: Surroundings<'a>,
    hear: &'h mut dyn FnMut(Overheard<'_>),
}

impl Listener for Ear<'_, '_> {
    type State = Box<(FlowKey, Conversation)>;

    fn open(&mut self, meta: StreamMeta, info: &FlowInfo) -> Self::State {
        Box::new((info.key, Conversation::new(meta)))
    }

    fn event(&mut self, state: &mut Self::State, event: StreamEvent<'_>) {
        let (flow, conversation) = &mut **state;
        if let StreamEvent::Data(chunk) = &event {
            (self.hear)(Overheard::Bytes { flow: *flow, direction: chunk.direction, bytes: chunk.bytes });
        }
        let hear = &mut *self.hear;
        conversation.on_event(event, &mut self.around, &mut |told| {
            if let Told::Message(message) = &told {
                hear(Overheard::Message(message));
            }
        });
    }

    fn close(&mut self, _: Self::State, _: &FlowInfo) {}
}
