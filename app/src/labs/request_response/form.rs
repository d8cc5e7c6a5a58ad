//! The controls of the request–response lab.

use std::rc::Rc;

use wire::limits::{ECHO_BYTES_MAX, PROBE_GAP_MS_MAX, PROBE_PIECES_MAX};

use super::{
    answer::Answer,
    knobs::{FORMATS, FRAMINGS, Knobs, METHODS, NO_BODY, STATUS, WORKS, delay_max},
    presets::PRESETS,
};
use crate::{
    components::controls::{Number, button, choice, number},
    dom::{El, State, el, value},
};

/// What the fields show and change.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) knobs: State<Knobs>,
    /// Is the second row open?
    pub(super) details: State<bool>,
    /// One line on what a choice brought with it.
    pub(super) said: State<String>,
}

impl Form {
    fn is_by_hand(self) -> bool {
        self.knobs.with(|knobs| knobs.by_hand.is_some())
    }

    fn number(
        self,
        id: &'static str,
        (label, unit): (&'static str, &'static str),
        bounds: impl Fn(&Knobs) -> (u64, u64) + 'static,
        place: fn(&mut Knobs) -> &mut u64,
    ) -> El {
        let knobs = self.knobs;
        number(Number {
            id,
            label,
            unit,
            bounds: Box::new(move || knobs.with(&bounds)),
            value: Rc::new(move || *place(&mut knobs.get())),
            set: Box::new(move |value| knobs.update(|knobs| *place(knobs) = value)),
        })
    }

    /// The first row.
    pub(super) fn fields(self) -> Vec<El> {
        let bytes = ("Response", "B");
        let fields = [
            self.method(),
            self.format(),
            self.number(
                "delay",
                ("Delay", "ms"),
                |knobs| (0, delay_max(knobs.work)),
                |knobs| &mut knobs.delay_ms,
            ),
            self.work(),
            self.number(
                "bytes",
                bytes,
                |_| (0, ECHO_BYTES_MAX),
                |knobs| &mut knobs.bytes,
            ),
        ];
        let note = el("p.controls-note").shows(move || {
            self.knobs.with(|knobs| {
                let Some(text) = &knobs.by_hand else {
                    return String::new();
                };
                PRESETS
                    .iter()
                    .find(|preset| preset.request == text)
                    .map_or("A request of your own.", |preset| preset.says)
                    .to_owned()
            })
        });
        let details = button("Details", move || self.details.set(!self.details.now()))
            .attrs(&[
                ("class", "controls-details"),
                ("aria-controls", "rr-details"),
            ])
            .bool_of("aria-expanded", move || self.details.get());
        let mut all = vec![self.request()];
        all.extend(fields.map(|field| field.flag_of("hidden", move || self.is_by_hand())));
        all.push(note.flag_of("hidden", move || !self.is_by_hand()));
        all.push(details);
        all
    }

    /// As the controls say, or written by hand with one of the presets to begin with.
    fn request(self) -> El {
        let presets = PRESETS
            .iter()
            .map(|preset| el("option").attr("value", preset.word).text(preset.name));
        let own = el("option")
            .attrs(&[("value", "own"), ("disabled", "")])
            .text("As changed below");
        let chosen = move || {
            self.knobs.with(|knobs| match &knobs.by_hand {
                None => "",
                Some(text) => PRESETS
                    .iter()
                    .find(|preset| preset.request == text)
                    .map_or("own", |preset| preset.word),
            })
        };
        let select = el("select")
            .attr("id", "request")
            .add(el("option").attr("value", "").text("From the controls"))
            .add(
                el("optgroup")
                    .attr("label", "Written by hand")
                    .add_all(presets)
                    .add(own),
            )
            .value_of(move || chosen().to_owned())
            .on("change", move |event| {
                let word = value(&event);
                let preset = PRESETS.iter().find(|preset| preset.word == word);
                self.knobs
                    .update(|knobs| knobs.by_hand = preset.map(|preset| preset.request.to_owned()));
                self.details.set(preset.is_some());
            });
        el("div.field")
            .add(el("label").attr("for", "request").text("Request"))
            .add(select)
    }

    fn method(self) -> El {
        let set = move |method| {
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
        };
        let chosen = move || self.knobs.with(|knobs| knobs.method);
        choice("method", "Method", METHODS, chosen, set)
    }

    fn format(self) -> El {
        let set = move |format| {
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
        };
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let chosen = move || self.knobs.with(|knobs| knobs.format);
        choice("format", "Body", &names, chosen, set)
    }

