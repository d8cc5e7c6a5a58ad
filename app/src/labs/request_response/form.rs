//! The controls of the request–response lab.

use leptos::prelude::*;
use wire::limits::{ECHO_BYTES_MAX, PROBE_GAP_MS_MAX, PROBE_PIECES_MAX};

use super::{
    answer::Answer,
    knobs::{FORMATS, FRAMINGS, Knobs, METHODS, NO_BODY, STATUS, WORKS, delay_max},
    presets::PRESETS,
};
use crate::components::controls::{Choice, Number, choice, number};

/// What the fields show and change.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) knobs: RwSignal<Knobs>,
    /// Is the second row open?
    pub(super) details: RwSignal<bool>,
    /// One line on what a choice brought with it.
    pub(super) said: RwSignal<String>,
}

impl Form {
    fn get<T: Send + Sync + 'static>(self, read: fn(&Knobs) -> T) -> Signal<T> {
        Signal::derive(move || self.knobs.with(read))
    }

    fn set<T: 'static>(self, write: fn(&mut Knobs, T)) -> Callback<T> {
        Callback::new(move |value| self.knobs.update(|knobs| write(knobs, value)))
    }

    fn is_by_hand(self) -> bool {
        self.knobs.with(|knobs| knobs.by_hand.is_some())
    }

    /// The first row.
    pub(super) fn fields(self) -> AnyView {
        view! {
            {self.request()}
            <Show when=move || !self.is_by_hand()>
                {self.method()} {self.format()}
                {number(Number {
                    id: "delay",
                    label: "Delay",
                    unit: "ms",
                    bounds: Signal::derive(move || (0, self.knobs.with(|knobs| delay_max(knobs.work)))),
                    value: self.get(|knobs| knobs.delay_ms),
                    set: self.set(|knobs, value| knobs.delay_ms = value),
                })} {self.work()}
                {number(Number {
                    id: "bytes",
                    label: "Response",
                    unit: "B",
                    bounds: Signal::stored((0, ECHO_BYTES_MAX)),
                    value: self.get(|knobs| knobs.bytes),
                    set: self.set(|knobs, value| knobs.bytes = value),
                })}
            </Show>
            <Show when=move || self.is_by_hand()>
                <p class="controls-note">
                    {move || {
                        self.knobs
                            .with(|knobs| {
                                knobs
                                    .by_hand
                                    .as_ref()
                                    .map_or("", |text| {
                                        PRESETS
                                            .iter()
                                            .find(|preset| preset.request == text)
                                            .map_or("A request of your own.", |preset| preset.says)
                                    })
                            })
                    }}
                </p>
            </Show>
            <button
                type="button"
                class="controls-details"
                aria-expanded=move || self.details.get().to_string()
                aria-controls="rr-details"
                on:click=move |_| self.details.update(|open| *open = !*open)
            >
                "Details"
            </button>
        }
        .into_any()
    }

    /// As the controls say, or written by hand with one of the presets to begin with.
    fn request(self) -> AnyView {
        let is_chosen = move |preset: &'static str| {
            self.knobs
                .with(|knobs| knobs.by_hand.as_deref() == Some(preset))
        };
        let is_own =
            move || self.is_by_hand() && !PRESETS.iter().any(|preset| is_chosen(preset.request));
        let presets = PRESETS
            .iter()
            .map(|preset| {
                view! {
                    <option value=preset.word prop:selected=move || is_chosen(preset.request)>
                        {preset.name}
                    </option>
                }
            })
            .collect_view();
        let chosen = move |word: String| {
            let preset = PRESETS.iter().find(|preset| preset.word == word);
            self.knobs
                .update(|knobs| knobs.by_hand = preset.map(|preset| preset.request.to_owned()));
            self.details.set(preset.is_some());
        };
        view! {
            <div class="field">
                <label for="request">"Request"</label>
                <select id="request" on:change=move |event| chosen(event_target_value(&event))>
                    <option value="" prop:selected=move || !self.is_by_hand()>
                        "From the controls"
                    </option>
                    <optgroup label="Written by hand">
                        {presets}
                        <option value="own" disabled=true prop:selected=is_own>
                            "As changed below"
                        </option>
                    </optgroup>
                </select>
            </div>
        }
        .into_any()
    }

    fn method(self) -> AnyView {
        choice(Choice {
            id: "method",
            label: "Method",
            options: METHODS.to_vec(),
            value: self.get(|knobs| knobs.method),
            set: Callback::new(move |method| {
                self.knobs.update(|knobs| {
                    knobs.method = method;
                    if !knobs.may_have_body() && knobs.format != NO_BODY {
                        knobs.format = NO_BODY;
                        knobs.body = None;
                        self.said.set(format!(
                            "A browser sends no body with {}: Body is now None.",
                            knobs.method()
                        ));
                    }
                });
            }),
        })
    }

    fn format(self) -> AnyView {
        choice(Choice {
            id: "format",
            label: "Body",
            options: FORMATS.iter().map(|format| format.name).collect(),
            value: self.get(|knobs| knobs.format),
            set: Callback::new(move |format| {
                self.knobs.update(|knobs| {
                    knobs.format = format;
                    knobs.body = None;
                    if format != NO_BODY && !knobs.may_have_body() {
                        self.said.set(format!(
                            "A browser sends no body with {}: the method is now POST.",
                            knobs.method()
                        ));
                        knobs.method = 0;
                    }
                });
            }),
        })
    }

    fn work(self) -> AnyView {
        choice(Choice {
            id: "work",
            label: "spent",
            options: vec!["waiting", "computing"],
            value: self.get(|knobs| knobs.work),
            set: Callback::new(move |work: usize| {
                self.knobs.update(|knobs| {
                    knobs.work = work.min(WORKS.len() - 1);
                    if knobs.delay_ms > delay_max(work) {
                        knobs.delay_ms = delay_max(work);
                        self.said.set(format!(
                            "Computing holds a thread of the server: {} ms at most, which is now the delay.",
                            knobs.delay_ms
                        ));
                    }
                });
            }),
        })
    }

    /// The second row: what is set more seldom, the text that is sent, and what the server made of it.
    pub(super) fn details(
        self,
        answer: RwSignal<Answer>,
        wrong: Signal<Option<String>>,
    ) -> AnyView {
        let text = move || {
            self.knobs.with(|knobs| match &knobs.by_hand {
                Some(text) => text.clone(),
                None => knobs.body_text().to_owned(),
            })
        };
        let typed = move |event: leptos::ev::Event| {
            let text = event_target_value(&event);
            self.knobs.update(|knobs| match &mut knobs.by_hand {
                Some(request) => *request = text,
                None => knobs.body = Some(text).filter(|text| text != knobs.format().sample),
            });
        };
        let has_text = move || {
            self.knobs
                .with(|knobs| knobs.by_hand.is_some() || knobs.format != NO_BODY)
        };
        view! {
            <div id="rr-details" class="rr-details" hidden=move || !self.details.get()>
                <Show when=move || !self.is_by_hand()>
                    <div class="rr-more">
                        {number(Number {
                            id: "status",
                            label: "Status",
                            unit: "",
                            bounds: Signal::stored((*STATUS.start(), *STATUS.end())),
                            value: self.get(|knobs| knobs.status),
                            set: self.set(|knobs, value| knobs.status = value),
                        })}
                        {choice(Choice {
                            id: "framing",
                            label: "The response's end is told",
                            options: vec!["by its length", "in chunks", "by closing"],
                            value: self.get(|knobs| knobs.framing),
                            set: self.set(|knobs, value| knobs.framing = value.min(FRAMINGS.len() - 1)),
                        })}
                        <Show when=move || self.knobs.with(|knobs| knobs.framing == 2)>
                            <p class="hint">
                                "Only HTTP/1.0 ends a body by closing alone. To a browser the server answers in chunks, and closes behind them."
                            </p>
                        </Show>
                    </div>
                </Show>
                <Show when=move || self.is_by_hand()>
                    <div class="rr-more">
                        {number(Number {
                            id: "pieces",
                            label: "Sent in",
                            unit: "pieces",
                            bounds: Signal::stored((1, PROBE_PIECES_MAX)),
                            value: self.get(|knobs| knobs.pieces),
                            set: self.set(|knobs, value| knobs.pieces = value),
                        })}
                        {number(Number {
                            id: "gap",
                            label: "Pause between them",
                            unit: "ms",
                            bounds: Signal::stored((0, PROBE_GAP_MS_MAX)),
                            value: self.get(|knobs| knobs.gap_ms),
                            set: self.set(|knobs, value| knobs.gap_ms = value),
                        })}
                    </div>
                </Show>
                <div class="rr-panes">
                    <div class="field">
                        <label for="rr-text">
                            {move || {
                                if self.is_by_hand() {
                                    "You send these bytes, and only what is written out: \\r \\n \\x00"
                                } else if has_text() {
                                    "You send this body"
                                } else {
                                    "No body is sent"
                                }
                            }}
                        </label>
                        <textarea
                            id="rr-text"
                            rows="9"
                            spellcheck="false"
                            autocomplete="off"
                            disabled=move || !has_text()
                            prop:value=text
                            aria-invalid=move || wrong.with(Option::is_some).to_string()
                            aria-describedby="rr-text-wrong"
                            on:input=typed
                        ></textarea>
                        <p id="rr-text-wrong" class="hint" role="status">{wrong}</p>
                    </div>
                    <div class="field">
                        <span class="label" id="rr-answer-label">
                            {move || {
                                if self.is_by_hand() {
                                    "The server answers these bytes"
                                } else {
                                    "The server understood this"
                                }
                            }}
                        </span>
                        <pre class="rr-answer" tabindex="0" role="region" aria-labelledby="rr-answer-label">
                            {move || {
                                let text = answer.with(|answer| answer.text.clone());
                                if text.is_empty() { "Nothing yet.".to_owned() } else { text }
                            }}
                        </pre>
                    </div>
                </div>
            </div>
        }
        .into_any()
    }
}
