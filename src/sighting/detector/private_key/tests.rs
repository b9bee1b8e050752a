//! Keys as OpenSSL, OpenSSH and GnuPG write them, and what is nearly one.

use super::{Reader, der, openpgp, pem};
use data_encoding::BASE64;
use memchr::memmem;
use proptest::prelude::*;

const SEC1: &[&str] = &[
    "MHcCAQEEIFqMBMjxxjiCfyv8Avy6KdUJ46k3wfd+zdPwQR32N1lpoAoGCCqGSM49AwEHoUQDQgAED8kmGWuBDZnF4vQkYAB1bIyUHCOtYXggMLV8qBCggZMUlOKR/lrOZVNbz25d3uRlT2omSvgjQhKBAMjssrj1bw==",
    "MIGkAgEBBDCqz2/ObHp8EgscjiFY3d4rDlF40AaeXdJRcMsNyiSYgUpeVNA6+kP8VKvS6jeAw6mgBwYFK4EEACKhZANiAAS8poRGSfnSWeQlPIPukDpKENaTsTumUT+kc2rVk4PfboAunN/o/oZ65QK0HsLSIFr0WTpI3DRveO2/IskH0snn9iMIqH7fkvcHQsqx4NWjCUWjNUSo+UrcLWPq2iOoabg=",
    "MIHcAgEBBEIAoaOBEylDdAIViNn2oyia4P4xSs7z5DhfmOmJUI9FzcVFr6YmbChokYP9B+4RyG/B0Wp1NI1g0mkqmsPqC5azZPugBwYFK4EEACOhgYkDgYYABAAF25MYpCjYcHOYmUozMZX1Xn1kDkJN+Zr+pVGytiiG0Bj19TqWkX2d1nTHdfAnrtRGHgtcgST3k3LkbxelRYB1BAEMO6bUbuxwPzddwaObucELm+uw/dWDrwNv3eSXvYsX/w0N/QTz0MukOgjpjwnkKwrxNCPjKFRfBoO2dL1WB1oXaA==",
    "MDECAQEEIFqMBMjxxjiCfyv8Avy6KdUJ46k3wfd+zdPwQR32N1lpoAoGCCqGSM49AwEH",
];
const PKCS1: &[&str] = &[
    "MIIBOwIBAAJBANAYj9G2o0Sj+KYj6GZelEThbBvIRjcATmLtgCtfYIm9GBeI5ythtwG1JS6NAzFo3gQjeJGw7XlR5hrmBU1RukECAwEAAQJBAKeNHz+b7pm17N7YyqaiQH+1gXZdKyvd8z90O16wzOoZAz1pb6L6GVwSWywZmX1F5RYVnSgEH96NNUB+/q7wlgECIQDntbY0IZhwaYvL2Y/sKOhxV/XXhaioiSeRFYhcSj2A1QIhAOXpIr4n201RUAwusouC/lE2rtr3EWP5aqm39JAa6am9AiEAuvBlocWBASCGQt6yOOwALIG0vD7/hYmyPGFM9HiJCkkCIGRdBnaeLYSuB1SaGgT+9Qf86A3cJvJOkfpuvEsgBHq9AiAqrRkpFq3by41JSy1bZDfQa5d7GzR2aC0FgNeMbAPJmw==",
    "MIICXgIBAAKBgQCucD+TSwCOnM4cgUhXsGJicKB2ZhBaK088rPu2aQVR1mwlwU/lvzkWYvBtI0w/YuFLLawWW+V0/Or0M7Kxk1s5ib3uCE5VlNsPE4FT+yinq3+4gRgl/LKvPQXRGiOjsDIdJKwJEvUhahbxS8v2cZNP8/DWLAOd5bBFiH7A22VYgwIDAQABAoGBAIck47xjwTy781tWNgvp1W9avpa8IDMblrn1ctYxqzNqIkNl71aZvcrAQHDthecd3ln2OnrgG3d1czpayziUZ3l2YLPtLn+/qVhxmodeXvbwW9sacH3sY4sTlyAIkCs5/xgtmuosQRpD+XgHTv8yj9Ixmw3FkVTZoE3+gqCG/qaxAkEA4CzlHXXT/siqp//jfN+LfAnUGV5B93RiZ9m/TLvOxCIhHsuoRSjXKTr/jJJVkEKBpTktTDWP0CvfhdVQkW3r/QJBAMczyZdO/MKgiM7WVLUmgXD2Ju1cK0n/gqekbtFeF3wwpTUF9kL3bSX3e8LrtSQTdjJ/EmtXIiqWMs9xTnBuPn8CQQDIm4Rga6vNSZdmBZh2i7lPw5/ZH79aiPzywCnvqfUrEPugilFHqnd4vwImsmD9WnaX+2Ws2BWdDVXWdwDFU5+lAkBlJ+c27uVr8BmI704Ur3kL4/PglO1mplmyx81+hElox0sdoelsGDlVDlfKo+dYaombGuw/lf/DoIIs1Vz/uvwBAkEA0FxFdDTjmqMfNcltpmcegMIVWHXyD/a9ZMqV575hx1vEItbp3nM+adGgaPctzIQbdAzESSJmTzfDXnxDAWY77A==",
];
const OPENPGP: &[&str] = &[
    "lFgEaw0axhYJKwYBBAHaRw8BAQdA3plWrWP5sRcFT0pAGmQjNhpDnVhZKXGIRZKIwTax4K4AAQCBDdFdbcLZ9LoJq5uFh3SnORRa0L1CBMYfj5mnPpepKw/AtA9hIDxhQGIuZXhhbXBsZT6IkAQTFggAOBYhBHn9Sl0z480OTs0ljMMQeegIzJwCBQJrDRrGAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEMMQeegIzJwCZ0sBANv0pq/4bsW3P+cUnV5tkarw7MTehlU0AzIfCYQS+pOCAQCwkffivVOcw6iPcchZ2saK0FT1g0rSdT6Cy6Cqqx3PAw==",
    "lQHYBGsNGssBBACwIcpGZtVpPCOi+XfCQ3Q+3gNyR1KqpYPw6kYE4mhhOI0Tm3V7Uh2qdMfRxWcegbuALqMmz61ELqc6JGbEe9nTczVMkKSwyb0koZrlCw7m4p3trHY3xoTo7ESE+s5PwLyS5ki2ATK1xFSK667NQqUK/I3TKLUgG9YCvsJVIb7MewARAQABAAP+OSRdSYXnSuL19NPWpLHZruO8XoEBMtfL/Ick/ESv9IqySmAvNzkm4rxMb6QJln4kZKu8xsStw+cW3egdZzV/L25XW8t2fixHIW2kEjvYOpDSORUiMEPuPED5H76veoLndsHVYir+oBdU16Y1kuKGjDrH7FlnttesjyhTFalWdJECAMFRF2MVoKwQTLY7DgL9jWV7o7djlMOjUXoH7CDvmeOEuuG+SUtq3oiE3HmUSSqU53itInpbUbabHgRaDpijKz8CAOk+OBTx8SObfCOoFUGv17TMcWixMKzui3CI081t/8lmcZZxYYIR+Lrry7Dd5GQLPcVf91dlMX5/aqdCqXQJO8UCALVzXV9R4KhOIodqwOQ99rOI71EoBVlcFedScA4caiSoHO3cn6iT5XzSr1MTRvMX0HJPwlgVQLqyFO4ILVOW0DWhbLQPYSA8YUBiLmV4YW1wbGU+iM4EEwEKADgWIQRZ4fDhd5yvzTp2DLXkNtstKG7odAUCaw0aywIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRDkNtstKG7odIkeBACcSwvj4I8fUOi0Xer2QNWTRC+XNEW9ljAxenFBJBZlntRzTLSDc98mU9qlRUx/WlW3qJiNJQfqloePkjllQcaThv+m5Ub1e6+S+PF4ZjG1DFB3mKhdARAWDP+htecGYC+FSTevnv1tB6KUYHuG/DbiHYk0d62Jc65+eaaTO4NK+g==",
    "lHcEaw0ayxMIKoZIzj0DAQcCAwTK63xWKrzb2V+m9q+6oJyNFZK8tzrAAHeHvO0DyXSH+kX0ihVueaVV5XBuNLi28qNQPAItZPm8QjvJMD5S9Dg2AAEA2WEUZ5x30N/Q7CDHFHrDlaqOehuh7XzUTOKKZtMTFmYRLLQPYyA8Y0BiLmV4YW1wbGU+iJAEExMIADgWIQRFUFpZqH5fEuzcAHc3eGcmieAqGgUCaw0aywIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRA3eGcmieAqGtniAQCnw2MW+nXX0HtS6B/4domOnOB73IRXILWELIIY0L0wMAEAhqOo7DcV7QtFEE2X3GMI1Y3GIDspOF78vKFmpr7Ml2I=",
];
const PUBLIC: &str = "mDMEaw0axhYJKwYBBAHaRw8BAQdA3plWrWP5sRcFT0pAGmQjNhpDnVhZKXGIRZKIwTax4K60D2EgPGFAYi5leGFtcGxlPoiQBBMWCAA4FiEEef1KXTPjzQ5OzSWMwxB56AjMnAIFAmsNGsYCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQwxB56AjMnAJnSwEA2/Smr/huxbc/5xSdXm2RqvDsxN6GVTQDMh8JhBL6k4IBALCR9+K9U5zDqI9xyFnaxorQVPWDStJ1PoLLoKqrHc8D";
const OPEN_SSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACAafgx+tBxxgL6d/zvHbPijzVKWn+bz3DZ3gKRfeoAebwAAAIhy2PsGctj7\nBgAAAAtzc2gtZWQyNTUxOQAAACAafgx+tBxxgL6d/zvHbPijzVKWn+bz3DZ3gKRfeoAebw\nAAAEC9yE2WijNn0G5uNO/1R6ZOgLtbUz+eenk2dFVKYTc0hhp+DH60HHGAvp3/O8ds+KPN\nUpaf5vPcNneApF96gB5vAAAAAAECAwQF\n-----END OPENSSH PRIVATE KEY-----\n";

