//! A run into a file and out of one.

use leptos::{prelude::*, task::spawn_local, wasm_bindgen::JsCast};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, HtmlAnchorElement, HtmlInputElement};

use super::{stage::Stage, store::Opened};
use crate::{
    components::notice::Notice,
    run::{FILE_BYTES_MAX, Run},
};

/// Hands the run on the screen to the browser as a file to be kept.
pub(super) fn save(stage: Stage) {
    let text = stage.store.with_shown_untracked(|run| {
        let saved = run.to_saved()?;
        let name = ["roundtrip-", &saved.run.to_string()[..8], ".json"].concat();
        Some((name, serde_json::to_string(&saved).ok()?))
    });
    let Some((name, text)) = text else { return };
    if download(&name, &text).is_err() {
        stage.trouble.set(Some(Notice::new(
            "The run was not saved.",
            "The browser refused the download.",
            "Allow downloads for this page, then save again.",
        )));
    }
}

fn download(name: &str, text: &str) -> Result<(), JsValue> {
    let blob = Blob::new_with_str_sequence(&js_sys::Array::of1(&text.into()))?;
    let url = web_sys::Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.dyn_into()?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    web_sys::Url::revoke_object_url(&url)
}

/// Opens a file in place of the live run.
pub(super) fn open(stage: Stage, file: File) {
    spawn_local(async move {
        match read(&file).await {
            Ok(run) => {
                stage.trouble.set(None);
                stage.store.selected.set(None);
                stage.show_from_the_start();
                stage.store.opened.set(Some(Opened {
                    name: file.name(),
                    run,
                }));
            }
            Err(notice) => stage.trouble.set(Some(notice)),
        }
    });
}

async fn read(file: &File) -> Result<Run, Notice> {
    let what = || ["“", &file.name(), "” was not opened."].concat();
    if file.size() > FILE_BYTES_MAX as f64 {
        return Err(Notice::new(
            what(),
            [
                "It has ",
                &wire::time::bytes(file.size() as u64),
                ", and a run takes ",
                &wire::time::bytes(FILE_BYTES_MAX as u64),
                " at most.",
            ]
            .concat(),
            "Open a file that “Save run” wrote.",
        ));
    }
    let text = JsFuture::from(file.text())
        .await
        .ok()
        .and_then(|text| text.as_string());
    let Some(text) = text else {
        return Err(Notice::new(
            what(),
            "The browser could not read it.",
            "See whether it is still there, then open it again.",
        ));
    };
    Run::from_json(&text).map_err(|why| Notice::new(what(), why.why(), why.advice()))
}

/// The file that was dropped, if one was.
pub(super) fn dropped(event: &leptos::ev::DragEvent) -> Option<File> {
    event.data_transfer()?.files()?.get(0)
}

/// The button that opens a file, with the field that a browser needs for it.
pub(super) fn opener(stage: Stage) -> AnyView {
    let field = NodeRef::<leptos::html::Input>::new();
    let chosen = move |_| {
        let Some(field) = field.get_untracked() else {
            return;
        };
        let field: &HtmlInputElement = &field;
        if let Some(file) = field.files().and_then(|files| files.get(0)) {
            open(stage, file);
        }
        // The same file can be chosen again.
        field.set_value("");
    };
    view! {
        <button
            type="button"
            class="quiet"
            on:click=move |_| {
                if let Some(field) = field.get_untracked() {
                    field.click();
                }
            }
        >
            "Open run…"
        </button>
        <input
            type="file"
            accept=".json,application/json"
            class="visually-hidden"
            tabindex="-1"
            aria-label="Run to open"
            node_ref=field
            on:change=chosen
        />
    }
    .into_any()
}
