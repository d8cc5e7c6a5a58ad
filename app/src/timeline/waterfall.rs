//! The waterfall: one row a request, time to the right.
//!
//! A row has two halves: above, where the time went (the way there, the server's work, the way back); below, its events
//! in a line for each lane. What belongs to no request has a row for each lane at the end. Two runs stand one over the
//! other on the same scale.

use wire::trace::{Lane, LaneKind, TraceEvent};

use super::{
    Pulse, Source, View,
    beside::{LINE_PX, mark_words},
    columns::{NARROW_PX, is_client},
    fit,
    labels::Widths,
    marks::{Gather, Side},
    scene::{Label, Mark, Rect, Scene, Shape, Span, Track, Whose},
    words,
};
use crate::{
    order,
    run::{Exchange, Steps},
};

/// Room for the rows' names, at unit 1.
const GUTTER_PX: f64 = 216.0;
const GUTTER_NARROW_PX: f64 = 112.0;
/// The height of the upper half's bars.
const BAR_PX: f64 = 16.0;
/// The height of one lane's line in the lower half.
const LANE_PX: f64 = 9.0;
/// What separates a row's parts and rows from one another.
const GAP_PX: f64 = 7.0;
/// A row is at least as high as its two lines of words.
const ROW_LEAST_PX: f64 = 46.0;
/// What a name leaves free of the gutter: its lane's shape before it, a gap behind it.
const NAME_INSET_PX: f64 = 30.0;
/// Above the first row: the times.
pub(super) const TOP_PX: f64 = 30.0;

/// One row before it has its place.
struct Row<'a> {
    source: usize,
    name: String,
    note: String,
    lane: Lane,
    events: Vec<u32>,
    steps: Option<Steps<'a>>,
}

/// Where the time axis begins: behind the rows' names.
pub(super) fn gutter_px(view: &View) -> f64 {
    let narrow = view.length_px < NARROW_PX * view.unit;
    view.unit * if narrow { GUTTER_NARROW_PX } else { GUTTER_PX }
}

/// The waterfall of these runs, one over the other.
pub(super) fn waterfall(
    sources: &[Source<'_>],
    pulse: &Pulse,
    view: &View,
    widths: &Widths,
) -> Scene {
    let unit = view.unit;
    let gutter_px = gutter_px(view);
    let inner = View {
        length_px: (view.length_px - gutter_px).max(60.0),
        ..view.clone()
    };
    let (axis, length_px) = fit::fit(pulse, &inner);
    let axis = axis.shifted(gutter_px);
    let mut scene = Scene {
        picture: view.picture,
        axis,
        size: (gutter_px + length_px, 0.0),
        gutter_px,
        tracks: Vec::new(),
        marks: Vec::new(),
        members: Vec::new(),
        flights: Vec::new(),
        spans: Vec::new(),
        labels: Vec::new(),
        marks_reach: Vec::new(),
        flights_reach: Vec::new(),
    };
    let mut top = TOP_PX * unit;
    for (number, source) in sources.iter().enumerate() {
        for row in rows(number, source) {
            top = lay(&mut scene, source, row, top, unit);
        }
        top += GAP_PX * unit;
    }
    scene.size.1 = top.max(view.breadth_px);
    order::by_length(&mut scene.marks, |mark| mark.from_px);
    scene.index();
    let room = gutter_px - NAME_INSET_PX * unit;
    for track in &mut scene.tracks {
        track.name = widths.cut(&track.name, room).unwrap_or_default();
    }
    labels(&mut scene, sources, unit, widths);
    scene
}

fn rows<'a>(number: usize, source: &Source<'a>) -> Vec<Row<'a>> {
    let run = source.run;
    let mut exchanges: Vec<&Exchange> = run.exchanges().iter().collect();
    order::by_number(&mut exchanges, |exchange| {
        let first = exchange.events(run).next();
        first.map_or(i64::MIN, |event| event.at_ns)
    });
    let mut rows = Vec::with_capacity(exchanges.len());
    for exchange in exchanges {
        let steps = exchange.steps(run);
        // The query is long; the path is what tells requests apart.
        let words = steps.words().unwrap_or("A request");
        let name = words.split('?').next().unwrap_or(words).to_owned();
        let mut note = steps
            .status()
            .map_or_else(String::new, |status| status.to_string());
        if steps.broken.is_some() {
            "no answer".clone_into(&mut note);
        }
        let events = exchange.indexes().to_vec();
        let lane = steps.client().unwrap_or(Lane::SOCKET);
        rows.push(Row {
            source: number,
            name,
            note,
            lane,
            events,
            steps: Some(steps),
        });
    }
    // What belongs to no request.
    for &lane in run.lanes() {
        let alone = |index: &u32| {
            let event = run.event(*index);
            event.lane == lane && event.detail.exchange.is_none()
        };
        let events: Vec<u32> = run.order().iter().copied().filter(alone).collect();
        if !events.is_empty() {
            rows.push(Row {
                source: number,
                name: words::lane(lane),
                note: String::new(),
                lane,
                events,
                steps: None,
            });
        }
    }
    rows
}

