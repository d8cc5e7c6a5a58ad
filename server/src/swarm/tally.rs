//! What a swarm's subscribers saw: counted by way, and held against what the topic got.

use std::collections::{HashMap, VecDeque};

use wire::{
    race::{SwarmFigures, Way},
    topics::{Gap, MessageId},
};

use super::histogram::Histogram;

/// The times of how many messages are remembered: as many as a topic keeps.
const TIMES_MAX: usize = 10_000;
/// How long it may take until it is known when a message set out.
const PATIENCE_US: u64 = 5_000_000;
/// How many arrivals wait for the time of their message.
const ARRIVALS_MAX: usize = 500_000;

/// When messages set out, and how far the topic is.
#[derive(Debug, Default)]
pub(super) struct Times {
    left_us: HashMap<MessageId, u64>,
    order: VecDeque<MessageId>,
    /// How many messages the topic got.
    pub(super) published: u64,
    /// The topic's last message.
    pub(super) last: Option<MessageId>,
}

impl Times {
    /// The topic has this message, which set out at this time, if that can be known.
    pub(super) fn learn(&mut self, id: MessageId, left_us: Option<u64>) {
        self.published += 1;
        self.last = Some(id);
        let Some(left_us) = left_us else { return };
        self.left_us.insert(id, left_us);
        self.order.push_back(id);
        if self.order.len() > TIMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.left_us.remove(&oldest);
        }
    }

    /// The one who tells the times was told of a gap itself.
    pub(super) fn gap(&mut self, gap: &Gap) {
        self.published += gap.missed.unwrap_or(0);
        self.last = Some(before(gap.next));
    }
}

/// The place before a message.
const fn before(id: MessageId) -> MessageId {
    MessageId {
        offset: id.offset.saturating_sub(1),
        ..id
    }
}

/// What the subscribers of one way saw.
#[derive(Debug)]
pub(super) struct Tally {
    way: Way,
    /// The last message that each of them saw.
    places: Vec<MessageId>,
    pub(super) connected: u64,
    pub(super) requests: u64,
    pub(super) empty: u64,
    pub(super) broken: u64,
    messages: u64,
    gaps: u64,
    missed: u64,
    lost: u64,
    duplicates: u64,
    /// Messages and when they arrived, of which it is not known yet when they set out.
    arrivals: Vec<(MessageId, u64)>,
    latencies: Histogram,
}

impl Tally {
    /// Of subscribers that have all seen what comes before `start`.
    pub(super) fn new(way: Way, subscribers: usize, start: MessageId) -> Tally {
        Tally {
            way,
            places: vec![start; subscribers],
            connected: 0,
            requests: 0,
            empty: 0,
            broken: 0,
            messages: 0,
            gaps: 0,
            missed: 0,
            lost: 0,
            duplicates: 0,
            arrivals: Vec::new(),
            latencies: Histogram::default(),
        }
    }

    /// Behind which message a subscriber goes on.
    pub(super) fn place(&self, subscriber: usize) -> MessageId {
        self.places[subscriber]
    }

    /// A message reached a subscriber.
    pub(super) fn message(&mut self, subscriber: usize, id: MessageId, now_us: u64) {
        let place = &mut self.places[subscriber];
        if id.epoch == place.epoch && id.offset <= place.offset {
            self.duplicates += 1;
            return;
        }
        let expected = MessageId {
            offset: place.offset + 1,
            ..*place
        };
        if id != expected {
            // Another epoch without a gap is a hole as well.
            self.lost += id.offset.saturating_sub(expected.offset).max(1);
        }
        *place = id;
        self.messages += 1;
        if self.arrivals.len() < ARRIVALS_MAX {
            self.arrivals.push((id, now_us));
        }
    }

    /// A subscriber was told of a gap.
    pub(super) fn gap(&mut self, subscriber: usize, gap: &Gap) {
        self.gaps += 1;
        self.missed += gap.missed.unwrap_or(0);
        self.places[subscriber] = before(gap.next);
    }

    /// What arrived is measured, where it is known by now when it set out; what nobody told for long is given up.
    pub(super) fn settle(&mut self, times: &Times, now_us: u64) {
        let latencies = &mut self.latencies;
        self.arrivals.retain(|(id, arrived_us)| {
            let left_us = times.left_us.get(id);
            if let Some(left_us) = left_us {
                latencies.add(arrived_us.saturating_sub(*left_us));
            }
            left_us.is_none() && now_us.saturating_sub(*arrived_us) < PATIENCE_US
        });
    }

    /// How many messages its subscribers still wait for.
    pub(super) fn waiting(&self, times: &Times) -> u64 {
        let Some(last) = times.last else { return 0 };
        let behind = |place: &MessageId| match place.epoch == last.epoch {
            true => last.offset.saturating_sub(place.offset),
            // It will be told of a gap first.
            false => 1,
        };
        self.places.iter().map(behind).sum()
    }

    pub(super) fn latencies(&self) -> &Histogram {
        &self.latencies
    }

    pub(super) fn figures(&self, times: &Times) -> SwarmFigures {
        SwarmFigures {
            transport: self.way,
            subscribers: self.places.len() as u64,
            connected: self.connected,
            messages: self.messages,
            gaps: self.gaps,
            missed: self.missed,
            lost: self.lost,
            duplicates: self.duplicates,
            waiting: self.waiting(times),
            requests: self.requests,
            empty: self.empty,
            broken: self.broken,
            median_us: self.latencies.percentile(50),
            p99_us: self.latencies.percentile(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::topics::GapReason;

    fn id(epoch: u32, offset: u64) -> MessageId {
        MessageId { epoch, offset }
    }

    #[test]
    fn every_message_is_counted_once_or_named() {
        let mut tally = Tally::new(Way::Sse, 2, id(1, 10));
        let mut times = Times::default();
        for offset in 11..=20 {
            times.learn(id(1, offset), Some(offset * 100));
        }
        tally.message(0, id(1, 11), 1_130);
        tally.message(0, id(1, 11), 1_140);
        tally.gap(
            0,
            &Gap {
                after: "00000001-11".into(),
                next: id(1, 15),
                missed: Some(3),
                reason: GapReason::Slow,
            },
        );
        tally.message(0, id(1, 15), 1_530);
        tally.message(0, id(1, 18), 1_830);
        tally.settle(&times, 2_000);
        let figures = tally.figures(&times);
        assert_eq!((figures.messages, figures.duplicates), (3, 1));
        assert_eq!((figures.gaps, figures.missed, figures.lost), (1, 3, 2));
        assert_eq!(figures.waiting, 2 + 10);
        assert_eq!(figures.median_us, Some(30));
    }

    #[test]
    fn another_epoch_needs_a_gap() {
        let mut tally = Tally::new(Way::Websocket, 1, id(1, 5));
        tally.message(0, id(2, 1), 0);
        assert_eq!(tally.figures(&Times::default()).lost, 1);
    }

    #[test]
    fn what_arrives_before_its_time_is_known_is_measured_later() {
        let mut tally = Tally::new(Way::Stream, 1, id(1, 0));
        let mut times = Times::default();
        tally.message(0, id(1, 1), 250);
        tally.settle(&times, 2_000);
        assert_eq!(tally.figures(&times).median_us, None);
        times.learn(id(1, 1), Some(240));
        tally.settle(&times, 2_000);
        assert_eq!(tally.figures(&times).median_us, Some(10));
    }
}
