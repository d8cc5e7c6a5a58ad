//! The image upload lab on the page: its state, and the upload in one request.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Blob, File};
use wire::{
    images::{IMAGES_PATH, ImageInfo},
    limits::UPLOAD_BYTES_MAX,
    time::bytes,
    trace::{Kind, Lane},
};

use super::{
    knobs::{CHUNKS, Knobs},
    progress::Progress,
    tus::{Phase, Tus},
};
use crate::{
    components::{
        lab::{Place, Shared},
        notice::Notice,
        query::Reader,
        terminal::Shown,
    },
    session::Session,
    transport::{
        clock::now_ns, digest::sha256, fetch::Call, link::Seen, reply::NoReply, upload::upload,
    },
};

/// What became of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing has been uploaded, or it is under way.
    Open,
    /// The server has it.
    Stored(ImageInfo),
    /// The person gave it up.
    Cancelled,
    /// It failed: why, and what to do.
    Failed(String),
}

/// What the lab holds. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Page {
    pub(super) session: Session,
    pub(super) knobs: RwSignal<Knobs>,
    pub(super) file: RwSignal<Option<File>, LocalStorage>,
    /// The page's own digest of the file, in hex.
    pub(super) digest: RwSignal<Option<String>>,
    pub(super) tus: RwSignal<Option<Tus>>,
    /// Is an upload in one request on its way?
    pub(super) is_sending: RwSignal<bool>,
    pub(super) progress: RwSignal<Progress>,
    pub(super) outcome: RwSignal<Outcome>,
    pub(super) trouble: RwSignal<Option<Notice>>,
    pub(super) said: RwSignal<String>,
    pub(super) abort: StoredValue<Option<AbortController>, LocalStorage>,
    /// Counts what was started, so that what was left behind knows it.
    pub(super) turn: StoredValue<u32>,
    /// Counts the files chosen, likewise.
    choices: StoredValue<u32>,
    /// Where the sample photograph is.
    sample: StoredValue<Option<String>>,
}

/// The lab, and the commands that do the same. `sample` is the address of a photograph to begin with.
pub(crate) fn page(session: Session, reader: &mut Reader, sample: Option<String>) -> Shared {
    let page = Page {
        session,
        knobs: RwSignal::new(Knobs::read(reader)),
        file: RwSignal::new_local(None),
        digest: RwSignal::new(None),
        tus: RwSignal::new(None),
        is_sending: RwSignal::new(false),
        progress: RwSignal::new(Progress::default()),
        outcome: RwSignal::new(Outcome::Open),
        trouble: RwSignal::new(None),
        said: RwSignal::new(String::new()),
        abort: StoredValue::new_local(None),
        turn: StoredValue::new(0),
        choices: StoredValue::new(0),
        sample: StoredValue::new(sample),
    };
    Effect::new(move |_| session.write_address(page.knobs.with(Knobs::write)));
    page.accept_drops();
    Shared {
        controls: page.controls(),
        below: page.below(),
        said: page.said.into(),
        trouble: Signal::derive(move || page.what_is_wrong()),
        commands: Callback::new(move |place: Place| {
            let (name, media_type) = page.name_and_type_now();
            page.knobs
                .with(|knobs| {
                    knobs.commands(
                        &place.origin,
                        &session.run.get().to_string(),
                        &place.traceparent,
                        &name,
                        &media_type,
                    )
                })
                .into_iter()
                .map(|(title, command)| Shown { title, command })
                .collect()
        }),
        invitation: "Press Upload: the file goes up, and each end says where every piece was when.",
    }
}

impl Page {
    fn what_is_wrong(self) -> Option<Notice> {
        self.trouble.get().or_else(|| match self.outcome.get() {
            Outcome::Failed(why) => Some(Notice::new("The upload stopped.", why, "")),
            _ => None,
        })
    }

    /// The chosen file's name and media type; of the sample before one is chosen.
    pub(super) fn name_and_type(self) -> (String, String) {
        untrack(move || self.name_and_type_now())
    }

    fn name_and_type_now(self) -> (String, String) {
        self.file.with(|file| match file {
            Some(file) => {
                let media_type = file.type_();
                let media_type = if media_type.is_empty() {
                    "application/octet-stream".to_owned()
                } else {
                    media_type
                };
                (file.name(), media_type)
            }
            None => ("photo.jpg".to_owned(), "image/jpeg".to_owned()),
        })
    }

    pub(super) fn has_sample(self) -> bool {
        self.sample.with_value(Option::is_some)
    }

    /// Is something on its way, or paused?
    pub(super) fn is_busy(self) -> bool {
        self.is_sending.get()
            || self.tus.with(|tus| {
                tus.as_ref()
                    .is_some_and(|tus| tus.is_running() || *tus.phase() == Phase::Paused)
            })
    }

