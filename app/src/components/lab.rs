//! The frame that every lab stands in: its controls, the timeline, what went wrong, and below them the tabs.

use leptos::{mount::mount_to, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    anatomy,
    notice::{problem, said},
    tabs,
    terminal::{Shown, terminal},
};
use crate::{components::notice::Notice, session::Session, timeline::Timeline, transport::ids};

/// Where a command has to go, and which run it joins.
pub(crate) struct Place {
    /// `http://127.0.0.1:3000`.
    pub(crate) origin: String,
    /// `127.0.0.1:3000`.
    pub(crate) host: String,
    /// The run on the screen, and an exchange of the command's own.
    pub(crate) traceparent: String,
}

/// What a lab gives to its frame.
pub(crate) struct Shared {
    /// The line of controls and what belongs to it.
    pub(crate) controls: AnyView,
    /// What stands below the timeline.
    pub(crate) below: AnyView,
    /// A sentence on what a choice brought with it.
    pub(crate) said: Signal<String>,
    /// What went wrong.
    pub(crate) trouble: Signal<Option<Notice>>,
    /// The commands for a terminal.
    pub(crate) commands: Callback<Place, Vec<Shown>>,
    /// What to do while nothing has happened.
    pub(crate) invitation: &'static str,
}

/// Mounts a lab into its place in the document. What the address held and could not be used is said first.
pub(crate) fn mount(
    host: &HtmlElement,
    make: impl FnOnce() -> (Session, Shared, Vec<String>) + 'static,
) {
    host.set_text_content(None);
    let place = host.clone();
    // The page lives as long as the document: nothing is ever taken out again.
    mount_to(place, move || {
        let (session, shared, complaints) = make();
        session.said.set(complaints.join(" "));
        mount_tabs(session, shared.commands);
        frame(session, shared)
    })
    .forget();
}

fn frame(session: Session, shared: Shared) -> AnyView {
    let words = Signal::derive(move || {
        let (own, of_feed) = (shared.said.get(), session.said.get());
        if own.is_empty() { of_feed } else { own }
    });
    view! {
        {shared.controls}
        <div class="lab-notices">
            {said(words)} {problem(shared.trouble)} {problem(session.trouble.into())}
        </div>
        <Timeline store=session.store invitation=shared.invitation />
        {shared.below}
    }
    .into_any()
}

/// Turns the document's sections into tabs and fills two of them with what the page knows.
fn mount_tabs(session: Session, commands: Callback<Place, Vec<Shown>>) {
    let Some(host) = document().get_element_by_id("lab-tabs") else {
        return;
    };
    let shown = tabs::tabs(&host);
    if let Some(section) = emptied(&host, "tab-terminal") {
        // An exchange per command: one that is copied and run again would otherwise be taken for the same request.
        let exchange = RwSignal::new(ids::span());
        let list = Signal::derive(move || {
            let location = location();
            let host = location.host().unwrap_or_default();
            commands.run(Place {
                origin: location.origin().unwrap_or_default(),
                host,
                traceparent: format!("00-{}-{}-01", session.run.get(), exchange.get()),
            })
        });
        let renew = Callback::new(move |()| exchange.set(ids::span()));
        mount_to(section, move || terminal(list, renew)).forget();
    }
    if let Some(section) = emptied(&host, "tab-bytes") {
        let is_shown = Signal::derive(move || shown.with(|id| id == "tab-bytes"));
        mount_to(section, move || {
            anatomy::view::panel(session.store, is_shown)
        })
        .forget();
    }
}

/// A section without what stood in it, its heading excepted.
fn emptied(host: &Element, id: &str) -> Option<HtmlElement> {
    let section: HtmlElement = host
        .query_selector(&format!(":scope > #{id}"))
        .ok()??
        .dyn_into()
        .ok()?;
    let children = section.children();
    for place in (0..children.length()).rev() {
        if let Some(child) = children.item(place)
            && !child.tag_name().starts_with('H')
        {
            child.remove();
        }
    }
    Some(section)
}
