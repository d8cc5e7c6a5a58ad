//! How files come: chosen, photographed, dropped, pasted; and the line in which they wait.

use js_sys::Reflect;
use wasm_bindgen::JsCast;
use web_sys::{Event, File, FileList};
use wire::{limits::UPLOAD_BYTES_MAX, time::bytes};

use super::{
    page::{Outcome, Page},
    queue::{Fate, Kept, Queue},
};
use crate::{
    browser::window,
    components::notice::Notice,
    dom::{El, el, listen},
};

/// The files that an event brings, in what it names so.
fn files_in(event: &Event, holder: &str) -> Vec<File> {
    let list = Reflect::get(event, &holder.into())
        .and_then(|holder| Reflect::get(&holder, &"files".into()))
        .ok()
        .and_then(|files| files.dyn_into::<FileList>().ok());
    let Some(list) = list else {
        return Vec::new();
    };
    (0..list.length())
        .filter_map(|place| list.get(place))
        .collect()
}

impl Page {
    /// Takes files: the first is shown at once, unless another one is under way.
    fn takes(self, event: &Event, holder: &str) {
        let files = files_in(event, holder);
        if files.is_empty() {
            return;
        }
        event.prevent_default();
        // What came is still compared: others wait.
        let is_compared = || {
            self.outcome.peek(|it| matches!(it, Outcome::Stored(_)))
                && self.queue.peek(Queue::has_one_under_way)
        };
        let is_busy = self.is_busy() || is_compared();
        let fits = |file: &File| file.size() as u64 <= UPLOAD_BYTES_MAX;
        let too_large = files.iter().find(|file| !fits(file)).cloned();
        let files = files.into_iter().map(|file| {
            let fits = fits(&file);
            (file, fits)
        });
        if let Some(first) = self.queue.update(|queue| queue.take(files, is_busy)) {
            self.choose(first);
        }
        if let Some(file) = too_large {
            self.trouble.set(Some(Notice::new(
                format!("{} was not taken.", file.name()),
                format!(
                    "It has {}; the server takes {} at most.",
                    bytes(file.size() as u64),
                    bytes(UPLOAD_BYTES_MAX)
                ),
                "Choose a smaller file.",
            )));
        }
    }

    /// Files may be dropped anywhere on the page, as a small target would be missed and the browser would open the file; or
    /// pasted.
    pub(super) fn accept_files(self) {
        listen(&window(), "dragover", |event| event.prevent_default());
        for (kind, holder) in [("drop", "dataTransfer"), ("paste", "clipboardData")] {
            listen(&window(), kind, move |event| self.takes(&event, holder));
        }
    }

    pub(super) fn file_field(self) -> El {
        let words = move || {
            self.file.with(|file| match file {
                Some(file) => [&file.name(), ", ", &bytes(file.size() as u64)].concat(),
                None if self.has_sample() => "the sample; or drop, or paste".to_owned(),
                None => "choose, drop or paste".to_owned(),
            })
        };
        let input = |id: &str| {
            el("input")
                .attrs(&[("id", id), ("type", "file"), ("accept", "image/*")])
                .on("change", move |event| self.takes(&event, "target"))
        };
        el("div.field.file-field")
            .add(el("label").attr("for", "file").text("Files ").add(
                el("span.bounds").text(&["up to ", &bytes(UPLOAD_BYTES_MAX), " each"].concat()),
            ))
            .add(
                el("span.with-unit").add_all([
                    input("file").attrs(&[("multiple", ""), ("aria-describedby", "file-words")]),
                    // A finger has a camera: there the button is shown.
                    el("label.button.quiet.camera")
                        .text("Photograph")
                        .add(input("camera").attr("capture", "environment")),
                    el("span.unit").attr("id", "file-words").shows(words),
                ]),
            )
    }

    /// The files that wait and those that went, where there are several.
    pub(super) fn queue_list(self) -> El {
        el("ol.upload-queue")
            .attr("aria-label", "Files")
            .holds(move || {
                self.queue.with(|queue| match queue.files() {
                    [] | [_] => Vec::new(),
                    files => files.iter().map(|(file, fate)| item(file, fate)).collect(),
                })
            })
    }
}

fn item(file: &File, fate: &Fate) -> El {
    let name = file.name();
    let picture = match fate {
        Fate::Stored(Kept {
            preview: Some(preview),
            ..
        }) => el("a")
            .attr("href", preview)
            .add(el("img").attrs(&[("src", preview), ("alt", &["Preview of ", &name].concat())])),
        _ => el("i"),
    };
    el("li").add_all([
        picture,
        el("span").text(&name),
        el("small").text(&bytes(file.size() as u64)),
        el("small").text(fate.words()),
    ])
}
