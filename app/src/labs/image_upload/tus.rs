//! The client's half of tus 1.0.0 (core, creation, termination) as a state machine without I/O.
//!
//! It is told what happened and says what to send next. Whoever drives it sends that, and tells it how it went.

use std::ops::Range;

use wire::base64;

/// What the driver has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `POST /files`: make the upload.
    Create,
    /// `PATCH`: send these bytes of the file.
    Send(Range<u64>),
    /// `HEAD`: ask how much the server has.
    Ask,
    /// `DELETE`: end the upload.
    Delete,
    /// Wait this long, in milliseconds, then call [`Tus::waited`].
    Wait(u32),
    /// Nothing until the person does something.
    Rest,
}

/// Why an answer was no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// No answer came: the connection broke, or the server is gone.
    NoAnswer,
    /// The server answered with this status; in words, what it said.
    Status(u16, String),
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been sent.
    Idle,
    /// The upload is being created.
    Creating,
    /// A chunk is on its way.
    Sending,
    /// The server is being asked how much it has.
    Asking,
    /// The person paused it.
    Paused,
    /// Something failed; it is tried again by itself.
    Waiting {
        /// What failed, in words.
        why: String,
        /// Which try this will be, from 1.
        attempt: u32,
        /// How long until then, in milliseconds.
        wait_ms: u32,
    },
    /// The server has every byte.
    Done,
    /// The upload is being removed.
    Cancelling,
    /// The upload was removed.
    Cancelled,
    /// It cannot go on.
    Failed(String),
}

/// How often a failure is tried again before the person has to.
pub const ATTEMPTS_MAX: u32 = 8;
const FIRST_WAIT_MS: u32 = 500;
const LONGEST_WAIT_MS: u32 = 8_000;

/// One file's upload in chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tus {
    length: u64,
    chunk: u64,
    url: Option<String>,
    /// The address was remembered, and the server has not said yet that it still has the upload.
    is_recalled: bool,
    offset: u64,
    failures: u32,
    phase: Phase,
}

impl Tus {
    /// An upload of `length` bytes in chunks of `chunk` bytes (at least 1).
    pub fn new(length: u64, chunk: u64) -> Tus {
        Tus {
            length,
            chunk: chunk.max(1),
            url: None,
            is_recalled: false,
            offset: 0,
            failures: 0,
            phase: Phase::Idle,
        }
    }

