//! The controls of a lab: one line that ends in Run. On a phone the line is a sheet under a button.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Event, KeyboardEvent};

use super::{breaks, notice::grouped};
use crate::{
    browser::window,
    dom::{El, State, el, listen, target, value},
    session::Session,
};

/// A whole number with a unit and bounds.
pub(crate) struct Number {
    /// Its id on the page.
    pub(crate) id: &'static str,
    /// Its label.
    pub(crate) label: &'static str,
    /// Its unit; empty where it has none.
    pub(crate) unit: &'static str,
    /// The least and the greatest value.
    pub(crate) bounds: Box<dyn Fn() -> (u64, u64)>,
    /// The value.
    pub(crate) value: Rc<dyn Fn() -> u64>,
    /// Takes a value within the bounds.
    pub(crate) set: Box<dyn Fn(u64)>,
}

/// A label, a number field, its bounds beside it, and words when it is out of them.
pub(crate) fn number(field: Number) -> El {
    let field = Rc::new(field);
    let wrong = State::new(None::<String>);
    let error_id = format!("{}-error", field.id);
    let (for_hint, for_value, for_input, for_change) = (
        Rc::clone(&field),
        Rc::clone(&field),
        Rc::clone(&field),
        Rc::clone(&field),
    );
    let input = el("input.number")
        .attrs(&[
            ("id", field.id),
            ("type", "text"),
            ("inputmode", "numeric"),
            ("autocomplete", "off"),
            ("size", "8"),
            ("aria-describedby", &error_id),
        ])
        .value_of(move || (for_value.value)().to_string())
        .bool_of("aria-invalid", move || wrong.with(Option::is_some))
        // While typing, words; on leaving, the nearest value that can be.
        .on("input", move |event| {
            match for_input.check(&value(&event)) {
                Ok(number) => {
                    wrong.change_to(None);
                    (for_input.set)(number);
                }
                Err((_, words)) => wrong.change_to(Some(words)),
            }
        })
        .on("change", move |event| {
            if let Err((nearest, words)) = for_change.check(&value(&event)) {
                (for_change.set)(nearest);
                put_back(&event, nearest);
                wrong.set(Some(format!(
                    "{words} {} is used.",
                    for_change.with_unit(nearest)
                )));
            }
        });
    el("div.field")
        .add(
            el("label")
                .attr("for", field.id)
                .text(field.label)
                .text(" ")
                .add(el("span.bounds").shows(move || {
                    let (least, greatest) = (for_hint.bounds)();
                    format!("{}–{}", grouped(least), for_hint.in_short(greatest))
                })),
        )
        .add(
            el("span.with-unit")
                .add(input)
                .add(el("span.unit").text(field.unit)),
        )
        .add(error(&error_id, move || wrong.get().unwrap_or_default()))
}

impl Number {
    fn with_unit(&self, number: u64) -> String {
        match self.unit {
            "" => grouped(number),
            unit => format!("{} {unit}", grouped(number)),
        }
    }

    /// As short as it can be said exactly.
    fn in_short(&self, number: u64) -> String {
        const MIB: u64 = 1024 * 1024;
        match self.unit {
            "B" if number >= MIB && number.is_multiple_of(MIB) => {
                format!("{} MiB", grouped(number / MIB))
            }
            _ => self.with_unit(number),
        }
    }

    /// The value that a text stands for; or the nearest that can be, and what is wrong.
    fn check(&self, text: &str) -> Result<u64, (u64, String)> {
        let (least, greatest) = (self.bounds)();
        match text.trim().parse::<u64>() {
            Ok(number) if number < least => {
                Err((least, format!("{} is the least.", self.with_unit(least))))
            }
            Ok(number) if number > greatest => Err((
                greatest,
                format!("The server allows {} at most.", self.with_unit(greatest)),
            )),
            Ok(number) => Ok(number),
            Err(_) => Err(((self.value)(), "A whole number is needed here.".to_owned())),
        }
    }
}

fn put_back(event: &Event, number: u64) {
    if let Some(element) = target(event) {
        let _ = js_sys::Reflect::set(&element, &"value".into(), &number.to_string().into());
    }
}

/// Words about what is wrong with a field; they hang under it.
pub(crate) fn error(id: &str, words: impl Fn() -> String + 'static) -> El {
    el("span.field-error")
        .attrs(&[("id", id), ("role", "status")])
        .shows(words)
}

/// A label and a select.
pub(crate) fn choice(
    id: &'static str,
    label: &str,
    options: &[&str],
    chosen: impl Fn() -> usize + 'static,
    set: impl Fn(usize) + 'static,
) -> El {
    let select = el("select")
        .attr("id", id)
        .add_all(
            options
                .iter()
                .enumerate()
                .map(|(place, name)| el("option").attr("value", &place.to_string()).text(name)),
        )
        .value_of(move || chosen().to_string())
        .on("change", move |event| {
            if let Ok(place) = value(&event).parse() {
                set(place);
            }
        });
    el("div.field")
        .add(el("label").attr("for", id).text(label))
        .add(select)
}

