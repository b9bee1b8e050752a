//! Storage for flows: slots that are used again, each in one queue by its last packet, so that the idlest flow of a
//! kind is found at once.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

/// No slot.
const NONE: u32 = u32::MAX;

/// What flows have in common that are given up together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// No payload yet.
    Bare = 0,
    /// TCP with payload.
    Tcp = 1,
    /// Datagrams with payload.
    Datagrams = 2,
    /// Reset, or over as far as seen: waiting for stragglers.
    Ending = 3,
    /// Over, and told.
    Closed = 4,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Bare, Self::Tcp, Self::Datagrams, Self::Ending, Self::Closed];
}

struct Slot<E> {
    before: u32,
    after: u32,
    kind: Kind,
    entry: Option<E>,
}

#[derive(Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
    len: usize,
}

/// Flows in slots, in queues.
pub(super) struct Slab<E> {
    slots: Vec<Slot<E>>,
    free: Vec<u32>,
    queues: [Ends; 5],
}

impl<E> Slab<E> {
    pub(super) fn new() -> Self {
        let empty = Ends { first: NONE, last: NONE, len: 0 };
        Self { slots: Vec::new(), free: Vec::new(), queues: [empty; 5] }
    }

    /// Stores a flow as the liveliest of its kind.
    pub(super) fn insert(&mut self, kind: Kind, entry: E) -> u32 {
        let slot = Slot { before: NONE, after: NONE, kind, entry: Some(entry) };
        let index = if let Some(index) = self.free.pop() {
            if let Some(free) = self.slots.get_mut(index as usize) {
                *free = slot;
            }
            index
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len().saturating_sub(1)).unwrap_or(NONE)
        };
        self.link(index, kind);
        index
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&E> {
        self.slots.get(index as usize)?.entry.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut E> {
        self.slots.get_mut(index as usize)?.entry.as_mut()
    }

    /// Makes a flow the liveliest of a kind.
    #[inline]
    pub(super) fn touch(&mut self, index: u32, kind: Kind) {
        if let Some(slot) = self.slots.get(index as usize)
            && (slot.kind != kind || slot.after != NONE)
        {
            self.unlink(index);
            self.link(index, kind);
        }
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<E> {
        let entry = self.slots.get_mut(index as usize)?.entry.take()?;
        self.unlink(index);
        self.free.push(index);
        Some(entry)
    }

    /// The flow of this kind that has been silent longest.
    #[inline]
    pub(super) fn idlest(&self, kind: Kind) -> Option<u32> {
        self.queues.get(kind as usize).map(|queue| queue.first).filter(|first| *first != NONE)
    }

    #[inline]
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.queues.get(kind as usize).map_or(0, |queue| queue.len)
    }

    /// Every flow.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &E)> {
        (0_u32..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.entry.as_ref()?)))
    }

    fn link(&mut self, index: u32, kind: Kind) {
        let Some(queue) = self.queues.get_mut(kind as usize) else { return };
        let last = std::mem::replace(&mut queue.last, index);
        queue.len = queue.len.saturating_add(1);
        if last == NONE {
            queue.first = index;
        } else if let Some(slot) = self.slots.get_mut(last as usize) {
            slot.after = index;
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            (slot.before, slot.after, slot.kind) = (last, NONE, kind);
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some((before, after, kind)) = self.slots.get(index as usize).map(|s| (s.before, s.after, s.kind)) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(kind as usize) else { return };
        queue.len = queue.len.saturating_sub(1);
        if before == NONE {
            queue.first = after;
        }
        if after == NONE {
            queue.last = before;
        }
        if let Some(slot) = self.slots.get_mut(before as usize) {
            slot.after = after;
        }
        if let Some(slot) = self.slots.get_mut(after as usize) {
            slot.before = before;
        }
    }
}