fn bytes(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).unwrap()
}

fn at_mark(key: &[u8], mark: &[u8], read: Reader) -> Option<(usize, usize)> {
    memmem::find_iter(key, mark).find_map(|at| read(key, at))
}

fn pkcs1(key: &[u8]) -> Option<(usize, usize)> {
    at_mark(key, b"\x02\x01\x00\x02", der::pkcs1)
}

fn sec1(key: &[u8]) -> Option<(usize, usize)> {
    at_mark(key, b"\x02\x01\x01\x04", der::sec1)
}

fn block(text: &str) -> bool {
    let at = memmem::find(text.as_bytes(), b" PRIVATE KEY").unwrap();
    pem::pem(text.as_bytes(), at).is_some()
}

#[test]
fn keys_are_read_to_their_end_wherever_they_stand() {
    for (keys, read) in [(PKCS1, pkcs1 as fn(&[u8]) -> Option<(usize, usize)>), (SEC1, sec1)] {
        for key in keys.iter().map(|key| bytes(key)) {
            assert_eq!(read(&key), Some((0, key.len())));
            let within = [b"\x00\x01ab", key.as_slice(), b"\xff"].concat();
            assert_eq!(read(&within), Some((4, 4 + key.len())));
            for cut in 0..key.len() {
                assert_eq!(read(&key[..cut]), None, "{cut}");
            }
            // A length that says more or less than there is.
            let mut other = key.clone();
            let len = other.iter().position(|byte| *byte == 2).unwrap() - 1;
            other[len] = other[len].wrapping_sub(1);
            assert_eq!(read(&other), None);
        }
    }
    // The factors of another modulus.
    let mut other = bytes(PKCS1[0]);
    let at = 9 + 64;
    other[at] ^= 2;
    assert_eq!(pkcs1(&other), None);
    // Version and random bytes alone are what many things look like.
    assert_eq!(sec1(&[&b"\x30\x25\x02\x01\x01\x04\x20"[..], &[7; 32]].concat()), None);
}

