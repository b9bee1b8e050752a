//! RC4, for transports old enough to use it.

use rc4::{KeyInit as _, StreamCipher as _};

/// An RC4 keystream at some position.
pub struct Rc4(Box<rc4::Rc4>);

impl Rc4 {
    /// The keystream of a key of 5 to 256 bytes, at its start.
    pub fn new(key: &[u8]) -> Option<Self> {
        Some(Self(Box::new(rc4::Rc4::new_from_slice(key).ok()?)))
    }

    /// Deciphers `text` in place and moves on.
    pub fn apply(&mut self, text: &mut [u8]) {
        self.0.apply_keystream(text);
    }
}
