//! "In your terminal": commands that do what the controls say and join the run on the screen.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// A command and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// What it does.
    pub(crate) title: &'static str,
    /// The command.
    pub(crate) command: String,
}

/// The commands, each with a button that copies it. `copied` is called after each copy: a command that is run again
/// needs a new exchange.
pub(crate) fn terminal(commands: Signal<Vec<Shown>>, copied: Callback<()>) -> AnyView {
    view! {
        <div class="terminal">
            <p class="hint">
                "These join the run on this page: what they do appears on the timeline above."
            </p>
            {move || {
                commands
                    .get()
                    .into_iter()
                    .map(|shown| command(shown.title, shown.command, copied))
                    .collect_view()
            }}
        </div>
    }
    .into_any()
}

fn command(title: &'static str, text: String, copied: Callback<()>) -> AnyView {
    let (shown, to_copy) = (text.clone(), text);
    view! {
        <figure class="command">
            <figcaption>{title}</figcaption>
            <pre tabindex="0">
                <code>{shown}</code>
            </pre>
            {copy_button("Copy", Callback::new(move |()| to_copy.clone()), copied)}
        </figure>
    }
    .into_any()
}

/// A button that copies a text and says so.
pub(crate) fn copy_button(
    label: &'static str,
    text: Callback<(), String>,
    copied: Callback<()>,
) -> AnyView {
    let said = RwSignal::new(label);
    let copy = move |_| {
        let text = text.run(());
        spawn_local(async move {
            let worked = write_clipboard(&text).await;
            said.set(if worked {
                "Copied"
            } else {
                "Select and copy it by hand"
            });
            set_timeout(
                move || {
                    said.try_set(label);
                    if worked {
                        copied.try_run(());
                    }
                },
                Duration::from_millis(1_500),
            );
        });
    };
    view! {
        <button type="button" class="copy" aria-live="polite" on:click=copy>
            {said}
        </button>
    }
    .into_any()
}

/// Puts a text on the clipboard. A page on plain HTTP has no clipboard of its own; there the old way is tried.
async fn write_clipboard(text: &str) -> bool {
    let navigator = window().navigator();
    let is_there = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| clipboard.is_object());
    if is_there {
        return JsFuture::from(navigator.clipboard().write_text(text))
            .await
            .is_ok();
    }
    old_way(text).unwrap_or(false)
}

fn old_way(text: &str) -> Result<bool, JsValue> {
    let document = document();
    let area: web_sys::HtmlTextAreaElement = document.create_element("textarea")?.dyn_into()?;
    area.set_value(text);
    let body = document.body().ok_or(JsValue::NULL)?;
    body.append_child(&area)?;
    area.select();
    let command: js_sys::Function =
        js_sys::Reflect::get(&document, &"execCommand".into())?.dyn_into()?;
    let worked = command.call1(&document, &"copy".into())?.is_truthy();
    area.remove();
    Ok(worked)
}
