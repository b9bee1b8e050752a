//! "Encrypted in transit": nobody on the path can read it.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, judging};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "encrypted-in-transit",
    means: "Nobody on the way between the app and the servers can read the data.",
    forbids: &[Audience::Public, Audience::Network],
    needs: "The content on its way: opaque or inside TLS, in a record or payload large enough to carry it; and no stretch \
            of unencrypted traffic that was lost.",
    cannot_prove: "What happens behind the server where encryption ends, and what the app sends in runs that nobody \
                   recorded.",
    not_tested: &["whether the app refuses forged certificates", "what travels between the vendor's own servers"],
    standards: &[
        Standard { body: "GDPR", reference: "Article 32(1)(a)" },
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "OWASP MASVS", reference: "MASVS-NETWORK-1" },
        Standard { body: "Google Play Data safety", reference: "PSL_DATA_COLLECTION_ENCRYPTED_IN_TRANSIT" },
        Standard { body: "W3C DPV", reference: "dpv:EncryptionInTransfer" },
    ],
    judge: |case| judging::content(case, true),
};
