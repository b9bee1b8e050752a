//! All planted values of a scenario, compiled once and shared by all workers.

use super::around::Coding;
use super::beginning::{self, Beginning};
use super::detector::DETECTORS;
use super::digest;
use super::engine::{Engine, Needle};
use super::forms::{Edge, Forms, LONG, SHORTEST, Scope};
use super::pencil::Pencil;
use super::phone::{FEWEST, Phones};
use super::place::Places;
use super::spell::Spelling;
use super::text::Made;
use crate::model::scenario::Planted;
use crate::model::sighting::Strength;
use crate::model::taxonomy::Data;
use std::borrow::Cow;

/// What a needle stands for.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) planted: usize,
    pub(super) form: Cow<'static, str>,
    pub(super) strength: Strength,
    pub(super) edge: Edge,
    pub(super) len: usize,
    /// What stands beside it has to be decoded first.
    pub(super) coding: Option<Coding>,
    /// It is but the head of a beginning.
    pub(super) beginning: Option<Beginning>,
}

/// Needles looked for in the same buffers.
#[derive(Debug, Default)]
pub(super) struct Bank {
    needles: Vec<Needle>,
    meanings: Vec<Meaning>,
    short: Option<Engine<4>>,
    middle: Option<Engine<4>>,
    long: Option<Engine<8>>,
}

impl Bank {
    fn compile(&mut self) {
        self.short = Engine::new(&self.needles, SHORTEST..=LONG - 1);
        self.middle = Engine::new(&self.needles, LONG..=11);
        self.long = Engine::new(&self.needles, 12..=usize::MAX);
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The same needles, to be asked for in one pass together with others; `None` if they are too many for that.
    fn few(&self) -> Option<&[Needle]> {
        (self.needles.len() <= FEW).then_some(&self.needles)
    }

    /// Calls `found` with what was found and its first byte, in no particular order.
    pub(super) fn find<'a>(&'a self, bytes: &[u8], mut found: impl FnMut(&'a Meaning, usize)) {
        let mut report = |needle: u32, start| {
            if let Some(meaning) = self.meanings.get(needle as usize) {
                found(meaning, start);
            }
        };
        if let Some(engine) = &self.short {
            engine.find(&self.needles, bytes, &mut report);
        }
        if let Some(engine) = &self.middle {
            engine.find(&self.needles, bytes, &mut report);
        }
        if let Some(engine) = &self.long {
            engine.find(&self.needles, bytes, &mut report);
        }
    }
}

/// Planted values, ready to be looked for.
#[derive(Debug, Default)]
pub struct Matcher {
    pub(super) all: Bank,
    pub(super) binary: Bank,
    pub(super) xor: Bank,
    pub(super) phones: Phones,
    pub(super) places: Places,
    pub(super) spelling: Spelling,
    pub(super) pencil: Pencil,
    /// Bytes of the shortest planted form that folded text can hold, if what it holds is known to be ASCII.
    pub(super) shortest_folded: Option<usize>,
    screen: Screen,
}

/// Planted byte sequences that are asked for together with the words of all detectors; beyond, chance hits cost more than
/// a pass saves.
const FEW: usize = 2_048;

/// What is asked for in one pass over each buffer before anybody looks closer.
#[derive(Debug, Default)]
struct Screen {
    needles: Vec<Needle>,
    /// How many of them are words and geohashes: the first.
    words: usize,
    engine: Option<Engine<4>>,
    /// The planted values are among them.
    planted: bool,
}

/// What one look at a buffer tells of it: most hold nothing, and need no second.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// A word of some detector, or the geohash of a planted place, may stand in it.
    pub(super) words: bool,
    /// A form of a planted value may stand in it.
    pub(super) planted: bool,
    /// What it is made of.
    pub(super) made: Made,
}

