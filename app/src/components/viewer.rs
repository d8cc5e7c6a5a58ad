//! The page for saved runs: the timeline and the bytes of a file, without the server that made it.

use web_sys::HtmlElement;

use super::{anatomy, notice::problem, query::Reader};
use crate::{
    browser::location,
    dom::{El, el},
    session::Session,
    timeline::{RunStore, timeline},
};

/// Mounts the viewer. With `run=` in the address it follows that run, as far as the server still has it.
pub(crate) fn mount(host: &HtmlElement) {
    host.set_text_content(None);
    let mut reader = Reader::new(&location().search().unwrap_or_default());
    let follows = reader.text("run").is_some();
    let session = follows.then(|| Session::open(&mut reader));
    let store = session.map_or_else(RunStore::new, |session| session.store);
    let has_run = move || store.with_shown(|run| !run.is_empty());
    let stage = el("div.lab-stage").add(timeline(
        store,
        "Open the file of a run: it is drawn here as it was on the page that saved it.",
    ));
    let bytes = el("section.viewer-bytes")
        .attr("aria-labelledby", "viewer-bytes")
        .flag_of("hidden", move || !has_run())
        .add(el("h2").attr("id", "viewer-bytes").text("Bytes"))
        .add_all(anatomy::view::panel(store, has_run));
    let notice = session.map(|session| problem(move || session.trouble.get()));
    let _ = El::of(host.clone()).add_all(notice).add(stage).add(bytes);
}
