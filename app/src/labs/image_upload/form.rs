//! The controls of the image upload lab, and what it shows below the timeline.

use std::rc::Rc;

use wire::{
    images::{IMAGES_PATH, ImageInfo},
    time::{bytes, duration},
};

use super::{
    knobs::{CHUNK_KIB_BOUNDS, CHUNKS, WAYS},
    page::{Outcome, Page},
    tus::{Phase, Tus},
};
use crate::{
    components::{
        controls::{Line, Number, button, choice, line, number},
        notice::grouped,
    },
    dom::{El, el},
};

impl Page {
    fn phase(self) -> Phase {
        self.tus
            .with(|tus| tus.as_ref().map_or(Phase::Idle, |tus| tus.phase().clone()))
    }

    fn is_running(self) -> bool {
        self.tus
            .with(|tus| tus.as_ref().is_some_and(Tus::is_running))
    }

    fn can_resume(self) -> bool {
        match self.phase() {
            Phase::Paused => true,
            // Without an address there is nothing to go on with.
            Phase::Failed(_) => self
                .tus
                .with(|tus| tus.as_ref().and_then(Tus::url).is_some()),
            _ => false,
        }
    }

    /// What the filled button does now.
    fn verb(self) -> &'static str {
        if self.is_running() {
            "Pause"
        } else if self.can_resume() {
            "Resume"
        } else if self.is_sending.get() {
            "Cancel"
        } else {
            "Upload"
        }
    }

    pub(super) fn controls(self) -> El {
        let in_chunks = move || self.knobs.with(|knobs| knobs.way == CHUNKS);
        let way = choice(
            "way",
            "It goes",
            &["in chunks", "in one request"],
            move || self.knobs.with(|knobs| knobs.way),
            move |way| {
                self.knobs
                    .update(|knobs| knobs.way = way.min(WAYS.len() - 1));
            },
        );
        let chunk = number(Number {
            id: "chunk",
            label: "Chunk",
            unit: "KiB",
            bounds: Box::new(|| (*CHUNK_KIB_BOUNDS.start(), *CHUNK_KIB_BOUNDS.end())),
            value: Rc::new(move || self.knobs.with(|knobs| knobs.chunk_kib)),
            set: Box::new(move |size| self.knobs.update(|knobs| knobs.chunk_kib = size)),
        })
        .flag_of("hidden", move || !in_chunks());
        // In one request there is no pause, and the filled button cancels.
        let cancel = button("Cancel", move || self.cancel())
            .flag_of("disabled", move || {
                !(self.is_running() || self.can_resume())
            })
            .flag_of("hidden", move || !in_chunks() && !self.can_resume());
        line(Line {
            session: self.session,
            fields: vec![self.file_field(), way, chunk],
            beside: vec![cancel],
            verb: Box::new(move || self.verb()),
            ready: Rc::new(move || self.has_sample() || self.file.with(Option::is_some)),
            run: Box::new(move || match self.verb() {
                "Pause" => self.pause(),
                "Resume" => self.resume(),
                "Cancel" => self.stop(),
                _ => self.upload(),
            }),
        })
    }

    /// How the upload stands, in a sentence.
    fn standing(self) -> String {
        match (self.outcome.get(), self.phase()) {
            (Outcome::Stored(_), _) => "Stored.".to_owned(),
            (Outcome::Cancelled, _) => {
                "Cancelled: the server has let go of what it had.".to_owned()
            }
            (Outcome::Failed(_), _) => "Stopped.".to_owned(),
            (Outcome::Open, Phase::Paused) if self.is_elsewhere.get() => {
                "Another tab goes on with this file. Resume takes it back.".to_owned()
            }
            (Outcome::Open, Phase::Paused) => {
                "Paused. On resuming, the server is asked how much it has.".to_owned()
            }
            (
                Outcome::Open,
                Phase::Waiting {
                    why,
                    attempt,
                    wait_ms,
                },
            ) => {
                let wait = duration(i64::from(wait_ms) * 1_000_000);
                format!("{why} Try {attempt} is in {wait}.")
            }
            (Outcome::Open, Phase::Asking) => "Asking the server how much it has.".to_owned(),
            (Outcome::Open, Phase::Cancelling) => "Asking the server to remove it.".to_owned(),
            (Outcome::Open, _) => String::new(),
        }
    }

    fn image(self) -> Option<ImageInfo> {
        match self.outcome.get() {
            Outcome::Stored(info) => Some(info),
            _ => None,
        }
    }

    /// Progress, both digests, the preview.
    pub(super) fn below(self) -> El {
        let bar = el("progress")
            .attr("aria-label", "Uploaded")
            .attr_of("max", move || {
                Some(
                    self.progress
                        .with(|progress| progress.length.max(1))
                        .to_string(),
                )
            })
            .attr_of("value", move || {
                Some(self.progress.with(|progress| progress.sent).to_string())
            });
        let words =
            el("p.upload-words").shows(move || self.progress.with(|progress| progress.words()));
        let state = el("p.upload-state")
            .attr("role", "status")
            .shows(move || self.standing());
        let not_yet = || "not yet".to_owned();
        let here = el("code")
            .attr("data-digest", "page")
            .shows(move || self.digest.get().unwrap_or_else(not_yet));
        let there = el("code")
            .attr("data-digest", "server")
            .shows(move || self.image().map_or_else(not_yet, |info| info.sha256));
        let verdict = el("span")
            .attr("role", "status")
            .shows(move || self.verdict().to_owned());
        let digests = el("dl.digests").add_all([
            el("dt").text("SHA-256 in this page"),
            el("dd").add(here),
            el("dt").text("SHA-256 at the server"),
            el("dd").add(there),
            el("dt").text("Equal"),
            el("dd").add(verdict),
        ]);
        let picture =
            el("div.upload-preview").holds(move || self.image().map(preview).into_iter().collect());
        el("section.upload")
            .attr("aria-label", "Upload")
            .add(el("div.upload-progress").add_all([bar, words, state, self.queue_list()]))
            .add(digests)
            .add(picture)
    }

    fn verdict(self) -> &'static str {
        match (self.digest.get(), self.image()) {
            (Some(page), Some(info)) if page == info.sha256 => {
                "yes: the server has exactly these bytes"
            }
            (Some(_), Some(_)) => "no: what the server has is something else. Upload again.",
            (None, Some(_)) => "this page is still computing its own",
            _ => "not yet known",
        }
    }
}