    /// Goes on with an upload that was begun before, here or elsewhere. Where the server no longer has it, another begins.
    pub fn recall(&mut self, url: String) -> Step {
        self.url = Some(url);
        self.is_recalled = true;
        self.failures = 0;
        self.go_on()
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The upload's address, once it has one.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// How many bytes the server is known to have.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Is there something to pause?
    pub fn is_running(&self) -> bool {
        matches!(
            self.phase,
            Phase::Creating | Phase::Sending | Phase::Asking | Phase::Waiting { .. }
        )
    }

    /// Begins.
    pub fn start(&mut self) -> Step {
        self.phase = Phase::Creating;
        Step::Create
    }

    /// The server made the upload and it has this address.
    pub fn created(&mut self, url: String) -> Step {
        self.url = Some(url);
        self.offset = 0;
        self.failures = 0;
        self.next_chunk()
    }

    /// The server says that it has this many bytes, to a `PATCH` or a `HEAD`.
    pub fn stored(&mut self, offset: u64) -> Step {
        if offset > self.length {
            self.phase = Phase::Failed(format!(
                "The server says that it has {offset} bytes of a file of {}: this is another upload. Start again.",
                self.length
            ));
            return Step::Rest;
        }
        if offset > self.offset {
            self.failures = 0;
        }
        self.is_recalled = false;
        self.offset = offset;
        self.next_chunk()
    }

    /// A request failed. What may work a second time is tried again, and asks first how much arrived.
    pub fn failed(&mut self, trouble: Trouble) -> Step {
        if matches!(self.phase, Phase::Paused | Phase::Cancelled) {
            return Step::Rest;
        }
        let why = match &trouble {
            Trouble::NoAnswer => "The server did not answer.".to_owned(),
            Trouble::Status(_, words) => words.clone(),
        };
        if self.phase == Phase::Cancelling {
            // Gone already is what was wanted.
            if matches!(trouble, Trouble::Status(404 | 410, _)) {
                return self.cancelled();
            }
            self.phase = Phase::Failed(format!("The upload could not be removed. {why}"));
            return Step::Rest;
        }
        match trouble {
            // The offset did not match what the server has, or somebody else holds the upload: ask again.
            Trouble::NoAnswer | Trouble::Status(409 | 423 | 429 | 460 | 408 | 500..=599, _)
                if self.failures < ATTEMPTS_MAX =>
            {
                self.failures += 1;
                let wait_ms = (FIRST_WAIT_MS << (self.failures - 1).min(10)).min(LONGEST_WAIT_MS);
                self.phase = Phase::Waiting {
                    why,
                    attempt: self.failures,
                    wait_ms,
                };
                Step::Wait(wait_ms)
            }
            Trouble::Status(404 | 410, _) if self.is_recalled => {
                self.url = None;
                self.is_recalled = false;
                self.start()
            }
            Trouble::Status(404 | 410, _) if self.url.is_some() => {
                self.phase = Phase::Failed(
                    "The server no longer has this upload: it was removed, or its time ran out. Start again.".to_owned(),
                );
                Step::Rest
            }
            Trouble::NoAnswer => {
                self.phase = Phase::Failed(format!(
                    "The server did not answer {} times. See whether it runs, then press Resume.",
                    ATTEMPTS_MAX + 1
                ));
                Step::Rest
            }
            Trouble::Status(..) => {
                self.phase = Phase::Failed(why);
                Step::Rest
            }
        }
    }

    /// The wait is over.
    pub fn waited(&mut self) -> Step {
        if !matches!(self.phase, Phase::Waiting { .. }) {
            return Step::Rest;
        }
        self.go_on()
    }

    /// The person pauses. Whatever is on its way has to be aborted.
    pub fn pause(&mut self) -> bool {
        let running = self.is_running();
        if running {
            self.phase = Phase::Paused;
        }
        running
    }

    /// The person goes on, after a pause or a failure.
    pub fn resume(&mut self) -> Step {
        if !matches!(self.phase, Phase::Paused | Phase::Failed(_)) {
            return Step::Rest;
        }
        self.failures = 0;
        self.go_on()
    }

    /// The person gives it up. Whatever is on its way has to be aborted.
    pub fn cancel(&mut self) -> Step {
        if self.url.is_none() {
            self.phase = Phase::Cancelled;
            return Step::Rest;
        }
        self.phase = Phase::Cancelling;
        Step::Delete
    }

    /// The server removed the upload.
    pub fn cancelled(&mut self) -> Step {
        self.url = None;
        self.offset = 0;
        self.phase = Phase::Cancelled;
        Step::Rest
    }

    /// How much arrived is not known after a break: ask. Without an address there is nothing to ask about.
    fn go_on(&mut self) -> Step {
        if self.url.is_none() {
            return self.start();
        }
        self.phase = Phase::Asking;
        Step::Ask
    }

    fn next_chunk(&mut self) -> Step {
        if matches!(
            self.phase,
            Phase::Paused | Phase::Cancelling | Phase::Cancelled
        ) {
            return Step::Rest;
        }
        if self.offset >= self.length {
            self.phase = Phase::Done;
            return Step::Rest;
        }
        self.phase = Phase::Sending;
        Step::Send(self.offset..self.offset.saturating_add(self.chunk).min(self.length))
    }
}

/// The `Upload-Metadata` field: names and values in base64 (tus 1.0.0, creation).
pub fn metadata(name: &str, media_type: &str) -> String {
    format!(
        "filename {},filetype {}",
        base64::encode(name.as_bytes()),
        base64::encode(media_type.as_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_goes_in_chunks_and_the_last_is_short() {
        let mut tus = Tus::new(25, 10);
        assert_eq!(tus.start(), Step::Create);
        assert_eq!(tus.created("/files/a".into()), Step::Send(0..10));
        assert_eq!(tus.stored(10), Step::Send(10..20));
        assert_eq!(tus.stored(20), Step::Send(20..25));
        assert_eq!(tus.stored(25), Step::Rest);
        assert_eq!(tus.phase(), &Phase::Done);
    }

    #[test]
    fn an_empty_file_is_done_when_it_is_created() {
        let mut tus = Tus::new(0, 10);
        tus.start();
        assert_eq!(tus.created("/files/a".into()), Step::Rest);
        assert_eq!(tus.phase(), &Phase::Done);
    }

    #[test]
    fn a_pause_keeps_the_upload_and_a_resume_asks_first() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        tus.created("/files/a".into());
        assert!(tus.pause());
        // The aborted request's failure comes afterwards and changes nothing.
        assert_eq!(tus.failed(Trouble::NoAnswer), Step::Rest);
        assert_eq!(tus.phase(), &Phase::Paused);
        assert_eq!(tus.resume(), Step::Ask);
        assert_eq!(tus.stored(7), Step::Send(7..17));
        assert_eq!(tus.url(), Some("/files/a"));
    }

    #[test]
    fn a_pause_while_creating_creates_again() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        assert!(tus.pause());
        assert_eq!(tus.resume(), Step::Create);
    }

    #[test]
    fn a_break_is_tried_again_with_growing_waits_and_then_left_to_the_person() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        tus.created("/files/a".into());
        let mut waits = Vec::new();
        while let Step::Wait(ms) = tus.failed(Trouble::NoAnswer) {
            waits.push(ms);
            assert_eq!(tus.waited(), Step::Ask);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
        assert!(matches!(tus.phase(), Phase::Failed(_)));
        assert_eq!(tus.resume(), Step::Ask);
        assert_eq!(tus.stored(0), Step::Send(0..10));
    }

    #[test]
    fn progress_makes_the_waits_short_again() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        tus.created("/files/a".into());
        tus.failed(Trouble::NoAnswer);
        tus.waited();
        tus.stored(10);
        assert_eq!(tus.failed(Trouble::NoAnswer), Step::Wait(500));
    }

