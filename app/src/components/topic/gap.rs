//! A gap as the page reads it: what is missing, and why.

use wire::{json::Json, topics::MessageId};

/// A gap that the server declared: `{"gap":{…}}`, as [`wire::topics::GapNotice`] has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The first message that comes behind it.
    pub next: Option<MessageId>,
    what: &'static str,
    words: String,
}

impl Gap {
    /// The gap in this JSON, where there is one.
    pub fn read(json: &Json) -> Option<Gap> {
        let gap = json
            .get("gap")
            .filter(|gap| matches!(gap, Json::Object(_)))?;
        let text = |name: &str| gap.get(name).and_then(Json::as_str).unwrap_or_default();
        let missed = gap.get("missed").and_then(Json::as_u64);
        let what = match missed {
            Some(0) => "The topic began anew.",
            _ => "There is a gap.",
        };
        let missed = match missed {
            Some(0) => "Nothing is missing".to_owned(),
            Some(1) => "1 message is missing".to_owned(),
            Some(count) => format!("{count} messages are missing"),
            None => "Messages are missing, and nobody knows how many".to_owned(),
        };
        let why = match text("reason") {
            "evicted" => "the history no longer reaches back that far",
            "epoch" => "the topic began a new life, as after a restart of the server",
            "slow" => "this subscriber did not read fast enough",
            other => other,
        };
        Some(Gap {
            next: text("next").parse().ok(),
            what,
            words: format!("{missed}: {why}. The next is {}.", text("next")),
        })
    }

    /// What it is, in a few words.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// What is missing and why, in two sentences.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// The message id under this name.
pub fn message_id(json: Option<&Json>, name: &str) -> Option<MessageId> {
    json?.get(name)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::topics::{GapNotice, GapReason};

    /// What is read here is what the server writes.
    fn read(missed: Option<u64>, reason: GapReason) -> Gap {
        let next = MessageId {
            epoch: 11,
            offset: 1,
        };
        let gap = wire::topics::Gap {
            after: "0000000a-2".into(),
            next,
            missed,
            reason,
        };
        let text = serde_json::to_string(&GapNotice { gap }).expect("serializes");
        let json = Json::parse(&text).expect("JSON");
        let gap = Gap::read(&json).expect("a gap");
        assert_eq!(gap.next, Some(next));
        gap
    }

    #[test]
    fn a_gap_says_how_many_and_why() {
        assert!(
            read(Some(0), GapReason::Epoch)
                .words()
                .starts_with("Nothing is missing: the topic began a new life")
        );
        assert_eq!(
            read(Some(1), GapReason::Evicted).words(),
            "1 message is missing: the history no longer reaches back that far. The next is 0000000b-1."
        );
        assert!(
            read(None, GapReason::Epoch)
                .words()
                .starts_with("Messages are missing, and nobody knows how many: the topic began")
        );
        assert!(
            read(Some(7), GapReason::Slow)
                .words()
                .starts_with("7 messages are missing: this subscriber")
        );
    }

    #[test]
    fn what_has_no_gap_is_none() {
        assert_eq!(
            Gap::read(&Json::parse(r#"{"messages":[],"gap":null}"#).expect("JSON")),
            None
        );
        assert_eq!(Gap::read(&Json::List(Vec::new())), None);
    }
}
