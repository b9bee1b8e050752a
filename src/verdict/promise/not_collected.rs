//! "We do not collect it": the data never leaves the device in a form that anyone else can read.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, judging};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "not-collected",
    means: "The data does not leave the device in a form that anyone else can read.",
    forbids: &Audience::ALL,
    needs: "No unread flow to anyone, no long opaque payload to a third party that is not explained, and messages of the \
            app to its servers or to others that were read in full.",
    cannot_prove: "That it is not collected at other times, on other devices, or derived by the server from what it gets \
                   anyway (a place from an address, a name from an account).",
    not_tested: &["what the server derives from other data", "collection outside the recorded actions"],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 5(1)(c)" },
        Standard { body: "GDPR", reference: "Article 13" },
        Standard { body: "OWASP MASVS", reference: "MASVS-PRIVACY-1" },
        Standard { body: "Google Play Data safety", reference: "PSL_DATA_USAGE_ONLY_COLLECTED" },
        Standard { body: "Apple privacy manifest", reference: "NSPrivacyCollectedDataTypes" },
    ],
    judge: |case| judging::absence(case, judging::beside(case)),
};
