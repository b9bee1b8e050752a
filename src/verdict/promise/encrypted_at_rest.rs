//! "Stored encrypted": whoever gets hold of the store cannot read the data in it.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, stored};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "encrypted-at-rest",
    means: "Whoever gets hold of what is stored cannot read the data in it.",
    forbids: &[Audience::Public, Audience::Provider],
    needs: "A dump of the store: it can contradict the promise, and never show that it was kept.",
    cannot_prove: "That other stores, backups and copies are encrypted, and who holds the keys.",
    not_tested: &["stores of which there is no dump", "who holds the keys"],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 32(1)(a)" },
        Standard { body: "OWASP MASVS", reference: "MASVS-STORAGE-1" },
        Standard { body: "W3C DPV", reference: "dpv:EncryptionAtRest" },
    ],
    judge: stored::at_rest,
};
