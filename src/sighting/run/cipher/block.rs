//! Block ciphers, whichever a key fits, and the modes that chain their blocks.

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit as _};
use aes::{Aes128, Aes192, Aes256};
use des::{Des, TdesEde2, TdesEde3};

/// A block cipher under some key.
pub(super) enum Block {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
    Des(Box<Des>),
    TwoKeys(Box<TdesEde2>),
    ThreeKeys(Box<TdesEde3>),
}

impl Block {
    /// Every block cipher that takes a key of this length.
    pub(super) fn all(key: &[u8]) -> Vec<Self> {
        let mut out = Vec::new();
        match key.len() {
            8 => out.extend(Des::new_from_slice(key).ok().map(|c| Self::Des(Box::new(c)))),
            16 => {
                out.extend(Aes128::new_from_slice(key).ok().map(|c| Self::Aes128(Box::new(c))));
                out.extend(TdesEde2::new_from_slice(key).ok().map(|c| Self::TwoKeys(Box::new(c))));
            }
            24 => {
                out.extend(Aes192::new_from_slice(key).ok().map(|c| Self::Aes192(Box::new(c))));
                out.extend(TdesEde3::new_from_slice(key).ok().map(|c| Self::ThreeKeys(Box::new(c))));
            }
            32 => out.extend(Aes256::new_from_slice(key).ok().map(|c| Self::Aes256(Box::new(c)))),
            _ => {}
        }
        out
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Aes128(_) => "aes-128",
            Self::Aes192(_) => "aes-192",
            Self::Aes256(_) => "aes-256",
            Self::Des(_) => "des",
            Self::TwoKeys(_) | Self::ThreeKeys(_) => "3des",
        }
    }

    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Aes128(_) | Self::Aes192(_) | Self::Aes256(_) => 16,
            Self::Des(_) | Self::TwoKeys(_) | Self::ThreeKeys(_) => 8,
        }
    }

    pub(super) fn decrypt(&self, block: &mut [u8]) {
        fn run<C: BlockCipherDecrypt + BlockSizeUser>(cipher: &C, block: &mut [u8]) {
            if let Ok(block) = <&mut Array<u8, C::BlockSize>>::try_from(block) {
                cipher.decrypt_block(block);
            }
        }
        match self {
            Self::Aes128(cipher) => run(&**cipher, block),
            Self::Aes192(cipher) => run(&**cipher, block),
            Self::Aes256(cipher) => run(&**cipher, block),
            Self::Des(cipher) => run(&**cipher, block),
            Self::TwoKeys(cipher) => run(&**cipher, block),
            Self::ThreeKeys(cipher) => run(&**cipher, block),
        }
    }

    pub(super) fn encrypt(&self, block: &mut [u8]) {
        fn run<C: BlockCipherEncrypt + BlockSizeUser>(cipher: &C, block: &mut [u8]) {
            if let Ok(block) = <&mut Array<u8, C::BlockSize>>::try_from(block) {
                cipher.encrypt_block(block);
            }
        }
        match self {
            Self::Aes128(cipher) => run(&**cipher, block),
            Self::Aes192(cipher) => run(&**cipher, block),
            Self::Aes256(cipher) => run(&**cipher, block),
            Self::Des(cipher) => run(&**cipher, block),
            Self::TwoKeys(cipher) => run(&**cipher, block),
            Self::ThreeKeys(cipher) => run(&**cipher, block),
        }
    }

    /// ECB, or CBC where there is an initial value.
    pub(super) fn unchain(&self, iv: Option<&[u8]>, text: &[u8]) -> Vec<u8> {
        let size = self.size();
        let mut out = text.to_vec();
        let before = iv.into_iter().chain(text.chunks_exact(size));
        if iv.is_some() {
            for (block, before) in out.chunks_exact_mut(size).zip(before) {
                self.decrypt(block);
                xor(block, before);
            }
        } else {
            for block in out.chunks_exact_mut(size) {
                self.decrypt(block);
            }
        }
        out
    }

    /// A mode that makes a keystream, or a self-synchronising one (CFB).
    pub(super) fn stream(&self, mode: Mode, iv: &[u8], text: &[u8]) -> Vec<u8> {
        let mut register = iv.to_vec();
        let mut out = text.to_vec();
        for (plain, coded) in out.chunks_mut(self.size()).zip(text.chunks(self.size())) {
            let mut pad = register.clone();
            self.encrypt(&mut pad);
            xor(plain, &pad);
            match mode {
                Mode::Ctr => {
                    for byte in register.iter_mut().rev() {
                        *byte = byte.wrapping_add(1);
                        if *byte != 0 {
                            break;
                        }
                    }
                }
                Mode::Cfb => register = coded.to_vec(),
                Mode::Ofb => register = pad,
            }
        }
        out
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Ctr,
    Cfb,
    Ofb,
}

impl Mode {
    pub(super) const ALL: [(Self, &'static str); 3] = [(Self::Ctr, "ctr"), (Self::Cfb, "cfb"), (Self::Ofb, "ofb")];
}

pub(super) fn xor(into: &mut [u8], from: &[u8]) {
    for (a, b) in into.iter_mut().zip(from) {
        *a ^= b;
    }
}
