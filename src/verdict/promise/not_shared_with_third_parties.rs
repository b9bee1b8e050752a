//! "We never share it": nobody but the vendor gets the data, or a pseudonym of it.

use crate::model::scenario::Audience;
use crate::model::verdict::Standard;
use crate::verdict::{Promise, hiding, judging};

/// The promise.
pub(super) static PROMISE: Promise = Promise {
    name: "not-shared-with-third-parties",
    means: "Nobody but the vendor gets the data, or a pseudonym of it, from the app.",
    forbids: &[Audience::Public, Audience::ThirdParty],
    needs: "No unread flow and no long opaque payload to a third party, and messages of the app that were read in full.",
    cannot_prove: "What the vendor's servers pass on to others, and what is sold.",
    not_tested: &["sharing from server to server", "sharing outside the recorded actions"],
    standards: &[
        Standard { body: "FTC Act", reference: "Section 5" },
        Standard { body: "GDPR", reference: "Article 13(1)(e)" },
        Standard { body: "GDPR", reference: "Articles 26 to 28" },
        Standard { body: "OWASP MASVS", reference: "MASVS-PRIVACY-1" },
        Standard { body: "Google Play Data safety", reference: "PSL_DATA_USAGE_ONLY_SHARED" },
        Standard { body: "Apple privacy manifest", reference: "NSPrivacyTracking" },
    ],
    judge: |case| {
        let mut hidden = hiding::opaque_to_third_parties(case, &|flow, payload| hiding::is_errand(case, flow, payload));
        hidden.extend(hiding::under_other_names(case));
        judging::absence(case, hidden)
    },
};
