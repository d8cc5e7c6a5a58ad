//! The page's state in its address, so that a link reproduces an experiment.
//!
//! A value that cannot be used falls back to its default, and the page says so: a link that somebody shortened by hand
//! must still open.

use std::ops::RangeInclusive;

/// Reads a query; keeps what it had to complain about.
#[derive(Debug, Default)]
pub struct Reader {
    pairs: Vec<(String, String)>,
    complaints: Vec<String>,
}

impl Reader {
    /// Takes a query apart, with or without its `?`. Of a name given twice the first value counts.
    pub fn new(query: &str) -> Reader {
        let query = query.strip_prefix('?').unwrap_or(query);
        Reader {
            pairs: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            complaints: Vec::new(),
        }
    }

    /// The value of a name, where there is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A number within its bounds; out of bounds it becomes the nearest bound, and no number becomes the default.
    pub fn number(&mut self, name: &str, bounds: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse::<u64>() {
            Ok(value) if bounds.contains(&value) => value,
            Ok(value) => {
                let nearest = value.clamp(*bounds.start(), *bounds.end());
                self.complain(format!(
                    "{name}={value} in the address is out of bounds ({} to {}): {nearest} is used.",
                    bounds.start(),
                    bounds.end()
                ));
                nearest
            }
            Err(_) => {
                self.complain(format!(
                    "{name} in the address is not a whole number: {default} is used."
                ));
                default
            }
        }
    }

    /// The place of the value among the words that may stand there; 0, the first, unless given.
    pub fn choice(&mut self, name: &str, words: &[&str]) -> usize {
        let Some(text) = self.text(name) else {
            return 0;
        };
        if let Some(place) = words.iter().position(|word| *word == text) {
            return place;
        }
        let first = words.first().copied().unwrap_or_default();
        self.complain(format!(
            "{name} in the address is none of {}: {first} is used.",
            words.join(", ")
        ));
        0
    }

    /// Notes something that could not be used.
    pub fn complain(&mut self, words: String) {
        self.complaints.push(words);
    }

    /// What could not be used, in words.
    pub fn into_complaints(self) -> Vec<String> {
        self.complaints
    }
}

/// Writes a query: only what differs from its default.
#[derive(Debug, Default)]
pub struct Writer(String);

impl Writer {
    /// An empty query.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Adds a name and its value.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Writer {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        for (place, part) in [name, value].into_iter().enumerate() {
            if place == 1 {
                self.0.push('=');
            }
            self.0
                .extend(form_urlencoded::byte_serialize(part.as_bytes()));
        }
        self
    }

    /// Adds a number unless it is the default.
    pub fn number(&mut self, name: &str, value: u64, default: u64) -> &mut Writer {
        if value != default {
            self.set(name, &value.to_string());
        }
        self
    }

    /// Adds a word unless it is the first of its choices.
    pub fn choice(&mut self, name: &str, words: &[&str], place: usize) -> &mut Writer {
        if let (1.., Some(word)) = (place, words.get(place)) {
            self.set(name, word);
        }
        self
    }

    /// The query, with its `?`, or nothing when nothing differs.
    pub fn finish(&self) -> String {
        if self.0.is_empty() {
            String::new()
        } else {
            format!("?{}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_falls_back_and_is_said() {
        let mut reader = Reader::new("?a=7&b=70&c=x&d=blue&a=9");
        assert_eq!(reader.number("a", 0..=10, 1), 7);
        assert_eq!(reader.number("b", 0..=10, 1), 10);
        assert_eq!(reader.number("c", 0..=10, 1), 1);
        assert_eq!(reader.number("none", 0..=10, 1), 1);
        assert_eq!(reader.choice("d", &["red", "green"]), 0);
        assert_eq!(
            reader.into_complaints(),
            [
                "b=70 in the address is out of bounds (0 to 10): 10 is used.",
                "c in the address is not a whole number: 1 is used.",
                "d in the address is none of red, green: red is used.",
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "a&b=c+d e%20\r\nü";
        let query = Writer::new()
            .set("body", text)
            .number("n", 5, 5)
            .number("m", 6, 5)
            .choice("w", &["wait", "cpu"], 1)
            .choice("v", &["wait", "cpu"], 0)
            .finish();
        let mut reader = Reader::new(&query);
        assert_eq!(reader.text("body"), Some(text));
        assert_eq!(reader.text("n"), None);
        assert_eq!(reader.number("m", 0..=9, 5), 6);
        assert_eq!(reader.choice("w", &["wait", "cpu"]), 1);
        assert_eq!(reader.text("v"), None);
        assert_eq!(Writer::new().finish(), "");
    }
}
