//! What this browser remembers of an upload: its address, under the name, size and time of its file, and which tab is at
//! it. A tab that takes an upload over says so by writing here, which the others hear.

use js_sys::Reflect;
use web_sys::{File, Storage};

use super::{page::Page, tus::Tus};
use crate::{browser::window, dom::listen};

fn storage() -> Option<Storage> {
    window().local_storage().ok()?
}

/// The file's name among what is remembered.
fn key(file: &File) -> String {
    let number = |number: f64| (number as u64).to_string();
    [
        "roundtrip.upload ",
        &number(file.size()),
        " ",
        &number(file.last_modified()),
        " ",
        &file.name(),
    ]
    .concat()
}

impl Page {
    fn key(self) -> Option<String> {
        self.file.peek(|file| file.as_ref().map(key))
    }

    /// The address of the upload that was begun with this file, here or in another tab.
    pub(super) fn recalled(self) -> Option<String> {
        let kept = storage()?.get_item(&self.key()?).ok()??;
        kept.split_once(' ').map(|(_, url)| url.to_owned())
    }

    /// This tab is at it.
    pub(super) fn remember(self) {
        self.tus.peek(|tus| {
            if let Some(tus) = tus {
                self.remembers(tus);
            }
        });
    }

    /// Likewise, for an upload that has just got its address.
    pub(super) fn remembers(self, tus: &Tus) {
        if let (Some(storage), Some(key), Some(url)) = (storage(), self.key(), tus.url()) {
            let _ = storage.set_item(&key, &[&self.tab.now(), " ", url].concat());
        }
    }

    /// It is over.
    pub(super) fn forget(self) {
        if let (Some(storage), Some(key)) = (storage(), self.key()) {
            let _ = storage.remove_item(&key);
        }
    }

    /// Lets go of an upload that another tab takes over.
    pub(super) fn yield_to_others(self) {
        listen(&window(), "storage", move |event| {
            let text = |name: &str| Reflect::get(&event, &name.into()).ok()?.as_string();
            if text("newValue").is_some() && text("key") == self.key() {
                self.yields();
            }
        });
    }
}
