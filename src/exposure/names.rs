//! What field names say, in several languages.

mod words;

use crate::model::exposure::Role;
use words::{
    APP, ASIDE, CALLEE, CALLER, DURATION, EVENT, KEYS, LATITUDE, LEASED, LONGITUDE, MEMBER, MESSAGE, NUMBER,
    OTHER_TIME, PHONE, PLACE, REAL, RECIPIENT, SENDER, TALK, TEXT, THING, TIME,
};

/// The words of a name: split at signs and at changes from lower to upper case, in lower case.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut last_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            last_lower = false;
            continue;
        }
        if c.is_uppercase() && last_lower && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        last_lower = c.is_lowercase() || c.is_numeric();
        word.extend(c.to_lowercase());
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// Whether the name is of what tells records apart, whatever else it says: `client_msg_id`.
pub(super) fn is_id(words: &[String]) -> bool {
    words.last().is_some_and(|word| KEYS.contains(&word.as_str()))
}

/// Whether a name means one of `known`.
fn means(words: &[String], known: &[&str]) -> bool {
    let both = |pair: &[String; 2]| known.iter().any(|word| word.strip_prefix(&*pair[0]) == Some(&pair[1]));
    words.iter().any(|word| known.contains(&word.as_str())) || words.array_windows().any(both)
}

/// Whether the name is of something that is no person.
pub(super) fn is_thing(words: &[String]) -> bool {
    means(words, THING)
}

/// Whether the name is of a number that is not said to be a telephone's: of an order, of a version.
pub(super) fn is_counted(words: &[String]) -> bool {
    is_thing(words) && !words.iter().any(|word| PHONE.contains(&word.as_str()) && !NUMBER.contains(&word.as_str()))
}

/// Whether the name is of a time that is not when something happened: when it ends, when somebody was born or came.
pub(super) fn is_other_time(keys: &[Vec<String>]) -> bool {
    keys.last().is_some_and(|words| means(words, OTHER_TIME))
}

/// Whether the name is of a telephone number.
pub(super) fn is_phone(words: &[String]) -> bool {
    means(words, PHONE)
}

/// What the name of a field and of what it stands in says of somebody's part: the innermost name that says anything.
pub(super) fn party(keys: &[Vec<String>]) -> Option<Role> {
    if keys.iter().any(|words| means(words, ASIDE)) {
        return None;
    }
    for words in keys.iter().rev() {
        for (known, role) in [
            (LEASED, Role::LeasedNumber),
            (CALLER, Role::Caller),
            (CALLEE, Role::Callee),
            (SENDER, Role::Sender),
            (RECIPIENT, Role::Recipient),
            (MEMBER, Role::Member),
            (REAL, Role::RealNumber),
        ] {
            if means(words, known) {
                return Some(role);
            }
        }
    }
    None
}

/// Whether the innermost name is one of these.
pub(super) fn says(keys: &[Vec<String>], role: Role) -> bool {
    let known = match role {
        Role::Text => TEXT,
        Role::Time => TIME,
        Role::App => APP,
        Role::Event => EVENT,
        Role::Duration => DURATION,
        Role::Latitude => LATITUDE,
        Role::Longitude => LONGITUDE,
        Role::Place => PLACE,
        _ => return false,
    };
    keys.last().is_some_and(|words| means(words, known))
}

/// Whether the name of a field says that something in it would be counted.
pub(super) fn tells(keys: &[Vec<String>]) -> bool {
    let is = |role| says(keys, role);
    let Some(last) = keys.last().filter(|words| !is_thing(words) && !is_id(words)) else { return false };
    party(keys).is_some()
        || is_phone(last)
        || is(Role::Text)
        || is(Role::Latitude)
        || is(Role::Longitude)
        || is(Role::Place)
}

/// Whether names speak of members by the name of their conversation alone.
pub(super) fn is_talk(keys: &[Vec<String>]) -> bool {
    let listed = |word: &String| MEMBER.contains(&word.as_str()) && !TALK.contains(&word.as_str());
    !keys.iter().flatten().any(listed)
}

/// Whether an event's name is of a call.
pub(super) fn is_call(event: &str) -> bool {
    const CALL: &[&str] = &["call", "calls", "ring", "dial", "appel", "anruf", "llamada", "chamada", "cdr", "voip"];
    means(&words(event), CALL)
}

/// Whether an event's name is of something that was written or sent, which may last for a while, too.
pub(super) fn is_message(event: &str) -> bool {
    means(&words(event), MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("fromPhone_number"), ["from", "phone", "number"]);
        assert_eq!(words("@timestamp"), ["timestamp"]);
        assert_eq!(words("MSISDN"), ["msisdn"]);
        let keys = |names: &[&str]| names.iter().map(|name| words(name)).collect::<Vec<_>>();
        assert_eq!(party(&keys(&["from", "phone"])), Some(Role::Sender));
        assert_eq!(party(&keys(&["event", "chat_members"])), Some(Role::Member));
        assert_eq!(party(&keys(&["trace"])), None);
        assert_eq!(party(&keys(&["reactions", "users"])), None);
        assert_eq!(party(&keys(&["Origen"])), Some(Role::Sender));
        assert!(is_id(&words("client_msg_id")) && !is_id(&words("id_message")));
        assert!(is_call("call_ended") && !is_call("recall"));
        assert!(is_message("voice_note") && is_message("im.send") && !is_message("outgoing"));
        assert_eq!(party(&keys(&["a_number"])), Some(Role::Caller));
        assert!(is_phone(&words("phone_number")) && !is_phone(&words("color")));
    }
}
