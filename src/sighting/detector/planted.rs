//! Planted values, in every form that is text or bytes.

use crate::model::field::{BufferId, Kind, Node, NodeId, Tree};
use crate::model::message::PartKind;
use crate::model::shape::Shape;
use crate::model::sighting::{COMMON_BEGINNING, Strength};
use crate::sighting::around::Coding;
use crate::sighting::beginning::{Beginning, Found};
use crate::sighting::coded::Coded;
use crate::sighting::folded::{Folded, ascii_of};
use crate::sighting::forms::{Edge, LONG, SHORTEST};
use crate::sighting::matcher::Meaning;
use crate::sighting::text::is_plain;
use crate::sighting::{Card, Cx, Detector, Example, Hit};
use std::borrow::Cow;

/// Bytes of one buffer beyond which a one-byte XOR is not looked for: nobody hides whole files that way.
const XOR_BYTES: usize = 256 << 10;

/// Kinds of bytes without which folding changes nothing but the case of letters.
const FOLDING: Shape = Shape::HIGH.or(Shape::BREAK).or(Shape::SPACE);

/// The detector.
pub(super) struct PlantedValues;

static CARD: Card = Card {
    id: "planted",
    title: "Planted value",
    why: "The auditor typed this very value into the app: whoever holds these bytes holds what the user entered.",
    hits: &[
        Example { body: b"{\"m\":\"the HERON lands at dusk\"}", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"m=The+heron+lands+at+dusk", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"x VGhlIGhlcm9uIGxhbmRzIGF0IGR1c2s= y", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"tel 202-555-0143", planted: &[("phone-number", "+12025550143")] },
        Example {
            body: "{\"m\":\"The\u{a0}her\u{200b}on lands at \u{ff44}usk\"}".as_bytes(),
            planted: &[("messages", "The heron lands at dusk")],
        },
        Example {
            body: "tel \u{202a}+1 202\u{2011}555\u{2011}0143".as_bytes(),
            planted: &[("phone-number", "+12025550143")],
        },
        Example {
            body: b"{\"alert\":\"Priya: The heron la...\"}",
            planted: &[("messages", "The heron lands at dusk")],
        },
        Example {
            body: "{\"alert\":\"The\u{a0}heron lands\u{a0}at d\u{2026}\"}".as_bytes(),
            planted: &[("messages", "The heron lands at dusk")],
        },
        Example { body: b"hello Ada!", planted: &[("name", "Ada!")] },
        Example { body: b"3.3612345678E10", planted: &[("phone-number", "+33612345678")] },
        Example { body: b"33612345.678e3", planted: &[("phone-number", "+33612345678")] },
        Example { body: b"AAAAB9NzsU4=", planted: &[("phone-number", "+33612345678")] },
        Example { body: b"00000007d373b14e", planted: &[("phone-number", "+33612345678")] },
        Example {
            body: b"idfa=384000008CF011BDB23E10B96E40000D",
            planted: &[("device-id", "38400000-8cf0-11bd-b23e-10b96e40000d")],
        },
        Example {
            body: b"em=973DFE463EC85785F5F95AF5BA3906EEDB2D931C24E69824A89EA65DBA4E813B",
            planted: &[("email", "Test@Example.com")],
        },
    ],
    misses: &[
        Example { body: b"{\"m\":\"the heron landed\"}", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"{\"m\":\"The heron lands and\"}", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"{\"m\":\"The heron\"}", planted: &[("messages", "The heron lands at dusk")] },
        Example { body: b"{\"m\":\"Hello, how are\"}", planted: &[("messages", "Hello, how are you, Nora?")] },
        Example { body: b"order 92025550143", planted: &[("phone-number", "+12025550143")] },
        Example { body: b"adamant", planted: &[("name", "adam")] },
        Example { body: b"3.36123456785E10", planted: &[("phone-number", "+33612345678")] },
        Example { body: b"user 10234567", planted: &[("user-id", "1023456")] },
        Example { body: b"xpriya.c@example.test", planted: &[("email", "priya.c@example.test")] },
    ],
};

impl Detector for PlantedValues {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn on_message(&self, tree: &Tree<'_>, cx: &Cx<'_>, out: &mut Vec<Hit>) {
        if cx.planted.is_empty() {
            return;
        }
        let seen = Look { tree, cx };
        for (id, buffer) in (0..).zip(&tree.buffers) {
            seen.buffer(id, &buffer.bytes, out);
        }
        if (0..).zip(&tree.buffers).any(|(id, _)| cx.may_fold(id)) {
            for (id, node) in (0..).zip(&tree.nodes) {
                if node.leaf {
                    seen.folded(id, node, out);
                }
            }
        }
        if !cx.matcher.binary.is_empty() {
            for coded in &*cx.coded(tree) {
                seen.coded(coded, out);
            }
        }
        if !cx.matcher.phones.is_empty() {
            for (id, node) in (0..).zip(&tree.nodes) {
                if node.leaf {
                    seen.leaf(id, node, out);
                }
            }
        }
    }
}

