//! The registry: one file a detector, two lines here.

mod credentials;
mod device_id;
mod email;
mod payment_card;
mod phone_number;
mod planted;
mod planted_place;
mod precise_location;
mod private_key;

use crate::sighting::Detector;

/// Every detector.
pub static DETECTORS: &[&dyn Detector] = &[
    &planted::PlantedValues,
    &planted_place::PlantedPlaces,
    &email::Emails,
    &phone_number::PhoneNumbers,
    &precise_location::PreciseLocations,
    &payment_card::PaymentCards,
    &credentials::Credentials,
    &device_id::DeviceIds,
    &private_key::PrivateKeys,
];