impl Matcher {
    /// Compiles the planted values of a scenario; a [`Hit`](super::Hit)'s `planted` is an index into them.
    pub fn new(planted: &[Planted]) -> Self {
        let mut matcher = Self { spelling: Spelling::new(planted), pencil: Pencil::new(planted), ..Self::default() };
        for (index, planted) in planted.iter().enumerate() {
            let mut forms = Forms::default();
            match planted.data {
                Data::PhoneNumber | Data::VirtualNumber => matcher.phones.add(index, planted, &mut forms),
                Data::Email => {
                    forms.of_text(&planted.value, Edge::Mail);
                    digest::of_text(&planted.value, &mut forms);
                    digest::of_email(&planted.value, &mut forms);
                    digest::of_names(&digest::names_of(&planted.value), &mut forms);
                }
                Data::DeviceId | Data::UserId | Data::Credentials | Data::PaymentInfo => {
                    forms.of_text(&planted.value, Edge::Digit);
                    forms.of_identifier(&planted.value);
                    digest::of_text(&planted.value, &mut forms);
                    digest::of_identifier(&planted.value, &mut forms);
                    digest::of_names(&digest::names_of(&planted.value), &mut forms);
                }
                Data::PreciseLocation | Data::ApproximateLocation if matcher.places.add(index, planted, &mut forms) => {
                }
                _ => {
                    forms.of_text(&planted.value, Edge::Digit);
                    digest::of_text(&planted.value, &mut forms);
                }
            }
            for form in forms.out {
                let bank = match form.scope {
                    Scope::All => &mut matcher.all,
                    Scope::Binary => &mut matcher.binary,
                    Scope::Xor => &mut matcher.xor,
                };
                bank.meanings.push(Meaning {
                    planted: index,
                    form: form.name,
                    strength: form.strength,
                    edge: form.edge,
                    len: form.bytes.len(),
                    coding: form.coding,
                    beginning: None,
                });
                bank.needles.push(Needle { bytes: form.bytes.into(), fold: form.fold });
            }
            for beginning in beginning::of(planted) {
                let head: Box<[u8]> = beginning.head().as_bytes().into();
                matcher.all.meanings.push(Meaning {
                    planted: index,
                    form: Cow::Borrowed("beginning"),
                    strength: Strength::Value,
                    edge: Edge::Any,
                    len: head.len(),
                    coding: None,
                    beginning: Some(beginning),
                });
                matcher.all.needles.push(Needle { bytes: head, fold: true });
            }
        }
        matcher.places.compile();
        for bank in [&mut matcher.all, &mut matcher.binary, &mut matcher.xor] {
            bank.compile();
        }
        let words = DETECTORS.iter().flat_map(|detector| detector.words());
        let words = words.map(|word| Needle { bytes: word.as_bytes().into(), fold: true });
        let mut needles: Vec<Needle> = words.chain(matcher.places.geohash_needles().iter().cloned()).collect();
        let (words, planted) = (needles.len(), matcher.all.few());
        needles.extend(planted.unwrap_or_default().iter().cloned());
        let engine = Engine::new(&needles, SHORTEST..=usize::MAX);
        matcher.screen = Screen { words, planted: planted.is_some(), needles, engine };
        // Folded text has no capitals.
        let mut folded = matcher.all.needles.iter().filter(|n| n.fold || !n.bytes.iter().any(u8::is_ascii_uppercase));
        matcher.shortest_folded = folded.try_fold(FEWEST, |shortest, needle| {
            (needle.fold && needle.bytes.is_ascii()).then(|| shortest.min(needle.bytes.len()))
        });
        matcher
    }

    /// Whether what was planted may stand in bytes that short fields decode to.
    pub(super) fn is_in_codes(&self) -> bool {
        !self.binary.is_empty() || !self.places.is_empty()
    }

    /// Looks at a buffer for the first time.
    pub(super) fn glance(&self, bytes: &[u8]) -> Glance {
        let Screen { needles, words: first, engine, planted } = &self.screen;
        let mut glance = Glance { words: false, planted: !planted, made: Made::of(bytes) };
        if let Some(engine) = engine {
            engine.meets(needles, bytes, &mut |needle| {
                let met = if (needle as usize) < *first { &mut glance.words } else { &mut glance.planted };
                *met = true;
                glance.words && glance.planted
            });
        }
        glance
    }

    /// How many byte sequences are looked for.
    pub fn patterns(&self) -> usize {
        self.all.needles.len() + self.binary.needles.len() + self.xor.needles.len()
    }
}
