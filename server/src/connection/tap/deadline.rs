//! How long a peer may keep the server waiting.

use std::{
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use humantime::format_duration;
use tokio::{
    task::unconstrained,
    time::{Instant as Clock, Sleep, sleep_until},
};

use super::{
    super::{messages::Waiting, refusal},
    Tap,
};

impl Tap {
    /// A read found nothing: has the peer kept the server waiting for too long? Says for what.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Waiting> {
        let waiting = self.shared.messages.lock().waiting();
        let limit = match waiting {
            Waiting::FirstByte => self.limits.first_byte,
            Waiting::Head(_) => self.limits.head,
            Waiting::Body => self.limits.body_pause,
            Waiting::NextRequest => self.limits.keep_alive,
            Waiting::Nothing => {
                self.waiting = None;
                return Poll::Pending;
            }
        };
        let now = Clock::now();
        let since = match self.waiting {
            Some((before, since)) if before == waiting => since,
            _ => now,
        };
        self.waiting = Some((waiting, since));
        self.read_timer
            .poll_until(since + limit, now, cx)
            .map(|()| waiting)
    }

    /// The peer kept the server waiting for too long. An error is for the request's handler, which may still answer;
    /// `None` ends the connection, perhaps with a last word.
    pub(super) fn too_slow(&mut self, waiting: Waiting) -> Option<io::Error> {
        let why = match waiting {
            Waiting::FirstByte => {
                let limit = format_duration(self.limits.first_byte);
                format!("no byte came within {limit}")
            }
            Waiting::Head(_) => {
                let limit = self.limits.head;
                self.say_last(refusal::response(&refusal::head_timeout(limit), None));
                format!(
                    "the head was not complete within {}",
                    format_duration(limit)
                )
            }
            Waiting::Body => {
                let limit = format_duration(self.limits.body_pause);
                format!("the request's body paused for {limit}")
            }
            Waiting::NextRequest => {
                let limit = format_duration(self.limits.keep_alive);
                format!("no further request came within {limit}")
            }
            Waiting::Nothing => return None,
        };
        let mut messages = self.shared.messages.lock();
        messages.close_because(why.clone());
        if waiting == Waiting::Body {
            messages.note_body_timeout();
            return Some(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        None
    }

    /// The kernel takes nothing: has the peer read nothing for too long?
    pub(super) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limits.write_stall;
        let timer = self
            .write_timer
            .get_or_insert_with(|| Box::pin(sleep_until(Clock::now() + limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(self.shared.stalled(limit))
    }
}

/// A timer for deadlines that mostly move on before they are reached.
pub(super) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// When it goes off.
    goes_off: Clock,
    /// Who is woken then.
    waker: Option<Waker>,
}

impl Timer {
    pub(super) fn new(deadline: Clock) -> Timer {
        Timer {
            sleep: Box::pin(sleep_until(deadline)),
            goes_off: deadline,
            waker: None,
        }
    }

    /// Ready once `deadline` has passed. It is `now`.
    ///
    /// The timer is set anew only when it must go off earlier than it is set to: one that goes off too early, once in a
    /// while, costs less than one that is set for every request. And who waits for it already need not ask it again.
    pub(super) fn poll_until(
        &mut self,
        deadline: Clock,
        now: Clock,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if self.goes_off > deadline {
            self.set(deadline);
        }
        let waits = self.waker.as_ref();
        if now < self.goes_off && waits.is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        // A task whose turn has lasted long is told *pending* by a timer that did not take its waker: not here.
        while pin!(unconstrained(self.sleep.as_mut())).poll(cx).is_ready() {
            if Clock::now() >= deadline {
                self.waker = None;
                return Poll::Ready(());
            }
            self.set(deadline);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn set(&mut self, deadline: Clock) {
        self.sleep.as_mut().reset(deadline);
        self.goes_off = deadline;
        self.waker = None;
    }
}
