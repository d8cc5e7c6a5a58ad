//! When a picture is decoded: once for each upload, a few at a time, and never on the runtime's own threads.

use std::{
    io::{self, Cursor},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use wire::trace::Kind;

use super::{
    Error, Picture, Result, Tell, Uploads, at_storage, blocking, error::lost, picture,
    storage::Content, upload::Upload,
};

/// From this on a picture is decoded alone, in bytes of memory.
const LARGE: u64 = 128 * 1024 * 1024;

/// Held while a large picture is decoded: two at once could take more memory than there is.
static LARGE_ONE: Mutex<()> = Mutex::new(());

impl Uploads {
    /// What the file is as a picture; makes the preview where nobody has asked before.
    pub(super) async fn picture_of(&self, upload: &Arc<Upload>, tell: &Tell) -> Result<Picture> {
        let _one_maker = upload.picture.lock().await;
        let (known, bytes) = {
            let state = upload.state.lock();
            (state.record.picture.clone(), state.received)
        };
        if let Some(picture) = known {
            return Ok(picture);
        }
        let turn = Arc::clone(&self.inner.decodes)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let began = Instant::now();
        let (id, storage) = (upload.id, self.inner.storage.clone());
        let decoding = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            decode(storage.read(id)?, bytes)
        });
        let (mut picture, preview) = match decoding.await {
            Ok(made) => made.map_err(lost)?,
            // A decoder that panics on a malicious file is a decoder that could not decode it.
            Err(error) if error.is_panic() => {
                tracing::warn!(%id, "a decoder panicked on an upload");
                (
                    Picture::none("The picture cannot be decoded: the decoder gave up on it."),
                    None,
                )
            }
            Err(error) => return Err(Error::Io(io::Error::other(error))),
        };
        let decoded = Instant::now();

        let size = preview.as_ref().map_or(0, |preview| preview.len() as u64);
        let from = upload.from;
        let room = self.inner.room.take(from, size);
        if room.is_err() {
            picture.preview = None;
            picture.why = Some("There is no room left for a preview.".into());
        }
        let kept = self.keep_picture(upload, picture.clone(), preview).await;
        if room.is_ok() && kept.is_err() {
            self.inner.room.give_back(from, size);
        }
        kept?;
        let draft = at_storage(Kind::Previewed, id, began).until(decoded);
        tell(match &picture.preview {
            Some(preview) => draft
                .bytes(preview.bytes)
                .with(|say| say.summary = Some(format!("{} × {}", preview.width, preview.height))),
            None => draft.with(|say| say.why = picture.why.clone()),
        });
        Ok(picture)
    }

    /// Writes down what is known of the picture, and the preview where there is one.
    async fn keep_picture(
        &self,
        upload: &Upload,
        picture: Picture,
        preview: Option<Vec<u8>>,
    ) -> Result<()> {
        let (storage, id) = (self.inner.storage.clone(), upload.id);
        if let (Some(bytes), Some(_)) = (preview, &picture.preview) {
            blocking(move || storage.write_preview(id, &bytes)).await?;
        }
        self.change(upload, |record| record.picture = Some(picture))
            .await?;
        let mut state = upload.state.lock();
        if state.removed {
            return Err(Error::Gone);
        }
        state.taken = state.size();
        Ok(())
    }
}

/// What these bytes are as a picture.
pub(crate) fn decode_bytes(bytes: Vec<u8>) -> Picture {
    let length = bytes.len() as u64;
    match decode(Box::new(Cursor::new(bytes)), length) {
        Ok((picture, _)) => picture,
        Err(error) => Picture::none(error.to_string()),
    }
}

fn decode(content: Content, bytes: u64) -> io::Result<(Picture, Option<Vec<u8>>)> {
    match picture::open(content, bytes)? {
        Err(picture) => Ok((picture, None)),
        Ok(opened) => {
            let _alone = (opened.memory_bytes() > LARGE).then(|| LARGE_ONE.lock());
            Ok(picture::make(opened))
        }
    }
}
