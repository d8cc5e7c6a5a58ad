//! What is inside the topic, as the server tells it, and where that stands in a picture of so many cells.

use wire::{json::Json, topics::MessageId};

/// How many cells the picture of the log has.
pub const CELLS: u64 = 48;
/// So much of the picture shows what was let go of, at most, in cells.
const PAST_MAX: u64 = CELLS / 3;

/// A subscriber of the topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Its number among the topic's subscribers.
    pub number: u64,
    /// Its exchange, where it is in a run.
    pub exchange: String,
    /// How it is reached.
    pub transport: String,
    /// The offset of the last message that it took.
    pub after: u64,
    /// How many messages it has still to take.
    pub lag: u64,
    /// How many messages it was told that it has missed.
    pub missed: u64,
    /// Why the server cut it off, where it did.
    pub why: String,
}

/// What is inside: [`wire::topics::TopicInside`], read field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inside {
    /// The newest offset.
    pub last: u64,
    /// The oldest offset that is kept.
    pub first: u64,
    /// How many messages are kept, how many bytes, and for how many seconds the oldest.
    pub held: [u64; 3],
    /// How many of each may be kept.
    pub bounds: [u64; 3],
    /// How many subscribers there are.
    pub subscribers: u64,
    /// How many stand where.
    pub places: Vec<(u64, u64)>,
    /// Some of them.
    pub cursors: Vec<Cursor>,
    /// Who left last.
    pub gone: Vec<Cursor>,
}

impl Inside {
    /// What this JSON says; nothing of a topic that is not there.
    pub fn read(json: &Json) -> Option<Inside> {
        let number = |at: &Json, name: &str| at.get(name).and_then(Json::as_u64);
        let last: MessageId = json.get("last")?.as_str()?.parse().ok()?;
        let three = |at: &Json, names: [&str; 3]| names.map(|name| number(at, name).unwrap_or(0));
        let places = json.get("places").map_or(&[][..], Json::items);
        let list = |name: &str| json.get(name).map_or(&[][..], Json::items);
        Some(Inside {
            last: last.offset,
            first: number(json, "first")?,
            held: three(json, ["messages", "bytes", "age_s"]),
            bounds: three(json.get("history")?, ["count", "bytes", "age_s"]),
            subscribers: number(json, "subscribers")?,
            places: places
                .iter()
                .filter_map(|pair| match pair.items() {
                    [place, count] => Some((place.as_u64()?, count.as_u64()?)),
                    _ => None,
                })
                .collect(),
            cursors: list("cursors").iter().map(Cursor::read).collect(),
            gone: (list("gone").iter())
                .filter_map(|gone| {
                    Some(Cursor {
                        why: text(gone, "why"),
                        ..Cursor::read(gone.get("cursor")?)
                    })
                })
                .collect(),
        })
    }

    /// The part of the log that the picture shows.
    pub fn window(&self) -> Window {
        let kept = self.held[0];
        let before_kept = self.first.saturating_sub(1);
        let furthest = self.places.first().map_or(self.last, |(place, _)| *place);
        // Who stands far before what is kept stands at the edge: it must not press the rest together.
        let past = kept.max(CELLS) * PAST_MAX / CELLS;
        let least = before_kept.saturating_sub(past);
        let from = furthest
            .min(before_kept)
            .max(least)
            .min(self.last.saturating_sub(CELLS).max(least));
        let step = (self.last - from).div_ceil(CELLS).max(1);
        Window {
            from,
            step,
            first: self.first,
            last: self.last,
        }
    }
}

impl Cursor {
    fn read(json: &Json) -> Cursor {
        let number = |name: &str| json.get(name).and_then(Json::as_u64).unwrap_or(0);
        Cursor {
            number: number("number"),
            exchange: text(json, "exchange"),
            transport: text(json, "transport"),
            after: number("after"),
            lag: number("lag"),
            missed: number("missed"),
            why: String::new(),
        }
    }

    /// How it is reached, as people call it.
    pub fn by(&self) -> &'static str {
        match self.transport.as_str() {
            "sse" => "by event stream",
            "websocket" => "by WebSocket",
            "long_polling" => "by long poll",
            _ => "by lines of JSON",
        }
    }
}

fn text(json: &Json, name: &str) -> String {
    let text = json.get(name).and_then(Json::as_str);
    text.unwrap_or_default().to_owned()
}

/// A part of the log in [`CELLS`] cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The offset before the first cell.
    pub from: u64,
    /// How many messages a cell stands for.
    pub step: u64,
    first: u64,
    last: u64,
}

