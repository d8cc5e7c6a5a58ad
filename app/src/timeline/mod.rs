//! The timeline: a run as a picture. Layout is pure and tested natively; drawing needs a browser.
//!
//! [`Pulse`] says when something happens, [`fit`] chooses a scale for it, [`ladder`] or [`waterfall`] put everything in
//! its place, and the result is a [`scene::Scene`]: plain data in pixels.

mod along;
pub mod axis;
mod beside;
mod columns;
pub mod facts;
pub mod fit;
pub mod labels;
mod ladder;
mod marks;
pub mod play;
mod pulse;
pub mod scene;
mod waterfall;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod paint;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "wasm32")]
pub(crate) mod view;

pub use beside::LINE_PX;
pub use pulse::Pulse;
pub use scene::{Picture, Scene, Source, View, Zoom};
#[cfg(target_arch = "wasm32")]
pub(crate) use view::{RunStore, timeline};

/// Lays runs out for a view: one, or two to be compared.
pub fn layout(
    sources: &[Source<'_>],
    pulse: &Pulse,
    view: &View,
    widths: &labels::Widths,
) -> Scene {
    match view.picture {
        Picture::Ladder => ladder::ladder(sources, pulse, view, widths),
        Picture::Waterfall => waterfall::waterfall(sources, pulse, view, widths),
    }
}

/// The number, or the nearest of the two bounds. [`f64::clamp`] would bring along what prints fractions, to say in its panic
/// that the bounds are in the wrong order.
fn within(number: f64, least: f64, most: f64) -> f64 {
    if number < least {
        least
    } else if number > most {
        most
    } else {
        number
    }
}