#[test]
fn open_secret_keys_of_openpgp_are_told_from_others() {
    for key in OPENPGP.iter().map(|key| bytes(key)) {
        let len = openpgp::open_key(&key).unwrap();
        for cut in 0..len {
            assert_eq!(openpgp::open_key(&key[..cut]), None, "{cut}");
        }
        // The last bytes are the checksum and the number that it sums up.
        for at in len - 20..len {
            let mut other = key.clone();
            other[at] ^= 1;
            assert_ne!(openpgp::open_key(&other), Some(len), "{at}");
        }
    }
    assert_eq!(openpgp::open_key(&bytes(PUBLIC)), None);
    // Version 6, Ed25519, whose packet has the new format and whose key has no checksum (RFC 9580, sections 4.2.1, 5.5.3).
    let six = [&b"\xc5\x4b\x06\x63\x87\x7f\xe3\x1b\x00\x00\x00\x20"[..], &[7; 32], b"\x00", &[9; 32]].concat();
    let six = [&six[..1], &[u8::try_from(six.len() - 2).unwrap()], &six[2..]].concat();
    assert_eq!(openpgp::open_key(&six), Some(six.len()));
    let sealed = [&six[..44], b"\xfd", &six[45..]].concat();
    assert_eq!(openpgp::open_key(&sealed), None);
}

