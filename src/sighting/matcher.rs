//! All planted values of a scenario, compiled once and shared by all workers.

use super::digest;
use super::engine::{Engine, Needle};
use super::forms::{Edge, Forms, LONG, SHORTEST, Scope};
use super::phone::Phones;
use super::place::Places;
use super::spell::Spelling;
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
}

impl Matcher {
    /// Compiles the planted values of a scenario; a [`Hit`](super::Hit)'s `planted` is an index into them.
    pub fn new(planted: &[Planted]) -> Self {
        let mut matcher = Self { spelling: Spelling::new(planted), ..Self::default() };
        for (index, planted) in planted.iter().enumerate() {
            let mut forms = Forms::default();
            match planted.data {
                Data::PhoneNumber | Data::VirtualNumber => matcher.phones.add(index, planted, &mut forms),
                Data::Email => {
                    forms.of_text(&planted.value, Edge::Word);
                    digest::of_text(&planted.value, &mut forms);
                    digest::of_email(&planted.value, &mut forms);
                }
                Data::DeviceId | Data::UserId | Data::Credentials | Data::PaymentInfo => {
                    forms.of_text(&planted.value, Edge::Digit);
                    forms.of_identifier(&planted.value);
                    digest::of_text(&planted.value, &mut forms);
                    digest::of_identifier(&planted.value, &mut forms);
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
                });
                bank.needles.push(Needle { bytes: form.bytes.into(), fold: form.fold });
            }
        }
        matcher.places.compile();
        for bank in [&mut matcher.all, &mut matcher.binary, &mut matcher.xor] {
            bank.compile();
        }
        matcher
    }

    /// How many byte sequences are looked for.
    pub fn patterns(&self) -> usize {
        self.all.needles.len() + self.binary.needles.len() + self.xor.needles.len()
    }
}
