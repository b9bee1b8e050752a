//! Typed netstrings (tnetstrings.org), with mitmproxy's own type for text: `LENGTH:DATA TYPE`, lists and maps one inside
//! the other. A value is checked whole, within a budget of depth, before anything in it is looked at; what it holds is
//! then read where it stands, so that nothing is allocated for what a file merely claims.

use crate::bytes::Malformed;
use crate::model::budget::FLOW_FILE_DEPTH;

/// Digits of a length: as many as mitmproxy itself takes.
const DIGITS: usize = 12;

/// A checked value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Value<'a> {
    kind: u8,
    data: &'a [u8],
}

/// The length that stands in front of a value, and how many bytes that takes, with the colon; `None` where more bytes are
/// needed to tell.
pub(super) fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let what = "length of a value";
    let digits = bytes.iter().take(DIGITS.saturating_add(1)).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS {
        return Err(Malformed::TooLarge(what));
    }
    match bytes.get(digits) {
        None => Ok(None),
        Some(b':') if digits > 0 => {
            let number = bytes.get(..digits).unwrap_or_default();
            let len = number
                .iter()
                .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0'))));
            Ok(Some((usize::try_from(len).map_err(|_| Malformed::TooLarge(what))?, digits.saturating_add(1))))
        }
        Some(_) => Err(Malformed::Illegal(what)),
    }
}

/// The value that `bytes` begin with, unchecked inside, and what follows it.
fn split(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), Malformed> {
    let (len, prefix) = length(bytes)?.ok_or(Malformed::Short("length of a value"))?;
    let rest = bytes.get(prefix..).unwrap_or_default();
    let (data, rest) = rest.split_at_checked(len).ok_or(Malformed::Short("value"))?;
    let (kind, rest) = rest.split_first().ok_or(Malformed::Short("type of a value"))?;
    Ok((Value { kind: *kind, data }, rest))
}

/// Checks the value that `bytes` are, and everything in it. An error tells how far into `bytes` it is.
pub(super) fn parse(bytes: &[u8]) -> Result<Value<'_>, (usize, Malformed)> {
    let whole = bytes.len();
    let at = |rest: &[u8]| whole.saturating_sub(rest.len());
    let (value, rest) = split(bytes).map_err(|why| (0, why))?;
    if !rest.is_empty() {
        return Err((at(rest), Malformed::Trailing("value")));
    }
    // What is left of every list and map that is open, with where in `bytes` it ends.
    let mut open: Vec<(&[u8], usize, bool, usize)> = Vec::new();
    let enter = |value: Value<'_>, end: usize| -> Result<bool, (usize, Malformed)> {
        match value.kind {
            b'}' | b']' => Ok(true),
            b',' | b';' | b'#' | b'^' => Ok(false),
            b'!' if matches!(value.data, b"true" | b"false") => Ok(false),
            b'~' if value.data.is_empty() => Ok(false),
            _ => Err((end, Malformed::Illegal("type of a value"))),
        }
    };
    // A value's data ends in front of its type.
    let end = whole.saturating_sub(1);
    if enter(value, end)? {
        open.push((value.data, end, value.kind == b'}', 0));
    }
    while let Some((rest, end, is_map, count)) = open.last_mut() {
        let here = end.saturating_sub(rest.len());
        if rest.is_empty() {
            if *is_map && !count.is_multiple_of(2) {
                return Err((here, Malformed::Short("map")));
            }
            open.pop();
            continue;
        }
        let (inner, after) = split(rest).map_err(|why| (here, why))?;
        let is_key = *is_map && count.is_multiple_of(2);
        if is_key && !matches!(inner.kind, b',' | b';') {
            return Err((here, Malformed::Illegal("key of a map")));
        }
        *count = count.saturating_add(1);
        *rest = after;
        let inner_end = end.saturating_sub(after.len()).saturating_sub(1);
        if enter(inner, inner_end)? {
            if open.len() >= FLOW_FILE_DEPTH {
                return Err((here, Malformed::TooLarge("nesting of values")));
            }
            open.push((inner.data, inner_end, inner.kind == b'}', 0));
        }
    }
    Ok(value)
}

