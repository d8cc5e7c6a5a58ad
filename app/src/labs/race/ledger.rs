//! Where every message is: what was published, what became of it, and which subscriber has it.

use wire::{race::Way, topics::MessageId};

use crate::order;

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is on its way.
    Sent,
    /// The topic has it, under this id.
    Taken(MessageId),
    /// No answer came: whether the topic has it nobody knows, until somebody sees it.
    Unknown,
    /// The server said that it did not take it.
    Refused,
}

/// One message of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// When the page began to publish it, in nanoseconds on its clock.
    pub sent_ns: i64,
    /// What became of it.
    pub fate: Fate,
}

/// What one subscriber has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// Which messages came, and how long after their publishing.
    came: Vec<(MessageId, i64)>,
    /// Its gaps: where it stood, and the message with which it went on.
    holes: Vec<(MessageId, MessageId)>,
    /// Where it stands.
    last: Option<MessageId>,
    /// Messages of others.
    pub others: u64,
    /// Messages that came again.
    pub twice: u64,
}

/// Every message, and who has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    messages: Vec<Message>,
    tracks: [Track; 5],
    /// The topic's lives, in the order in which the page heard of them.
    epochs: Vec<u32>,
}

/// How many of the messages that the topic took, as one subscriber has them. Together they are all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Received.
    pub received: u64,
    /// Named in a gap.
    pub named: u64,
    /// Not here yet.
    pub awaited: u64,
    /// Passed over without a word. None, unless something is wrong.
    pub lost: u64,
}

/// Where a message is, as one subscriber has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Received,
    Named,
    Awaited,
    Lost,
}

/// How many messages have which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fates {
    /// Published, whatever came of it.
    pub sent: u64,
    /// The topic has them.
    pub taken: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// The server refused them.
    pub refused: u64,
}

impl Ledger {
    /// A message is being published; gives its number.
    pub fn sends(&mut self, now_ns: i64) -> usize {
        self.messages.push(Message {
            sent_ns: now_ns,
            fate: Fate::Sent,
        });
        self.messages.len() - 1
    }

    /// The publisher knows what became of a message. What somebody has seen is taken, whatever the publisher heard.
    pub fn answered(&mut self, number: usize, fate: Fate) {
        if let Fate::Taken(id) = fate {
            self.knows(id);
        }
        if let Some(message) = self.messages.get_mut(number)
            && !matches!(message.fate, Fate::Taken(_))
        {
            message.fate = fate;
        }
    }

    /// A message reached a subscriber; it is ours and has this number, or another's. How late it was, where it is the
    /// first time.
    pub fn received(
        &mut self,
        way: Way,
        id: MessageId,
        number: Option<usize>,
        now_ns: i64,
    ) -> Option<i64> {
        self.knows(id);
        let track = &mut self.tracks[way as usize];
        track.last = Some(id);
        let Some(message) = number.and_then(|number| self.messages.get_mut(number)) else {
            track.others += 1;
            return None;
        };
        if track.has(id) {
            track.twice += 1;
            return None;
        }
        let late_ns = now_ns - message.sent_ns;
        track.came.push((id, late_ns));
        message.fate = Fate::Taken(id);
        Some(late_ns)
    }

    /// A subscriber was told of a gap: it goes on with `next`, and never gets what lies before.
    pub fn gap(&mut self, way: Way, next: MessageId) {
        self.knows(next);
        let track = &mut self.tracks[way as usize];
        track.holes.extend(track.last.map(|from| (from, next)));
        track.last = Some(MessageId {
            offset: next.offset.saturating_sub(1),
            ..next
        });
    }

    fn knows(&mut self, id: MessageId) {
        if !self.epochs.contains(&id.epoch) {
            self.epochs.push(id.epoch);
        }
    }

    /// Where an id stands among all of the topic's lives.
    fn rank(&self, id: MessageId) -> (Option<usize>, u64) {
        let life = self.epochs.iter().position(|epoch| *epoch == id.epoch);
        (life, id.offset)
    }

    /// Behind which message a subscriber goes on.
    pub fn last(&self, way: Way) -> Option<MessageId> {
        self.tracks[way as usize].last
    }

    /// A subscriber stands here: it wants what comes behind.
    pub fn stands(&mut self, way: Way, at: MessageId) {
        self.knows(at);
        self.tracks[way as usize].last = Some(at);
    }

    /// What a subscriber has.
    pub fn track(&self, way: Way) -> &Track {
        &self.tracks[way as usize]
    }