/// A button.
pub(crate) fn button(label: &str, act: impl Fn() + 'static) -> El {
    el("button")
        .attr("type", "button")
        .text(label)
        .on("click", move |_| act())
}

/// A box to check, in its label.
pub(crate) fn check_box(label: &str, state: State<bool>) -> El {
    el("label")
        .add(
            el("input")
                .attr("type", "checkbox")
                .on("change", move |event| {
                    state.set(crate::dom::is_checked(&event))
                }),
        )
        .text(label)
}

/// What the line of controls is made of.
pub(crate) struct Line {
    /// The page's session.
    pub(crate) session: Session,
    /// The fields, left of Run.
    pub(crate) fields: Vec<El>,
    /// What stands beside Run: smaller buttons.
    pub(crate) beside: Vec<El>,
    /// What the filled button says: `Run`, or what it does at the moment.
    pub(crate) verb: Box<dyn Fn() -> &'static str>,
    /// Can it be pressed?
    pub(crate) ready: Rc<dyn Fn() -> bool>,
    /// Does what it says.
    pub(crate) run: Box<dyn Fn()>,
}

/// The line of controls, in a form: Enter in a field runs, and so does the key `r` anywhere but in a field.
pub(crate) fn line(parts: Line) -> El {
    let Line {
        session,
        fields,
        beside,
        verb,
        ready,
        run,
    } = parts;
    let sheet = el("div.controls-sheet").attrs(&[
        ("popover", ""),
        ("role", "group"),
        ("aria-label", "Controls"),
    ]);
    let (to_open, to_close, to_run) = (sheet.clone(), sheet.clone(), sheet.clone());
    let wrong = session.breaks.wrong;
    let ready: Rc<dyn Fn() -> bool> = Rc::new(move || ready() && !wrong.get());
    let is_ready = Rc::clone(&ready);
    let go: Rc<dyn Fn()> = Rc::new(move || {
        if ready() {
            // An error says that it is not open, as on a wide page.
            let _ = to_run.node().hide_popover();
            run();
        }
    });
    on_key("r", Rc::clone(&go));
    let close = button("Done", move || {
        let _ = to_close.node().hide_popover();
    })
    .attr("class", "controls-close");
    let open = button("Controls", move || {
        let _ = to_open.node().show_popover();
    })
    .attr("class", "controls-open");
    let primary = el("button.primary")
        .attrs(&[("type", "submit"), ("aria-keyshortcuts", "r")])
        .bool_of("aria-disabled", move || !is_ready())
        .add(el("span").shows(move || verb().to_owned()))
        .add(el("kbd").attr("aria-hidden", "true").text("r"));
    el("form.controls")
        .attr("novalidate", "")
        .on("submit", move |event| {
            event.prevent_default();
            go();
        })
        .add(open)
        .add(sheet.add_all(fields).add(close))
        .add(
            el("div.controls-run")
                .add_all(breaks::button(session))
                .add_all(run_tools(session))
                .add_all(beside)
                .add(primary),
        )
}

/// What can be done with the run on the screen.
fn run_tools(session: Session) -> [El; 2] {
    let is_empty = move || session.store.with_shown(|run| run.exchanges().is_empty());
    let keep = button("Keep", move || session.keep())
        .attrs(&[
            ("class", "quiet"),
            (
                "title",
                "Keep the last exchange, to compare the next one with it",
            ),
        ])
        .flag_of("disabled", is_empty);
    let clear = button("Clear", move || session.start_over())
        .attrs(&[
            ("class", "quiet"),
            ("title", "Begin a new run on an empty timeline"),
        ])
        .flag_of("disabled", is_empty);
    [keep, clear]
}

/// Does something when a key is pressed alone, outside of fields.
pub(crate) fn on_key(key: &'static str, act: Rc<dyn Fn()>) {
    listen(&window(), "keydown", move |event| {
        let Some(pressed) = event.dyn_ref::<KeyboardEvent>() else {
            return;
        };
        let plain =
            !(pressed.ctrl_key() || pressed.meta_key() || pressed.alt_key() || pressed.repeat());
        if plain && pressed.key() == key && !is_in_field(&event) {
            event.prevent_default();
            act();
        }
    });
}

fn is_in_field(event: &Event) -> bool {
    target(event).is_some_and(|element| {
        element
            .closest("input, textarea, select, [contenteditable], dialog[open]")
            .is_ok_and(|found| found.is_some())
    })
}
