//! Marks of one track: each event its own, or several in one where they are too near to be told apart.

use wire::trace::{Lane, Truth};

use super::{
    Source,
    axis::Axis,
    ladder::weaker,
    scene::{Mark, Rect, Shape, faulty},
};

/// Events that begin nearer to each other than this share a mark, where there are enough of them.
const NEAR_PX: f64 = 3.0;
/// So many make one mark; fewer lie side by side.
const DENSE_LEAST: usize = 4;
/// What lasts longer than this on the picture keeps a mark of its own.
const BAR_OWN_PX: f64 = 7.0;
/// How many bars may lie side by side in one track.
const SIDES: usize = 4;

/// Events of one track, in the order of time.
pub(super) struct Gather<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) source_number: usize,
    pub(super) axis: &'a Axis,
    pub(super) track: usize,
    pub(super) lane: Lane,
    pub(super) unit: f64,
}

/// Where a mark goes across the picture: the side it was given, 0 to 3, and how thick it is to be.
pub(super) struct Side {
    pub(super) from_px: f64,
    pub(super) to_px: f64,
    pub(super) shape: Shape,
    pub(super) side: usize,
}

struct Small {
    index: u32,
    from_px: f64,
    to_px: f64,
}

impl Gather<'_> {
    /// Makes the marks and hands each to `place`, which gives it its rectangle.
    pub(super) fn marks(
        &self,
        events: &[u32],
        members: &mut Vec<u32>,
        marks: &mut Vec<Mark>,
        place: impl Fn(&Side) -> Rect,
    ) {
        let mut small: Vec<Small> = Vec::new();
        let mut busy_until = [f64::MIN; SIDES];
        let own_px = BAR_OWN_PX * self.unit;
        let flush = |small: &mut Vec<Small>, members: &mut Vec<u32>, marks: &mut Vec<Mark>| {
            if small.len() >= DENSE_LEAST {
                self.dense(small, members, marks, &place);
            } else {
                for one in small.iter() {
                    self.one(one, 0, members, marks, &place);
                }
            }
            small.clear();
        };
        for &index in events {
            let event = self.source.run.event(index);
            let from_px = self.axis.px(self.source.at(event.at_ns));
            let to_px = match event.duration_ns {
                Some(_) => self.axis.px(self.source.at(event.end_ns())),
                None => from_px,
            };
            let one = Small {
                index,
                from_px,
                to_px,
            };
            if to_px - from_px >= own_px {
                let side = busy_until
                    .iter()
                    .position(|until| *until <= from_px + 0.5)
                    .unwrap_or(0);
                if let Some(until) = busy_until.get_mut(side) {
                    *until = until.max(to_px);
                }
                self.one(&one, side, members, marks, &place);
                continue;
            }
            let near = small
                .last()
                .is_some_and(|last| from_px - last.from_px < NEAR_PX * self.unit);
            if !near {
                flush(&mut small, members, marks);
            }
            small.push(one);
        }
        flush(&mut small, members, marks);
    }

    fn one(
        &self,
        one: &Small,
        side: usize,
        members: &mut Vec<u32>,
        marks: &mut Vec<Mark>,
        place: &impl Fn(&Side) -> Rect,
    ) {
        let event = self.source.run.event(one.index);
        let shape = match event.duration_ns {
            Some(_) if one.to_px - one.from_px >= 1.0 => Shape::Bar,
            _ => Shape::Point,
        };
        let (fault, wrong) = faulty(event);
        let side = Side {
            from_px: one.from_px,
            to_px: one.to_px,
            shape,
            side,
        };
        marks.push(Mark {
            shape,
            rect: place(&side),
            from_px: one.from_px,
            to_px: one.to_px,
            source: self.source_number,
            lane: self.lane,
            track: self.track,
            truth: event.truth,
            fault,
            wrong,
            first: members.len(),
            count: 1,
        });
        members.push(one.index);
    }

    fn dense(
        &self,
        small: &[Small],
        members: &mut Vec<u32>,
        marks: &mut Vec<Mark>,
        place: &impl Fn(&Side) -> Rect,
    ) {
        let (Some(first), Some(last)) = (small.first(), small.last()) else {
            return;
        };
        let (mut fault, mut wrong, mut truth) = (false, false, Truth::Measured);
        for one in small {
            let event = self.source.run.event(one.index);
            let (this_fault, this_wrong) = faulty(event);
            fault |= this_fault;
            wrong |= this_wrong;
            // The weakest of them: a mark must not promise more than all of its events hold.
            truth = weaker(truth, event.truth);
        }
        let side = Side {
            from_px: first.from_px,
            to_px: last.to_px.max(first.from_px + 1.0),
            shape: Shape::Dense,
            side: 0,
        };
        marks.push(Mark {
            shape: Shape::Dense,
            rect: place(&side),
            from_px: side.from_px,
            to_px: side.to_px,
            source: self.source_number,
            lane: self.lane,
            track: self.track,
            truth,
            fault,
            wrong,
            first: members.len(),
            count: small.len(),
        });
        members.extend(small.iter().map(|one| one.index));
    }
}
