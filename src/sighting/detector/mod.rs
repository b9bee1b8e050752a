//! The registry: one file a detector, two lines here.

mod call_audio;
mod credentials;
mod device_id;
mod ecb;
mod email;
mod equal_ciphertext;
mod fixed_iv;
mod hidden_compression;
mod key_in_traffic;
mod keystream_reuse;
mod keystream_statistics;
mod payment_card;
mod pencil_cipher;
mod phone_number;
mod planted;
mod planted_name;
mod planted_place;
mod precise_location;
mod private_key;
mod recovery_phrase;
mod rolling;
mod sender_key;
mod spelled_out;
mod xor;

use crate::sighting::Detector;
use crate::sighting::call::CallDetector;
use crate::sighting::run::RunDetector;

/// Every detector.
pub static DETECTORS: &[&dyn Detector] = &[
    &planted::PlantedValues,
    &planted_place::PlantedPlaces,
    &pencil_cipher::PencilCiphers,
    &planted_name::PlantedNames,
    &spelled_out::SpelledOut,
    &email::Emails,
    &phone_number::PhoneNumbers,
    &precise_location::PreciseLocations,
    &payment_card::PaymentCards,
    &credentials::Credentials,
    &device_id::DeviceIds,
    &private_key::PrivateKeys,
    &recovery_phrase::RecoveryPhrases,
    &sender_key::SenderKeys,
];

/// Every detector over whole runs. What several of them recover is the first one's.
pub static RUN_DETECTORS: &[&dyn RunDetector] = &[
    &xor::Xor,
    &rolling::Rolling,
    &hidden_compression::HiddenCompression,
    &key_in_traffic::KeyInTraffic,
    &keystream_reuse::KeystreamReuse,
    &keystream_statistics::KeystreamStatistics,
    &ecb::Ecb,
    &equal_ciphertext::EqualCiphertext,
    &fixed_iv::FixedIv,
];

/// Every detector over media streams.
pub static CALL_DETECTORS: &[&dyn CallDetector] = &[&call_audio::CallAudio];