    /// Takes a file. Its digest is begun at once, so that it is there when the server's comes.
    pub(super) fn choose(self, file: File) {
        if file.size() as u64 > UPLOAD_BYTES_MAX {
            self.trouble.set(Some(Notice::new(
                format!("{} was not taken.", file.name()),
                format!(
                    "It has {}; the server takes {} at most.",
                    bytes(file.size() as u64),
                    bytes(UPLOAD_BYTES_MAX)
                ),
                "Choose a smaller file.",
            )));
            return;
        }
        self.stop();
        self.tus.set(None);
        self.is_sending.set(false);
        self.outcome.set(Outcome::Open);
        self.trouble.set(None);
        self.digest.set(None);
        self.progress.set(Progress::of(file.size() as u64));
        self.file.set(Some(file.clone()));
        self.choices.update_value(|count| *count += 1);
        let choice = self.choices.get_value();
        spawn_local(async move {
            let go_on = move || self.choices.get_value() == choice;
            let digest = sha256(&self.session.feed(), &file, go_on).await;
            if !go_on() {
                return;
            }
            if digest.is_none() {
                self.trouble.set(Some(Notice::new(
                    format!("{} cannot be read.", file.name()),
                    "It was moved or changed, or this page may not read it.",
                    "Choose it again.",
                )));
            }
            self.digest.set(digest);
        });
    }

    /// Fetches the sample photograph, as if it had been chosen.
    async fn choose_sample(self) -> Option<File> {
        let url = self.sample.get_value()?;
        self.said
            .set("The sample photograph is being fetched.".to_owned());
        let file = fetched_file(&url).await;
        self.said.set(String::new());
        if file.is_none() {
            self.trouble.set(Some(Notice::new(
                "The sample photograph did not come.",
                "The server cannot be reached.",
                "See whether it runs, or choose a file of your own.",
            )));
        }
        file
    }

    /// Uploads the chosen file, or the sample where none was chosen.
    pub(super) fn upload(self) {
        self.trouble.set(None);
        self.outcome.set(Outcome::Open);
        spawn_local(async move {
            let file = match self.file.get_untracked() {
                Some(file) => file,
                None => {
                    let Some(file) = self.choose_sample().await else {
                        return;
                    };
                    self.choose(file.clone());
                    file
                }
            };
            self.progress.set(Progress::of(file.size() as u64));
            self.sent(0);
            if self.knobs.with_untracked(|knobs| knobs.way) == CHUNKS {
                self.start_chunks(file.into());
            } else {
                self.send_whole(file.into()).await;
            }
        });
    }

    async fn send_whole(self, file: Blob) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.abort.set_value(Some(abort));
        self.tus.set(None);
        self.is_sending.set(true);
        self.turn.update_value(|turn| *turn += 1);
        let turn = self.turn.get_value();
        let (_, media_type) = self.name_and_type();
        let headers = [("content-type", media_type)];
        let traceparent = self.session.exchange();
        let call = Call {
            method: "POST",
            target: IMAGES_PATH,
            headers: &headers,
            traceparent,
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        let progress = Rc::new(move |sent| self.sent(sent));
        let outcome = upload(&feed, call, &file, &signal, progress).await;
        if self.turn.get_value() != turn && !signal.aborted() {
            return;
        }
        self.is_sending.set(false);
        self.outcome.set(match outcome {
            Ok(reply) => match serde_json::from_slice::<ImageInfo>(&reply.body) {
                Ok(info) if reply.is_success() => {
                    self.sent(info.bytes);
                    Outcome::Stored(info)
                }
                _ => Outcome::Failed(reply.words()),
            },
            Err(NoReply::Aborted) => Outcome::Cancelled,
            Err(NoReply::Network) => Outcome::Failed(
                "No answer came: the server cannot be reached, or it closed the connection. One request cannot be resumed; \
                 upload again, or in chunks."
                    .to_owned(),
            ),
        });
        if let Outcome::Stored(_) = self.outcome.get_untracked() {
            leptos::task::tick().await;
            feed.saw_of(
                traceparent.exchange,
                Seen::new(Lane::BROWSER, Kind::Consumed, now_ns()).until(now_ns()),
            );
        }
    }
}

async fn fetched_file(url: &str) -> Option<File> {
    let response: web_sys::Response = JsFuture::from(window().fetch_with_str(url))
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    if !response.ok() {
        return None;
    }
    let blob: Blob = JsFuture::from(response.blob().ok()?)
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    let options = web_sys::FilePropertyBag::new();
    options.set_type("image/jpeg");
    File::new_with_blob_sequence_and_options(&js_sys::Array::of1(&blob), "photo.jpg", &options).ok()
}