fn preview(info: ImageInfo) -> El {
    let size = match (info.width, info.height) {
        (Some(width), Some(height)) => format!(
            "{} × {} pixels, ",
            grouped(width.into()),
            grouped(height.into())
        ),
        _ => String::new(),
    };
    let words = format!("{size}{}. ", bytes(info.bytes));
    // What a camera wrote about place and time is in the original only.
    let anew = match info.preview {
        Some(_) => "Encoded anew, without metadata: no place, no time, no camera. ",
        None => "",
    };
    let original = el("a")
        .attrs(&[
            ("href", &format!("{IMAGES_PATH}/{}/original", info.id)),
            ("download", ""),
        ])
        .text("The original bytes");
    let picture = match info.preview {
        Some(preview) => {
            let side = |pixels: Option<u32>| pixels.unwrap_or_default().to_string();
            el("img").attrs(&[
                ("src", &preview),
                (
                    "alt",
                    "The uploaded picture, decoded and encoded anew by the server",
                ),
                ("width", &side(info.width)),
                ("height", &side(info.height)),
            ])
        }
        None => {
            let why = info.why.unwrap_or_default();
            el("p.hint").text(&format!("No preview: {why}"))
        }
    };
    el("figure")
        .add(picture)
        .add(el("figcaption").text(&words).text(anew).add(original))
}
