//! What each fuzz target does with its bytes, apart from the engine, so that tests run every one of them too
//! (`tests/integration/fuzz.rs`).
//!
//! What holds on any bytes: nothing panics, every byte of a message has its frame, frames are numbered upwards, and the
//! way back of every field leads into its message.

mod evidence;
mod parsers;
mod sessions;

/// A target: the name of its file in `fuzz_targets/`, and its body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    ("capture", evidence::capture),
    ("format", evidence::format),
    ("dump", evidence::dump),
    ("key_log", evidence::key_log),
    ("frame", evidence::frame),
    ("message", sessions::message),
    ("protocol", sessions::protocol),
    ("sealed", sessions::sealed),
    ("hello", parsers::hello),
    ("hpack", parsers::hpack),
    ("field", parsers::field),
    ("decoder", parsers::decoder),
    ("scenario", parsers::scenario),
];

/// Runs the target of that name.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    for (known, body) in TARGETS {
        if *known == name {
            body(bytes);
        }
    }
}
