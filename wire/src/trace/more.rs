//! What an event says beyond the fields that all kinds share.

use std::{collections::BTreeMap, ops::Index};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::Json;

/// Names and values. They are few: a list, as a map of its own type would be much of the page's WebAssembly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct More(Vec<(String, Json)>);

impl More {
    /// Says a value, at its name's place among the others.
    pub fn insert(&mut self, name: String, value: Json) {
        match self.0.iter().position(|(other, _)| *other >= name) {
            Some(place) if self.0[place].0 == name => self.0[place].1 = value,
            Some(place) => self.0.insert(place, (name, value)),
            None => self.0.push((name, value)),
        }
    }

    /// The value of this name. Of a name given twice the last one counts.
    pub fn get(&self, name: &str) -> Option<&Json> {
        let mut pairs = self.0.iter().rev();
        pairs
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// All names and values, in the order in which they are written.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl Index<&str> for More {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&Json::Null)
    }
}

impl FromIterator<(String, Json)> for More {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(pairs: I) -> More {
        More(pairs.into_iter().collect())
    }
}

impl Serialize for More {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Whoever sends may have given a name twice, or a great many: sorted once, each name once.
impl<'de> Deserialize<'de> for More {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<More, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_value_and_its_place() {
        let mut more = More::default();
        for (name, value) in [("b", 1_u64), ("c", 2), ("a", 3), ("b", 4)] {
            more.insert(name.to_owned(), value.into());
        }
        let text = serde_json::to_string(&more).expect("serializes");
        assert_eq!(text, r#"{"a":3,"b":4,"c":2}"#);
        assert_eq!(more["b"].as_u64(), Some(4));
        assert_eq!(more["d"], Json::Null);
        let read: More = serde_json::from_str(r#"{"c":2,"b":1,"a":3,"b":4}"#).expect("a map");
        assert_eq!(read, more);
    }
}