    /// All messages.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Where a message of the topic is, as this subscriber has it.
    fn whereabouts(&self, track: &Track, id: MessageId) -> Whereabouts {
        let place = self.rank(id);
        let is_within = |(from, next): &(MessageId, MessageId)| {
            self.rank(*from) < place && place < self.rank(*next)
        };
        if track.has(id) {
            Whereabouts::Received
        } else if track.holes.iter().any(is_within) {
            Whereabouts::Named
        } else if track.last.is_none_or(|last| self.rank(last) < place) {
            Whereabouts::Awaited
        } else {
            Whereabouts::Lost
        }
    }

    /// The messages that the topic took, by their numbers, as this subscriber has them.
    fn taken(&self, way: Way) -> impl Iterator<Item = (usize, Whereabouts)> {
        let track = self.track(way);
        let all = self.messages.iter().enumerate();
        all.filter_map(move |(number, message)| match message.fate {
            Fate::Taken(id) => Some((number, self.whereabouts(track, id))),
            _ => None,
        })
    }

    /// How many of the messages that the topic took are where.
    pub fn account(&self, way: Way) -> Account {
        let mut account = Account::default();
        for (_, place) in self.taken(way) {
            *match place {
                Whereabouts::Received => &mut account.received,
                Whereabouts::Named => &mut account.named,
                Whereabouts::Awaited => &mut account.awaited,
                Whereabouts::Lost => &mut account.lost,
            } += 1;
        }
        account
    }

    /// The messages that a gap of this subscriber names: their numbers, and when they were published.
    pub fn named(&self, way: Way) -> Vec<(usize, i64)> {
        self.taken(way)
            .filter(|(_, place)| *place == Whereabouts::Named)
            .map(|(number, _)| (number, self.messages[number].sent_ns))
            .collect()
    }

    /// How many messages have which fate.
    pub fn fates(&self) -> Fates {
        let mut fates = Fates::default();
        for message in &self.messages {
            fates.sent += 1;
            match message.fate {
                Fate::Sent => {}
                Fate::Taken(_) => fates.taken += 1,
                Fate::Unknown => fates.unknown += 1,
                Fate::Refused => fates.refused += 1,
            }
        }
        fates
    }

    /// Is it known of every message what became of it, and has every subscriber those that the topic took, or knows that
    /// it will not get them?
    pub fn is_settled(&self) -> bool {
        let fates = self.fates();
        fates.sent == fates.taken + fates.unknown + fates.refused
            && Way::ALL.iter().all(|way| self.account(*way).awaited == 0)
    }

    /// Where every message is, in a sentence or two.
    pub fn words(&self) -> String {
        let fates = self.fates();
        let mut words = format!("{} of {} acknowledged or seen", fates.taken, fates.sent);
        let mut also = |count: u64, what: &str| {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        };
        also(
            fates.unknown,
            "unknown (no answer came, and nobody has seen them)",
        );
        also(fates.refused, "refused");
        let (mut awaited, mut named, mut lost, mut twice) = (0, 0, 0, 0);
        for way in Way::ALL {
            let account = self.account(way);
            awaited += account.awaited;
            named += account.named;
            lost += account.lost;
            twice += self.track(way).twice;
        }
        words.push_str(". ");
        let mut tell = |count: u64, what: &str| {
            if count > 0 {
                words.push_str(&format!("{count} {what}. "));
            }
        };
        tell(lost, "passed over without a word");
        tell(twice, "came twice");
        tell(awaited, "on the way");
        words.push_str(match (lost + awaited, named) {
            (0, 0) => "Every subscriber has all of them: nothing is missing.",
            (0, _) => "Every subscriber has them, or was told by a gap which it lacks: nothing is missing.",
            _ => "",
        });
        words.truncate(words.trim_end().len());
        words
    }
}

impl Track {
    /// How often it was told of a gap.
    pub fn gaps(&self) -> u64 {
        self.holes.len() as u64
    }

    /// Has this message come? The newest are looked at first.
    fn has(&self, id: MessageId) -> bool {
        self.came.iter().rev().any(|(other, _)| *other == id)
    }

    /// How many came.
    pub fn count(&self) -> u64 {
        self.came.len() as u64
    }