/// The whole number that a float is, where floats tell it from its neighbours.
fn whole(value: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i128)
}

/// Whether a text may write a number with an exponent.
fn may_be_exponent(shape: Shape) -> bool {
    let letter = Shape::LOWER_HEX.or(Shape::UPPER_HEX);
    let number = Shape::DIGIT.or(letter).or(Shape::DOT).or(Shape::PLUS).or(Shape::MINUS);
    shape == Shape::ANY || (shape.within(number) && shape.meets(letter))
}

/// The whole number that a text writes with an exponent.
fn exponent(text: &[u8]) -> Option<i128> {
    let is_one = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let first = text.first()?.is_ascii_digit();
    let written = first && text.iter().any(|byte| matches!(byte, b'e' | b'E')) && text.iter().all(is_one);
    let value = std::str::from_utf8(text).ok().filter(|_| written)?.parse().ok()?;
    whole(value)
}

struct Look<'a, 't> {
    tree: &'a Tree<'t>,
    cx: &'a Cx<'a>,
}

impl Look<'_, '_> {
    fn buffer(&self, id: BufferId, bytes: &[u8], out: &mut Vec<Hit>) {
        let matcher = self.cx.matcher;
        if self.cx.may_hold_planted(id) {
            matcher.all.find(bytes, |meaning, start| self.accept(id, bytes, meaning, start, None, out));
        }
        matcher.phones.scan(bytes, &mut |number| {
            let range = (number.start, number.end);
            out.extend(self.hit(number.planted, number.form.into(), Strength::Value, id, range, None));
        });
        if matcher.binary.is_empty() && matcher.xor.is_empty() || self.cx.is_plain(id, bytes) {
            return;
        }
        matcher.binary.find(bytes, |meaning, start| self.accept(id, bytes, meaning, start, None, out));
        if bytes.len() <= XOR_BYTES && !matcher.xor.is_empty() {
            let delta: Vec<u8> = bytes.array_windows().map(|[a, b]| a ^ b).collect();
            matcher.xor.find(&delta, |meaning, start| {
                let Some(Coding::Xor { first }) = meaning.coding else { return };
                let key = bytes.get(start).map_or(0, |byte| first ^ byte);
                if key != 0 {
                    self.accept(id, bytes, meaning, start, Some(key), out);
                }
            });
        }
    }

    /// Takes a match if its neighbours allow it.
    fn accept(&self, id: BufferId, bytes: &[u8], meaning: &Meaning, start: usize, xor: Option<u8>, out: &mut Vec<Hit>) {
        if let Some(beginning) = &meaning.beginning {
            out.extend(self.beginning(id, bytes, meaning.planted, beginning, start));
            return;
        }
        // A delta is one byte shorter than what it was made from.
        let end = start + meaning.len + usize::from(xor.is_some());
        if meaning.coding.is_some() {
            let base = || {
                let node = self.tree.innermost(id, start, end).and_then(|node| self.tree.node(node));
                node.filter(|node| node.buffer == id).map_or(0, |node| node.start as usize)
            };
            if !self.holds_inside(bytes, meaning, (start, end), xor.unwrap_or(0), base) {
                return;
            }
        } else if meaning.edge != Edge::Any && !self.edges_hold(id, bytes, meaning, (start, end)) {
            return;
        }
        // Digits that framing touches may have been told from their field.
        let known =
            |hit: &Hit| (hit.planted, hit.buffer) == (Some(meaning.planted), id) && hit.start < end && start < hit.end;
        if meaning.edge == Edge::Framed && out.iter().any(known) {
            return;
        }
        let form = xor.map_or_else(|| meaning.form.clone(), |key| Cow::Owned(format!("xor with 0x{key:02x}")));
        out.extend(self.hit(meaning.planted, form, meaning.strength, id, (start, end), None));
    }

    /// The beginning of a text, where it was cut.
    fn beginning(
        &self,
        id: BufferId,
        bytes: &[u8],
        planted: usize,
        beginning: &Beginning,
        start: usize,
    ) -> Option<Hit> {
        // What the evidence lost was not cut by anybody, and bytes of no known protocol end anywhere.
        let part =
            || self.tree.buffers.get(id as usize).and_then(|buffer| self.tree.message.parts.get(buffer.part as usize));
        let ends = |at: usize| {
            if at >= bytes.len() && part().is_none_or(|part| part.whole && part.kind != PartKind::Raw) {
                return true;
            }
            let node = self.tree.innermost(id, start, at).and_then(|node| self.tree.node(node));
            node.is_some_and(|node| node.buffer == id && node.end as usize == at && node.whole && node.parent.is_some())
        };
        let found = beginning.at(bytes, start, ends)?;
        self.cut(planted, &found, |form| self.hit(planted, form, Strength::Value, id, (start, found.end), None))
    }