#[test]
fn blocks_count_where_no_password_protects_them() {
    assert!(block(OPEN_SSH));
    assert!(
        block(&OPEN_SSH.replace('\n', "\\n"))
            && block(&OPEN_SSH.replace('\n', "\\r\\n"))
            && block(&OPEN_SSH.replace('\n', " "))
    );
    let sealed =
        BASE64.encode(b"openssh-key-v1\0\0\0\0\x0aaes256-ctr\0\0\0\x06bcrypt\0\0\0\x18aaaaaaaaaaaaaaaaaaaaaaaa");
    assert!(!block(&format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{sealed}\n-----END OPENSSH PRIVATE KEY-----\n")));
    let armored = |key: &str, head: &str, between: &str| {
        let lines: Vec<String> =
            key.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        let key = lines.join(between);
        let name = "PGP PRIVATE KEY BLOCK";
        format!(
            "-----BEGIN {name}-----{between}{head}{between}{key}{between}=Zm9v{between}-----END {name}-----{between}"
        )
    };
    for key in OPENPGP {
        for between in ["\n", "\r\n", "\\n", "\\r\\n"] {
            assert!(block(&armored(key, &format!("Version: GnuPG v2{between}"), between)), "{between}");
            assert!(block(&armored(key, "", between)), "{between}");
        }
    }
    assert!(!block(&armored(PUBLIC, "", "\n")));
    for (label, head, open) in [
        ("RSA PRIVATE KEY", "", true),
        ("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", false),
        ("PRIVATE KEY", "", true),
        ("ENCRYPTED PRIVATE KEY", "", false),
    ] {
        let text = format!("-----BEGIN {label}-----\n{head}{}\n-----END {label}-----\n", PKCS1[0]);
        assert_eq!(block(&text), open, "{label} {head}");
    }
}

proptest! {
    #[test]
    fn other_bytes_are_no_keys(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(openpgp::open_key(&bytes), None);
        for at in 0..bytes.len() {
            prop_assert_eq!(der::pkcs1(&bytes, at), None);
            prop_assert_eq!(der::sec1(&bytes, at), None);
        }
    }

    #[test]
    fn changed_keys_are_survived(which in 0_usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for keys in [SEC1, PKCS1, OPENPGP] {
            let mut key = bytes(keys[which.min(keys.len() - 1)]);
            let at = at.index(key.len());
            key[at] = byte;
            let _ = (pkcs1(&key), sec1(&key), openpgp::open_key(&key));
        }
    }
}

/// The keys of RFC 8410, section 10.3, without and with the public key, and what is nearly one.
#[test]
fn keys_of_both_versions_of_pkcs8_are_read_to_their_end() {
    for (mark, key) in [
        (b"\x02\x01\x00\x30", "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"),
        (
            b"\x02\x01\x01\x30",
            "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhCoB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        ),
    ] {
        let key = bytes(key);
        let within = [b"\x00\x01ab", key.as_slice(), b"\xff"].concat();
        assert_eq!(at_mark(&within, mark, der::pkcs8), Some((4, 4 + key.len())));
        for cut in 0..key.len() {
            assert_eq!(at_mark(&key[..cut], mark, der::pkcs8), None, "{cut}");
        }
        // Another element where the key should stand.
        let mut other = key.clone();
        other[12] = 0x05;
        assert_eq!(at_mark(&other, mark, der::pkcs8), None);
    }
}
