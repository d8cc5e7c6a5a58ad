//! The ladder's words: beside marks, and along arrows.

use wire::trace::Kind;

use super::{
    Source, View,
    axis::{Axis, Piece},
    labels::{self, Column, Widths, Wish},
    ladder::is_client,
    scene::{Flight, Label, Mark, Rect, Scene, Shape, Whose},
    words,
};
use crate::run::Way;

/// From a mark to its words.
const WORDS_OFF_PX: f64 = 13.0;
/// The height of a line of words.
pub const LINE_PX: f64 = 20.0;
/// How far words may stand from what they belong to.
const STRAY_PX: f64 = 58.0;

/// Words beside marks: in each lane, between two folds, as many as have room.
pub(super) fn event_labels(
    scene: &mut Scene,
    sources: &[Source<'_>],
    view: &View,
    widths: &Widths,
) {
    let unit = view.unit;
    let line_px = LINE_PX * unit;
    let regions = regions(&scene.axis, scene.size.1, line_px);
    // What each lane's marks wish for, and how many bars lie side by side there.
    let mut wishes: Vec<(Vec<Wish>, f64)> = vec![(Vec::new(), 0.0); scene.tracks.len()];
    for (whose, mark) in scene.marks.iter().enumerate() {
        let (Some((wishes, widest)), Some(track), Some(source), Some(&first)) = (
            wishes.get_mut(mark.track),
            scene.tracks.get(mark.track),
            sources.get(mark.source),
            scene.members.get(mark.first),
        ) else {
            continue;
        };
        if mark.shape == Shape::Bar {
            *widest = widest.max((mark.rect.x + mark.rect.w / 2.0 - track.line).abs());
        }
        let kind = source.run.event(first).kind;
        wishes.push(Wish {
            at_px: words_at(mark, line_px),
            weight: words::weight(kind) + if mark.count > 1 { 2 } else { 0 },
            whose,
        });
    }
    let mut labels = Vec::new();
    for (track, (mut wishes, widest)) in scene.tracks.iter().zip(wishes) {
        let Some(source) = sources.get(track.source) else {
            continue;
        };
        wishes.sort_by(|a, b| a.at_px.total_cmp(&b.at_px));
        let off = WORDS_OFF_PX * unit + widest;
        let ends = is_client(track.lane);
        let room = if ends {
            track.line - off - track.from - 4.0
        } else {
            track.to - track.line - off - 6.0
        };
        if room < 24.0 {
            continue;
        }
        let mut rest = wishes.as_slice();
        for region in &regions {
            let (here, after) = rest.split_at(rest.partition_point(|wish| wish.at_px <= region.1));
            rest = after;
            let column = Column {
                from_px: region.0,
                to_px: region.1,
                line_px,
                stray_px: STRAY_PX * unit,
            };
            for found in labels::place(here, column) {
                let Some(mark) = scene.marks.get(found.whose) else {
                    continue;
                };
                let events = scene.events_of(mark);
                let text = fitting(widths, room, |short| mark_words(source, events, short));
                let Some((text, w)) = text else { continue };
                labels.push(Label {
                    rect: Rect {
                        x: if ends {
                            track.line - off - w
                        } else {
                            track.line + off
                        },
                        y: found.at_px - line_px / 2.0,
                        w,
                        h: line_px,
                    },
                    text,
                    whose: Whose::Mark(found.whose),
                    lane: track.lane,
                    anchor: (
                        if ends {
                            mark.rect.x
                        } else {
                            mark.rect.x + mark.rect.w
                        },
                        words_at(mark, line_px),
                    ),
                    ends,
                    strong: mark.wrong || mark.fault,
                });
            }
        }
    }
    scene.labels = labels;
}

/// Beside the beginning of a bar, beside the middle of a point or of a short bar.
fn words_at(mark: &Mark, line_px: f64) -> f64 {
    mark.from_px + ((mark.to_px - mark.from_px) / 2.0).min(line_px * 0.6)
}

/// The words and their width: the long ones if they fit, else the short ones, cut if they must be.
fn fitting(widths: &Widths, room: f64, words: impl Fn(bool) -> String) -> Option<(String, f64)> {
    let long = words(false);
    let w = widths.of(&long);
    if long.is_empty() {
        return None;
    }
    if w <= room {
        return Some((long, w));
    }
    let short = widths.cut(&words(true), room)?;
    let w = widths.of(&short);
    Some((short, w))
}

/// What stands beside a mark: its event's words, or how many of what.
pub(super) fn mark_words(source: &Source<'_>, events: &[u32], short: bool) -> String {
    let Some(&first) = events.first() else {
        return String::new();
    };
    let event = source.run.event(first);
    if events.len() == 1 {
        return if short {
            words::event_short(event)
        } else {
            words::event(event)
        };
    }
    let all = || events.iter().map(|&index| source.run.event(index));
    let same = all().all(|other| other.kind == event.kind);
    let count = events.len().to_string();
    let what = if same {
        words::plural(event.kind)
    } else {
        "events"
    };
    let total: u64 = if same && event.kind != Kind::Progress && !short {
        all().filter_map(|event| event.bytes).sum()
    } else {
        0
    };
    if total > 0 {
        [&count, " ", what, ", ", &wire::time::bytes(total)].concat()
    } else {
        [&count, " ", what].concat()
    }
}

/// The stretches of the picture in which words may stand: between folds, with a little of the folds' own room, so
/// that a single moment between two of them still has its line.
fn regions(axis: &Axis, end_px: f64, line_px: f64) -> Vec<(f64, f64)> {
    let mut regions = Vec::new();
    let mut from = 0.0;
    for segment in axis.segments() {
        if segment.piece == Piece::Fold {
            let edge = ((segment.to_px - segment.from_px - line_px) / 2.0).max(0.0);
            regions.push((from, segment.from_px + edge));
            from = segment.to_px - edge;
        }
    }
    regions.push((from, end_px.max(from)));
    regions
}

/// Words along arrows: on the way between clients and server, just above their line.
pub(super) fn flight_labels(
    scene: &mut Scene,
    sources: &[Source<'_>],
    view: &View,
    widths: &Widths,
) {
    let unit = view.unit;
    let line_px = LINE_PX * unit;
    let regions = regions(&scene.axis, scene.size.1, line_px);
    let mut labels = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let mine = || scene.tracks.iter().filter(|track| track.source == number);
        let left = mine()
            .filter(|track| is_client(track.lane))
            .map(|track| track.line);
        let right = mine()
            .filter(|track| !is_client(track.lane))
            .map(|track| track.line);
        let (left, right) = (
            left.fold(f64::MIN, f64::max),
            right.fold(f64::MAX, f64::min),
        );
        let room = right - left - 34.0 * unit;
        if room < 24.0 || !room.is_finite() {
            continue;
        }
        let middle = (left + right) / 2.0;
        let mut wishes: Vec<Wish> = scene
            .flights
            .iter()
            .enumerate()
            .filter(|(_, flight)| flight.source == number && flight.way != Way::Handover)
            .map(|(whose, flight)| {
                let part = (middle - flight.from.0) / (flight.to.0 - flight.from.0);
                let weight = match flight.way {
                    Way::Request => 8,
                    Way::Message => 7,
                    Way::Response => {
                        5 + u8::from(
                            source
                                .run
                                .event(flight.from_event)
                                .detail
                                .head_bytes
                                .is_some(),
                        )
                    }
                    Way::Upload | Way::Handover => 2,
                };
                Wish {
                    at_px: flight.from.1 + (flight.to.1 - flight.from.1) * part - line_px * 0.62,
                    weight: weight + u8::from(flight.count > 1),
                    whose,
                }
            })
            .collect();
        wishes.sort_by(|a, b| a.at_px.total_cmp(&b.at_px));
        let mut rest = wishes.as_slice();
        for region in &regions {
            let (here, after) = rest.split_at(rest.partition_point(|wish| wish.at_px <= region.1));
            rest = after;
            let column = Column {
                from_px: region.0,
                to_px: region.1,
                line_px,
                stray_px: line_px * 1.6,
            };
            for found in labels::place(here, column) {
                let Some(flight) = scene.flights.get(found.whose) else {
                    continue;
                };
                let words = |short: bool| flight_words(source, flight, !short);
                let Some((text, w)) = fitting(widths, room, words) else {
                    continue;
                };
                labels.push(Label {
                    rect: Rect {
                        x: middle - w / 2.0,
                        y: found.at_px - line_px / 2.0,
                        w,
                        h: line_px,
                    },
                    text,
                    whose: Whose::Flight(found.whose),
                    lane: flight.lane,
                    anchor: (middle, found.at_px),
                    ends: false,
                    strong: flight.way == Way::Request,
                });
            }
        }
    }
    scene.labels.append(&mut labels);
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
