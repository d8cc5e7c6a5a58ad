//! What a subscriber that comes back had missed, and whether it got all of it.

use wire::{json::Json, topics::MessageId};

use crate::components::topic::gap::Gap;

/// Follows one subscriber over its breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    last: Option<MessageId>,
    /// The last message that it had when it left, while it is catching up.
    since: Option<MessageId>,
    /// The topic's last message when it came back.
    target: Option<MessageId>,
    caught_up: u64,
    /// Since it came back the server has said what is missing: that is the last word.
    has_gap: bool,
    /// A message has come since it came back.
    is_here: bool,
    words: String,
}

impl Recovery {
    /// The last message that this subscriber has.
    pub fn last(&self) -> Option<MessageId> {
        self.last
    }

    /// What there is to say; empty when it never was away.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// It left, or the connection broke.
    pub fn left(&mut self) {
        self.since = self.last;
        self.target = None;
        self.has_gap = false;
        self.is_here = false;
        self.words = match self.last {
            Some(id) => format!("Away. The last message that it has is {id}."),
            None => "Away. It has no message yet.".to_owned(),
        };
    }

    /// It is back; `topic_last` is the topic's last message at that moment.
    pub fn back(&mut self, topic_last: MessageId) {
        if self.has_gap {
            return;
        }
        self.caught_up = 0;
        let Some(since) = self.since else {
            self.words = "Back. It had no message, so it begins with the next one.".to_owned();
            return;
        };
        self.target = Some(topic_last);
        // Messages may have come before the topic's state did.
        let have = self.last.filter(|last| last.epoch == since.epoch);
        self.caught_up = have.map_or(0, |last| {
            last.offset
                .min(topic_last.offset)
                .saturating_sub(since.offset)
        });
        self.tell();
    }

    /// A message came.
    pub fn received(&mut self, id: MessageId) {
        self.last = Some(id);
        self.is_here = true;
        if let Some(target) = self.target
            && id.epoch == target.epoch
            && id.offset <= target.offset
        {
            self.caught_up += 1;
            self.tell();
        }
    }

    /// The server declared a gap, where this JSON holds one.
    pub fn gap(&mut self, notice: &Json) {
        if let Some(gap) = Gap::read(notice) {
            let was_here = self.is_here || self.words.is_empty();
            let back = if was_here { "" } else { "Back. " };
            self.target = None;
            self.has_gap = true;
            self.words = [back, gap.words()].concat();
        }
    }

    fn tell(&mut self) {
        let (Some(since), Some(target)) = (self.since, self.target) else {
            return;
        };
        if since.epoch != target.epoch {
            // The server will say so itself, as a gap.
            return;
        }
        let waited = target.offset.saturating_sub(since.offset);
        self.words = match (waited, self.caught_up) {
            (0, _) => format!("Back after {since}. Nothing was published meanwhile."),
            (1, 1..) => format!("Back after {since}. The 1 message it missed came at once."),
            (waited, got) if got >= waited => {
                format!("Back after {since}. All {waited} messages it missed came at once.")
            }
            (waited, got) => {
                format!("Back after {since}. {got} of the {waited} it missed have come.")
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::topics::{self, GapNotice, GapReason};

    /// What is read here is what the server writes.
    fn json(gap: topics::Gap) -> Json {
        let text = serde_json::to_string(&GapNotice { gap }).expect("serializes");
        Json::parse(&text).expect("JSON")
    }

    fn id(epoch: u32, offset: u64) -> MessageId {
        MessageId { epoch, offset }
    }

    #[test]
    fn what_was_missed_is_counted_as_it_comes() {
        let mut it = Recovery::default();
        it.received(id(10, 1));
        it.received(id(10, 2));
        assert_eq!(it.words(), "");
        it.left();
        it.back(id(10, 5));
        assert!(it.words().contains("0 of the 3"), "{}", it.words());
        for offset in 3..=5 {
            it.received(id(10, offset));
        }
        assert_eq!(
            it.words(),
            "Back after 0000000a-2. All 3 messages it missed came at once."
        );
        it.received(id(10, 6));
        assert!(it.words().contains("All 3"));
    }

    #[test]
    fn messages_that_came_before_the_state_did_count() {
        let mut it = Recovery::default();
        it.received(id(10, 2));
        it.left();
        it.received(id(10, 3));
        it.back(id(10, 3));
        assert!(
            it.words().contains("The 1 message it missed came"),
            "{}",
            it.words()
        );
    }

    #[test]
    fn nothing_missed_is_said_too() {
        let mut it = Recovery::default();
        it.received(id(10, 2));
        it.left();
        it.back(id(10, 2));
        assert!(it.words().contains("Nothing was published meanwhile"));
        let mut fresh = Recovery::default();
        fresh.left();
        fresh.back(id(10, 9));
        assert!(fresh.words().contains("begins with the next one"));
    }

    #[test]
    fn a_gap_is_the_last_word_whenever_the_state_comes() {
        let notice = json(topics::Gap {
            after: "0000000a-2".into(),
            next: id(10, 5),
            missed: Some(2),
            reason: GapReason::Evicted,
        });
        let mut it = Recovery::default();
        it.received(id(10, 2));
        it.left();
        it.gap(&notice);
        it.back(id(10, 9));
        assert!(
            it.words()
                .starts_with("Back. 2 messages are missing: the history")
        );
        it.left();
        it.back(id(10, 2));
        it.gap(&notice);
        assert!(it.words().starts_with("Back. 2 messages are missing"));
    }

    #[test]
    fn who_is_too_slow_was_not_away() {
        let slow = json(topics::Gap {
            after: "0000000a-2".into(),
            next: id(10, 9),
            missed: Some(6),
            reason: GapReason::Slow,
        });
        let mut it = Recovery::default();
        it.gap(&slow);
        assert!(
            it.words()
                .starts_with("6 messages are missing: this subscriber")
        );
        it.left();
        it.received(id(10, 2));
        it.gap(&slow);
        assert!(
            it.words()
                .starts_with("6 messages are missing: this subscriber")
        );
    }

    #[test]
    fn a_gap_says_how_many_and_why() {
        let mut it = Recovery::default();
        it.received(id(10, 2));
        it.left();
        it.gap(&json(topics::Gap {
            after: "0000000a-2".into(),
            next: id(11, 1),
            missed: None,
            reason: GapReason::Epoch,
        }));
        it.back(id(11, 3));
        assert!(
            it.words().contains("nobody knows how many"),
            "{}",
            it.words()
        );
        assert!(it.words().ends_with("The next is 0000000b-1."));
    }
}
