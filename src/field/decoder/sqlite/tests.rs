use super::*;
use crate::field::walk_bytes;
use crate::model::field::{Node, Tree as Peeled};

const FILES: [(&str, &[u8]); 3] = [
    ("utf8", include_bytes!("../../tests/fixtures/utf8.sqlite")),
    ("utf16le", include_bytes!("../../tests/fixtures/utf16le.sqlite")),
    ("utf16be", include_bytes!("../../tests/fixtures/utf16be.sqlite")),
];

fn leaf<'t>(tree: &'t Peeled<'_>, at: &str) -> Option<&'t Node> {
    tree.leaves().find(|(id, _)| tree.trail(*id).join(" > ") == format!("sqlite {at}")).map(|(_, node)| node)
}

fn text(tree: &Peeled<'_>, at: &str) -> String {
    leaf(tree, at).map(|node| String::from_utf8_lossy(tree.bytes(node)).into_owned()).unwrap_or_default()
}

#[test]
fn every_column_of_every_row_is_a_field() {
    for (name, bytes) in FILES {
        walk_bytes(bytes, None, |tree| {
            assert!(tree.exhausted.is_empty() && tree.nodes.iter().all(|node| node.whole), "{name}");
            assert_eq!(text(tree, "people[7].mail"), "ada7@mail.example", "{name}");
            assert_eq!(text(tree, "people[118].name"), "Ada119", "{name}");
            assert_eq!(text(tree, "people[7].many"), "The otter sleeps until the tide is out, ".repeat(200), "{name}");
            // Rows that are found by what they say stand in all levels of their tree.
            let keyed: Vec<String> = (0..121).map(|n| text(tree, &format!("keyed[{n}].value"))).collect();
            for n in 0..120 {
                assert!(keyed.contains(&format!("Graureiher – 苍鹭 {n}")), "{name}: {n}");
            }
            let kind = |at: &str| leaf(tree, at).map(|node| node.kind);
            assert_eq!(kind("people[7].phone"), Some(Kind::Integer(447_700_900_007)), "{name}");
            assert_eq!(kind("people[7].lat"), Some(Kind::Float(48.858_370_1)), "{name}");
            assert_eq!(kind("people[7].lon"), Some(Kind::Float(-2.5)), "{name}");
            assert_eq!(kind("people[7].none"), Some(Kind::Simple), "{name}");
            assert_eq!(kind("numbers[0].phone"), Some(Kind::Integer(447_700_900_142)), "{name}");
            let photo: Vec<u8> = (200..240).collect();
            assert_eq!(leaf(tree, "people[7].photo").map(|node| tree.bytes(node)), Some(&photo[..]), "{name}");
            assert_eq!(text(tree, "by_mail[0][0]").get(..3), Some("ada"), "{name}");
        });
    }
}

#[test]
fn what_was_deleted_is_there() {
    for (name, bytes) in FILES {
        walk_bytes(bytes, None, |tree| {
            let shows = |text: &str| {
                let wide: Vec<u8> = text
                    .encode_utf16()
                    .flat_map(|unit| if name == "utf16le" { unit.to_le_bytes() } else { unit.to_be_bytes() })
                    .collect();
                let in_free = |(id, node): (u32, &Node)| {
                    let held = tree.bytes(node);
                    let found = [text.as_bytes(), &wide].iter().any(|text| memchr::memmem::find(held, text).is_some());
                    found && tree.trail(id).join(" > ").starts_with("sqlite free[")
                };
                (0..).zip(&tree.nodes).any(in_free)
            };
            // A row, and those of a table that is gone.
            assert!(shows("ada9@mail.example"), "{name}");
            for n in [0, 4, 30, 59] {
                assert!(shows(&format!("The heron lands {n} ")), "{name}: {n}");
            }
        });
    }
}

/// The columns of a deleted row are fields, whether its cell was the first of its block or stands in space between.
#[test]
fn deleted_rows_are_taken_apart() {
    for (name, bytes) in FILES {
        walk_bytes(bytes, None, |tree| {
            let free = |want: &str| {
                let is_it = |(id, node): &(u32, &Node)| {
                    tree.bytes(node) == want.as_bytes() && tree.trail(*id).join(" > ").starts_with("sqlite free[")
                };
                tree.leaves().filter(is_it).count()
            };
            assert!(free("ada9@mail.example") > 0 && free("Ada9") > 0, "{name}");
            for n in [0, 30, 59] {
                assert!(
                    free(&format!("The heron lands {n} {}", "y".repeat(40))) > 0 || name == "utf16le",
                    "{name} {n}"
                );
            }
        });
    }
}

/// Space with other bytes stays in one piece.
#[test]
fn what_is_no_row_stays_whole() {
    let texts = "The heron lands at dusk behind the mill, and the otter sleeps until the tide is out. ".repeat(9);
    let noise: Vec<u8> = (0..4_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for space in [texts.as_bytes(), &noise] {
        for columns in 0..12 {
            let of = Free { range: 0..space.len(), columns, is_block: true };
            let found = carve::carve(space, &of, Some(Encoding::Utf8), &mut { usize::MAX });
            assert!(found.is_empty(), "{columns}");
        }
    }
}

#[test]
fn logs_of_changes_are_read() {
    walk_bytes(&include_bytes!("../../tests/fixtures/journal.sqlite-journal")[..], None, |tree| {
        assert!(tree.leaves().any(|(_, node)| tree.bytes(node) == b"The heron lands at dusk"));
    });
    // A frame of an earlier round, then one that is cut short.
    let mut earlier = LOG[32..].to_vec();
    // The first salt counts up, the second is another one.
    earlier[11] = earlier[11].wrapping_sub(1);
    earlier[12] ^= 1;
    let log = [LOG, &earlier, &LOG[32..LOG.len() - 100]].concat();
    walk_bytes(log, None, |tree| {
        let found = tree.leaves().filter(|(_, node)| tree.bytes(node) == b"The heron waits").count();
        assert_eq!(found, 2);
        assert!(tree.nodes.iter().any(|node| !node.whole));
    });
}

#[test]
fn the_way_back_leads_to_the_page() {
    for (name, bytes) in FILES {
        walk_bytes(bytes, None, |tree| {
            for at in ["people[7].many", "keyed[3].value", "people[20].mail"] {
                let node = leaf(tree, at).unwrap();
                let (start, end) = tree.reach(node.buffer, node.start as usize, node.end as usize);
                let text = String::from_utf8_lossy(tree.bytes(node)).into_owned();
                let head: String = text.chars().take(10).collect();
                let wide = |unit: u16| if name == "utf16le" { unit.to_le_bytes() } else { unit.to_be_bytes() };
                let coded =
                    if name == "utf8" { head.into_bytes() } else { head.encode_utf16().flat_map(wide).collect() };
                assert!(memchr::memmem::find(&bytes[start..end], &coded).is_some(), "{name} {at}");
            }
        });
    }
}

#[test]
fn damage_ends_nothing_but_itself() {
    let (_, bytes) = FILES[0];
    for at in (0..bytes.len()).step_by(601) {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x15;
        walk_bytes(bytes, None, |tree| assert!(at < 100 || text(tree, "keyed[60].key").starts_with('k'), "{at}"));
    }
}