    /// A beginning as a find: the planted text's, or anybody's.
    fn cut(&self, planted: usize, found: &Found, hit: impl FnOnce(Cow<'static, str>) -> Option<Hit>) -> Option<Hit> {
        let form = format!("beginning, {} of {} characters", found.chars, found.of);
        let value = self.cx.planted.get(planted)?;
        let (label, id) = (value.data.label(), &value.id);
        let mut hit = hit(Cow::Owned(form))?;
        if !found.sure {
            // Stores are full of texts that begin alike.
            if self.tree.message.protocol == "dump" {
                return None;
            }
            hit.planted = None;
            hit.form = Cow::Borrowed(COMMON_BEGINNING);
            hit.reason = Cow::Owned(format!(
                "What may be the beginning of the planted {label} \"{id}\", and of many other texts, was readable, cut short"
            ));
        }
        Some(hit)
    }

    fn edges_hold(&self, id: BufferId, bytes: &[u8], meaning: &Meaning, (start, end): (usize, usize)) -> bool {
        let holds = |bytes: &[u8], base: usize, is_plain_all: &dyn Fn() -> bool| {
            let (Some(from), Some(to)) = (start.checked_sub(base), end.checked_sub(base)) else { return false };
            let near = bytes.get(from.saturating_sub(16)..to.saturating_add(16).min(bytes.len()));
            meaning.edge.holds(bytes, from, to, is_plain_all) && (meaning.len >= LONG || near.is_some_and(is_plain))
        };
        // What touches it may be the framing around a field: the field itself decides then.
        holds(bytes, 0, &|| self.cx.is_plain(id, bytes))
            || self
                .tree
                .innermost(id, start, end)
                .and_then(|node| self.tree.node(node))
                .is_some_and(|node| node.buffer == id && holds(self.tree.bytes(node), node.start as usize, &|| true))
    }

    /// Whether a value in an encoding is all there and stands for itself, as what is around it says when it is decoded.
    fn holds_inside(
        &self,
        bytes: &[u8],
        meaning: &Meaning,
        range: (usize, usize),
        key: u8,
        base: impl FnOnce() -> usize,
    ) -> bool {
        let Some(coding) = meaning.coding else { return true };
        let base = if matches!(coding, Coding::Wide { .. }) { base() } else { 0 };
        let Some(around) = coding.around(bytes, range, key, base) else { return false };
        if meaning.edge.holds(&around.bytes, around.start, around.end, || around.plain) {
            return true;
        }
        // With its country before it a number is as much that number.
        let mut dialled = false;
        if meaning.edge == Edge::Digit {
            self.cx.matcher.phones.scan(&around.bytes, &mut |number| {
                dialled |= number.planted == meaning.planted && number.start < around.end && around.start < number.end;
            });
        }
        dialled
    }

    /// The same text in other characters: what does not show, digits of other scripts, other spaces and quotes.
    fn folded(&self, id: NodeId, node: &Node, out: &mut Vec<Hit>) {
        if !matches!(node.kind, Kind::Bytes | Kind::Text) || (node.end - node.start) as usize <= SHORTEST {
            return;
        }
        if !node.shape.meets(FOLDING) || !self.cx.may_fold(node.buffer) {
            return;
        }
        if node.shape.meets(Shape::HIGH) && self.says_nothing(node) {
            return;
        }
        let Some(folded) = Folded::of(self.tree.bytes(node)) else { return };
        let text = folded.text.as_bytes();
        let mut found: Vec<Hit> = Vec::new();
        let mut take = |planted, form: &str, strength, start, end| {
            let (from, to) = folded.back(start, end);
            let range = (node.start as usize + from, node.start as usize + to);
            let form = match form {
                "as-typed" | "in plain characters" => Cow::Borrowed("in other characters"),
                form => Cow::Owned(format!("in other characters, {form}")),
            };
            found.extend(self.hit(planted, form, strength, node.buffer, range, Some(id)));
        };
        let mut cut: Vec<(usize, Found, usize)> = Vec::new();
        self.cx.matcher.all.find(text, |meaning, start| {
            if let Some(beginning) = &meaning.beginning {
                let found = beginning.at(text, start, |at| at >= text.len() && node.whole);
                cut.extend(found.map(|found| (meaning.planted, found, start)));
                return;
            }
            let end = start + meaning.len;
            let holds = if meaning.coding.is_some() {
                self.holds_inside(text, meaning, (start, end), 0, || 0)
            } else {
                !meaning.edge.touches(text, start, end)
            };
            if holds {
                take(meaning.planted, &meaning.form, meaning.strength, start, end);
            }
        });
        self.cx.matcher.phones.scan(text, &mut |number| {
            take(number.planted, number.form, Strength::Value, number.start, number.end);
        });
        for (planted, cut, start) in cut {
            let (from, to) = folded.back(start, cut.end);
            let range = (node.start as usize + from, node.start as usize + to);
            found.extend(self.cut(planted, &cut, |form| {
                let form = Cow::Owned(format!("in other characters, {form}"));
                self.hit(planted, form, Strength::Value, node.buffer, range, Some(id))
            }));
        }
        // What stands there as it is needs no folding.
        let known = |hit: &Hit| {
            out.iter().any(|other| {
                (other.planted, other.buffer) == (hit.planted, hit.buffer)
                    && other.start < hit.end
                    && hit.start < other.end
            })
        };
        found.retain(|hit| !known(hit));
        out.append(&mut found);
    }

    /// Whether nothing that was planted stands in a field when it is folded: told from the ASCII in it, where nothing else
    /// is looked for.
    fn says_nothing(&self, node: &Node) -> bool {
        let matcher = self.cx.matcher;
        let Some(ascii) = matcher.shortest_folded.and_then(|least| ascii_of(self.tree.bytes(node), least)) else {
            return false;
        };
        let mut any = false;
        matcher.all.find(&ascii, |_, _| any = true);
        !any && !matcher.phones.occur(&ascii)
    }

    /// Bytes of a planted value in what a short field decodes to.
    fn coded(&self, coded: &Coded, out: &mut Vec<Hit>) {
        let Some(node) = self.tree.node(coded.node) else { return };
        self.cx.matcher.binary.find(coded.bytes(), |meaning, start| {
            let range = (start, start + meaning.len);
            let holds = if meaning.coding.is_some() {
                self.holds_inside(coded.bytes(), meaning, range, 0, || 0)
            } else {
                meaning.edge.holds(coded.bytes(), range.0, range.1, || false)
            };
            if !holds {
                return;
            }
            let form = format!("{} of {}", coded.coding, meaning.form);
            let range = (node.start as usize, node.end as usize);
            out.extend(self.hit(meaning.planted, form.into(), meaning.strength, node.buffer, range, Some(coded.node)));
        });
    }

    /// Numbers that only a format can tell, and digits that touch their framing.
    fn leaf(&self, id: NodeId, node: &Node, out: &mut Vec<Hit>) {
        let phones = &self.cx.matcher.phones;
        let (start, end) = (node.start as usize, node.end as usize);
        let whole = match node.kind {
            Kind::Integer(value) => Some(value),
            Kind::Float(value) => whole(value),
            // What a program makes of a number it holds as a float.
            Kind::Bytes | Kind::Text if (9..=24).contains(&(end - start)) && may_be_exponent(node.shape) => {
                exponent(self.tree.bytes(node))
            }
            _ => None,
        };
        if let Some(value) = whole {
            for (planted, form) in phones.integer(value) {
                out.extend(self.hit(planted, form.into(), Strength::Value, node.buffer, (start, end), Some(id)));
            }
            return;
        }
        if !(7..=40).contains(&(end - start)) || !node.shape.meets(Shape::DIGIT) {
            return;
        }
        let Some(buffer) = self.tree.buffers.get(node.buffer as usize) else { return };
        let beside = |at: Option<usize>| at.and_then(|at| buffer.bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        if beside(start.checked_sub(1)) || beside(Some(end)) {
            phones.scan(self.tree.bytes(node), &mut |number| {
                let (from, to) = (start + number.start, start + number.end);
                out.extend(self.hit(
                    number.planted,
                    number.form.into(),
                    Strength::Value,
                    node.buffer,
                    (from, to),
                    Some(id),
                ));
            });
        }
    }

    fn hit(
        &self,
        planted: usize,
        form: Cow<'static, str>,
        strength: Strength,
        buffer: BufferId,
        (start, end): (usize, usize),
        node: Option<NodeId>,
    ) -> Option<Hit> {
        let value = self.cx.planted.get(planted)?;
        let (label, id) = (value.data.label(), &value.id);
        let reason = match strength {
            Strength::Value if form == "as-typed" => format!("The planted {label} \"{id}\" was readable as typed"),
            Strength::Value => format!("The planted {label} \"{id}\" was readable ({form})"),
            Strength::Pseudonym => {
                format!("A hash that anyone can match with the planted {label} \"{id}\" was readable ({form})")
            }
        };
        Some(Hit {
            detector: CARD.id,
            data: value.data,
            planted: Some(planted),
            form,
            strength,
            buffer,
            start,
            end,
            node,
            reason: Cow::Owned(reason),
            conclusive: false,
        })
    }
}