/// Lays one row out from `top`; returns where the next one begins.
fn lay(scene: &mut Scene, source: &Source<'_>, row: Row<'_>, top: f64, unit: f64) -> f64 {
    let run = source.run;
    let mut lanes: Vec<Lane> = Vec::new();
    for &index in &row.events {
        let lane = run.event(index).lane;
        if !lanes.contains(&lane) {
            lanes.insert(lanes.partition_point(|other| *other < lane), lane);
        }
    }
    let upper = if row.steps.is_some() {
        (BAR_PX + GAP_PX) * unit
    } else {
        0.0
    };
    let height =
        (upper + (2.0 * GAP_PX + lanes.len() as f64 * LANE_PX) * unit).max(ROW_LEAST_PX * unit);
    let bars_top = top + GAP_PX * unit;
    let track = scene.tracks.len();
    if let Some(steps) = &row.steps {
        spans(scene, source, steps, bars_top, unit);
    }
    for (line, &lane) in lanes.iter().enumerate() {
        let events: Vec<u32> = row
            .events
            .iter()
            .copied()
            .filter(|&index| run.event(index).lane == lane)
            .collect();
        let middle = top + upper + (GAP_PX + (line as f64 + 0.5) * LANE_PX) * unit;
        let gather = Gather {
            source,
            source_number: row.source,
            axis: &scene.axis,
            track,
            lane,
            unit: unit * 0.8,
        };
        let in_upper = row.steps.is_some() && !is_client(lane);
        gather.marks(
            &events,
            &mut scene.members,
            &mut scene.marks,
            |side: &Side| {
                let wide = (side.to_px - side.from_px).max(2.0);
                match side.shape {
                    Shape::Point => {
                        let size = (LANE_PX - 1.0) * unit;
                        Rect {
                            x: (side.from_px + side.to_px) / 2.0 - size / 2.0,
                            y: middle - size / 2.0,
                            w: size,
                            h: size,
                        }
                    }
                    // What took the server time belongs to where the time went; bars within bars are drawn slimmer.
                    Shape::Bar if in_upper => {
                        let inset = side.side as f64 * 3.0 * unit;
                        Rect {
                            x: side.from_px,
                            y: bars_top + inset,
                            w: wide,
                            h: (BAR_PX * unit - 2.0 * inset).max(3.0),
                        }
                    }
                    Shape::Bar | Shape::Dense => Rect {
                        x: side.from_px,
                        y: middle - (LANE_PX - 2.0) * unit / 2.0,
                        w: wide,
                        h: (LANE_PX - 2.0) * unit,
                    },
                }
            },
        );
    }
    scene.tracks.push(Track {
        source: row.source,
        lane: row.lane,
        line: top + height / 2.0,
        from: top,
        to: top + height,
        words: (0.0, 0.0),
        name: row.name,
        note: row.note,
    });
    top + height
}

