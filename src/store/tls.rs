//! TLS towards a door: whoever answers is heard, whatever certificate it shows, and what certificate that is gets told.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A connection inside TLS, and what is to be told of it. `wait` is asked before each read: it says when patience ends.
pub(super) fn secure<S: Read + Write>(
    host: &str,
    mut wire: S,
    mut wait: impl FnMut() -> Result<(), String>,
) -> Result<(StreamOwned<ClientConnection, S>, String), String> {
    let anybody = Arc::new(Anybody { provider: ring::default_provider(), shown: Mutex::default() });
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&anybody) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name that TLS knows"))?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let broken = |error: &dyn std::fmt::Display| format!("no TLS: {error}");
    while connection.is_handshaking() {
        wait()?;
        while connection.wants_write() {
            connection.write_tls(&mut wire).map_err(|error| broken(&error))?;
        }
        if connection.is_handshaking() {
            if connection.read_tls(&mut wire).map_err(|error| broken(&error))? == 0 {
                return Err(broken(&"it hung up"));
            }
            connection.process_new_packets().map_err(|error| broken(&error))?;
        }
    }
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let shown = anybody.shown.lock().map(|shown| shown.clone()).unwrap_or_default();
    Ok((StreamOwned::new(connection, wire), format!("over {version}; {shown}")))
}

/// Takes any certificate: who knocks at their own door wants to know whether it opens. Signatures are checked all the same.
#[derive(Debug)]
struct Anybody {
    provider: CryptoProvider,
    /// What is to be told of the certificate.
    shown: Mutex<String>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut shown) = self.shown.lock() {
            *shown = about(end_entity, now);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Who issued a certificate, as far as it says so itself; no authority was asked.
fn about(certificate: &[u8], now: UnixTime) -> String {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return "its certificate cannot be read".to_owned();
    };
    let end = certificate.validity().not_after.timestamp();
    let expired = i64::try_from(now.as_secs()).is_ok_and(|now| now > end);
    let issued = if certificate.subject() == certificate.issuer() {
        "its certificate is self-signed".to_owned()
    } else {
        format!("its certificate was not checked, issued by {}", certificate.issuer())
    };
    if expired { format!("{issued} and has expired") } else { issued }
}
