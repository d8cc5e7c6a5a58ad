//! A run into a file and out of one.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DragEvent, Event, File, HtmlAnchorElement, HtmlInputElement};

use super::{stage::Stage, store::Opened};
use crate::{
    browser::{document, spawn},
    components::{controls::button, notice::Notice},
    dom::{El, el},
    run::{FILE_BYTES_MAX, Run},
};

/// Hands the run on the screen to the browser as a file to be kept.
pub(super) fn save(stage: Stage) {
    let text = stage.store.peek_shown(|run| {
        let saved = run.to_saved()?;
        let id = saved.run.to_string();
        let name = ["roundtrip-", id.get(..8)?, ".json"].concat();
        Some((name, saved.to_text()))
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
    spawn(async move {
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
pub(super) fn dropped(event: &Event) -> Option<File> {
    event
        .dyn_ref::<DragEvent>()?
        .data_transfer()?
        .files()?
        .get(0)
}

/// The button that opens a file, with the field that a browser needs for it.
pub(super) fn opener(stage: Stage) -> [El; 2] {
    let field = el("input.visually-hidden")
        .attrs(&[
            ("type", "file"),
            ("accept", ".json,application/json"),
            ("tabindex", "-1"),
            ("aria-label", "Run to open"),
        ])
        .on("change", move |event| {
            let Some(field) = event
                .target()
                .and_then(|field| field.dyn_into::<HtmlInputElement>().ok())
            else {
                return;
            };
            if let Some(file) = field.files().and_then(|files| files.get(0)) {
                open(stage, file);
            }
            // The same file can be chosen again.
            field.set_value("");
        });
    let to_click = field.clone();
    let opener = button("Open run…", move || to_click.node().click()).attr("class", "quiet");
    [opener, field]
}
