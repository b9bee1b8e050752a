//! What field names say, in several languages.

use crate::model::exposure::Role;

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

const SENDER: &[&str] = &[
    "from",
    "sender",
    "src",
    "source",
    "author",
    "originator",
    "origin",
    "frm",
    "absender",
    "von",
    "expediteur",
    "de",
    "remitente",
    "mittente",
    "remetente",
    "otpravitel",
    "initiator",
    "origen",
    "origem",
    "origine",
    "emisor",
    "emissor",
    "expéditeur",
    "zender",
    "afzender",
    "nadawca",
    "gonderen",
    "gönderen",
    "avsändare",
    "pengirim",
    "fromnumber",
];
const RECIPIENT: &[&str] = &[
    "to",
    "recipient",
    "recipients",
    "receiver",
    "receivers",
    "dst",
    "dest",
    "destination",
    "target",
    "peer",
    "empfaenger",
    "empfänger",
    "an",
    "destinataire",
    "destinatario",
    "destinatário",
    "para",
    "rcpt",
    "destino",
    "destinatária",
    "destinazione",
    "receptor",
    "ontvanger",
    "odbiorca",
    "alici",
    "alıcı",
    "mottagare",
    "penerima",
    "tonumber",
];
const MEMBER: &[&str] = &[
    "members",
    "member",
    "participants",
    "participant",
    "parties",
    "users",
    "people",
    "room",
    "thread",
    "membres",
    "mitglieder",
    "teilnehmer",
    "participantes",
    "chat",
    "attendees",
    "subscribers",
    "partecipanti",
    "membros",
    "miembros",
    "deelnemers",
    "uczestnicy",
];
/// Of these, what a conversation itself is called: whoever is listed there is a member of it, and its name is nobody's.
const TALK: &[&str] = &["room", "thread", "chat"];
const CALLER: &[&str] = &[
    "caller",
    "calling",
    "anrufer",
    "appelant",
    "llamante",
    "aparty",
    "msisdna",
    "chiamante",
    "chamador",
    "llamador",
    "beller",
    "callerid",
    "callingnumber",
    "anumber",
];
const CALLEE: &[&str] = &[
    "callee",
    "called",
    "angerufener",
    "appele",
    "appelé",
    "llamado",
    "bparty",
    "msisdnb",
    "chiamato",
    "chamado",
    "llamada",
    "calledparty",
    "gebelde",
    "callednumber",
    "dialed",
    "dialled",
    "bnumber",
];
const TEXT: &[&str] = &[
    "text",
    "txt",
    "msg",
    "message",
    "body",
    "content",
    "nachricht",
    "texte",
    "mensaje",
    "mensagem",
    "testo",
    "tekst",
    "caption",
    "payload",
    "data",
    "plain",
    "plaintext",
    "inhalt",
    "contenido",
    "conteúdo",
    "conteudo",
    "contenuto",
    "texto",
    "messaggio",
    "bericht",
    "wiadomosc",
    "wiadomość",
    "treść",
    "tresc",
    "mesaj",
    "metin",
    "сообщение",
    "текст",
    "pesan",
];
const REAL: &[&str] =
    &["real", "owner", "account", "subscriber", "own", "primary", "msisdn", "user", "personal", "titular"];
