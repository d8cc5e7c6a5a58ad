//! The controls of a lab: one line that ends in Run. On a phone the line is a sheet under a button.

use std::rc::Rc;

use leptos::{ev, html::Div, prelude::*};
use wasm_bindgen::JsCast;

use super::notice::grouped;
use crate::session::Session;

/// A whole number with a unit and bounds.
pub(crate) struct Number {
    /// Its name, also its id on the page.
    pub(crate) id: &'static str,
    /// Its label.
    pub(crate) label: &'static str,
    /// Its unit; empty where it has none.
    pub(crate) unit: &'static str,
    /// The least and the greatest value.
    pub(crate) bounds: Signal<(u64, u64)>,
    /// The value.
    pub(crate) value: Signal<u64>,
    /// Takes a value within the bounds.
    pub(crate) set: Callback<u64>,
}

/// A label, a number field, its bounds beside it, and words when it is out of them.
pub(crate) fn number(field: Number) -> AnyView {
    let Number {
        id,
        label,
        unit,
        bounds,
        value,
        set,
    } = field;
    let wrong = RwSignal::new(None::<String>);
    let with_unit = move |number: u64| match unit {
        "" => grouped(number),
        unit => format!("{} {unit}", grouped(number)),
    };
    let hint = move || {
        let (least, greatest) = bounds.get();
        format!("{}–{}", grouped(least), with_unit(greatest))
    };
    let check = move |text: &str| -> Result<u64, (u64, String)> {
        let (least, greatest) = bounds.get_untracked();
        match text.trim().parse::<u64>() {
            Ok(number) if number < least => {
                Err((least, format!("{} is the least.", with_unit(least))))
            }
            Ok(number) if number > greatest => Err((
                greatest,
                format!("The server allows {} at most.", with_unit(greatest)),
            )),
            Ok(number) => Ok(number),
            Err(_) => Err((
                value.get_untracked(),
                "A whole number is needed here.".to_owned(),
            )),
        }
    };
    // While typing, words; on leaving, the nearest value that can be.
    let typed = move |event: ev::Event| match check(&event_target_value(&event)) {
        Ok(number) => {
            wrong.set(None);
            set.run(number);
        }
        Err((_, words)) => wrong.set(Some(words)),
    };
    let left = move |event: ev::Event| {
        if let Err((nearest, words)) = check(&event_target_value(&event)) {
            set.run(nearest);
            if let Some(input) = event_input(&event) {
                input.set_value(&value.get_untracked().to_string());
            }
            wrong.set(Some(format!("{words} {} is used.", with_unit(nearest))));
        }
    };
    let error_id = format!("{id}-error");
    let described = error_id.clone();
    view! {
        <div class="field">
            <label for=id>{label} " " <span class="bounds">{hint}</span></label>
            <span class="with-unit">
                <input
                    id=id
                    type="text"
                    inputmode="numeric"
                    class="number"
                    autocomplete="off"
                    size="8"
                    prop:value=move || value.get().to_string()
                    aria-invalid=move || wrong.with(Option::is_some).to_string()
                    aria-describedby=described
                    on:input=typed
                    on:change=left
                />
                <span class="unit">{unit}</span>
            </span>
            <span class="field-error" id=error_id role="status">
                {move || wrong.get()}
            </span>
        </div>
    }
    .into_any()
}

/// One of several words.
pub(crate) struct Choice {
    /// Its id on the page.
    pub(crate) id: &'static str,
    /// Its label.
    pub(crate) label: &'static str,
    /// What can be chosen, by place.
    pub(crate) options: Vec<&'static str>,
    /// The chosen place.
    pub(crate) value: Signal<usize>,
    /// Takes another place.
    pub(crate) set: Callback<usize>,
}

