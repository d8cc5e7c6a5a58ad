//! The picture as plain data: what is drawn where. Made by [`super::ladder`] or [`super::waterfall`], drawn by whoever
//! has a canvas.
//!
//! Coordinates are in CSS pixels within the whole picture, which may be much longer than the window. *Along* is the
//! direction of time (down in the ladder, right in the waterfall), *across* is the other one.

use wire::trace::{Lane, TraceEvent, Truth};

use super::axis::Axis;
use crate::{
    order,
    run::{Arrow, Run, Way},
};

/// Which picture of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Picture {
    /// Lanes side by side, time downwards.
    #[default]
    Ladder,
    /// Requests one under the other, time to the right.
    Waterfall,
}

/// How large the scale is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Zoom {
    /// As large as words need; the picture may be longer than the window.
    #[default]
    Readable,
    /// The whole run in the window.
    Whole,
    /// This many pixels a nanosecond.
    Fixed(f64),
}

/// How one looks at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Which picture.
    pub picture: Picture,
    /// The window along time, in pixels.
    pub length_px: f64,
    /// The window across it, in pixels.
    pub breadth_px: f64,
    /// How much larger than usual type and marks are: 1, or 1.5 for a projector.
    pub unit: f64,
    /// The scale.
    pub zoom: Zoom,
    /// One scale without any exception: no folds, no lenses.
    pub to_scale: bool,
    /// Folds that were opened, by where they begin in nanoseconds since the origin.
    pub unfolded: Vec<i64>,
}

/// A run on the picture.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its arrows.
    pub arrows: &'a [Arrow],
    /// Which of its moments stands at the picture's origin, in nanoseconds since the run's start.
    pub origin_ns: i64,
}

impl Source<'_> {
    /// A moment of this run in nanoseconds since the picture's origin.
    pub fn at(&self, ns: i64) -> i64 {
        ns.saturating_sub(self.origin_ns)
    }
}

/// A rectangle in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// Do the two share any area?
    pub fn overlaps(&self, other: &Rect) -> bool {
        const HAIR: f64 = 1e-6;
        self.x + HAIR < other.x + other.w
            && other.x + HAIR < self.x + self.w
            && self.y + HAIR < other.y + other.h
            && other.y + HAIR < self.y + self.h
    }

    /// Is the point in it, or nearer to it than `slack`?
    pub fn holds(&self, x: f64, y: f64, slack: f64) -> bool {
        x >= self.x - slack
            && x <= self.x + self.w + slack
            && y >= self.y - slack
            && y <= self.y + self.h + slack
    }
}

/// A lane of the ladder, or a row of the waterfall.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Which run.
    pub source: usize,
    /// Whose line it is; for a row, who asked.
    pub lane: Lane,
    /// Where its line stands across the picture.
    pub line: f64,
    /// Where it begins across the picture.
    pub from: f64,
    /// Where it ends across the picture.
    pub to: f64,
    /// The ladder's: from where to where its words may stand across the picture. Lanes with the same stretch share it.
    pub words: (f64, f64),
    /// Its name: a lane's, or the request's words.
    pub name: String,
    /// What stands under the name: the status, the number of events.
    pub note: String,
}

/// How a mark looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It took time.
    Bar,
    /// It happened at a moment.
    Point,
    /// Several that are too near to one another to be told apart at this scale.
    Dense,
}

/// A mark for one event or, where they are too near, for several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// How it looks.
    pub shape: Shape,
    /// Where it is.
    pub rect: Rect,
    /// Where it begins along time, in pixels.
    pub from_px: f64,
    /// Where it ends along time, in pixels.
    pub to_px: f64,
    /// Which run.
    pub source: usize,
    /// Whose it is.
    pub lane: Lane,
    /// Which track it stands in.
    pub track: usize,
    /// Where the figure comes from.
    pub truth: Truth,
    /// An injected fault: it carries the lightning mark.
    pub fault: bool,
    /// Something went wrong here.
    pub wrong: bool,
    /// The first of its events in [`Scene::members`].
    pub first: usize,
    /// How many events it stands for.
    pub count: usize,
}

/// Something that travelled, as a line between two tracks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flight {
    /// Where it left: x, y.
    pub from: (f64, f64),
    /// Where it arrived: x, y.
    pub to: (f64, f64),
    /// How far along time its beginning may be off, in pixels to each side.
    pub from_error_px: f64,
    /// How far along time its end may be off, in pixels to each side.
    pub to_error_px: f64,
    /// Who sent it: its colour.
    pub lane: Lane,
    /// Which run.
    pub source: usize,
    /// What it was.
    pub way: Way,
    /// Derived where one of its ends is.
    pub truth: Truth,
    /// Index of the event at its beginning.
    pub from_event: u32,
    /// Index of the event at its end.
    pub to_event: u32,
    /// How many arrows it stands for, where several lie on one another.
    pub count: usize,
}

