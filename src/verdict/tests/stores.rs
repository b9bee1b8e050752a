//! What stores, damaged files and keys that fit nothing come to in words.

use super::*;

#[test]
fn an_open_store_is_told_with_what_stands_in_it() {
    let run = |name, evidence, want, words: &[&str]| {
        check(name, "not-public", &[Data::Messages], evidence, want, words);
    };
    let record = |line| seen(&flow(API, 1), GREETING).stored(Audience::Public, line);
    let sign = |detector: &'static str, line| {
        let mut sign = record(line).by_rule();
        (sign.detector, sign.data) = (detector, Data::Any);
        sign.reason = "elasticsearch at 203.0.113.9:9200 answered without credentials.".into();
        sign
    };
    run("nothing", evidence(vec![], vec![]), Inconclusive, &["no store was found open"]);
    run("records", evidence(vec![], vec![record(3), record(4)]), Contradicted, &["Anyone on the internet", "2 places"]);
    for (name, signs, words) in [
        ("a note", vec![sign("extortion-note", 9)], &["Somebody was in the store before"][..]),
        ("a door", vec![sign(crate::model::door::OPEN_STORE, 1)], &["A store answered whoever knocked"]),
        (
            "both",
            vec![sign("extortion-note", 9), sign(crate::model::door::OPEN_STORE, 1)],
            &["Somebody was in the store before", "; a store answered"],
        ),
    ] {
        run(name, evidence(vec![], signs.clone()), Contradicted, words);
        let found = evidence(vec![], [vec![record(3), record(4)], signs.clone()].concat());
        let scenario = scenario("not-public", &[Data::Messages], &[GREETING]);
        let judged = verdict(&scenario, found.clone());
        assert_eq!(judged.sightings.len(), 2 + signs.len(), "{name}: what stands in it counts as well");
        assert!(judged.shown.is_empty(), "{name}: {:?}", judged.shown);
        run(name, found, Contradicted, &[words, &["; anyone on the internet could read", "in 2 places"]].concat());
    }
}

#[test]
fn what_is_listed_of_a_dump_is_not_taken_for_all_there_is() {
    let record = |dump: &str, line| {
        let mut record = seen(&flow(API, 1), GREETING).stored(Audience::Public, line);
        record.place.capture = dump.into();
        record
    };
    let with = |records: Vec<crate::model::sighting::Sighting>, messages, dropped| {
        let exposure = crate::model::exposure::Exposure { messages, ..Default::default() };
        Evidence { exposure: Some(exposure), sightings_dropped: dropped, ..evidence(vec![], records) }
    };
    for (records, messages, dropped, rest) in [
        (vec![record("a", 1)], 1, 0, &["in 1 record."][..]),
        (vec![record("a", 1)], 1_789, 0, &["in 1 record that is listed; in all, 1,789 messages can be read there."]),
        (vec![record("a", 1), record("a", 2)], 2, 5, &["in 2 records that are listed; in all, 2 messages can be read"]),
        (vec![record("b", 1), record("a", 2)], 2, 0, &["gets hold of a and b can", "in 2 records."]),
    ] {
        check("at rest", "encrypted-at-rest", &[Data::Messages], with(records, messages, dropped), Contradicted, rest);
    }
    let all = with(vec![record("a", 1), record("a", 2), record("b", 1)], 3, 0);
    check("all of them", "end-to-end-encrypted", &[Data::Messages], all, Contradicted, &["of the store b."]);
    let many = with(vec![record("a", 1), record("a", 2), record("b", 1)], 1_789, 0);
    let words =
        ["in 2 places of the store a that are listed", "in 1 place of the store b that is listed; in all, 1,789 "];
    check("everybody's", "end-to-end-encrypted", &[Data::Messages], many.clone(), Contradicted, &words);
    let told = verdict(&scenario("end-to-end-encrypted", &[Data::Messages], &[GREETING]), many).reason;
    assert_eq!(told.matches("in all").count(), 1, "{told}");
}

