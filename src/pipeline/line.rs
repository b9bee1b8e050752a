//! Drives a source: the reader parses frames, the workers do the rest, each on its own flows.

use crate::capture::Opened;
use crate::exposure;
use crate::model::account::Account;
use crate::model::evidence::{Evidence, Input};
use crate::model::item::Item;
use crate::model::message::Message;
use crate::model::record::{Record, Standing};
use crate::model::sighting::Sighting;
use crate::model::stream::FlowKey;
use crate::model::time::Timestamp;
use crate::packet;
use crate::pipeline::Progress;
use crate::pipeline::batch::Batch;
use crate::pipeline::owners::Owners;
use crate::pipeline::store;
use crate::pipeline::worker::{Brief, SHARDS, Worker};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::hash::{BuildHasher as _, Hasher as _};
use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::thread;

/// Batches that may wait for one worker.
const QUEUE: usize = 4;

/// Reads a source to its end, or to where it breaks; what was read stands.
pub(super) fn follow(
    opened: Opened,
    input: Input,
    brief: &Brief<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> (Evidence, exposure::Ledger) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(SHARDS);
    thread::scope(|scope| {
        let (empty, spare) = unbounded();
        let mut queues = Vec::new();
        let mut workers = Vec::new();
        for index in 0..threads {
            let (queue, batches) = bounded(QUEUE);
            let empty = empty.clone();
            queues.push(queue);
            workers.push(scope.spawn(move || work(index, threads, brief, &batches, &empty)));
        }
        drop(empty);
        let mut dispatcher = Dispatcher { queues, spare, open: Default::default(), turn: 0 };
        let (mut unread, mut sightings, mut owners) = (0, Vec::new(), Owners::default());
        let mut input = read(opened, input, &mut dispatcher, &mut owners, &mut sightings, &mut unread, progress);
        dispatcher.finish();
        let mut evidence = Evidence { unread_records: unread, sightings, ..Evidence::default() };
        let (mut exposed, mut missed) = <(exposure::Ledger, store::Unread)>::default();
        for worker in workers {
            match worker.join() {
                Ok((found, part, unread)) => {
                    evidence.merge(found);
                    exposed.merge(part);
                    missed.merge(unread);
                }
                // A worker's panic is ours: it goes on as one, rather than as evidence that is silently not there.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        evidence.unread_records = evidence.unread_records.saturating_add(missed.records());
        missed.tell(&mut input);
        evidence.inputs.push(input);
        owners.settle(&mut evidence.flows, &mut evidence.notes);
        (evidence, exposed)
    })
}

fn read(
    opened: Opened,
    mut input: Input,
    dispatcher: &mut Dispatcher,
    owners: &mut Owners,
    doors: &mut Vec<Sighting>,
    unread: &mut u64,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Input {
    let Opened { mut source, progress: done, .. } = opened;
    let mut reader = packet::Reader::new();
    let mut span: Option<(Timestamp, Timestamp)> = None;
    loop {
        if input.frames.is_multiple_of(8192) {
            progress(Progress { file: &input.name, done: done.load(Ordering::Relaxed), total: input.bytes });
        }
        match source.next() {
            Ok(Some(Item::Frame(frame))) => {
                input.frames = frame.number;
                if (frame.bytes.len() as u64) < u64::from(frame.wire_len) {
                    input.cut_frames = input.cut_frames.saturating_add(1);
                }
                let (first, last) = span.unwrap_or((frame.at, frame.at));
                span = Some((first.min(frame.at), last.max(frame.at)));
                let owner = packet::owner(&frame);
                reader.frame(&frame, |packet| {
                    if let Some(owner) = owner {
                        owners.note(packet, owner);
                    }
                    dispatcher.packet(packet);
                });
            }
            Ok(Some(Item::Message(message))) => {
                input.frames = input.frames.saturating_add(1);
                let (first, last) = span.unwrap_or((message.at, message.at));
                span = Some((first.min(message.at), last.max(message.at)));
                dispatcher.message(*message);
            }
            Ok(Some(Item::Account(account))) => {
                input.frames = account.number;
                let times = account.messages.iter().map(|message| message.at);
                for at in times.chain(account.pieces.iter().map(|piece| piece.at)).chain([account.meta.at]) {
                    let (first, last) = span.unwrap_or((at, at));
                    span = Some((first.min(at), last.max(at)));
                }
                dispatcher.account(*account);
            }
            Ok(Some(Item::Record(record))) => {
                input.frames = input.frames.saturating_add(u64::from(record.standing == Standing::Record));
                dispatcher.record(&record);
            }
            Ok(Some(Item::Door(door))) => {
                input.frames = input.frames.saturating_add(1);
                doors.extend(store::at_the_door(&door, &input.name, input.frames));
            }
            Ok(None) => break,
            Err(stopped) => {
                input.stopped = Some(stopped.to_string());
                break;
            }
        }
    }
    let loss = source.loss();
    *unread = loss.records();
    for (why, count) in loss.counts() {
        input.skipped.insert((*why).to_owned(), *count);
    }
    input.notes.extend(loss.notes());
    reader.finish(|packet| dispatcher.packet(packet));
    progress(Progress { file: &input.name, done: input.bytes, total: input.bytes });
    input.first_seen = span.map(|(first, _)| first.0);
    input.last_seen = span.map(|(_, last)| last.0);
    let skipped = reader.skipped();
    if skipped.not_ip > 0 {
        input.skipped.insert("not IP".to_owned(), skipped.not_ip);
    }
    input.skipped.extend(skipped.malformed);
    for (link, count) in skipped.unsupported_link {
        input.skipped.insert(format!("unsupported link type {link}"), count);
    }
    let loss = reader.fragment_loss();
    for (count, what) in [
        (loss.incomplete, "IP datagrams stayed incomplete: fragments are missing"),
        (loss.forbidden, "IPv6 datagrams were dropped: their fragments overlap"),
        (loss.conflicts, "IPv4 fragments contradict others; the first ones were read"),
    ] {
        if count > 0 {
            input.notes.push(format!("{count} {what}"));
        }
    }
    input
}

/// Sorts packets into batches by flow, and hands full ones to whoever owns the shard.
struct Dispatcher {
    queues: Vec<Sender<(usize, Batch)>>,
    spare: Receiver<Batch>,
    open: [Batch; SHARDS],
    /// The shard that gets the next records: they belong to no flow, so all take turns.
    turn: usize,
}

impl Dispatcher {
    fn packet(&mut self, packet: &crate::model::packet::Packet<'_>) {
        let shard = usize::try_from(packet::flow_hash(packet) % SHARDS as u64).unwrap_or(0);
        if let Some(batch) = self.open.get_mut(shard) {
            batch.push(packet);
            if batch.is_full() {
                self.send(shard);
            }
        }
    }

    fn message(&mut self, message: Message) {
        let shard = shard_of(&message.flow);
        if let Some(batch) = self.open.get_mut(shard) {
            batch.messages.push(message);
            if batch.is_full() {
                self.send(shard);
            }
        }
    }

    fn account(&mut self, account: Account) {
        let shard = shard_of(&account.meta.flow);
        if let Some(batch) = self.open.get_mut(shard) {
            batch.accounts.push(account);
            if batch.is_full() {
                self.send(shard);
            }
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        let shard = self.turn;
        if let Some(batch) = self.open.get_mut(shard) {
            batch.push_record(record);
            if batch.is_full() {
                self.send(shard);
                self.turn = (shard + 1) % SHARDS;
            }
        }
    }

    fn send(&mut self, shard: usize) {
        let fresh = self.spare.try_recv().unwrap_or_default();
        let Some(batch) = self.open.get_mut(shard) else { return };
        let full = std::mem::replace(batch, fresh);
        let owner = shard % self.queues.len().max(1);
        if let Some(queue) = self.queues.get(owner) {
            // A worker that is gone has panicked: that shows when it is joined.
            let _ = queue.send((shard, full));
        }
    }

    fn finish(&mut self) {
        for shard in 0..SHARDS {
            if self.open.get(shard).is_some_and(|batch| !batch.is_empty()) {
                self.send(shard);
            }
        }
        self.queues.clear();
    }
}

/// The shard of a flow that a source tells whole.
fn shard_of(flow: &FlowKey) -> usize {
    let mut hasher = foldhash::fast::FixedState::with_seed(0x5eed).build_hasher();
    std::hash::Hash::hash(flow, &mut hasher);
    usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0)
}

/// One thread: the shards it owns, until the reader is done.
fn work(
    index: usize,
    threads: usize,
    brief: &Brief<'_>,
    batches: &Receiver<(usize, Batch)>,
    empty: &Sender<Batch>,
) -> (Evidence, exposure::Ledger, store::Unread) {
    let mut shards: Vec<(usize, Worker<'_>)> =
        (0..SHARDS).filter(|shard| shard % threads == index).map(|shard| (shard, Worker::new(brief))).collect();
    for (shard, mut batch) in batches {
        if let Some((_, worker)) = shards.iter_mut().find(|(owned, _)| *owned == shard) {
            worker.take(&mut batch);
        }
        batch.clear();
        let _ = empty.send(batch);
    }
    let (mut evidence, mut exposed, mut unread) = <(Evidence, exposure::Ledger, store::Unread)>::default();
    for (_, worker) in shards {
        let (found, part, missed) = worker.finish();
        evidence.merge(found);
        exposed.merge(part);
        unread.merge(missed);
    }
    (evidence, exposed, unread)
}