/// A label and a select.
pub(crate) fn choice(field: Choice) -> AnyView {
    let Choice {
        id,
        label,
        options,
        value,
        set,
    } = field;
    let options = options
        .into_iter()
        .enumerate()
        .map(|(place, name)| {
            view! {
                <option value=place.to_string() prop:selected=move || value.get() == place>
                    {name}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select
                id=id
                on:change=move |event| {
                    if let Ok(place) = event_target_value(&event).parse() {
                        set.run(place);
                    }
                }
            >
                {options}
            </select>
        </div>
    }
    .into_any()
}

/// What the line of controls is made of.
pub(crate) struct Line {
    /// The page's session.
    pub(crate) session: Session,
    /// The fields, left of Run.
    pub(crate) fields: AnyView,
    /// What stands right of Run: smaller buttons.
    pub(crate) beside: AnyView,
    /// What the filled button says: `Run`, or what it does at the moment.
    pub(crate) verb: Signal<&'static str>,
    /// Can it be pressed?
    pub(crate) ready: Signal<bool>,
    /// Does what it says.
    pub(crate) run: Callback<()>,
}

/// The line of controls, in a form: Enter in a field runs, and so does the key `r` anywhere but in a field.
pub(crate) fn line(parts: Line) -> AnyView {
    let Line {
        session,
        fields,
        beside,
        verb,
        ready,
        run,
    } = parts;
    let sheet = NodeRef::<Div>::new();
    let go = move || {
        if ready.get_untracked() {
            close_sheet(sheet);
            run.run(());
        }
    };
    on_key("r", Rc::new(go));
    view! {
        <form
            class="controls"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                go();
            }
        >
            <button
                type="button"
                class="controls-open"
                on:click=move |_| {
                    if let Some(sheet) = sheet.get_untracked() {
                        let _ = sheet.show_popover();
                    }
                }
            >
                "Controls"
            </button>
            <div class="controls-sheet" popover node_ref=sheet role="group" aria-label="Controls">
                {fields}
                <button type="button" class="controls-close" on:click=move |_| close_sheet(sheet)>
                    "Done"
                </button>
            </div>
            <div class="controls-run">
                {run_tools(session)} {beside}
                <button
                    type="submit"
                    class="primary"
                    aria-keyshortcuts="r"
                    aria-disabled=move || (!ready.get()).to_string()
                >
                    {verb}
                    <kbd aria-hidden="true">"r"</kbd>
                </button>
            </div>
        </form>
    }
    .into_any()
}

/// What can be done with the run on the screen.
fn run_tools(session: Session) -> AnyView {
    let is_empty = move || session.store.with_shown(|run| run.exchanges().is_empty());
    view! {
        <button
            type="button"
            class="quiet"
            title="Keep the last exchange on the screen, to compare the next one with it"
            disabled=is_empty
            on:click=move |_| session.keep()
        >
            "Keep"
        </button>
        <button
            type="button"
            class="quiet"
            title="Begin a new run on an empty timeline"
            disabled=is_empty
            on:click=move |_| session.start_over()
        >
            "Clear"
        </button>
    }
    .into_any()
}

fn close_sheet(sheet: NodeRef<Div>) {
    if let Some(sheet) = sheet.get_untracked() {
        // An error says that it is not open, as on a wide page.
        let _ = sheet.hide_popover();
    }
}

/// Does something when a key is pressed alone, outside of fields.
pub(crate) fn on_key(key: &'static str, act: Rc<dyn Fn()>) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let plain = !(event.ctrl_key() || event.meta_key() || event.alt_key() || event.repeat());
        if plain && event.key() == key && !is_in_field(&event) {
            event.prevent_default();
            act();
        }
    });
    on_cleanup(move || handle.remove());
}

fn is_in_field(event: &ev::KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| {
            element
                .closest("input, textarea, select, [contenteditable], dialog[open]")
                .is_ok_and(|found| found.is_some())
        })
}

fn event_input(event: &ev::Event) -> Option<web_sys::HtmlInputElement> {
    event.target()?.dyn_into().ok()
}