    fn work(self) -> El {
        let set = move |work: usize| {
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
        };
        let chosen = move || self.knobs.with(|knobs| knobs.work);
        choice("work", "spent", &["waiting", "computing"], chosen, set)
    }

    fn framing(self) -> El {
        let set = move |place: usize| {
            self.knobs
                .update(|knobs| knobs.framing = place.min(FRAMINGS.len() - 1));
        };
        let chosen = move || self.knobs.with(|knobs| knobs.framing);
        let words = ["by its length", "in chunks", "by closing"];
        choice("framing", "The response's end is told", &words, chosen, set)
    }

    /// The second row: what is set more seldom, the text that is sent, and what the server made of it.
    pub(super) fn details(
        self,
        answer: State<Answer>,
        wrong: impl Fn() -> Option<String> + Copy + 'static,
    ) -> El {
        let status = self.number(
            "status",
            ("Status", ""),
            |_| (*STATUS.start(), *STATUS.end()),
            |knobs| &mut knobs.status,
        );
        let closing = el("p.hint")
            .text("Only HTTP/1.0 ends a body by closing alone. To a browser the server answers in chunks, and closes behind them.")
            .flag_of("hidden", move || self.knobs.with(|knobs| knobs.framing != 2));
        let ordinary = el("div.rr-more")
            .flag_of("hidden", move || self.is_by_hand())
            .add_all([status, self.framing(), closing]);
        let pieces = self.number(
            "pieces",
            ("Sent in", "pieces"),
            |_| (1, PROBE_PIECES_MAX),
            |knobs| &mut knobs.pieces,
        );
        let gap = self.number(
            "gap",
            ("Pause between them", "ms"),
            |_| (0, PROBE_GAP_MS_MAX),
            |knobs| &mut knobs.gap_ms,
        );
        let by_hand = el("div.rr-more")
            .flag_of("hidden", move || !self.is_by_hand())
            .add_all([pieces, gap]);
        el("div.rr-details")
            .attr("id", "rr-details")
            .flag_of("hidden", move || !self.details.get())
            .add(ordinary)
            .add(by_hand)
            .add(
                el("div.rr-panes")
                    .add(self.sent_pane(wrong))
                    .add(self.answer_pane(answer)),
            )
    }

    fn sent_pane(self, wrong: impl Fn() -> Option<String> + Copy + 'static) -> El {
        let has_text = move || {
            self.knobs
                .with(|knobs| knobs.by_hand.is_some() || knobs.format != NO_BODY)
        };
        let label = el("label").attr("for", "rr-text").shows(move || {
            if self.is_by_hand() {
                "You send these bytes, and only what is written out: \\r \\n \\x00"
            } else if has_text() {
                "You send this body"
            } else {
                "No body is sent"
            }
            .to_owned()
        });
        let text = el("textarea")
            .attrs(&[
                ("id", "rr-text"),
                ("rows", "9"),
                ("spellcheck", "false"),
                ("autocomplete", "off"),
                ("aria-describedby", "rr-text-wrong"),
            ])
            .flag_of("disabled", move || !has_text())
            .bool_of("aria-invalid", move || wrong().is_some())
            .value_of(move || {
                self.knobs.with(|knobs| match &knobs.by_hand {
                    Some(text) => text.clone(),
                    None => knobs.body_text().to_owned(),
                })
            })
            .on("input", move |event| {
                let text = value(&event);
                self.knobs.update(|knobs| match &mut knobs.by_hand {
                    Some(request) => *request = text,
                    None => knobs.body = Some(text).filter(|text| text != knobs.format().sample),
                });
            });
        let words = el("p.hint")
            .attrs(&[("id", "rr-text-wrong"), ("role", "status")])
            .shows(move || wrong().unwrap_or_default());
        el("div.field").add_all([label, text, words])
    }

    fn answer_pane(self, answer: State<Answer>) -> El {
        let label = el("span.label")
            .attr("id", "rr-answer-label")
            .shows(move || {
                if self.is_by_hand() {
                    "The server answers these bytes"
                } else {
                    "The server understood this"
                }
                .to_owned()
            });
        let text = el("pre.rr-answer")
            .attrs(&[
                ("tabindex", "0"),
                ("role", "region"),
                ("aria-labelledby", "rr-answer-label"),
            ])
            .shows(move || {
                answer.with(|answer| match answer.text.as_str() {
                    "" => "Nothing yet.".to_owned(),
                    text => text.to_owned(),
                })
            });
        el("div.field").add(label).add(text)
    }
}
