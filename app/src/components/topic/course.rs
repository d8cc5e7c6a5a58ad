//! The course of one Run: what was published, what has arrived, whether it is over.

use wire::{topics::MessageId, trace::SpanId};

/// One Run of a lab about a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    wanted: u64,
    sent: u64,
    failed: u64,
    /// What the topic took of ours.
    taken: Ids,
    arrived: Ids,
    twice: u64,
    lost: Ids,
    /// Where the listener stands.
    last: Option<MessageId>,
    spans: Vec<SpanId>,
}

impl Course {
    /// A course that will publish this many messages.
    pub fn new(wanted: u64) -> Course {
        Course {
            wanted,
            ..Course::default()
        }
    }

    /// How many messages it publishes.
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// The listener makes a request: this is its exchange.
    pub fn asks(&mut self, span: SpanId) {
        self.spans.push(span);
    }

    /// The listener's exchanges.
    pub fn spans(&self) -> &[SpanId] {
        &self.spans
    }

    /// The listener stands here: it wants what comes behind.
    pub fn stands(&mut self, at: MessageId) {
        self.last = Some(at);
    }

    /// The last message that the listener has, or the place where it began.
    pub fn last(&self) -> Option<MessageId> {
        self.last
    }

    /// A message was put on its way.
    pub fn sends(&mut self) {
        self.sent += 1;
    }

    /// The topic took a message of ours.
    pub fn took(&mut self, id: MessageId) {
        self.taken.insert(id);
    }

    /// The topic did not take a message of ours, as far as the page knows.
    pub fn failed(&mut self) {
        self.failed += 1;
    }

    /// A message came to the listener, ours or another's. False where it had come before.
    pub fn arrived(&mut self, id: MessageId) -> bool {
        self.last = Some(id);
        let is_new = self.arrived.insert(id);
        self.twice += u64::from(!is_new);
        is_new
    }

    /// The server declared a gap, and goes on with this message: what we published before it and did not get is lost.
    pub fn gap(&mut self, next: MessageId) {
        for id in &self.taken.0 {
            let is_before = id.epoch != next.epoch || id.offset < next.offset;
            if is_before && !self.arrived.has(*id) {
                self.lost.insert(*id);
            }
        }
    }

    /// Have all messages been published, or could not be, and have all that the topic took arrived, or are known to be
    /// lost?
    pub fn is_over(&self) -> bool {
        let is_told = |id: &MessageId| self.arrived.has(*id) || self.lost.has(*id);
        self.is_answered() && self.taken.0.iter().all(is_told)
    }

    /// Has what arrived perhaps been the last? A message may be here before its publisher has its answer: only with the
    /// answer is it known to be ours.
    pub fn may_be_over(&self) -> bool {
        self.sent == self.wanted
            && !self.is_answered()
            && self.arrived.count() + self.failed >= self.wanted
    }

    fn is_answered(&self) -> bool {
        self.sent == self.wanted && self.taken.count() + self.failed == self.wanted
    }

    /// How many of our messages have arrived.
    pub fn ours(&self) -> u64 {
        self.taken.count_in(&self.arrived)
    }

    /// What has become of the messages so far, in a sentence.
    pub fn words(&self) -> String {
        let mut words = format!("{} of {} messages arrived", self.ours(), self.wanted);
        let mut also = |count: u64, what: &str| {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        };
        also(self.failed, "not published");
        also(self.lost.count(), "lost");
        also(self.twice, "came twice");
        also(self.arrived.count() - self.ours(), "published by others");
        words + "."
    }
}

/// A set of ids. They mostly come rising, so that a sorted list does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ids(Vec<MessageId>);

impl Ids {
    /// False where it was there already.
    fn insert(&mut self, id: MessageId) -> bool {
        let place = self.0.binary_search(&id);
        if let Err(place) = place {
            self.0.insert(place, id);
        }
        place.is_err()
    }

    fn has(&self, id: MessageId) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many of them are among the others.
    fn count_in(&self, others: &Ids) -> u64 {
        self.0.iter().filter(|id| others.has(**id)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(epoch: u32, offset: u64) -> MessageId {
        MessageId { epoch, offset }
    }

    /// Two messages published and taken.
    fn two() -> Course {
        let mut course = Course::new(2);
        for offset in 1..=2 {
            course.sends();
            course.took(id(10, offset));
        }
        course
    }

    #[test]
    fn it_is_over_when_all_have_arrived() {
        let mut course = two();
        assert!(course.arrived(id(10, 1)));
        assert!(!course.is_over());
        assert!(course.arrived(id(10, 2)));
        assert!(course.is_over());
        assert_eq!(course.words(), "2 of 2 messages arrived.");
        assert_eq!(course.last(), Some(id(10, 2)));
    }

    #[test]
    fn a_message_may_come_before_its_answer() {
        let mut course = Course::new(1);
        course.sends();
        assert!(!course.may_be_over());
        course.arrived(id(10, 1));
        assert!(course.may_be_over() && !course.is_over());
        course.took(id(10, 1));
        assert!(!course.may_be_over() && course.is_over());
    }

    #[test]
    fn others_do_not_count_and_are_told() {
        let mut course = two();
        course.arrived(id(10, 1));
        course.arrived(id(10, 3));
        assert!(!course.is_over());
        assert!(!course.arrived(id(10, 3)));
        assert_eq!(
            course.words(),
            "1 of 2 messages arrived, 1 came twice, 1 published by others."
        );
    }

    #[test]
    fn what_a_gap_swallowed_is_lost_and_what_comes_behind_it_is_waited_for() {
        let mut course = two();
        course.gap(id(10, 2));
        assert!(!course.is_over());
        course.arrived(id(10, 2));
        assert!(course.is_over());
        assert_eq!(course.words(), "1 of 2 messages arrived, 1 lost.");
        let mut restarted = two();
        restarted.arrived(id(10, 1));
        restarted.gap(id(11, 1));
        assert!(restarted.is_over());
    }

    #[test]
    fn what_could_not_be_published_is_not_waited_for() {
        let mut course = Course::new(1);
        course.sends();
        course.failed();
        assert!(course.is_over());
        assert_eq!(course.words(), "0 of 1 messages arrived, 1 not published.");
    }
}
