//! What a payload is, as far as its bytes can tell.

use serde::Serialize;

/// The classes of the design, from most to least readable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opacity {
    /// Text or structure that anyone reads as it is.
    Plaintext,
    /// An encoding that anyone undoes: base64, hex, percent, UTF-16 …
    Encoded,
    /// Compression that anyone undoes, or media in a known codec.
    Compressed,
    /// Encryption that is provably poor: ECB, a short XOR key, a key beside its lock …
    WeaklyEncrypted,
    /// Too short, or inconsistent: not to be told.
    Unknown,
    /// Indistinguishable from random bytes; statistics alone can never call this encrypted.
    RandomLooking,
    /// Random-looking, and positive evidence: a record layer, an envelope, a length law, a key that opens it.
    Encrypted,
}

impl Opacity {
    /// All classes, in order.
    pub const ALL: [Self; 7] = [
        Self::Plaintext,
        Self::Encoded,
        Self::Compressed,
        Self::WeaklyEncrypted,
        Self::Unknown,
        Self::RandomLooking,
        Self::Encrypted,
    ];

    /// The class as JSON and reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Encoded => "encoded",
            Self::Compressed => "compressed",
            Self::WeaklyEncrypted => "weakly-encrypted",
            Self::Unknown => "unknown",
            Self::RandomLooking => "random-looking",
            Self::Encrypted => "encrypted",
        }
    }

    /// Whether this counts as opaque in the sense of the verdict rules: random-looking or encrypted.
    pub const fn is_opaque(self) -> bool {
        matches!(self, Self::RandomLooking | Self::Encrypted)
    }

    /// Position in [`Opacity::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How sure an opacity judgement is, and on what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The class.
    pub class: Opacity,
    /// The model that explains the bytes best: `utf-8 text`, `base64`, `raw deflate`, `uniform` …
    pub model: &'static str,
    /// Evidence in bits for this model over the best of another class.
    pub bits: f64,
}

/// Bytes by opacity class.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OpacityTally {
    bytes: [u64; 7],
}

impl OpacityTally {
    /// Counts `bytes` more of `class`.
    pub const fn add(&mut self, class: Opacity, bytes: u64) {
        let slot = &mut self.bytes[class.index()];
        *slot = slot.saturating_add(bytes);
    }

    /// Counts `bytes` of one class, as far as there are so many, as another.
    pub const fn shift(&mut self, from: Opacity, to: Opacity, bytes: u64) {
        let had = self.bytes[from.index()];
        let moved = if bytes < had { bytes } else { had };
        self.bytes[from.index()] = had - moved;
        self.add(to, moved);
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for class in Opacity::ALL {
            self.add(class, other.of(class));
        }
    }

    /// Bytes of `class`.
    pub const fn of(&self, class: Opacity) -> u64 {
        self.bytes[class.index()]
    }

    /// The class that covers most bytes; [`Opacity::Unknown`] without any. Ties go to the more readable.
    pub fn dominant(&self) -> Opacity {
        let mut best = Opacity::Unknown;
        let mut most = 0;
        for class in Opacity::ALL {
            if self.of(class) > most {
                most = self.of(class);
                best = class;
            }
        }
        best
    }
}