    /// At least half of what came was no later than this, and at least 99 of 100 no later than that.
    pub fn latencies(&self) -> Option<(i64, i64)> {
        let late: Vec<i64> = self.came.iter().map(|(_, late_ns)| *late_ns).collect();
        let late = order::sorted(&late);
        let at = |percent: usize| {
            late.get((late.len() * percent).div_ceil(100).max(1) - 1)
                .copied()
        };
        Some((at(50)?, at(99)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(epoch: u32, offset: u64) -> MessageId {
        MessageId { epoch, offset }
    }

    /// Three messages published and taken, and a subscriber that stands before them.
    fn three() -> Ledger {
        let mut ledger = Ledger::default();
        for way in Way::ALL {
            ledger.stands(way, id(9, 0));
        }
        for number in 0..3 {
            assert_eq!(ledger.sends(1_000 * number), number as usize);
            ledger.answered(number as usize, Fate::Taken(id(9, number as u64 + 1)));
        }
        ledger
    }

    fn all_receive(ledger: &mut Ledger, number: u64) {
        for way in Way::ALL {
            let late = ledger.received(way, id(9, number + 1), Some(number as usize), 5_000);
            assert_eq!(late, Some(5_000 - 1_000 * number as i64));
        }
    }

    #[test]
    fn when_all_have_all_nothing_is_missing() {
        let mut ledger = three();
        for number in 0..3 {
            assert!(!ledger.is_settled());
            all_receive(&mut ledger, number);
        }
        assert!(ledger.is_settled());
        assert_eq!(
            ledger.words(),
            "3 of 3 acknowledged or seen. Every subscriber has all of them: nothing is missing."
        );
        assert_eq!(ledger.track(Way::Sse).latencies(), Some((4_000, 5_000)));
    }

    #[test]
    fn what_is_not_there_yet_is_on_the_way_and_what_comes_again_is_counted() {
        let mut ledger = three();
        all_receive(&mut ledger, 0);
        assert_eq!(ledger.received(Way::Sse, id(9, 1), Some(0), 6_000), None);
        ledger.received(Way::Sse, id(9, 4), None, 6_000);
        let account = ledger.account(Way::Websocket);
        assert_eq!((account.received, account.awaited), (1, 2));
        assert_eq!(ledger.track(Way::Sse).others, 1);
        // Two and three went by without a word.
        assert_eq!(ledger.account(Way::Sse).lost, 2);
        assert_eq!(
            ledger.words(),
            "3 of 3 acknowledged or seen. 2 passed over without a word. 1 came twice. 8 on the way."
        );
    }

    #[test]
    fn a_gap_names_what_a_subscriber_never_gets() {
        let mut ledger = three();
        all_receive(&mut ledger, 0);
        // The server was killed and is there again: the topic has another life, and one message in it.
        let number = ledger.sends(9_000);
        ledger.answered(number, Fate::Taken(id(4, 1)));
        for way in Way::ALL {
            assert_eq!(ledger.account(way).awaited, 3);
            ledger.gap(way, id(4, 1));
            let account = ledger.account(way);
            assert_eq!((account.named, account.awaited), (2, 1));
            assert_eq!(ledger.named(way), [(1, 1_000), (2, 2_000)]);
            ledger.received(way, id(4, 1), Some(number), 9_500);
        }
        assert!(ledger.is_settled());
        assert_eq!(
            ledger.words(),
            "4 of 4 acknowledged or seen. Every subscriber has them, or was told by a gap which it lacks: nothing is missing."
        );
    }

    #[test]
    fn a_life_that_a_subscriber_never_saw_is_within_its_gap() {
        let mut ledger = three();
        let number = ledger.sends(9_000);
        ledger.answered(number, Fate::Taken(id(4, 1)));
        // Again another life, heard of before the gap is told.
        let last = ledger.sends(9_500);
        ledger.answered(last, Fate::Taken(id(2, 1)));
        ledger.gap(Way::Sse, id(2, 1));
        let account = ledger.account(Way::Sse);
        assert_eq!((account.named, account.awaited, account.lost), (4, 1, 0));
    }

    #[test]
    fn what_nobody_answered_is_unknown_until_somebody_sees_it() {
        let mut ledger = Ledger::default();
        let number = ledger.sends(0);
        ledger.answered(number, Fate::Unknown);
        let refused = ledger.sends(0);
        ledger.answered(refused, Fate::Refused);
        assert!(
            ledger
                .words()
                .starts_with("0 of 2 acknowledged or seen, 1 unknown (no answer")
        );
        assert!(ledger.words().contains(", 1 refused."));
        for way in Way::ALL {
            ledger.received(way, id(9, 1), Some(number), 10);
        }
        ledger.answered(number, Fate::Unknown);
        assert_eq!(ledger.fates().unknown, 0);
        assert!(ledger.is_settled());
    }
}
