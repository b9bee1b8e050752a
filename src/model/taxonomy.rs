//! The data taxonomy: our names, with the app stores' and the W3C's beside them.
//!
//! Play ids: the response ids of the Data safety form's CSV. Apple: `NSPrivacyCollectedDataType…` of privacy manifests.
//! DPV: terms of the Data Privacy Vocabulary 2.3 and its Personal Data extension. Imports and exports use this table
//! alone.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! taxonomy {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $label:literal, $play:expr, $apple:expr, $dpv:literal; )*) => {
        /// A category of user data.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Data { $( $(#[$doc])* $variant, )* }

        impl Data {
            /// Every category, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The row of the table.
            pub const fn entry(self) -> &'static Entry {
                match self { $( Self::$variant => &Entry { name: $name, label: $label, play: $play, apple: $apple, dpv: $dpv }, )* }
            }
        }
    };
}

/// One row of the taxonomy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Our name: kebab-case, as in scenario files and JSON.
    pub name: &'static str,
    /// What people call it, lower case, as in "the phone number was readable".
    pub label: &'static str,
    /// Google Play Data safety ids.
    pub play: &'static [&'static str],
    /// Apple privacy manifest values.
    pub apple: &'static [&'static str],
    /// W3C DPV IRI.
    pub dpv: &'static str,
}

taxonomy! {
    /// Texts people write to each other.
    Messages = "messages", "message text", &["PSL_OTHER_MESSAGES", "PSL_SMS_CALL_LOG", "PSL_EMAILS"], &["NSPrivacyCollectedDataTypeEmailsOrTextMessages"], "https://w3id.org/dpv/pd#Communication";
    /// What is said in a call.
    CallAudio = "call-audio", "call audio", &["PSL_AUDIO"], &["NSPrivacyCollectedDataTypeAudioData"], "https://w3id.org/dpv/pd#VoiceCommunicationRecording";
    /// Who called whom, when, how long.
    CallRecords = "call-records", "call records", &["PSL_SMS_CALL_LOG"], &["NSPrivacyCollectedDataTypeOtherUserContent"], "https://w3id.org/dpv/pd#CallLog";
    /// A person's own phone number.
    PhoneNumber = "phone-number", "phone number", &["PSL_PHONE"], &["NSPrivacyCollectedDataTypePhoneNumber"], "https://w3id.org/dpv/pd#TelephoneNumber";
    /// A leased or throw-away number.
    VirtualNumber = "virtual-number", "virtual number", &["PSL_PHONE"], &["NSPrivacyCollectedDataTypePhoneNumber"], "https://w3id.org/dpv/pd#TelephoneNumber";
    /// An e-mail address.
    Email = "email", "e-mail address", &["PSL_EMAIL"], &["NSPrivacyCollectedDataTypeEmailAddress"], "https://w3id.org/dpv/pd#EmailAddress";
    /// A person's name.
    Name = "name", "name", &["PSL_NAME"], &["NSPrivacyCollectedDataTypeName"], "https://w3id.org/dpv/pd#Name";
    /// An account's identifier.
    UserId = "user-id", "user id", &["PSL_USER_ACCOUNT"], &["NSPrivacyCollectedDataTypeUserID"], "https://w3id.org/dpv/pd#UID";
    /// A postal address.
    Address = "address", "postal address", &["PSL_ADDRESS"], &["NSPrivacyCollectedDataTypePhysicalAddress"], "https://w3id.org/dpv/pd#PhysicalAddress";
    /// The address book.
    Contacts = "contacts", "contacts", &["PSL_CONTACTS"], &["NSPrivacyCollectedDataTypeContacts"], "https://w3id.org/dpv/pd#Contact";
    /// A place within about a hundred metres.
    PreciseLocation = "precise-location", "precise location", &["PSL_PRECISE_LOCATION"], &["NSPrivacyCollectedDataTypePreciseLocation"], "https://w3id.org/dpv/pd#GPSCoordinate";
    /// A place within about a kilometre or more.
    ApproximateLocation = "approximate-location", "approximate location", &["PSL_APPROX_LOCATION"], &["NSPrivacyCollectedDataTypeCoarseLocation"], "https://w3id.org/dpv/pd#Location";
    /// Photos.
    Photos = "photos", "photos", &["PSL_PHOTOS"], &["NSPrivacyCollectedDataTypePhotosorVideos"], "https://w3id.org/dpv/pd#Picture";
    /// Videos.
    Videos = "videos", "videos", &["PSL_VIDEOS"], &["NSPrivacyCollectedDataTypePhotosorVideos"], "https://w3id.org/dpv/pd#Picture";
    /// Files and documents.
    Files = "files", "files", &["PSL_FILES_AND_DOCS"], &["NSPrivacyCollectedDataTypeOtherUserContent"], "https://w3id.org/dpv/pd#PersonalDocuments";
    /// Voice notes and other recordings.
    Audio = "audio", "audio recordings", &["PSL_AUDIO", "PSL_MUSIC", "PSL_OTHER_AUDIO"], &["NSPrivacyCollectedDataTypeAudioData"], "https://w3id.org/dpv/pd#VoiceMail";
    /// An identifier of the device or the app's installation on it.
    DeviceId = "device-id", "device id", &["PSL_DEVICE_ID"], &["NSPrivacyCollectedDataTypeDeviceID"], "https://w3id.org/dpv/pd#DeviceBased";
    /// Passwords, PINs, tokens, keys.
    Credentials = "credentials", "credentials", &[], &["NSPrivacyCollectedDataTypeOtherDataTypes"], "https://w3id.org/dpv/pd#Authenticating";
    /// Cards and accounts.
    PaymentInfo = "payment-info", "payment details", &["PSL_CREDIT_DEBIT_BANK_ACCOUNT_NUMBER"], &["NSPrivacyCollectedDataTypePaymentInfo"], "https://w3id.org/dpv/pd#PaymentCard";
    /// Health and fitness.
    HealthInfo = "health-info", "health information", &["PSL_HEALTH", "PSL_FITNESS"], &["NSPrivacyCollectedDataTypeHealth", "NSPrivacyCollectedDataTypeFitness"], "https://w3id.org/dpv/pd#Health";
    /// Sites visited.
    BrowsingHistory = "browsing-history", "browsing history", &["PSL_WEB_BROWSING_HISTORY"], &["NSPrivacyCollectedDataTypeBrowsingHistory"], "https://w3id.org/dpv/pd#BrowserHistory";
    /// What was searched for.
    SearchHistory = "search-history", "search history", &["PSL_IN_APP_SEARCH_HISTORY"], &["NSPrivacyCollectedDataTypeSearchHistory"], "https://w3id.org/dpv/pd#BrowsingBehavior";
    /// What was done in the app.
    AppActivity = "app-activity", "app activity", &["PSL_USER_INTERACTION", "PSL_USER_GENERATED_CONTENT", "PSL_OTHER_APP_ACTIVITY"], &["NSPrivacyCollectedDataTypeProductInteraction"], "https://w3id.org/dpv/pd#ServiceConsumptionBehavior";
    /// Other apps on the device.
    InstalledApps = "installed-apps", "installed apps", &["PSL_APPS_ON_DEVICE"], &["NSPrivacyCollectedDataTypeOtherUsageData"], "https://w3id.org/dpv/pd#DeviceApplications";
    /// Crash logs and performance.
    Diagnostics = "diagnostics", "diagnostics", &["PSL_CRASH_LOGS", "PSL_PERFORMANCE_DIAGNOSTICS", "PSL_OTHER_PERFORMANCE"], &["NSPrivacyCollectedDataTypeCrashData", "NSPrivacyCollectedDataTypePerformanceData", "NSPrivacyCollectedDataTypeOtherDiagnosticData"], "https://w3id.org/dpv/pd#DeviceSoftware";
    /// Any of the above: everything planted.
    Any = "any", "user data", &[], &[], "https://w3id.org/dpv#PersonalData";
}

