//! Dumps of several databases, and what must not be taken for rows in them.

use super::*;

fn rows(text: &[u8]) -> (Vec<(FrameNo, u32, String)>, Loss) {
    let (records, loss) = records(text);
    (
        records
            .into_iter()
            .filter(|(standing, ..)| *standing == Standing::Record)
            .map(|(_, line, kind, row)| (line, kind, row))
            .collect(),
        loss,
    )
}

/// What is no row, with its line.
fn asides(text: &[u8]) -> Vec<(FrameNo, Standing, String)> {
    let (records, _) = records(text);
    records
        .into_iter()
        .filter(|(standing, ..)| *standing != Standing::Record)
        .map(|(standing, line, _, text)| (line, standing, text))
        .collect()
}

fn records(text: &[u8]) -> (Vec<(Standing, FrameNo, u32, String)>, Loss) {
    let mut source = open(Window::new(Box::new(std::io::Cursor::new(text.to_vec())))).unwrap();
    let mut out = Vec::new();
    while let Some(Item::Record(record)) = source.next().unwrap() {
        out.push((record.standing, record.line, record.kind, String::from_utf8(record.bytes.to_vec()).unwrap()));
    }
    (out, source.loss())
}

#[test]
fn rows_of_copy_are_read_with_their_escapes() {
    let dump = b"--\n-- PostgreSQL database dump\n--\nSET x = 'a;b';\nCREATE FUNCTION f() RETURNS int AS $$ INSERT INTO t VALUES (1); $$ LANGUAGE sql;\nCREATE TABLE public.chat (\n id bigint NOT NULL,\n \"text\" text DEFAULT 'a,b'::text,\n at timestamp(3),\n CONSTRAINT c CHECK (id > 0)\n);\nCOPY public.chat (id, \"text\", raw) FROM stdin;\n1\tone\\ttwo\\\\three\t\\N\n2\t\\101\t\\\\x6869\n\\.\n\nSELECT 1;\n";
    assert_eq!(sniff(dump), Match::Maybe);
    let (found, loss) = rows(dump);
    assert_eq!(
        found,
        [
            (13, 1, r#"{"table chat":{"id":"1","text":"one\ttwo\\three","raw":null}}"#.to_owned()),
            (14, 1, r#"{"table chat":{"id":"2","text":"A","raw":"6869"}}"#.to_owned()),
        ]
    );
    assert_eq!(loss.records(), 0);
}

#[test]
fn rows_of_insert_are_read_in_every_dialect() {
    let mysql = b"-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `m` (\n `id` int,\n `t` text,\n KEY `k` (`id`)\n) ENGINE=InnoDB;\nINSERT INTO `m` VALUES (1,'it\\'s \\\"so\\\"; (x)\\n'),(-2.5,_binary 'ab''c'),(3,NULL),(4,0x6869);\n";
    let (found, loss) = rows(mysql);
    let found: Vec<&str> = found.iter().map(|(_, _, row)| row.as_str()).collect();
    assert_eq!(
        found,
        [
            r#"{"table m":{"id":1,"t":"it's \"so\"; (x)\n"}}"#,
            r#"{"table m":{"id":-2.5,"t":"ab'c"}}"#,
            r#"{"table m":{"id":3,"t":null}}"#,
            r#"{"table m":{"id":4,"t":"6869"}}"#,
        ]
    );
    assert_eq!(loss.records(), 0);
    let sqlite = b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE IF NOT EXISTS \"c\"(a,b);\nINSERT INTO c VALUES('C:\\',replace('x\\ny','\\n',char(10)));\nINSERT INTO c(b) VALUES(X'6869');\nCOMMIT;\n";
    assert_eq!(sniff(sqlite), Match::Maybe);
    let (found, _) = rows(sqlite);
    let found: Vec<&str> = found.iter().map(|(_, _, row)| row.as_str()).collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with(r#"{"table c":{"a":"C:\\","b":"#), "{found:?}");
    assert_eq!(found[1], r#"{"table c":{"b":"6869"}}"#);
}

#[test]
fn what_is_broken_is_told() {
    let (found, loss) = rows(b"CREATE TABLE a (x int, y int);\nINSERT INTO a VALUES (1,2),(3),(4,'unclosed");
    assert_eq!(found.len(), 3);
    assert_eq!(loss.records(), 2);
    let (found, loss) = rows(b"COPY a (x) FROM stdin;\n1\n2");
    assert_eq!((found.len(), loss.records()), (2, 1));
    assert_eq!(sniff(b"insert coin to play\nthen create a table for it\n"), Match::No);
}

const HERON: &str = "The heron lands at dusk";

/// A dump of each database in which one statement stands between rows.
fn around(statement: &str) -> [String; 3] {
    [
        format!(
            "-- MySQL dump 10.13\nCREATE TABLE `m` (`id` int, `t` text) ENGINE=InnoDB;\nINSERT INTO `m` VALUES (1,'a');\n{statement}\nINSERT INTO `m` VALUES (2,'b');\n"
        ),
        format!(
            "PRAGMA foreign_keys=OFF;\nCREATE TABLE m(id, t);\nINSERT INTO m VALUES(1,'a');\n{statement}\nINSERT INTO m VALUES(2,'b');\n"
        ),
        format!(
            "--\n-- PostgreSQL database dump\n--\nCREATE TABLE m (id int, t text);\nCOPY m (id, t) FROM stdin;\n1\ta\n\\.\n{statement}\nCOPY m (id, t) FROM stdin;\n2\tb\n\\.\n"
        ),
    ]
}

#[test]
fn texts_of_every_other_statement_stand_beside_the_rows() {
    for statement in [
        "UPDATE m SET t='@' WHERE id=1;",
        "INSERT INTO m SET id=3, t='@';",
        "INSERT INTO m SET id=3, t='@' ON DUPLICATE KEY UPDATE t=VALUES(t);",
        "INSERT INTO m SELECT 3, '@';",
        "INSERT INTO m (id, t) SELECT 3, '@' FROM x;",
        "INSERT INTO m (SELECT 3, '@');",
        "INSERT IGNORE m VALUE (3, '@');",
        "REPLACE INTO m WITH x AS (SELECT '@') SELECT * FROM x;",
        "CALL save('@');",
        "CREATE TABLE n (a text DEFAULT '@', b int);",
        "CREATE VIEW v AS SELECT '@' AS a;",
        "ALTER TABLE m ALTER t SET DEFAULT '@';",
        "SELECT pg_catalog.lowrite(0, '@');",
        "DELETE FROM m WHERE t = '@';",
        "DO '@';",
        "-- @",
        "/* @ */",
        "/* two\n lines: @ */;",
        "/*!50003 INSERT INTO m VALUES (5,'@') */;",
        "/*!50003 CREATE*/ /*!50003 TRIGGER x BEFORE INSERT ON m FOR EACH ROW SET NEW.t='@' */;",
        "SET x = '@';",
        "GRANT ALL ON m TO 'a'; COMMENT ON TABLE m IS '@';",
    ] {
        for dump in around(&statement.replace('@', HERON)) {
            let (found, loss) = rows(dump.as_bytes());
            assert_eq!((found.len(), loss.records()), (2, 0), "{dump}: {found:?} {loss:?}");
            let beside = asides(dump.as_bytes());
            assert_eq!(beside.iter().filter(|(_, _, text)| text.contains(HERON)).count(), 1, "{dump}: {beside:?}");
        }
    }
    // Behind rows, and within them.
    let more = format!("INSERT INTO m VALUES (4,'x') ON DUPLICATE KEY UPDATE t='{HERON}';");
    for dump in around(&more) {
        assert_eq!(rows(dump.as_bytes()).0.len(), 3, "{dump}");
        assert!(asides(dump.as_bytes()).iter().any(|(_, _, text)| text.contains(HERON)), "{dump}");
    }
    let [dump, ..] = around(&format!("INSERT INTO m VALUES (4,/* {HERON} */'x'),\n-- {HERON}\n(5,'y');"));
    assert_eq!(rows(dump.as_bytes()).0.len(), 4);
    let beside = asides(dump.as_bytes());
    let lines: Vec<FrameNo> =
        beside.iter().filter(|(_, _, text)| text.contains(HERON)).map(|(line, ..)| *line).collect();
    assert_eq!(lines, [4, 5], "{beside:?}");
}

#[test]
fn what_stands_beside_has_its_line_and_standing() {
    let dump = "-- MySQL dump 10.13\nINSERT INTO `m` VALUES (1);\n\nUPDATE `m`\n SET t='it\\'s one', u=0x74776f74776f, v=12345;\n-- a remark\n--\n/* b */\nSET x = 1;\n";
    assert_eq!(
        asides(dump.as_bytes()),
        [
            (1, Standing::Remark, "MySQL dump 10.13".to_owned()),
            (4, Standing::Beside, r#"{"statement":["it's one","74776f74776f","12345"]}"#.to_owned()),
            (6, Standing::Remark, "a remark".to_owned()),
        ]
    );
}

#[test]
fn no_text_changes_how_a_dump_is_read() {
    let texts = [
        "ENGINE=InnoDB",
        "INSERT INTO `m` VALUES (1)",
        "-- MySQL dump 10.13",
        "/*!40101 SET x */",
        "`",
        "one\nINSERT INTO m VALUES (9,8);\nthree",
        "\nINSERT INTO the diary: nothing",
        "\nCREATE TABLE talk\n",
        "x\nINSERT INTO m VALUES (''9'');",
        "C:\\",
        "--",
        "/*",
        "a;b",
        "$$",
        "(",
        "it''s",
    ];
    for head in ["PRAGMA foreign_keys=OFF;\n", "--\n-- PostgreSQL database dump\n--\n", "", "BEGIN TRANSACTION;\n"] {
        for text in texts {
            for follows in [");\n", ", 'x');\n", "::text);\n", " || 'x');\n"] {
                let dump = format!(
                    "{head}CREATE TABLE m(t);\nINSERT INTO m(t) VALUES ('{text}'{follows}INSERT INTO m(t) VALUES ('C:\\');\nINSERT INTO m(t) VALUES ('end');\n"
                );
                let (found, _) = rows(dump.as_bytes());
                let last: Vec<&str> = found.iter().skip(1).map(|(_, _, row)| row.as_str()).collect();
                assert_eq!(last, [r#"{"table m":{"t":"C:\\"}}"#, r#"{"table m":{"t":"end"}}"#], "{dump}");
                let shown = quoted(text.replace("''", "'").as_bytes());
                assert!(found[0].2.contains(shown.trim_matches('"')), "{dump}: {found:?}");
            }
        }
    }
    // MySQL's own, whatever its texts hold.
    for head in ["-- MySQL dump 10.13\n", "/*!40101 SET NAMES utf8 */;\n", ""] {
        let dump = format!("{head}INSERT INTO `m` VALUES ('it\\'s -- PostgreSQL database dump'),('C:\\\\');\n");
        let found: Vec<String> = rows(dump.as_bytes()).0.into_iter().map(|(_, _, row)| row).collect();
        assert_eq!(found.len(), 2, "{dump}");
        assert!(found[0].contains("it's --") && found[1].contains(r#""C:\\""#), "{found:?}");
    }
}

#[test]
fn a_missing_quote_still_costs_its_row_alone() {
    for next in ["(2,'b')", "(2,':)')", "(2,NULL,'b')", "(2,'','b')"] {
        let dump = format!(
            "CREATE TABLE m(id, t);\nINSERT INTO m VALUES(1,'a);\nINSERT INTO m VALUES{next};\nINSERT INTO m VALUES(3,'c');\n"
        );
        let (found, loss) = rows(dump.as_bytes());
        assert!(found.len() == 3 && loss.records() >= 1, "{dump}: {found:?} {loss:?}");
        assert!(found[2].2.contains(r#""t":"c""#), "{dump}: {found:?}");
    }
}

#[test]
fn long_words_are_kept_or_told() {
    for bytes in [100, 127, 128, 129, 5_000, 100_000] {
        let hex = "68".repeat(bytes);
        let dump = format!("-- MySQL dump 10.13\nINSERT INTO `m` VALUES (1,0x{hex},{});\n", "9".repeat(bytes));
        let (found, loss) = rows(dump.as_bytes());
        assert!(found[0].2.contains(&format!("\"{hex}\"")) && loss.records() == 0, "{bytes}");
        assert!(found[0].2.contains(&"9".repeat(bytes)), "{bytes}");
    }
    let dump =
        format!("INSERT INTO m VALUES (1,{});\nINSERT INTO m VALUES (1,\"{}\");\n", "q".repeat(300), "q".repeat(300));
    let (found, loss) = rows(dump.as_bytes());
    assert_eq!((found.len(), loss.counts().get("word over the budget")), (2, Some(&2)));
    let dump = format!("INSERT INTO `m` VALUES (1,0x{});\n", "68".repeat(RECORD_BYTES));
    assert!(rows(dump.as_bytes()).1.records() > 0);
}

#[test]
fn what_stands_beside_is_bounded_and_told() {
    let long = "x".repeat(RECORD_BYTES + (1 << 20));
    for statement in [
        format!("-- {long}"),
        format!("/* {long} */;"),
        format!("UPDATE m SET t='{long}';"),
        format!("CALL f({});", "'0123456789',".repeat(1 << 20)),
    ] {
        let [dump, ..] = around(&statement);
        let (found, loss) = records(dump.as_bytes());
        let rows = found.iter().filter(|(standing, ..)| *standing == Standing::Record).count();
        assert!(rows == 2 && loss.records() > 0, "{} {loss:?}", &statement[..9]);
        let beside: usize = found.iter().map(|(.., text)| text.len()).sum();
        assert!(beside < 3 * RECORD_BYTES, "{beside}");
    }
    let nested = format!("{}'x'{}", "/*!".repeat(200_000), "*/".repeat(200_000));
    let [dump, ..] = around(&nested);
    assert!(!rows(dump.as_bytes()).0.is_empty());
}