/// A stretch between two events that is no event itself: on the way, receiving.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it is.
    pub rect: Rect,
    /// Its colour.
    pub lane: Lane,
    /// Does something travel in it?
    pub on_the_way: bool,
}

/// What words belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A mark, by its place in [`Scene::marks`].
    Mark(usize),
    /// A flight, by its place in [`Scene::flights`].
    Flight(usize),
    /// A track, by its place in [`Scene::tracks`].
    Track(usize),
}

/// Words in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Where they are.
    pub rect: Rect,
    /// The words.
    pub text: String,
    /// What they belong to.
    pub whose: Whose,
    /// Their colour.
    pub lane: Lane,
    /// Where the thing is that they belong to: x, y.
    pub anchor: (f64, f64),
    /// They stand at the left of it and end there.
    pub ends: bool,
    /// They say something that matters more than the rest.
    pub strong: bool,
}

/// The whole picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Which picture it is.
    pub picture: Picture,
    /// Time to pixels and back, along the picture.
    pub axis: Axis,
    /// How large the whole picture is: width, height.
    pub size: (f64, f64),
    /// The room of the times (ladder) or of the rows' names (waterfall) at the left, in pixels.
    pub gutter_px: f64,
    /// Lanes or rows.
    pub tracks: Vec<Track>,
    /// Marks, by where they begin along time.
    pub marks: Vec<Mark>,
    /// Indexes of events: each mark's are `members[first..first + count]`.
    pub members: Vec<u32>,
    /// Arrows, by where they leave along time.
    pub flights: Vec<Flight>,
    /// Stretches between events, in no order.
    pub spans: Vec<Span>,
    /// Words.
    pub labels: Vec<Label>,
    /// For culling: how far along time the marks up to here reach.
    pub(super) marks_reach: Vec<f64>,
    /// For culling: how far along time the flights up to here reach.
    pub(super) flights_reach: Vec<f64>,
}

impl Scene {
    /// The places of the marks that may be seen between two pixels along time.
    pub fn marks_between(&self, from_px: f64, to_px: f64) -> std::ops::Range<usize> {
        let first = self.marks_reach.partition_point(|reach| *reach < from_px);
        let last = self.marks.partition_point(|mark| mark.from_px <= to_px);
        first..last.max(first)
    }

    /// The places of the flights that may be seen between two pixels along time.
    pub fn flights_between(&self, from_px: f64, to_px: f64) -> std::ops::Range<usize> {
        let along = |flight: &Flight| self.along(flight.from).min(self.along(flight.to));
        let first = self.flights_reach.partition_point(|reach| *reach < from_px);
        let last = self
            .flights
            .partition_point(|flight| along(flight) <= to_px);
        first..last.max(first)
    }

    /// Where a point is along time.
    pub fn along(&self, (x, y): (f64, f64)) -> f64 {
        match self.picture {
            Picture::Ladder => y,
            Picture::Waterfall => x,
        }
    }

    /// The events of a mark, as indexes into its run.
    pub fn events_of(&self, mark: &Mark) -> &[u32] {
        self.members
            .get(mark.first..mark.first + mark.count)
            .unwrap_or_default()
    }

    /// The mark that an event belongs to, by its place in [`Scene::marks`].
    pub fn mark_of(&self, source: usize, event: u32) -> Option<usize> {
        self.marks
            .iter()
            .position(|mark| mark.source == source && self.events_of(mark).contains(&event))
    }

    pub(super) fn index(&mut self) {
        let mut reach = f64::MIN;
        self.marks_reach = self
            .marks
            .iter()
            .map(|mark| {
                reach = reach.max(mark.to_px);
                reach
            })
            .collect();
        let along = |(x, y): (f64, f64)| match self.picture {
            Picture::Ladder => y,
            Picture::Waterfall => x,
        };
        order::by_length(&mut self.flights, |flight| {
            along(flight.from).min(along(flight.to))
        });
        let mut reach = f64::MIN;
        self.flights_reach = self
            .flights
            .iter()
            .map(|flight| {
                reach = reach.max(along(flight.from).max(along(flight.to)));
                reach
            })
            .collect();
    }
}

/// Does the event carry the lightning mark, and did something go wrong?
pub(super) fn faulty(event: &TraceEvent) -> (bool, bool) {
    use wire::trace::Kind;
    (
        event.kind == Kind::Fault,
        matches!(event.kind, Kind::Failed | Kind::Aborted | Kind::Gap),
    )
}
