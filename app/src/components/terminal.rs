//! "In your terminal": commands that do what the controls say and join the run on the screen.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::controls::button;
use crate::{
    browser::{document, later, spawn, window},
    dom::{El, State, el},
};

/// A command and what it does.
pub(crate) type Shown = (&'static str, String);

/// The commands, each with a button that copies it. `copied` is called after each copy: a command that is run again
/// needs a new exchange.
pub(crate) fn terminal(commands: impl Fn() -> Vec<Shown> + 'static, copied: Rc<dyn Fn()>) -> El {
    let hint = "These join the run on this page: what they do appears on the timeline above.";
    el("div.terminal")
        .add(el("p.hint").text(hint))
        .add(el("div.command-list").holds(move || {
            commands()
                .into_iter()
                .map(|shown| command(shown, &copied))
                .collect()
        }))
}

fn command((title, text): Shown, copied: &Rc<dyn Fn()>) -> El {
    let said = State::new("Copy");
    let copied = Rc::clone(copied);
    let shown = text.clone();
    let copy = move || {
        let (text, copied) = (text.clone(), Rc::clone(&copied));
        spawn(async move {
            let worked = write_clipboard(&text).await;
            said.set(if worked {
                "Copied"
            } else {
                "Select and copy it by hand"
            });
            let back = move || {
                said.set("Copy");
                if worked {
                    copied();
                }
            };
            later(1_500, back);
        });
    };
    el("figure.command")
        .add(el("figcaption").text(title))
        .add(el("pre").attr("tabindex", "0").add(el("code").text(&shown)))
        .add(
            button("", copy)
                .attrs(&[("class", "copy"), ("aria-live", "polite")])
                .shows(move || said.get().to_owned()),
        )
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
