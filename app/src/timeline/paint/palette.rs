//! The colours of the page, read from its tokens, and the hatches that tell lanes apart without colour.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasPattern, CanvasRenderingContext2d, CssStyleDeclaration, HtmlCanvasElement};
use wire::trace::{Lane, LaneKind};

use crate::browser::{document, window};

/// A lane's colours.
pub(crate) struct LaneColours {
    /// For bars, marks and arrows.
    pub(crate) area: String,
    /// For words.
    pub(crate) ink: String,
    /// What lies over a bar, so that lanes differ without colour too.
    pub(crate) hatch: Option<CanvasPattern>,
}

/// All colours that the picture uses.
pub(crate) struct Palette {
    pub(crate) paper: String,
    pub(crate) sunk: String,
    pub(crate) rule: String,
    pub(crate) rule_strong: String,
    pub(crate) ink: String,
    pub(crate) ink_2: String,
    pub(crate) ink_3: String,
    pub(crate) font: String,
    lanes: Vec<LaneColours>,
    subscribers: Vec<LaneColours>,
}

/// How many tints subscribers have; the next one takes the first again.
const TINTS: u16 = 6;

impl Palette {
    /// Reads the tokens in force.
    pub(crate) fn read(ctx: &CanvasRenderingContext2d) -> Option<Palette> {
        let style = window()
            .get_computed_style(&document().document_element()?)
            .ok()??;
        let token = |name: &str| style.get_property_value(name).unwrap_or_default();
        let paper = token("--paper");
        let lane = |name: &str, ink: &str, hatch: Hatch| LaneColours {
            area: token(&["--lane-", name].concat()),
            ink: token(&["--lane-", ink, "-ink"].concat()),
            hatch: pattern(ctx, hatch, &paper),
        };
        let lanes = LaneKind::ALL
            .iter()
            .map(|kind| lane(kind.name(), kind.name(), hatch_of(*kind)))
            .collect();
        let subscribers = (1..=TINTS)
            .map(|number| {
                lane(
                    &["subscriber-", &number.to_string()].concat(),
                    "subscriber",
                    Hatch::Steps,
                )
            })
            .collect();
        Some(Palette {
            sunk: token("--sunk"),
            rule: token("--rule"),
            rule_strong: token("--rule-strong"),
            ink: token("--ink"),
            ink_2: token("--ink-2"),
            ink_3: token("--ink-3"),
            font: font(&style),
            paper,
            lanes,
            subscribers,
        })
    }

    /// The colours of a lane.
    pub(crate) fn lane(&self, lane: Lane) -> &LaneColours {
        if lane.kind == LaneKind::Subscriber
            && let Some(number) = lane.number.checked_sub(1)
            && let Some(colours) = self.subscribers.get(usize::from(number % TINTS))
        {
            return colours;
        }
        let place = LaneKind::ALL.iter().position(|kind| *kind == lane.kind);
        &self.lanes[place.unwrap_or(0)]
    }
}

fn font(root: &CssStyleDeclaration) -> String {
    root.get_property_value("font-family")
        .ok()
        .filter(|font| !font.is_empty())
        .unwrap_or_else(|| "sans-serif".to_owned())
}

#[derive(Clone, Copy)]
enum Hatch {
    Plain,
    Rising,
    Falling,
    Dots,
    Lines,
    Cross,
    Steps,
}

fn hatch_of(kind: LaneKind) -> Hatch {
    match kind {
        LaneKind::Browser | LaneKind::Handler => Hatch::Plain,
        LaneKind::Network => Hatch::Dots,
        LaneKind::Socket => Hatch::Rising,
        LaneKind::Topic => Hatch::Cross,
        LaneKind::Storage => Hatch::Lines,
        LaneKind::Terminal => Hatch::Falling,
        LaneKind::Subscriber => Hatch::Steps,
    }
}

/// Thin lines in the paper's colour on a transparent tile.
fn pattern(ctx: &CanvasRenderingContext2d, hatch: Hatch, paper: &str) -> Option<CanvasPattern> {
    const TILE: u32 = 7;
    let size = f64::from(TILE);
    let lines: &[[f64; 4]] = match hatch {
        Hatch::Plain => return None,
        Hatch::Rising => &[[0.0, 7.0, 7.0, 0.0]],
        Hatch::Falling => &[[0.0, 0.0, 7.0, 7.0]],
        Hatch::Lines => &[[0.0, 3.5, 7.0, 3.5]],
        Hatch::Cross => &[[0.0, 7.0, 7.0, 0.0], [0.0, 0.0, 7.0, 7.0]],
        Hatch::Dots => &[[3.0, 3.5, 4.0, 3.5]],
        Hatch::Steps => &[[0.0, 1.5, 3.5, 1.5], [3.5, 5.0, 7.0, 5.0]],
    };
    let tile: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    tile.set_width(TILE);
    tile.set_height(TILE);
    let pen: CanvasRenderingContext2d = tile.get_context("2d").ok()??.dyn_into().ok()?;
    pen.set_stroke_style_str(paper);
    pen.set_global_alpha(0.6);
    pen.set_line_width(1.4);
    pen.begin_path();
    for [x0, y0, x1, y1] in lines {
        // Three times, so that the lines go on from tile to tile.
        for shift in [-size, 0.0, size] {
            pen.move_to(x0 + shift, *y0);
            pen.line_to(x1 + shift, *y1);
        }
    }
    pen.stroke();
    ctx.create_pattern_with_html_canvas_element(&tile, "repeat")
        .ok()?
}

/// Dashes for a line: an empty list is a solid one.
pub(crate) fn dashes(of: &[f64]) -> JsValue {
    of.iter()
        .map(|px| JsValue::from_f64(*px))
        .collect::<js_sys::Array>()
        .into()
}
