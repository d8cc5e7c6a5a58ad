//! Turns the sections that the document already has into tabs (WAI-ARIA Authoring Practices, "Tabs with automatic
//! activation"). Without WebAssembly they stand one below the other.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, KeyboardEvent};

use crate::{
    browser::{document, location, window},
    dom::{State, listen, target},
};

/// The sections as tabs; says which one is shown, by its id.
pub(crate) fn tabs(host: &Element) -> State<String> {
    let shown = State::new(String::new());
    // Should the document be another one than expected, its sections stay as they are.
    let _ = build(host, shown);
    shown
}

fn build(host: &Element, shown: State<String>) -> Result<(), JsValue> {
    let document = document();
    let sections = host.query_selector_all(":scope > section[id]")?;
    let list: HtmlElement = document.create_element("div")?.dyn_into()?;
    list.set_class_name("tablist");
    list.set_attribute("role", "tablist")?;
    if let Some(label) = host.get_attribute("aria-label") {
        list.set_attribute("aria-label", &label)?;
    }
    let mut pairs = Vec::new();
    for place in 0..sections.length() {
        let Some(section) = sections
            .get(place)
            .and_then(|node| node.dyn_into::<HtmlElement>().ok())
        else {
            continue;
        };
        let tab: HtmlElement = document.create_element("button")?.dyn_into()?;
        tab.set_attribute("type", "button")?;
        tab.set_attribute("role", "tab")?;
        tab.set_id(&format!("{}-tab", section.id()));
        tab.set_attribute("aria-controls", &section.id())?;
        if let Some(heading) = section.query_selector(":scope > h2, :scope > h3")? {
            tab.set_text_content(heading.text_content().as_deref());
            heading.set_attribute("hidden", "")?;
        }
        section.set_attribute("role", "tabpanel")?;
        section.set_attribute("aria-labelledby", &tab.id())?;
        section.set_tab_index(0);
        list.append_child(&tab)?;
        pairs.push((tab, section));
    }
    host.insert_before(&list, host.first_child().as_ref())?;
    host.class_list().add_1("is-tabs")?;

    let pairs = Rc::new(pairs);
    let of_hash = |pairs: &[(HtmlElement, HtmlElement)]| {
        let hash = location().hash().unwrap_or_default();
        pairs
            .iter()
            .position(|(_, section)| hash.strip_prefix('#') == Some(&section.id()))
    };
    show(&pairs, of_hash(&pairs).unwrap_or(0), shown);

    let by_click = Rc::clone(&pairs);
    listen(&list, "click", move |event| {
        let pressed = target(&event);
        let place = by_click
            .iter()
            .position(|(tab, _)| pressed.as_ref().is_some_and(|it| tab.contains(Some(it))));
        if let Some(place) = place {
            show(&by_click, place, shown);
        }
    });
    let by_key = Rc::clone(&pairs);
    listen(&list, "keydown", move |event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>().map(KeyboardEvent::key) else {
            return;
        };
        let count = by_key.len();
        let now = by_key
            .iter()
            .position(|(_, section)| section.id() == shown.now())
            .unwrap_or(0);
        let place = match key.as_str() {
            "ArrowRight" => (now + 1) % count,
            "ArrowLeft" => (now + count - 1) % count,
            "Home" => 0,
            "End" => count - 1,
            _ => return,
        };
        event.prevent_default();
        show(&by_key, place, shown);
        if let Some((tab, _)) = by_key.get(place) {
            let _ = tab.focus();
        }
    });
    let by_hash = pairs;
    listen(&window(), "hashchange", move |_| {
        if let Some(place) = of_hash(&by_hash) {
            show(&by_hash, place, shown);
        }
    });
    Ok(())
}

fn show(pairs: &[(HtmlElement, HtmlElement)], place: usize, shown: State<String>) {
    for (other, (tab, section)) in pairs.iter().enumerate() {
        let is_it = other == place;
        let _ = tab.set_attribute("aria-selected", if is_it { "true" } else { "false" });
        tab.set_tab_index(if is_it { 0 } else { -1 });
        section.set_hidden(!is_it);
        if is_it {
            shown.set(section.id());
        }
    }
}
