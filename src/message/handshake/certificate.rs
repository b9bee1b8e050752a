//! Certificates as facts for people: whose, by whom, from when to when.
#![deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use crate::bytes::{Cursor, Malformed};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificates of one chain that are looked at.
const CHAIN: usize = 16;

/// The certificates of a `Certificate` message up to TLS 1.2, DER, leaf first.
pub fn chain12(body: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut cursor = Cursor::new(body);
    let mut list = cursor.sub_u24("certificate list")?;
    let mut out = Vec::new();
    while !list.is_empty() && out.len() < CHAIN {
        out.push(list.sub_u24("certificate")?.rest());
    }
    Ok(out)
}

/// The certificates of a `Certificate` message of TLS 1.3 (RFC 8446 section 4.4.2), DER, leaf first.
pub fn chain13(body: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut cursor = Cursor::new(body);
    cursor.sub_u8("certificate request context")?;
    let mut list = cursor.sub_u24("certificate list")?;
    let mut out = Vec::new();
    while !list.is_empty() && out.len() < CHAIN {
        out.push(list.sub_u24("certificate")?.rest());
        list.sub_u16("certificate extensions")?;
    }
    Ok(out)
}

/// One line about a certificate: subject, issuer, validity. `None` if it cannot be read.
pub fn summary(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let day = |time: &x509_parser::time::ASN1Time| {
        let at = time.to_datetime();
        format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
    };
    let subject = printable(&certificate.subject().to_string());
    let issuer = printable(&certificate.issuer().to_string());
    let (from, to) = (day(&validity.not_before), day(&validity.not_after));
    Some(format!("{subject}; issued by {issuer}; valid {from} to {to}"))
}

/// Names come from the wire: control characters are not for anybody's terminal, and a line has an end.
fn printable(text: &str) -> String {
    let mut out: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    if out.is_empty() {
        out.push_str("(no name)");
    }
    out
}
