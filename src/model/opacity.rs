//! What a payload is, as far as its bytes can tell.

use serde::Serialize;

/// Bytes up to which nothing is taken for a hiding place, whatever it is: tokens and digests are no longer.
pub const HIDING_PLACE: u64 = 64;

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

    /// What the class says of a payload.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Plaintext => "text or structure that anyone reads as it is",
            Self::Encoded => "an encoding that anyone undoes: base64, hexadecimal, percent, UTF-16",
            Self::Compressed => "a compression that anyone undoes, or media in a known codec",
            Self::WeaklyEncrypted => "encryption that is provably poor: ECB, a short XOR key, a key beside its lock",
            Self::Unknown => "too short, or too mixed, to be told",
            Self::RandomLooking => "bytes like random ones, and nothing that says why",
            Self::Encrypted => "bytes like random ones, and positive evidence of encryption",
        }
    }

    /// Whether this counts as opaque in the sense of the verdict rules: random-looking or encrypted.
    pub const fn is_opaque(self) -> bool {
        matches!(self, Self::RandomLooking | Self::Encrypted)
    }

    /// What a step of a trail undoes: an encoding or a compression that anyone could; `None` for other steps.
    pub fn of_step(step: &str) -> Option<Self> {
        if COMPRESSED.contains(&step) {
            Some(Self::Compressed)
        } else if ENCODED.contains(&step) || step.starts_with("utf-16") {
            Some(Self::Encoded)
        } else {
            None
        }
    }

    /// Position in [`Opacity::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Steps of a trail that undo an encoding.
const ENCODED: [&str; 20] = [
    "base16",
    "base32",
    "base58",
    "base64",
    "base64url",
    "base85",
    "bech32",
    "hex",
    "html",
    "mime",
    "percent",
    "punycode",
    "quoted-printable",
    "utf-16",
    "utf-7",
    "uuencode",
    "escapes",
    "html-entities",
    "utf16",
    "utf32",
];
/// Steps that undo a compression.
const COMPRESSED: [&str; 14] = [
    "br",
    "brotli",
    "bzip2",
    "deflate",
    "gzip",
    "lz4",
    "lzma",
    "permessage-deflate",
    "snappy",
    "tar",
    "xz",
    "zip",
    "zlib",
    "zstd",
];

/// How sure an opacity judgement is, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// The class.
    pub class: Opacity,
    /// The model that explains the bytes best: `latin text`, `base64`, `deflate`, `uniform` …
    pub model: &'static str,
    /// Evidence in bits for this model over the best of another class.
    pub bits: f64,
    /// Odds of each class in the order of [`Opacity::ALL`]; they sum to one.
    pub odds: [f64; 7],
    /// What is inside an encoding, where it is long enough to tell.
    pub inner: Option<Opacity>,
}

impl Assessment {
    /// A judgement without a rival.
    pub fn sure(class: Opacity, model: &'static str, bits: f64) -> Self {
        let mut odds = [0.0; 7];
        if let Some(slot) = odds.get_mut(class.index()) {
            *slot = 1.0;
        }
        Self { class, model, bits, odds, inner: None }
    }

    /// The odds of the class that was told.
    pub fn confidence(&self) -> f64 {
        self.odds.get(self.class.index()).copied().unwrap_or(0.0)
    }
}

/// One range of a message, of one class.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Segment {
    /// First byte.
    pub start: u64,
    /// The byte behind the last.
    pub end: u64,
    /// What the range is.
    pub class: Opacity,
    /// On what model.
    pub model: &'static str,
}

impl Segment {
    /// Its length in bytes.
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the same bytes of several messages of a flow are, told from how they differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// The same in all messages.
    Constant,
    /// Rises by one with each message.
    Counter,
    /// Says how long the message is, but for a constant.
    Length,
    /// Readable in all messages.
    Readable,
    /// Differs without a law.
    Random,
    /// Too few messages, or no kind of these.
    Unknown,
}

impl ColumnKind {
    /// As reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Counter => "counter",
            Self::Length => "length",
            Self::Readable => "readable",
            Self::Random => "random-looking",
            Self::Unknown => "unknown",
        }
    }
}

/// What is kept of a message in an unknown protocol, to hold it against the others of its flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glimpse {
    /// Its length in bytes.
    pub len: u64,
    /// Its first bytes.
    pub head: Vec<u8>,
}

/// A range of a flow's messages in one direction, as reports show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Range {
    /// `to-server` is true.
    pub to_server: bool,
    /// First byte.
    pub start: u64,
    /// The byte behind the last; `None` where it reaches to the end of each message.
    pub end: Option<u64>,
    /// Its bytes in the longest message.
    pub longest: u64,
    /// Its kind over several messages, or its class in the one there was: `constant`, `counter`, `length`, `plaintext` …
    pub kind: &'static str,
    /// How many messages say so.
    pub messages: u64,
}

/// Neighbouring bytes of one kind, in all messages of one direction of a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Column {
    /// First byte.
    pub start: u64,
    /// The byte behind the last; `None` where it reaches to the end of each message.
    pub end: Option<u64>,
    /// What it is.
    pub kind: ColumnKind,
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

/// What a judgement of `random-looking`, by the figures in `docs/opacity.md`, over `n` bytes excludes, and what it cannot.
pub fn power(n: u64) -> String {
    let caught = match n {
        0..12 => return format!("{n} bytes are too few to tell anything from random bytes."),
        12..24 => "most text in any script, base64 and hex of it",
        24..64 => "text in any script, its encodings, and most records and compressed objects that are whole",
        _ => {
            "text in any script, its encodings, one-byte XOR, most records and compressed objects that are whole, and most \
             pieces of lz4 and snappy"
        }
    };
    format!(
        "{n} bytes would have shown {caught}; not a piece cut out of deflate, brotli, xz or WebP, a random identifier, \
         or a cipher whose key others know."
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_length_says_what_it_could_have_shown() {
        for len in [0, 12, 64, 511, 512, 100_000] {
            assert!(super::power(len).ends_with('.'));
        }
    }
}