    #[test]
    fn what_will_not_work_a_second_time_is_not_tried() {
        for status in [400, 403, 404, 410, 413, 415, 422] {
            let mut tus = Tus::new(25, 10);
            tus.start();
            tus.created("/files/a".into());
            let trouble = Trouble::Status(status, "No.".into());
            assert_eq!(tus.failed(trouble), Step::Rest, "{status}");
            assert!(matches!(tus.phase(), Phase::Failed(_)), "{status}");
        }
    }

    #[test]
    fn a_recalled_upload_goes_on_or_begins_anew() {
        let mut tus = Tus::new(25, 10);
        assert_eq!(tus.recall("/files/a".into()), Step::Ask);
        assert_eq!(tus.stored(10), Step::Send(10..20));
        let gone = || Trouble::Status(410, "Gone.".into());
        assert_eq!(tus.failed(gone()), Step::Rest);
        assert!(matches!(tus.phase(), Phase::Failed(_)));
        let mut expired = Tus::new(25, 10);
        expired.recall("/files/a".into());
        assert_eq!(expired.failed(gone()), Step::Create);
        assert_eq!(expired.url(), None);
        assert_eq!(expired.created("/files/b".into()), Step::Send(0..10));
    }

    #[test]
    fn a_cancel_removes_the_upload() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        tus.created("/files/a".into());
        assert_eq!(tus.cancel(), Step::Delete);
        assert_eq!(tus.stored(10), Step::Rest);
        assert_eq!(tus.cancelled(), Step::Rest);
        assert_eq!(tus.phase(), &Phase::Cancelled);
        let mut gone = Tus::new(25, 10);
        gone.start();
        gone.created("/files/a".into());
        gone.cancel();
        gone.failed(Trouble::Status(410, "Gone.".into()));
        assert_eq!(gone.phase(), &Phase::Cancelled);
        let mut unmade = Tus::new(25, 10);
        unmade.start();
        assert_eq!(unmade.cancel(), Step::Rest);
    }

    #[test]
    fn an_offset_past_the_end_is_not_believed() {
        let mut tus = Tus::new(25, 10);
        tus.start();
        tus.created("/files/a".into());
        assert_eq!(tus.stored(26), Step::Rest);
        assert!(matches!(tus.phase(), Phase::Failed(_)));
    }

    #[test]
    fn metadata_is_base64() {
        assert_eq!(
            metadata("ä b.jpg", "image/jpeg"),
            "filename w6QgYi5qcGc=,filetype aW1hZ2UvanBlZw=="
        );
    }

    proptest! {
        /// A server that stores a part of each chunk and fails at times: every byte is sent once it is needed, in order.
        #[test]
        fn every_byte_arrives(
            length in 0_u64..500,
            chunk in 1_u64..90,
            turns in prop::collection::vec((any::<u8>(), 0_u64..90), 600..700),
        ) {
            let mut tus = Tus::new(length, chunk);
            let mut step = tus.start();
            let mut have = 0_u64;
            let mut turns = turns.into_iter();
            while tus.phase() != &Phase::Done {
                let (chance, part) = turns.next().unwrap_or((255, 90));
                let breaks = chance < 60;
                step = match step {
                    Step::Create if breaks => tus.failed(Trouble::NoAnswer),
                    Step::Create => tus.created("/files/a".into()),
                    Step::Send(range) if breaks => {
                        prop_assert_eq!(range.start, have);
                        have += part.min(range.end - range.start);
                        tus.failed(Trouble::NoAnswer)
                    }
                    Step::Send(range) => {
                        prop_assert_eq!(range.start, have);
                        prop_assert!(range.end <= length && range.end - range.start <= chunk);
                        have = range.end;
                        tus.stored(have)
                    }
                    Step::Ask if breaks => tus.failed(Trouble::Status(503, "Busy.".into())),
                    Step::Ask => tus.stored(have),
                    Step::Wait(_) => tus.waited(),
                    Step::Rest => tus.resume(),
                    Step::Delete => unreachable!("nobody cancelled"),
                };
            }
            prop_assert_eq!(have, length);
            prop_assert_eq!(tus.offset(), length);
        }
    }
}
