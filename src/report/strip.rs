//! The strip: how a value was reached, layer by layer, and how opaque each layer is.

use crate::model::opacity::Opacity;
use crate::model::sighting::{Sighting, Strength};
use crate::report::View;
use serde::Serialize;

/// One layer, outermost first.
#[derive(Debug, Serialize)]
pub(crate) struct Layer {
    /// As the trail says it.
    pub(crate) name: String,
    /// Its opacity class, which is also its style class.
    pub(crate) opacity: &'static str,
    /// What that means for a reader.
    pub(crate) note: &'static str,
}

const SECURE: [&str; 9] = ["tls", "dtls", "quic", "ssl", "ssh", "wireguard", "esp", "srtp", "openvpn"];
const WEAK: [&str; 18] = [
    "xor",
    "addition",
    "ecb",
    "keystream",
    "rot13",
    "rot47",
    "caesar",
    "atbash",
    "mirrored",
    "vigenere",
    "substitution",
    "reused",
    "aes-",
    "des-",
    "3des-",
    "rc4",
    "chacha20",
    "xchacha20",
];

/// The layers of a sighting's trail, and the form of the value itself when it has one.
pub(crate) fn layers(sighting: &Sighting, view: &View) -> Vec<Layer> {
    let mut layers: Vec<Layer> = view.steps(sighting).into_iter().map(layer).collect();
    match (sighting.strength, sighting.form.as_str()) {
        (Strength::Pseudonym, form) => layers.push(Layer {
            name: form.to_owned(),
            opacity: "encoded",
            note: "a pseudonym: whoever guesses the value can match it",
        }),
        (Strength::Value, "" | "as-typed") => {}
        // What was undone on the way stands in the trail.
        (Strength::Value, form) if sighting.place.trail.iter().any(|step| form.starts_with(step.as_str())) => {}
        (Strength::Value, form) => {
            // `e164` or `national` say how it was written: only what must be undone is a layer.
            let form = layer(form.to_owned());
            if form.opacity != Opacity::Plaintext.name() {
                layers.push(form);
            }
        }
    }
    layers
}

fn layer(name: String) -> Layer {
    let word = name.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    let starts = |known: &[&str]| known.iter().any(|known| word.starts_with(known));
    let (class, note) = if starts(&SECURE) {
        (Opacity::Encrypted, "closed to the network, opened at the server")
    } else if starts(&WEAK) {
        (Opacity::WeaklyEncrypted, "anyone with some patience undoes it")
    } else {
        match Opacity::of_step(&word) {
            Some(Opacity::Compressed) => (Opacity::Compressed, "compressed: anyone undoes it"),
            Some(class) => (class, "encoded: anyone undoes it"),
            None => (Opacity::Plaintext, "readable as it is"),
        }
    };
    Layer { name, opacity: class.name(), note }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_say_how_opaque_they_are() {
        for (step, want) in [
            ("tls1.3", "encrypted"),
            ("quic", "encrypted"),
            ("POST log.example/v1", "plaintext"),
            ("gzip", "compressed"),
            ("json $.gzip", "plaintext"),
            ("base64url", "encoded"),
            ("utf-16le", "encoded"),
            ("xor", "weakly-encrypted"),
            ("", "plaintext"),
        ] {
            assert_eq!(layer(step.to_owned()).opacity, want, "{step}");
        }
    }
}
