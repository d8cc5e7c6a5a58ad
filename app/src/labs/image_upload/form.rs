//! The controls of the image upload lab, and what it shows below the timeline.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, HtmlInputElement};
use wire::{images::ImageInfo, limits::UPLOAD_BYTES_MAX, time::bytes};

use super::{
    knobs::{CHUNK_KIB_BOUNDS, CHUNKS, WAYS},
    page::{Outcome, Page},
    tus::{Phase, Tus},
};
use crate::components::{
    controls::{Choice, Line, Number, choice, line, number},
    notice::grouped,
};

impl Page {
    fn phase(self) -> Phase {
        self.tus
            .with(|tus| tus.as_ref().map_or(Phase::Idle, |tus| tus.phase().clone()))
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

    pub(super) fn controls(self) -> AnyView {
        let is_running = move || {
            self.tus
                .with(|tus| tus.as_ref().is_some_and(Tus::is_running))
        };
        let verb = Signal::derive(move || {
            if is_running() {
                "Pause"
            } else if self.can_resume() {
                "Resume"
            } else if self.is_sending.get() {
                "Cancel"
            } else {
                "Upload"
            }
        });
        let act = Callback::new(move |()| match verb.get_untracked() {
            "Pause" => self.pause(),
            "Resume" => self.resume(),
            "Cancel" => self.stop(),
            _ => self.upload(),
        });
        let ready = Signal::derive(move || self.has_sample() || self.file.with(Option::is_some));
        let fields = view! {
            {self.file_field()}
            {choice(Choice {
                id: "way",
                label: "It goes",
                options: vec!["in chunks", "in one request"],
                value: Signal::derive(move || self.knobs.with(|knobs| knobs.way)),
                set: Callback::new(move |way: usize| {
                    self.knobs.update(|knobs| knobs.way = way.min(WAYS.len() - 1));
                }),
            })}
            <Show when=move || self.knobs.with(|knobs| knobs.way == CHUNKS)>
                {number(Number {
                    id: "chunk",
                    label: "Chunk",
                    unit: "KiB",
                    bounds: Signal::stored((*CHUNK_KIB_BOUNDS.start(), *CHUNK_KIB_BOUNDS.end())),
                    value: Signal::derive(move || self.knobs.with(|knobs| knobs.chunk_kib)),
                    set: Callback::new(move |size| self.knobs.update(|knobs| knobs.chunk_kib = size)),
                })}
            </Show>
        }
        .into_any();
        let beside = view! {
            <button
                type="button"
                disabled=move || !(is_running() || self.can_resume())
                on:click=move |_| self.cancel()
            >
                "Cancel"
            </button>
        };
        // In one request there is no pause, and the filled button cancels.
        let beside = view! {
            <Show when=move || self.knobs.with(|knobs| knobs.way == CHUNKS)>{beside.clone()}</Show>
        }
        .into_any();
        line(Line {
            session: self.session,
            fields,
            beside,
            verb,
            ready,
            run: act,
        })
    }

    fn file_field(self) -> AnyView {
        let chosen = move |event: ev::Event| {
            let input: Option<HtmlInputElement> =
                event.target().and_then(|target| target.dyn_into().ok());
            if let Some(file) = input.and_then(|input| input.files()?.get(0)) {
                self.choose(file);
            }
        };
        let words = move || {
            self.file.with(|file| match file {
                Some(file) => format!("{}, {}", file.name(), bytes(file.size() as u64)),
                None if self.has_sample() => "the sample photograph; or drop one here".to_owned(),
                None => "choose one, or drop it here".to_owned(),
            })
        };
        view! {
            <div class="field file-field">
                <label for="file">
                    "File " <span class="bounds">{format!("up to {}", bytes(UPLOAD_BYTES_MAX))}</span>
                </label>
                <span class="with-unit">
                    <input
                        id="file"
                        type="file"
                        accept="image/*"
                        disabled=move || self.is_busy()
                        aria-describedby="file-words"
                        on:change=chosen
                    />
                    <span class="unit" id="file-words">
                        {words}
                    </span>
                </span>
            </div>
        }
        .into_any()
    }

    /// A file may be dropped anywhere on the page: a small target would be missed, and the browser would open the file.
    pub(super) fn accept_drops(self) {
        let over = window_event_listener(ev::dragover, |event: DragEvent| event.prevent_default());
        let drop = window_event_listener(ev::drop, move |event: DragEvent| {
            event.prevent_default();
            let file = event
                .data_transfer()
                .and_then(|transfer| transfer.files()?.get(0));
            if let Some(file) = file
                && !untrack(|| self.is_busy())
            {
                self.choose(file);
            }
        });
        on_cleanup(move || {
            over.remove();
            drop.remove();
        });
    }

    /// Progress, both digests, the preview.
    pub(super) fn below(self) -> AnyView {
        let state = move || match (self.outcome.get(), self.phase()) {
            (Outcome::Stored(_), _) => "Stored.".to_owned(),
            (Outcome::Cancelled, _) => {
                "Cancelled: the server has let go of what it had.".to_owned()
            }
            (Outcome::Failed(_), _) => "Stopped.".to_owned(),
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
            ) => format!(
                "{why} Try {attempt} is in {}.",
                wire::time::duration(i64::from(wait_ms) * 1_000_000)
            ),
            (Outcome::Open, Phase::Asking) => "Asking the server how much it has.".to_owned(),
            (Outcome::Open, Phase::Cancelling) => "Asking the server to remove it.".to_owned(),
            (Outcome::Open, _) => String::new(),
        };
        let progress = move || self.progress.get();
        let stored = move || match self.outcome.get() {
            Outcome::Stored(info) => Some(info),
            _ => None,
        };
        view! {
            <section class="upload" aria-label="Upload">
                <div class="upload-progress">
                    <progress
                        max=move || progress().length.max(1).to_string()
                        prop:value=move || progress().sent as f64
                        aria-label="Uploaded"
                    ></progress>
                    <p class="upload-words">
                        {move || progress().words()}
                    </p>
                    <p class="upload-state" role="status">{state}</p>
                </div>
                <dl class="digests">
                    <dt>"SHA-256 in this page"</dt>
                    <dd>
                        <code data-digest="page">{move || self.digest.get().unwrap_or_else(|| "not yet".to_owned())}</code>
                    </dd>
                    <dt>"SHA-256 at the server"</dt>
                    <dd>
                        <code data-digest="server">
                            {move || stored().map_or_else(|| "not yet".to_owned(), |info| info.sha256)}
                        </code>
                    </dd>
                    <dt>"Equal"</dt>
                    <dd>
                        <span role="status">{move || self.verdict(stored())}</span>
                    </dd>
                </dl>
                <div class="upload-preview">
                    {move || stored().map(preview)}
                </div>
            </section>
        }
        .into_any()
    }

