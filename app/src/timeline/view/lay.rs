//! Laying the run out for the window as it is.

use super::stage::{Head, Shows, Stage, now_ms, origin};
use crate::{
    dom::px,
    run::{Arrow, Run},
    timeline::{
        Picture, Pulse, Scene, Source, View, labels::Widths, layout, paint::palette::Palette,
    },
};

/// What only changes with the run.
pub(super) struct Cached {
    key: Vec<(Option<u128>, u64)>,
    arrows: Vec<Vec<Arrow>>,
    pulse: Pulse,
}

impl Stage {
    pub(super) fn lay(&self, now_ms: f64) {
        let (size, unit) = self.inner.peek(|inner| (inner.size, inner.unit));
        if size.0 < 1.0 {
            return;
        }
        self.read_style();
        let picture = match self.shows.now() {
            Shows::Waterfall => Picture::Waterfall,
            Shows::Ladder | Shows::Table => Picture::Ladder,
        };
        let (length_px, breadth_px) = match picture {
            Picture::Ladder => (size.1, size.0),
            Picture::Waterfall => (size.0, size.1),
        };
        let view = View {
            picture,
            length_px,
            breadth_px,
            unit,
            zoom: self.zoom.now(),
            to_scale: self.to_scale.now(),
            unfolded: self.unfolded.now(),
        };
        // What stood at the window's beginning stays there, unless the end is followed.
        let scroll = self.scroll();
        let before = self.with_scene(|scene| {
            let px = scene.along(scroll);
            (scene.picture == picture).then(|| (scene.axis.ns(px), 0.0))
        });
        let store = self.store;
        let scene = store.peek_shown(|shown| {
            store.compare.peek(|kept| {
                let runs: Vec<&Run> = kept
                    .iter()
                    .filter(|kept| !kept.is_empty())
                    .chain([shown])
                    .collect();
                self.inner.alter(|inner| {
                    let widths = inner
                        .widths
                        .clone()
                        .unwrap_or_else(|| Widths::rough(14.0 * unit));
                    let cached = Cached::of(inner.cached.take(), &runs);
                    let scene = with_sources(&runs, &cached.arrows, |sources| {
                        layout(sources, &cached.pulse, &view, &widths)
                    });
                    inner.cached = Some(cached);
                    scene
                })
            })
        });
        if let Some(sizer) = self.sizer.now() {
            let style = sizer.style();
            let _ = style.set_property("inline-size", &px(scene.size.0.floor()));
            let _ = style.set_property("block-size", &px(scene.size.1.floor()));
        }
        let heads = heads(&scene);
        self.heads.change_to(heads);
        let (anchor, follows) = self
            .inner
            .alter(|inner| (inner.anchor.take(), inner.follows));
        let moment = self.moment.now();
        let target = match (anchor.or(before.flatten()), moment) {
            (_, None) if follows && anchor.is_none() => Some(scene.along(scene.size)),
            (Some((ns, at_px)), _) => Some(scene.axis.px(ns) - at_px),
            _ => None,
        };
        let lasted_ms = self::now_ms() - now_ms;
        self.inner.alter(|inner| {
            inner.scene = Some(scene);
            inner.stale = false;
            inner.layout_ms = lasted_ms;
            inner.laid_at_ms = now_ms;
        });
        if let Some(px) = target {
            self.scroll_to(px);
        }
        self.settle_soon();
    }

    fn read_style(&self) {
        let Some(ctx) = self.context() else { return };
        self.inner.alter(|inner| {
            if inner.palette.is_none() {
                inner.palette = Palette::read(&ctx);
            }
            if inner.widths.is_none()
                && let Some(palette) = &inner.palette
            {
                let size = px(14.0 * inner.unit);
                // The heavier weight is the wider one: words stay apart when one of them is emphasised.
                ctx.set_font(&["600 ", &size, " ", &palette.font].concat());
                inner.widths = Some(Widths::measured(|letter| {
                    let mut text = [0; 4];
                    ctx.measure_text(letter.encode_utf8(&mut text))
                        .map_or(9.0, |text| text.width())
                }));
            }
        });
    }
}

fn with_sources<T>(
    runs: &[&Run],
    arrows: &[Vec<Arrow>],
    read: impl FnOnce(&[Source<'_>]) -> T,
) -> T {
    let sources: Vec<Source<'_>> = runs
        .iter()
        .zip(arrows)
        .map(|(run, arrows)| Source {
            run,
            arrows,
            origin_ns: origin(run),
        })
        .collect();
    read(&sources)
}

impl Cached {
    fn of(before: Option<Cached>, runs: &[&Run]) -> Cached {
        let key: Vec<_> = runs
            .iter()
            .map(|run| (run.id().map(|id| id.get()), run.version()))
            .collect();
        if let Some(before) = before
            && before.key == key
        {
            return before;
        }
        let arrows: Vec<Vec<Arrow>> = runs.iter().map(|run| run.arrows()).collect();
        let pulse = with_sources(runs, &arrows, Pulse::of);
        Cached { key, arrows, pulse }
    }
}

fn heads(scene: &Scene) -> Vec<Head> {
    if scene.picture == Picture::Waterfall {
        return Vec::new();
    }
    scene
        .tracks
        .iter()
        .map(|track| Head {
            lane: track.lane,
            source: track.source,
            name: track.name.clone(),
            from: track.from,
            to: track.to,
            line: track.line,
        })
        .collect()
}
