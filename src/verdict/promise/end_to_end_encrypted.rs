//! "Only you and the person you communicate with": no server can read it, the vendor's own least of all.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, judging};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "end-to-end-encrypted",
    means: "Only the people who communicate can read the data: no server, no network, nobody else.",
    forbids: &Audience::ALL,
    needs: "Every flow read down to the content, no long opaque payload to a third party that is not explained, and the \
            content on its way as an opaque payload to the provider, large enough to carry it; for calls, a media stream.",
    cannot_prove: "That the provider holds no key, adds no silent participant and substitutes no key; what backups hold; \
                   what the next version does.",
    not_tested: &[
        "who holds the keys to what is opaque",
        "whether key exchange can be tampered with by the server",
        "backups, notifications and other devices outside the captures",
    ],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 5(1)(f)" },
        Standard { body: "GDPR", reference: "Article 32" },
        Standard { body: "OWASP MASVS", reference: "MASVS-CRYPTO-1" },
        Standard { body: "Google Play Data safety", reference: "end-to-end encryption exemption" },
        Standard { body: "W3C DPV", reference: "dpv:EndToEndEncryption" },
    ],
    judge: |case| judging::content(case, false),
};