    fn verdict(self, stored: Option<ImageInfo>) -> &'static str {
        match (self.digest.get(), stored) {
            (Some(page), Some(info)) if page == info.sha256 => {
                "yes: the server has exactly these bytes"
            }
            (Some(_), Some(_)) => "no: what the server has is something else. Upload again.",
            (None, Some(_)) => "this page is still computing its own",
            _ => "not yet known",
        }
    }
}

fn preview(info: ImageInfo) -> AnyView {
    let size = match (info.width, info.height) {
        (Some(width), Some(height)) => format!(
            "{} × {} pixels, ",
            grouped(width.into()),
            grouped(height.into())
        ),
        _ => String::new(),
    };
    let words = format!("{size}{}", bytes(info.bytes));
    let original = format!("{}/{}/original", wire::images::IMAGES_PATH, info.id);
    let picture = match info.preview {
        Some(preview) => view! {
            <img
                src=preview
                alt="The uploaded picture, decoded and encoded anew by the server"
                width=info.width.map(|width| width.to_string())
                height=info.height.map(|height| height.to_string())
            />
        }
        .into_any(),
        None => {
            let why = info.why.unwrap_or_default();
            view! { <p class="hint">"No preview: " {why}</p> }.into_any()
        }
    };
    view! {
        <figure>
            {picture} <figcaption>{words} ". " <a href=original download="">"The original bytes"</a></figcaption>
        </figure>
    }
    .into_any()
}