#[test]
fn the_age_of_other_records_is_not_the_datas() {
    const DAY: i64 = 86_400_000_000_000;
    let judged = |data: Data, first_seen: Option<i64>, ages: &[(Data, i64)], found: bool| {
        let mut scenario = scenario("not-retained", &[data], &[GREETING]);
        scenario.claims[0].max_age = Some(30);
        let ages = ages.iter().map(|(data, days)| (*data, (700 * DAY, (700 + days) * DAY))).collect();
        let last_seen = first_seen.map(|_| 1_400 * DAY);
        let exposure = crate::model::exposure::Exposure { first_seen, last_seen, ages, ..Default::default() };
        let mut record = seen(&flow(API, 1), GREETING).stored(Audience::Public, 3).by_rule();
        record.data = data;
        let records = if found { vec![record] } else { vec![] };
        let judged = verdict(&scenario, Evidence { exposure: Some(exposure), ..evidence(vec![], records) });
        (judged.verdict, judged.reason)
    };
    for (data, first, ages, found, want, words) in [
        (
            Data::Messages,
            Some(0),
            &[(Data::Messages, 3)][..],
            true,
            Inconclusive,
            "with message text reach back over 3 days",
        ),
        (
            Data::Messages,
            Some(0),
            &[(Data::Messages, 31)],
            true,
            Contradicted,
            "1971-12-02 with message text was still kept when one of 1972-01-02",
        ),
        (Data::Messages, Some(0), &[(Data::PhoneNumber, 600)], true, Inconclusive, "only how old others are"),
        (Data::Messages, None, &[], true, Inconclusive, "the records of the dump have no times"),
        (Data::Messages, Some(0), &[(Data::Messages, 31)], false, Inconclusive, "shows none of the data"),
        (Data::ApproximateLocation, Some(0), &[(Data::PreciseLocation, 40)], true, Contradicted, "40 days"),
        (Data::VirtualNumber, Some(0), &[(Data::PhoneNumber, 40)], true, Contradicted, "40 days"),
        (
            Data::CallRecords,
            Some(0),
            &[(Data::Messages, 40), (Data::CallRecords, 2)],
            true,
            Inconclusive,
            "over 2 days",
        ),
        (Data::Email, Some(0), &[(Data::Messages, 40)], true, Inconclusive, "only how old others are"),
    ] {
        let (verdict, reason) = judged(data, first, ages, found);
        assert_eq!(verdict, want, "{data:?} {ages:?}: {reason}");
        assert!(reason.contains(words), "{data:?} {ages:?}: {reason}");
    }
}

#[test]
fn coverage_says_what_keys_there_were_and_what_was_damaged() {
    let sealed = |secrets| Evidence { secrets, ..evidence(vec![flow(API, 1).blind(Blind::NoKeys)], vec![]) };
    for (secrets, says) in [
        (0, "encrypted, no keys supplied"),
        (1, "encrypted, and the one secret supplied does not fit"),
        (26, "encrypted, and none of the 26 secrets supplied fits"),
    ] {
        let unread = coverage(&sealed(secrets)).unread;
        assert_eq!((unread[0].why, unread[0].says.as_str()), ("no-keys", says));
        let judged = verdict(&scenario("not-collected", &[Data::Messages], &[GREETING]), sealed(secrets));
        assert!(judged.reason.contains(says), "{}", judged.reason);
    }
    let mut cut = evidence(vec![flow(API, 1)], vec![]);
    assert!(coverage(&cut).unread.is_empty());
    for n in 1..3 {
        cut.inputs.push(Input { name: format!("{n}.pcap"), stopped: Some("cut short".into()), ..Input::default() });
        let unread = coverage(&cut).unread;
        let says = if n == 1 { "what follows the damage in 1 file" } else { "what follows the damage in 2 files" };
        assert_eq!((unread.len(), unread[0].why, unread[0].says.as_str()), (1, "damaged", says));
        let judged = verdict(&scenario("encrypted-in-transit", &[Data::Messages], &[GREETING]), cut.clone());
        assert_eq!(judged.coverage.unread.len(), 1, "every claim misses it");
    }
}
