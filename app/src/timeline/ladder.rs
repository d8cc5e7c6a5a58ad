//! The ladder: lanes side by side, time downwards, what travels as slanted arrows.

use wire::trace::{Lane, Truth};

use super::{
    Pulse, Source, View, along, beside,
    columns::{columns, is_client},
    fit,
    labels::Widths,
    marks::{Gather, Side},
    scene::{Flight, Rect, Scene, Shape},
};
use crate::order;

const BAR_PX: f64 = 13.0;
const POINT_PX: f64 = 11.0;
/// Arrows whose ends are both nearer than this lie on one another.
const SAME_PX: f64 = 2.5;

/// The ladder of these runs, side by side.
pub(super) fn ladder(sources: &[Source<'_>], pulse: &Pulse, view: &View, widths: &Widths) -> Scene {
    let (axis, length_px) = fit::fit(pulse, view);
    let (tracks, gutter_px, width) = columns(sources, view);
    let mut scene = Scene {
        picture: view.picture,
        axis,
        size: (width, length_px.max(view.length_px)),
        gutter_px,
        tracks,
        marks: Vec::new(),
        members: Vec::new(),
        flights: Vec::new(),
        spans: Vec::new(),
        labels: Vec::new(),
        marks_reach: Vec::new(),
        flights_reach: Vec::new(),
    };
    marks(&mut scene, sources, view.unit);
    flights(&mut scene, sources);
    scene.index();
    beside::event_labels(&mut scene, sources, view, widths);
    along::flight_labels(&mut scene, sources, view, widths);
    scene
}

fn marks(scene: &mut Scene, sources: &[Source<'_>], unit: f64) {
    let Scene {
        tracks,
        members,
        marks,
        axis,
        ..
    } = scene;
    for (number, source) in sources.iter().enumerate() {
        // One pass over the run sorts its events into lanes.
        let lanes = source.run.lanes();
        let mut by_lane: Vec<Vec<u32>> = vec![Vec::new(); lanes.len()];
        for &index in source.run.order() {
            let event = source.run.event(index);
            let lane = lanes.iter().position(|lane| *lane == event.lane);
            if let Some(events) = lane.and_then(|lane| by_lane.get_mut(lane)) {
                events.push(index);
            }
        }
        let mine = tracks
            .iter()
            .enumerate()
            .filter(|(_, track)| track.source == number);
        for ((place, track), events) in mine.zip(&by_lane) {
            let outwards = if is_client(track.lane) { -1.0 } else { 1.0 };
            let gather = Gather {
                source,
                source_number: number,
                axis,
                track: place,
                lane: track.lane,
                unit,
            };
            gather.marks(events, members, marks, |side: &Side| {
                let middle = track.line + outwards * side.side as f64 * (BAR_PX + 2.0) * unit;
                match side.shape {
                    Shape::Point => {
                        let size = POINT_PX * unit;
                        let at = (side.from_px + side.to_px) / 2.0;
                        Rect {
                            x: middle - size / 2.0,
                            y: at - size / 2.0,
                            w: size,
                            h: size,
                        }
                    }
                    Shape::Bar | Shape::Dense => Rect {
                        x: middle - BAR_PX * unit / 2.0,
                        y: side.from_px,
                        w: BAR_PX * unit,
                        h: (side.to_px - side.from_px).max(2.0),
                    },
                }
            });
        }
    }
    order::by_length(marks, |mark| mark.from_px);
}

fn flights(scene: &mut Scene, sources: &[Source<'_>]) {
    let Scene {
        tracks,
        flights,
        axis,
        ..
    } = scene;
    for (number, source) in sources.iter().enumerate() {
        let find = |lane: Lane| {
            tracks
                .iter()
                .find(|track| track.source == number && track.lane == lane)
        };
        for arrow in source.arrows {
            let (from, to) = (source.run.event(arrow.from), source.run.event(arrow.to));
            let (Some(left), Some(right)) = (find(from.lane), find(to.lane)) else {
                continue;
            };
            if left.line == right.line {
                continue;
            }
            let from_ns = source.at(from.at_ns);
            let to_ns = source.at(to.at_ns);
            let (from_px, to_px) = (axis.px(from_ns), axis.px(to_ns));
            let same = flights.iter().rev().take(4).position(|last: &Flight| {
                last.source == number
                    && last.way == arrow.way
                    && last.from.0 == left.line
                    && last.to.0 == right.line
                    && (last.from.1 - from_px).abs() < SAME_PX
                    && (last.to.1 - to_px).abs() < SAME_PX
            });
            if let Some(back) = same {
                let place = flights.len() - 1 - back;
                if let Some(flight) = flights.get_mut(place) {
                    flight.count += 1;
                }
                continue;
            }
            let error_px = |at_ns: i64, error_ns: u64| {
                let error = i64::try_from(error_ns).unwrap_or(i64::MAX);
                let late = axis.px(at_ns.saturating_add(error));
                let early = axis.px(at_ns.saturating_sub(error));
                (late - early) / 2.0
            };
            flights.push(Flight {
                from: (left.line, from_px),
                to: (right.line, to_px),
                from_error_px: error_px(from_ns, from.error_ns),
                to_error_px: error_px(to_ns, to.error_ns),
                lane: from.lane,
                source: number,
                way: arrow.way,
                truth: weaker(from.truth, to.truth),
                from_event: arrow.from,
                to_event: arrow.to,
                count: 1,
            });
        }
    }
}

/// The weaker of two labels: what is made of both must not promise more than either.
pub(super) fn weaker(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Truth::Modelled, _) | (_, Truth::Modelled) => Truth::Modelled,
        (Truth::Derived, _) | (_, Truth::Derived) => Truth::Derived,
        _ => Truth::Measured,
    }
}
