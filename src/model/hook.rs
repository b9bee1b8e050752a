//! What hooks in an app logged of its encryption: the auditor's instrument, never what an attacker has.

use crate::model::secret::SecretBytes;

/// One key that the app called its cipher with, and what it did with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hook {
    /// The key: 16, 24 or 32 bytes.
    pub key: SecretBytes,
    /// The initial value or nonce, where the log has it.
    pub iv: Option<SecretBytes>,
    /// The algorithm as the log spells it (`AES/CBC/PKCS5Padding`); empty where it does not say.
    pub algorithm: String,
    /// What went in and came out, by every reading of how it is written.
    pub texts: Vec<SecretBytes>,
}
