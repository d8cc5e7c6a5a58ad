//! The ladder's words along arrows: on the way between clients and server, just above their line.

use super::{
    Source, View,
    beside::{LEAST_PX, LINE_PX, placed, regions},
    columns::{is_client, is_narrow},
    labels::{Widths, Wish},
    scene::{Flight, Label, Rect, Scene, Whose},
    words,
};
use crate::{order, run::Way};

/// What words leave free between the two lines: the marks on them, and a gap.
const FREE_PX: f64 = 34.0;
const FREE_NARROW_PX: f64 = 20.0;

/// Words along arrows. On a phone they may take two lines, one over the other.
pub(super) fn flight_labels(
    scene: &mut Scene,
    sources: &[Source<'_>],
    view: &View,
    widths: &Widths,
) {
    let unit = view.unit;
    let line_px = LINE_PX * unit;
    let (lines, free_px) = if is_narrow(view) {
        (2, FREE_NARROW_PX * unit)
    } else {
        (1, FREE_PX * unit)
    };
    let slot_px = line_px * lines as f64;
    let regions = regions(&scene.axis, scene.size.1, line_px);
    let mut labels = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let mine = || scene.tracks.iter().filter(|track| track.source == number);
        let left = mine()
            .filter(|track| is_client(track.lane))
            .map(|track| track.line)
            .fold(f64::MIN, f64::max);
        let right = mine()
            .filter(|track| !is_client(track.lane))
            .map(|track| track.line)
            .fold(f64::MAX, f64::min);
        let room = right - left - free_px;
        if room < LEAST_PX || !room.is_finite() {
            continue;
        }
        let middle = (left + right) / 2.0;
        let mut wishes: Vec<Wish> = scene
            .flights
            .iter()
            .enumerate()
            .filter(|(_, flight)| flight.source == number && flight.way != Way::Handover)
            .map(|(whose, flight)| Wish {
                // The last of the lines stands just above the arrow.
                at_px: height_at(flight, middle) - line_px * 0.12 - slot_px / 2.0,
                weight: weight(source, flight),
                whose,
            })
            .collect();
        order::by_length(&mut wishes, |wish| wish.at_px);
        for found in placed(&wishes, &regions, slot_px, line_px * 1.6) {
            let Some(flight) = scene.flights.get(found.whose) else {
                continue;
            };
            let words = |with_size: bool| flight_words(source, flight, with_size);
            let texts = in_lines(widths, room, lines, words);
            let bottom = found.at_px + slot_px / 2.0;
            for (from_end, text) in texts.into_iter().rev().enumerate() {
                let w = widths.of(&text);
                let middle_px = bottom - line_px * (from_end as f64 + 0.5);
                labels.push(Label {
                    rect: Rect {
                        x: middle - w / 2.0,
                        y: middle_px - line_px / 2.0,
                        w,
                        h: line_px,
                    },
                    text,
                    whose: Whose::Flight(found.whose),
                    lane: flight.lane,
                    anchor: (middle, middle_px),
                    ends: false,
                    strong: flight.way == Way::Request,
                });
            }
        }
    }
    scene.labels.append(&mut labels);
}

/// How far down an arrow, or the line that it lies on, is at a place across the picture.
fn height_at(flight: &Flight, x: f64) -> f64 {
    let part = (x - flight.from.0) / (flight.to.0 - flight.from.0);
    flight.from.1 + (flight.to.1 - flight.from.1) * part
}

fn weight(source: &Source<'_>, flight: &Flight) -> u8 {
    let has_head = || {
        let from = source.run.event(flight.from_event);
        from.detail.head_bytes.is_some()
    };
    let weight = match flight.way {
        Way::Request => 8,
        Way::Message => 7,
        Way::Response => 5 + u8::from(has_head()),
        Way::Upload | Way::Handover => 2,
    };
    weight + u8::from(flight.count > 1)
}

fn flight_words(source: &Source<'_>, flight: &Flight, with_size: bool) -> String {
    if flight.count > 1 {
        return words::arrows(flight.way, flight.count);
    }
    let from = source.run.event(flight.from_event);
    words::arrow(
        from,
        source.run.event(flight.to_event),
        flight.way,
        with_size,
    )
}

/// The words in so many lines at most: with the size where that has room, else without it, cut if they must be.
fn in_lines(
    widths: &Widths,
    room: f64,
    lines: usize,
    words: impl Fn(bool) -> String,
) -> Vec<String> {
    for with_size in [true, false] {
        let text = words(with_size);
        if text.is_empty() {
            return Vec::new();
        }
        for lines in 1..=lines {
            if let Some(texts) = widths.wrap(&text, room, lines) {
                return texts;
            }
        }
    }
    widths.cut(&words(false), room).into_iter().collect()
}
