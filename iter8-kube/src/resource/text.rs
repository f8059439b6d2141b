//! JSON as text, without a tree between: a tree of a large document takes longer than all that is done with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// How many lists and maps inside of one another are read. The core refuses a document with so many; `serde_json` gives
/// up a few further down, and with this Release all others of the same list.
const LEVELS: usize = 100;

/// Reads a map and writes it as text. What is too deep is written as null.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = Vec::new();
    deserializer.deserialize_map(Writer { text: &mut text, level: 0 })?;
    String::from_utf8(text).map_err(D::Error::custom)
}

/// Where a value is written, and how many lists and maps it is in.
struct Writer<'a> {
    text: &'a mut Vec<u8>,
    level: usize,
}

impl Writer<'_> {
    fn inside(&mut self) -> Writer<'_> {
        Writer { text: self.text, level: self.level.saturating_add(1) }
    }

    fn scalar<E: Error>(self, value: impl Into<Value>) -> Result<(), E> {
        serde_json::to_writer(self.text, &value.into()).map_err(E::custom)
    }

    fn string<E: Error>(&mut self, text: &str) -> Result<(), E> {
        serde_json::to_writer(&mut *self.text, text).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.level < LEVELS {
            return deserializer.deserialize_any(self);
        }
        self.text.extend_from_slice(b"null");
        deserializer.deserialize_ignored_any(IgnoredAny).map(drop)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.level == 0 { "a map" } else { "a value" })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.scalar(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<(), E> {
        self.string(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let begin = self.text.len();
        self.text.push(b'[');
        loop {
            let before = self.text.len();
            if before > begin.saturating_add(1) {
                self.text.push(b',');
            }
            if list.next_element_seed(self.inside())?.is_none() {
                self.text.truncate(before);
                break;
            }
        }
        self.text.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let begin = self.text.len();
        self.text.push(b'{');
        while let Some(name) = map.next_key::<String>()? {
            if self.text.len() > begin.saturating_add(1) {
                self.text.push(b',');
            }
            self.string(&name)?;
            self.text.push(b':');
            map.next_value_seed(self.inside())?;
        }
        self.text.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(json: &str) -> Result<String, serde_json::Error> {
        read(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn what_is_read_is_written() {
        let json = r#"{"a":[],"b":{},"c":[1,-2,2.5,"x\"\n\u0001é",null,true,[{}],{"d":[[]]}],"":18446744073709551615}"#;
        assert_eq!(text(json).unwrap(), json);
        assert_eq!(text(" { \"b\" : [ 1 , 1e3 ] , \"a\" : null } ").unwrap(), r#"{"b":[1,1000.0],"a":null}"#);
    }

    #[test]
    fn a_tree_is_read_as_its_text_is() {
        let tree = json!({"a": [null, true, 1, -1, 0.5, "é", [], {}], "b": {"c": {}}});
        assert_eq!(read(tree.clone()).unwrap(), tree.to_string());
    }

    #[test]
    fn only_a_map_is_read() {
        for json in ["1", "[]", "null", "\"a\""] {
            assert!(text(json).is_err_and(|error| error.to_string().contains("a map")), "{json}");
        }
        assert!(text(r#"{"a":"#).is_err());
    }

    #[test]
    fn what_is_too_deep_is_left_out_however_deep_it_is() {
        let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert_eq!(text(&nested(LEVELS - 1)).unwrap(), nested(LEVELS - 1));
        for levels in [LEVELS, LEVELS + 1, 1_000_000] {
            let cut = nested(LEVELS).replace('1', "null");
            assert_eq!(text(&nested(levels)).unwrap(), cut, "{levels} levels");
        }
    }
}