impl Window {
    /// What a cell, counted from 0, stands for: messages that are kept, that were let go of, or that are yet to come.
    pub fn cell(&self, cell: u64) -> &'static str {
        let before = self.from + cell * self.step;
        match () {
            () if before >= self.last => "free",
            () if before + self.step >= self.first => "kept",
            () => "gone",
        }
    }

    /// Behind which cell somebody stands who has taken everything up to here: 0 for before the first.
    pub fn behind(&self, offset: u64) -> u64 {
        (offset.saturating_sub(self.from))
            .div_ceil(self.step)
            .min(CELLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::topics::{self, Gone, HistoryBounds, TopicInside, Transport};
    use wire::trace::SpanId;

    fn cursor(number: u64, after: u64) -> topics::Cursor {
        topics::Cursor {
            number,
            exchange: SpanId::new(0xaa),
            transport: Transport::Sse,
            after,
            lag: 9 - after,
            missed: 2,
        }
    }

    #[test]
    fn what_the_server_tells_is_read() {
        let told = TopicInside {
            topic: "t".into(),
            last: MessageId {
                epoch: 10,
                offset: 9,
            },
            first: 4,
            messages: 6,
            bytes: 60,
            age_s: 7,
            history: HistoryBounds {
                count: 6,
                bytes: 99,
                age_s: 60,
            },
            subscribers: 3,
            places: vec![(5, 1), (9, 2)],
            cursors: vec![cursor(1, 5)],
            more: 2,
            gone: vec![Gone {
                cursor: cursor(2, 8),
                why: Some("slow".into()),
            }],
        };
        let text = serde_json::to_string(&told).expect("serializes");
        let inside = Inside::read(&Json::parse(&text).expect("JSON")).expect("a topic");
        assert_eq!((inside.last, inside.first), (9, 4));
        assert_eq!((inside.held, inside.bounds), ([6, 60, 7], [6, 99, 60]));
        assert_eq!(inside.subscribers, 3);
        assert_eq!(inside.places, [(5, 1), (9, 2)]);
        let first = &inside.cursors[0];
        assert_eq!(
            (first.number, first.after, first.lag, first.missed),
            (1, 5, 4, 2)
        );
        assert_eq!(
            (first.exchange.as_str(), first.by()),
            ("00000000000000aa", "by event stream")
        );
        assert_eq!(
            (inside.gone[0].number, inside.gone[0].why.as_str()),
            (2, "slow")
        );
        assert_eq!(Inside::read(&Json::Null), None);
    }

    fn inside(first: u64, last: u64, furthest: u64) -> Inside {
        Inside {
            first,
            last,
            held: [last + 1 - first, 0, 0],
            places: vec![(furthest, 1)],
            ..Inside::default()
        }
    }

    #[test]
    fn a_short_log_has_a_cell_for_each_message_and_room_for_more() {
        let window = inside(1, 3, 3).window();
        assert_eq!((window.from, window.step), (0, 1));
        let cells: Vec<_> = (0..5).map(|cell| window.cell(cell)).collect();
        assert_eq!(cells, ["kept", "kept", "kept", "free", "free"]);
        assert_eq!([0, 1, 3].map(|offset| window.behind(offset)), [0, 1, 3]);
    }

    #[test]
    fn who_lags_behind_what_is_kept_stands_among_what_is_gone() {
        let window = inside(91, 100, 85).window();
        assert_eq!((window.from, window.step), (74, 1));
        assert_eq!((window.cell(15), window.cell(16)), ("gone", "kept"));
        assert_eq!(window.behind(85), 11);
        // Far behind it stands at the edge.
        assert_eq!(inside(991, 1_000, 1).window().behind(1), 0);
    }

    #[test]
    fn a_long_log_has_several_messages_in_a_cell() {
        let window = inside(1, 10_000, 10_000).window();
        assert_eq!((window.from, window.step), (0, 209));
        assert_eq!(window.cell(47), "kept");
        assert_eq!(window.behind(10_000), CELLS);
        assert_eq!(window.behind(5_000), 24);
    }

    proptest! {
        #[test]
        fn the_newest_is_always_in_the_picture(last in 0..5_000_u64, kept in 0..5_000_u64, furthest in 0..5_000_u64) {
            let kept = kept.min(last);
            let window = inside(last + 1 - kept, last, furthest.min(last)).window();
            prop_assert!(window.from + window.step * CELLS >= last);
            let states: Vec<_> = (0..CELLS).map(|cell| window.cell(cell)).collect();
            let rank = |state: &&str| ["gone", "kept", "free"].iter().position(|it| it == state);
            prop_assert!(states.is_sorted_by_key(rank), "{:?}", states);
            prop_assert_eq!(states.contains(&"kept"), kept > 0);
            prop_assert!(window.behind(last) <= CELLS);
        }
    }
}