const LEASED: &[&str] = &[
    "virtual",
    "leased",
    "lease",
    "temp",
    "temporary",
    "did",
    "second",
    "burner",
    "assigned",
    "throwaway",
    "rented",
    "pool",
    "alias",
    "vnum",
    "mask",
    "masked",
];
const TIME: &[&str] = &[
    "ts",
    "time",
    "timestamp",
    "date",
    "datetime",
    "at",
    "created",
    "createdat",
    "when",
    "zeit",
    "zeitpunkt",
    "heure",
    "fecha",
    "logged",
    "received",
    "sent",
    "hora",
    "data",
    "momento",
    "giorno",
    "tijd",
    "tijdstip",
    "czas",
    "zaman",
    "tarih",
    "datum",
    "дата",
    "время",
    "waktu",
    "tanggal",
];
const APP: &[&str] = &[
    "app",
    "product",
    "package",
    "bundle",
    "application",
    "client",
    "edition",
    "pkg",
    "produkt",
    "aplicacion",
    "aplicación",
    "aplicativo",
    "applicazione",
    "producto",
    "prodotto",
    "produit",
];
const EVENT: &[&str] = &[
    "event",
    "type",
    "action",
    "kind",
    "evt",
    "op",
    "method",
    "ereignis",
    "category",
    "tipo",
    "evento",
    "evenement",
    "événement",
    "événement",
    "art",
    "typ",
    "operacion",
    "operación",
    "azione",
    "acción",
    "accion",
    "gebeurtenis",
];
const DURATION: &[&str] = &[
    "duration",
    "dur",
    "secs",
    "seconds",
    "dauer",
    "duree",
    "durée",
    "billsec",
    "talktime",
    "duracion",
    "duración",
    "duração",
    "duracao",
    "durata",
    "duur",
    "süre",
    "czas_trwania",
    "duurtijd",
    "длительность",
];
const LATITUDE: &[&str] = &[
    "lat",
    "latitude",
    "breite",
    "breitengrad",
    "latitud",
    "latitudine",
    "breedtegraad",
    "szerokosc",
    "szerokość",
    "enlem",
    "широта",
];
const LONGITUDE: &[&str] = &[
    "lon",
    "lng",
    "long",
    "longitude",
    "laengengrad",
    "längengrad",
    "laenge",
    "länge",
    "longitud",
    "longitudine",
    "lengtegraad",
    "dlugosc",
    "długość",
    "boylam",
    "долгота",
];
const PLACE: &[&str] = &[
    "loc",
    "location",
    "geo",
    "gps",
    "coords",
    "coordinates",
    "position",
    "latlon",
    "latlng",
    "ort",
    "place",
    "ubicacion",
    "ubicación",
    "localizacao",
    "localização",
    "posizione",
    "emplacement",
    "lieu",
    "lugar",
    "plaats",
    "konum",
];
/// Names of things that are no people, however much like numbers they look.
const THING: &[&str] = &[
    "order",
    "ts",
    "time",
    "timestamp",
    "seq",
    "sequence",
    "version",
    "build",
    "hash",
    "nonce",
    "trace",
    "span",
    "request",
    "imei",
    "imsi",
    "iccid",
    "serial",
    "invoice",
    "offset",
    "size",
    "bytes",
    "port",
    "pid",
    "tid",
    "epoch",
    "sha",
    "md5",
    "checksum",
    "transaction",
    "tx",
    "session",
    "code",
    "status",
    "ip",
    "bestellung",
    "commande",
    "token",
    "ref",
    "ticket",
    "pedido",
    "ordine",
    "huella",
    "sesion",
    "sesión",
    "numorden",
    "lote",
    "uuid",
    "guid",
];
const PHONE: &[&str] = &[
    "phone",
    "msisdn",
    "mobile",
    "tel",
    "number",
    "cell",
    "telefon",
    "telephone",
    "téléphone",
    "numero",
    "número",
    "rufnummer",
    "nummer",
    "num",
    "phonenumber",
    "telefono",
    "teléfono",
    "telefone",
    "celular",
    "movil",
    "móvil",
    "telefoon",
    "telefoonnummer",
    "mobil",
    "handy",
    "portable",
    "cellulare",
    "wa",
    "whatsapp",
];

/// What somebody else did with a message: whose names stand there are not between whom it went.
const ASIDE: &[&str] = &[
    "reaction",
    "reactions",
    "like",
    "likes",
    "mention",
    "mentions",
    "mentioned",
    "seen",
    "readby",
    "viewers",
    "views",
    "receipts",
];

/// Names of what tells records apart.
const KEYS: &[&str] = &["id", "ids", "uuid", "guid", "oid", "key", "hash", "uid"];

/// Whether the name is of what tells records apart, whatever else it says: `client_msg_id`.
pub(super) fn is_id(words: &[String]) -> bool {
    words.last().is_some_and(|word| KEYS.contains(&word.as_str()))
}

/// Whether a name means one of `known`.
fn means(words: &[String], known: &[&str]) -> bool {
    words.iter().any(|word| known.contains(&word.as_str()))
}

/// Whether the name is of something that is no person.
pub(super) fn is_thing(words: &[String]) -> bool {
    means(words, THING)
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
    }
}
