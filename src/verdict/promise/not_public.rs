//! "Your data is safe with us": nobody can read the store without credentials.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, stored};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "not-public",
    means: "Nobody on the internet can read what is stored without credentials.",
    forbids: &[Audience::Public],
    needs: "A dump taken without credentials, or a trace of somebody who got in: they can contradict the promise; nothing \
            recorded shows that it was kept.",
    cannot_prove: "That no other store is open, and that this one was closed at all times.",
    not_tested: &["stores of which there is no dump", "credentials that were guessed or leaked"],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 5(1)(f)" },
        Standard { body: "GDPR", reference: "Articles 33 and 34" },
        Standard { body: "W3C DPV", reference: "dpv:AccessControlMethod" },
    ],
    judge: stored::not_public,
};
