//! The page for saved runs: the timeline and the bytes of a file, without the server that made it.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::{anatomy, notice::problem, query::Reader};
use crate::{
    session::Session,
    timeline::{RunStore, Timeline},
};

/// Mounts the viewer. With `run=` in the address it follows that run, as far as the server still has it.
pub(crate) fn mount(host: &HtmlElement) {
    host.set_text_content(None);
    let mut reader = Reader::new(&location().search().unwrap_or_default());
    mount_to(host.clone(), move || {
        let follows = reader.text("run").is_some();
        let session = follows.then(|| Session::open(&mut reader));
        let store = session.map_or_else(RunStore::new, |session| session.store);
        let is_shown = Signal::derive(move || store.with_shown(|run| !run.is_empty()));
        view! {
            {session.map(|session| problem(session.trouble.into()))}
            <Timeline
                store=store
                invitation="Open the file of a run: it is drawn here as it was on the page that saved it."
            />
            <section class="viewer-bytes" aria-labelledby="viewer-bytes" hidden=move || !is_shown.get()>
                <h2 id="viewer-bytes">"Bytes"</h2>
                {anatomy::view::panel(store, is_shown)}
            </section>
        }
    })
    .forget();
}