impl<'a> Value<'a> {
    /// The items of a list; none of anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let mut rest = if self.kind == b']' { self.data } else { &[] };
        std::iter::from_fn(move || {
            let (value, after) = split(rest).ok()?;
            rest = after;
            Some(value)
        })
    }

    /// The entries of a map; none of anything else.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a [u8], Self)> {
        let mut rest = if self.kind == b'}' { self.data } else { &[] };
        std::iter::from_fn(move || {
            let (key, after) = split(rest).ok()?;
            let (value, after) = split(after).ok()?;
            rest = after;
            Some((key.data, value))
        })
    }

    /// The value of a map's first entry by one of these keys that is no null.
    pub(super) fn get(self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| {
            let found = self.entries().find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value);
            found.filter(|value| value.kind != b'~')
        })
    }

    /// Bytes or text.
    pub(super) const fn bytes(self) -> Option<&'a [u8]> {
        if matches!(self.kind, b',' | b';') { Some(self.data) } else { None }
    }

    /// Bytes or text, as text.
    pub(super) fn text(self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// An integer.
    pub(super) fn int(self) -> Option<i64> {
        if self.kind == b'#' { std::str::from_utf8(self.data).ok()?.parse().ok() } else { None }
    }

    /// An integer or a fraction.
    pub(super) fn number(self) -> Option<f64> {
        let number = if matches!(self.kind, b'#' | b'^') { std::str::from_utf8(self.data).ok()? } else { return None };
        number.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// True, and nothing else.
    pub(super) const fn is_true(self) -> bool {
        self.kind == b'!' && matches!(self.data, b"true")
    }

    /// Whether it is a map.
    pub(super) const fn is_map(self) -> bool {
        self.kind == b'}'
    }

    /// Whether it is a list.
    pub(super) const fn is_list(self) -> bool {
        self.kind == b']'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_type() {
        let text = b"99:4:list;19:5:12345#4:true!1:0#]5:float;3:1.5^4:null;0:~4:text;5:h\xc3\xa9y!;3:raw;2:\0\xff,5:inner;8:1:k;1:7#}}";
        let map = parse(text).unwrap();
        let list: Vec<Value<'_>> = map.get(&["list"]).unwrap().items().collect();
        assert_eq!((list[0].int(), list[1].is_true(), list[2].number()), (Some(12_345), true, Some(0.0)));
        assert_eq!(map.get(&["none", "float"]).unwrap().number(), Some(1.5));
        assert_eq!(map.get(&["null"]), None);
        assert_eq!(map.get(&["text"]).unwrap().text().as_deref(), Some("h\u{e9}y!"));
        assert_eq!(map.get(&["raw"]).unwrap().bytes(), Some(&b"\0\xff"[..]));
        assert_eq!(map.get(&["inner"]).unwrap().get(&["k"]).unwrap().int(), Some(7));
        // Every cut of it is noticed, and nothing panics.
        for cut in 0..text.len() {
            assert!(parse(&text[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_wrong_says_where() {
        let told = |text: &[u8]| parse(text).unwrap_err();
        assert_eq!(told(b"x"), (0, Malformed::Illegal("length of a value")));
        assert_eq!(told(b"9999999999999:a,"), (0, Malformed::TooLarge("length of a value")));
        assert_eq!(told(b"9:true!"), (0, Malformed::Short("value")));
        assert_eq!(told(b"4:1:a,}"), (6, Malformed::Short("map")));
        assert_eq!(told(b"8:1:a,1:b?}"), (9, Malformed::Illegal("type of a value")));
        assert_eq!(told(b"8:1:1#1:b,}"), (2, Malformed::Illegal("key of a map")));
        assert_eq!(told(b"1:a,x"), (4, Malformed::Trailing("value")));
        let mut deep = b"0:~".to_vec();
        for _ in 0..=FLOW_FILE_DEPTH {
            deep = [format!("{}:", deep.len()).as_bytes(), &deep, b"]"].concat();
        }
        assert_eq!(told(&deep).1, Malformed::TooLarge("nesting of values"));
    }
}