/// Where the time went between the measured bars: derived, so drawn as outlines.
fn spans(scene: &mut Scene, source: &Source<'_>, steps: &Steps<'_>, top: f64, unit: f64) {
    let px = |ns: i64| scene.axis.px(source.at(ns));
    let mut found = Vec::new();
    let mut add = |from: Option<i64>, to: Option<i64>, lane: Lane, on_the_way: bool| {
        if let (Some(from), Some(to)) = (from, to)
            && to > from
        {
            found.push(Span {
                rect: Rect {
                    x: px(from),
                    y: top,
                    w: px(to) - px(from),
                    h: BAR_PX * unit,
                },
                lane,
                on_the_way,
            });
        }
    };
    let network = Lane::of(LaneKind::Network);
    let at = |event: Option<&wire::trace::TraceEvent>| event.map(|event| event.at_ns);
    let served = at(steps.first_read);
    let wrote = at(steps.first_write);
    add(at(steps.sent), served, network, true);
    add(served, at(steps.last_read), Lane::SOCKET, false);
    add(
        wrote,
        steps.last_write.map(|event| event.end_ns()),
        Lane::SOCKET,
        false,
    );
    let head = at(steps.head.or(steps.end));
    add(wrote, head, network, true);
    if let Some(client) = steps.client() {
        let last = at(steps
            .end
            .or(steps.last_received)
            .or(steps.closed)
            .or(steps.broken));
        add(head.or(at(steps.sent)), last, client, false);
    }
    scene.spans.append(&mut found);
}

/// Words at the end of each row: how long it took, or what it is where it is one event.
fn labels(scene: &mut Scene, sources: &[Source<'_>], unit: f64, widths: &Widths) {
    let line_px = LINE_PX * unit;
    let mut by_track: Vec<Vec<&Mark>> = vec![Vec::new(); scene.tracks.len()];
    for mark in &scene.marks {
        if let Some(marks) = by_track.get_mut(mark.track) {
            marks.push(mark);
        }
    }
    let mut labels: Vec<Label> = Vec::new();
    for (place, (track, marks)) in scene.tracks.iter().zip(by_track).enumerate() {
        let Some(source) = sources.get(track.source) else {
            continue;
        };
        let Some(text) = row_words(source, scene, &marks) else {
            continue;
        };
        let end_px = marks.iter().map(|mark| mark.to_px).fold(0.0, f64::max);
        let first_px = marks
            .iter()
            .map(|mark| mark.from_px)
            .fold(f64::MAX, f64::min);
        let w = widths.of(&text);
        let beside = end_px + 12.0 * unit;
        let before = first_px - 12.0 * unit - w;
        // Behind the row or, at the picture's end, before it.
        let (x, ends) = if beside + w <= scene.size.0 {
            (beside, false)
        } else if before >= scene.gutter_px {
            (before, true)
        } else {
            continue;
        };
        labels.push(Label {
            rect: Rect {
                x,
                y: track.from + (GAP_PX + BAR_PX / 2.0) * unit - line_px / 2.0,
                w,
                h: line_px,
            },
            text,
            whose: Whose::Track(place),
            lane: track.lane,
            anchor: (if ends { x + w } else { x }, track.line),
            ends,
            strong: false,
        });
    }
    scene.labels = labels;
}

/// `41.2 ms`, or what a row of one event is.
fn row_words(source: &Source<'_>, scene: &Scene, marks: &[&Mark]) -> Option<String> {
    if let [mark] = marks
        && mark.count == 1
    {
        return Some(mark_words(source, scene.events_of(mark), false));
    }
    let events = || {
        marks
            .iter()
            .flat_map(|mark| scene.events_of(mark))
            .map(|&index| source.run.event(index))
    };
    let first = events().map(|event| event.at_ns).min()?;
    let last = events().map(TraceEvent::end_ns).max()?;
    Some(wire::time::duration(last.saturating_sub(first)))
}