impl Data {
    /// Our name.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        self.entry().label
    }

    /// The category with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|data| data.name() == name)
    }

    /// Whether an auditor can type a value of it into an app; a media stream cannot be typed.
    pub const fn can_be_planted(self) -> bool {
        !matches!(self, Self::CallAudio)
    }

    /// Whether it is what people say or make, rather than who, where or with what they are: nobody finds a text by
    /// hashing all there are, as anybody can with phone numbers.
    pub const fn is_content(self) -> bool {
        matches!(
            self,
            Self::Messages
                | Self::CallAudio
                | Self::Photos
                | Self::Videos
                | Self::Files
                | Self::Audio
                | Self::HealthInfo
        )
    }

    /// Whether a value of it names one person or device, so that seeing it twice joins what stands beside it.
    pub const fn is_identifier(self) -> bool {
        matches!(
            self,
            Self::PhoneNumber
                | Self::VirtualNumber
                | Self::Email
                | Self::UserId
                | Self::DeviceId
                | Self::Credentials
                | Self::PaymentInfo
        )
    }

    /// Whether a claim about `self` is about data of category `other`.
    pub fn covers(self, other: Self) -> bool {
        self == other || self == Self::Any
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let names: Vec<&str> = Data::ALL.iter().map(|data| data.name()).collect();
        let want = "messages call-audio call-records phone-number virtual-number email name user-id address contacts \
                    precise-location approximate-location photos videos files audio device-id credentials payment-info \
                    health-info browsing-history search-history app-activity installed-apps diagnostics any";
        assert_eq!(names.join(" "), want);
        for data in Data::ALL {
            let entry = data.entry();
            assert_eq!(Data::from_name(entry.name), Some(*data));
            assert!(entry.play.iter().all(|id| id.starts_with("PSL_")), "{data}");
            assert!(entry.apple.iter().all(|id| id.starts_with("NSPrivacyCollectedDataType")), "{data}");
            assert!(entry.dpv.starts_with("https://w3id.org/dpv"), "{data}");
            assert!(Data::Any.covers(*data) && data.covers(*data));
            assert_eq!(data.covers(Data::Any), *data == Data::Any, "{data}");
        }
    }
}
