//! "Deleted after": nothing is kept longer than promised.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, stored};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "not-retained",
    means: "The data is deleted after the time that was promised (`max_age`).",
    forbids: &Audience::ALL,
    needs: "A dump whose records have times: it can contradict the promise, and never show that it was kept.",
    cannot_prove: "That what is gone from this store is gone from backups and others.",
    not_tested: &["backups", "stores of which there is no dump"],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 5(1)(e)" },
        Standard { body: "GDPR", reference: "Article 17" },
        Standard { body: "W3C DPV", reference: "dpv:StorageDuration" },
    ],
    judge: stored::not_retained,
};
