//! The registry: one file a format, two lines here.

mod armor;
mod authorization;
mod avro;
mod aws_chunked;
mod base32;
mod base58;
mod base64;
mod base85;
mod brotli;
mod bson;
mod bzip2;
mod cbor;
mod charset;
mod cookie;
mod csv;
mod data_url;
mod deflate;
mod dns_message;
mod embedded;
mod escapes;
mod event_stream;
mod exif;
mod form;
mod graphql;
mod gzip;
mod hex;
mod hexdump;
mod html_entities;
mod indented;
mod joined;
pub(super) mod json;
mod jwe;
mod jwt;
mod logfmt;
mod logged_json;
mod lz4;
mod mail;
mod msgpack;
mod multipart;
mod nmea;
mod params;
mod path;
mod pdf;
mod percent;
mod plist;
mod prefixed;
mod protobuf;
mod punycode;
mod quoted_printable;
mod snappy;
mod socket_io;
mod sqlite;
mod tar;
mod url;
mod utf16;
mod utf32;
mod vcard;
mod xml;
mod xz;
mod zip;
mod zlib;
mod zstd;

use crate::field::Decoder;

/// Every decoder; of two that fit equally well, the first is tried first.
pub static DECODERS: &[&Decoder] = &[
    &gzip::GZIP,
    &zstd::ZSTD,
    &xz::XZ,
    &bzip2::BZIP2,
    &zip::ZIP,
    &exif::EXIF,
    &tar::TAR,
    &sqlite::SQLITE,
    &pdf::PDF,
    &aws_chunked::AWS_CHUNKED,
    &avro::AVRO,
    &zlib::ZLIB,
    &deflate::DEFLATE,
    &utf32::UTF32,
    &utf16::UTF16,
    &charset::CHARSET,
    &graphql::GRAPHQL,
    &json::JSON,
    &json::NDJSON,
    &socket_io::SOCKET_IO,
    &plist::PLIST,
    &xml::XML,
    &event_stream::EVENT_STREAM,
    &vcard::VCARD,
    &hexdump::HEXDUMP,
    &nmea::NMEA,
    &dns_message::DNS_MESSAGE,
    &path::PATH,
    &cookie::COOKIE,
    &authorization::AUTHORIZATION,
    &form::FORM,
    &mail::MAIL,
    &multipart::MULTIPART,
    &jwe::JWE,
    &armor::ARMOR,
    &jwt::JWT,
    &data_url::DATA_URL,
    &params::PARAMS,
    &url::URL,
    &percent::PERCENT,
    &csv::CSV,
    &logged_json::LOGGED_JSON,
    &logfmt::LOGFMT,
    &escapes::ESCAPES,
    &html_entities::HTML_ENTITIES,
    &punycode::PUNYCODE,
    &hex::HEX,
    &base58::BASE58,
    &base64::BASE64,
    &indented::INDENTED,
    &base32::BASE32,
    &joined::JOINED,
    &base85::BASE85,
    &quoted_printable::QUOTED_PRINTABLE,
    &bson::BSON,
    &msgpack::MSGPACK,
    &cbor::CBOR,
    &protobuf::PROTOBUF,
    &lz4::LZ4,
    &snappy::SNAPPY,
    &brotli::BROTLI,
    &prefixed::PREFIXED,
    &embedded::EMBEDDED,
];
