//! CBC over the block ciphers of TLS: AES, 3DES, DES.

use ::cbc::Decryptor;
use aes::cipher::{Array, BlockCipherDecrypt, BlockModeDecrypt as _, InnerIvInit as _, KeyInit as _};

/// A block cipher key for CBC.
#[derive(Clone)]
pub enum CbcKey {
    /// AES-128.
    Aes128(Box<aes::Aes128>),
    /// AES-256.
    Aes256(Box<aes::Aes256>),
    /// Triple DES with three keys.
    TripleDes(Box<des::TdesEde3>),
    /// DES.
    Des(Box<des::Des>),
}

/// Which block cipher.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Block {
    /// AES-128.
    Aes128,
    /// AES-256.
    Aes256,
    /// Triple DES.
    TripleDes,
    /// DES.
    Des,
}

impl Block {
    /// Bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
            Self::TripleDes => 24,
            Self::Des => 8,
        }
    }

    /// Bytes of a block.
    pub const fn size(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes256 => 16,
            Self::TripleDes | Self::Des => 8,
        }
    }
}

impl CbcKey {
    /// The key; `None` if its length is wrong.
    pub fn new(block: Block, key: &[u8]) -> Option<Self> {
        Some(match block {
            Block::Aes128 => Self::Aes128(Box::new(aes::Aes128::new_from_slice(key).ok()?)),
            Block::Aes256 => Self::Aes256(Box::new(aes::Aes256::new_from_slice(key).ok()?)),
            Block::TripleDes => Self::TripleDes(Box::new(des::TdesEde3::new_from_slice(key).ok()?)),
            Block::Des => Self::Des(Box::new(des::Des::new_from_slice(key).ok()?)),
        })
    }

    /// Deciphers `text` in place. False if `iv` or `text` is not whole blocks.
    pub fn decrypt(&self, iv: &[u8], text: &mut [u8]) -> bool {
        fn run<C: BlockCipherDecrypt + Clone>(cipher: &C, iv: &[u8], text: &mut [u8]) -> bool {
            let Ok(mut mode) = Decryptor::inner_iv_slice_init(cipher.clone(), iv) else { return false };
            let (blocks, rest) = Array::slice_as_chunks_mut(text);
            mode.decrypt_blocks(blocks);
            rest.is_empty()
        }
        match self {
            Self::Aes128(cipher) => run(&**cipher, iv, text),
            Self::Aes256(cipher) => run(&**cipher, iv, text),
            Self::TripleDes(cipher) => run(&**cipher, iv, text),
            Self::Des(cipher) => run(&**cipher, iv, text),
        }
    }
}
