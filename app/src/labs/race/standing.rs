//! How the subscribers stand: what each has received, whether it hears the topic, and what it came to.

use wire::{race::Way, topics::MessageId, trace::SpanId};

use super::{course::Race, table::Row, words::Costs};
use crate::{components::topic::figures::Figures, dom::El};

/// How one of the subscribers stands.
#[derive(Clone, Default)]
pub(super) struct Standing {
    pub(super) requests: u64,
    pub(super) empty: u64,
    /// Its exchanges.
    pub(super) spans: Vec<SpanId>,
    pub(super) connected: bool,
    /// The mark of its absence, while it does not hear the topic.
    away: Option<El>,
    /// The messages that are crossed out, as it never gets them.
    crossed: Vec<usize>,
}

impl Race {
    /// A message reached a subscriber.
    pub(super) fn received(self, way: Way, id: MessageId, data: &str, now_ns: i64) {
        let mut words = data.split(' ');
        let is_ours =
            words.next() == Some("race") && self.tag.peek(|tag| words.next() == Some(tag.as_str()));
        let number = words
            .next()
            .filter(|_| is_ours)
            .and_then(|word| word.parse().ok());
        let late_ns = self
            .ledger
            .alter(|ledger| ledger.received(way, id, number, now_ns));
        if let Some(late_ns) = late_ns {
            self.draw(|plot| plot.dot(way, self.ms(now_ns - late_ns), late_ns));
        }
    }

    pub(super) fn is_connected(self, way: Way) -> bool {
        self.standings
            .peek(|standings| standings[way as usize].connected)
    }

    pub(super) fn all_connected(self) -> bool {
        self.standings
            .peek(|standings| standings.iter().all(|standing| standing.connected))
    }

    /// A subscriber hears the topic from now on, or no longer.
    pub(super) fn hears(self, way: Way, is_connected: bool) {
        let now_ms = self.elapsed_ms();
        self.standings.alter(|standings| {
            let standing = &mut standings[way as usize];
            let was = std::mem::replace(&mut standing.connected, is_connected);
            if was && !is_connected {
                self.draw(|plot| standing.away = Some(plot.away(way, now_ms)));
            } else if is_connected && let Some(away) = standing.away.take() {
                self.draw(|plot| plot.back(&away, now_ms));
            }
        });
    }

    /// What it came to so far.
    pub(super) fn reckon(self) {
        let rows = Way::ALL.map(|way| {
            let standing = self
                .standings
                .peek(|standings| standings[way as usize].clone());
            let figures = self
                .session
                .store
                .live
                .peek(|run| Figures::of(run, &standing.spans));
            let latencies = self.ledger.peek(|ledger| ledger.track(way).latencies());
            let row = self.ledger.peek(|ledger| {
                let track = ledger.track(way);
                let costs = Costs {
                    messages: track.count() + track.others,
                    median_ns: latencies.map(|(median, _)| median),
                    p99_ns: latencies.map(|(_, p99)| p99),
                    requests: standing.requests,
                    empty: standing.empty,
                    head: figures.head,
                    body: figures.body,
                    connected: standing.connected,
                };
                Row::of(way, &costs, ledger)
            });
            if let Some((median_ns, _)) = latencies {
                self.draw(|plot| plot.median(way, median_ns));
            }
            self.cross_out(way);
            row
        });
        self.rows.change_to(rows.into());
    }

    /// Marks the messages that a subscriber never gets.
    fn cross_out(self, way: Way) {
        self.standings.alter(|standings| {
            let crossed = &mut standings[way as usize].crossed;
            for (number, sent_ns) in self.ledger.peek(|ledger| ledger.named(way)) {
                if !crossed.contains(&number) {
                    crossed.push(number);
                    self.draw(|plot| plot.cross(way, self.ms(sent_ns)));
                }
            }
        });
    }
}
