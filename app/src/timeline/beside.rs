//! The ladder's words beside marks.

use wire::trace::{Kind, TraceEvent};

use super::{
    Source, View,
    axis::{Axis, Piece},
    columns::is_client,
    labels::{self, Column, Place, Widths, Wish},
    scene::{Label, Mark, Rect, Scene, Shape, Whose},
    words,
};
use crate::order;

/// From a bar to the words beside it.
const WORDS_OFF_PX: f64 = 6.5;
/// Words with less room than this are left out.
pub(super) const LEAST_PX: f64 = 24.0;
/// The height of a line of words.
pub const LINE_PX: f64 = 20.0;
/// How far words may stand from what they belong to.
const STRAY_PX: f64 = 58.0;

/// Words beside marks: in each column of words, between two folds, as many as have room.
pub(super) fn event_labels(
    scene: &mut Scene,
    sources: &[Source<'_>],
    view: &View,
    widths: &Widths,
) {
    let unit = view.unit;
    let line_px = LINE_PX * unit;
    let regions = regions(&scene.axis, scene.size.1, line_px);
    let mut by_track: Vec<Vec<usize>> = vec![Vec::new(); scene.tracks.len()];
    for (whose, mark) in scene.marks.iter().enumerate() {
        if let Some(marks) = by_track.get_mut(mark.track) {
            marks.push(whose);
        }
    }
    let mut labels = Vec::new();
    let mut from = 0;
    // Lanes that stand together and share a column of words, or one lane with its own.
    for lanes in scene.tracks.chunk_by(|a, b| a.words == b.words) {
        let marks = by_track.get(from..from + lanes.len()).unwrap_or_default();
        let marks = marks.iter().flatten();
        let marks = marks.filter_map(|&whose| Some((whose, scene.marks.get(whose)?)));
        from += lanes.len();
        let Some(first) = lanes.first() else {
            continue;
        };
        let ends = is_client(first.lane);
        // Bars that lie side by side may reach into the column.
        let bars = marks.clone().filter(|(_, mark)| mark.shape == Shape::Bar);
        let (left, right) = bars.fold(first.words, |(left, right), (_, mark)| {
            let (x, w) = (mark.rect.x, mark.rect.w);
            let off = WORDS_OFF_PX * unit;
            if ends {
                (left, right.min(x - off))
            } else {
                (left.max(x + w + off), right)
            }
        });
        let room = right - left;
        if room < LEAST_PX {
            continue;
        }
        let mut wishes: Vec<Wish> = marks
            .filter_map(|(whose, mark)| {
                let event = source_event(scene, sources, mark)?;
                Some(Wish {
                    at_px: words_at(mark, line_px),
                    weight: words::weight(event.kind) + if mark.count > 1 { 2 } else { 0 },
                    whose,
                })
            })
            .collect();
        order::by_length(&mut wishes, |wish| wish.at_px);
        let stray_px = STRAY_PX * unit;
        for found in placed(&wishes, &regions, line_px, stray_px) {
            let Some(mark) = scene.marks.get(found.whose) else {
                continue;
            };
            let Some(source) = sources.get(mark.source) else {
                continue;
            };
            let events = scene.events_of(mark);
            let text = fitting(widths, room, |short| mark_words(source, events, short));
            let Some((text, w)) = text else { continue };
            let far_edge = if ends {
                mark.rect.x
            } else {
                mark.rect.x + mark.rect.w
            };
            labels.push(Label {
                rect: Rect {
                    x: if ends { right - w } else { left },
                    y: found.at_px - line_px / 2.0,
                    w,
                    h: line_px,
                },
                text,
                whose: Whose::Mark(found.whose),
                lane: mark.lane,
                anchor: (far_edge, words_at(mark, line_px)),
                ends,
                strong: mark.wrong || mark.fault,
            });
        }
    }
    scene.labels = labels;
}

/// The first event of a mark.
fn source_event<'a>(scene: &Scene, sources: &[Source<'a>], mark: &Mark) -> Option<&'a TraceEvent> {
    let &first = scene.members.get(mark.first)?;
    Some(sources.get(mark.source)?.run.event(first))
}

/// Places for wishes in one column, region by region: words of one stay out of the next.
pub(super) fn placed<'a>(
    wishes: &'a [Wish],
    regions: &'a [(f64, f64)],
    line_px: f64,
    stray_px: f64,
) -> impl Iterator<Item = Place> + 'a {
    let mut rest = wishes;
    regions.iter().flat_map(move |&(from_px, to_px)| {
        let (here, after) = rest.split_at(rest.partition_point(|wish| wish.at_px <= to_px));
        rest = after;
        labels::place(
            here,
            Column {
                from_px,
                to_px,
                line_px,
                stray_px,
            },
        )
    })
}

/// Beside the beginning of a bar, beside the middle of a point or of a short bar.
fn words_at(mark: &Mark, line_px: f64) -> f64 {
    mark.from_px + ((mark.to_px - mark.from_px) / 2.0).min(line_px * 0.6)
}

/// The words and their width: the long ones if they fit, else the short ones, cut if they must be.
pub(super) fn fitting(
    widths: &Widths,
    room: f64,
    words: impl Fn(bool) -> String,
) -> Option<(String, f64)> {
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
pub(super) fn regions(axis: &Axis, end_px: f64, line_px: f64) -> Vec<(f64, f64)> {
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
