//! The frame that every lab stands in: its controls, the timeline, what went wrong, and below them the tabs.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::{
    anatomy, breaks,
    notice::{problem, said},
    tabs,
    terminal::{Shown, terminal},
};
use crate::{
    browser::{document, location},
    components::notice::Notice,
    dom::{El, State, el},
    session::Session,
    timeline::timeline,
    transport::ids,
};

/// Where a command has to go, and which run it joins.
pub(crate) struct Place {
    /// `http://127.0.0.1:3000`.
    pub(crate) origin: String,
    /// `127.0.0.1:3000`.
    pub(crate) host: String,
    /// The run on the screen, and an exchange of the command's own.
    pub(crate) traceparent: String,
}

/// What makes the commands for a place.
pub(crate) type Commands = Box<dyn Fn(&Place) -> Vec<Shown>>;

/// What a lab gives to its frame.
pub(crate) struct Shared {
    /// The line of controls and what belongs to it.
    pub(crate) controls: Vec<El>,
    /// What stands below the timeline.
    pub(crate) below: Vec<El>,
    /// A sentence on what a choice brought with it, or on what came of a run.
    pub(crate) said: Box<dyn Fn() -> String>,
    /// What went wrong.
    pub(crate) trouble: Box<dyn Fn() -> Option<Notice>>,
    /// The commands for a terminal.
    pub(crate) commands: Commands,
    /// What to do while nothing has happened.
    pub(crate) invitation: &'static str,
}

/// Mounts a lab into its place in the document. What the address held and could not be used is said first.
pub(crate) fn mount(host: &HtmlElement, session: Session, shared: Shared, complaints: &[String]) {
    session.said.set(complaints.join(" "));
    let Shared {
        controls,
        below,
        said: own,
        trouble,
        commands,
        invitation,
    } = shared;
    let words = move || {
        let (own, of_feed) = (own(), session.said.get());
        if own.is_empty() { of_feed } else { own }
    };
    let notices = el("div.lab-notices")
        .add(said(words))
        .add(problem(trouble))
        .add(problem(move || session.trouble.get()));
    let stage = el("div.lab-stage").add(timeline(session.store, invitation));
    let row = breaks::row(session);
    host.set_text_content(None);
    let _ = El::of(host.clone())
        .add_all(controls)
        .add_all(row)
        .add(notices)
        .add(stage)
        .add_all(below);
    mount_tabs(session, commands);
}

/// Turns the document's sections into tabs and fills two of them with what the page knows.
fn mount_tabs(session: Session, commands: Commands) {
    let Some(host) = document().get_element_by_id("lab-tabs") else {
        return;
    };
    let shown = tabs::tabs(&host);
    if let Some(section) = emptied(&host, "tab-terminal") {
        // An exchange per command: one that is copied and run again would otherwise be taken for the same request.
        let exchange = State::new(ids::span());
        let list = move || {
            let location = location();
            commands(&Place {
                origin: location.origin().unwrap_or_default(),
                host: location.host().unwrap_or_default(),
                traceparent: format!("00-{}-{}-01", session.run.get(), exchange.get()),
            })
        };
        let renew = Rc::new(move || exchange.set(ids::span()));
        let _ = section.add(terminal(list, renew));
    }
    if let Some(section) = emptied(&host, "tab-bytes") {
        let is_shown = move || shown.with(|id| id == "tab-bytes");
        let _ = section.add_all(anatomy::view::panel(session.store, is_shown));
    }
}

/// A section without what stood in it, its heading excepted.
fn emptied(host: &Element, id: &str) -> Option<El> {
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
    Some(El::of(section))
}
