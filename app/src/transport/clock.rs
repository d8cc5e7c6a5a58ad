//! The page's clock: `performance.now()` in nanoseconds, and the step in which it advances.
//!
//! Browsers blunt it against timing attacks: steps of 100 µs in Chromium, 5 µs where the page is cross-origin isolated,
//! 1 ms and more elsewhere. The step is found out, not assumed, because it is part of every time's error.

/// The step assumed where none could be seen: what the most careful browsers use, 100 ms.
pub const STEP_UNSEEN_NS: u64 = 100_000_000;

/// The step of a clock, from readings taken as quickly as possible: the least advance seen between two of them.
pub fn step_ns(readings: impl IntoIterator<Item = i64>) -> u64 {
    let mut last = None;
    let mut least = u64::MAX;
    for now in readings {
        if let Some(before) = last.replace(now)
            && now > before
        {
            least = least.min((now - before).unsigned_abs());
        }
    }
    if least == u64::MAX {
        STEP_UNSEEN_NS
    } else {
        least
    }
}

#[cfg(target_arch = "wasm32")]
pub use page::{now_ns, page_step_ns};

#[cfg(target_arch = "wasm32")]
mod page {
    use super::step_ns;

    /// How many readings are taken at most, and how long that may take.
    const READINGS_MAX: usize = 100_000;
    const READING_NS_MAX: i64 = 5_000_000;
    /// How many advances are enough.
    const ADVANCES: usize = 12;

    thread_local! {
        static PERFORMANCE: Option<web_sys::Performance> = web_sys::window().and_then(|window| window.performance());
        static STEP_NS: u64 = find_step();
    }

    /// The page's clock, in nanoseconds since the document was made.
    pub fn now_ns() -> i64 {
        PERFORMANCE.with(|performance| {
            performance
                .as_ref()
                .map_or(0, |performance| (performance.now() * 1e6).round() as i64)
        })
    }

    /// The step in which [`now_ns`] advances, in nanoseconds. Found out at the first call, in 5 ms at most.
    pub fn page_step_ns() -> u64 {
        STEP_NS.with(|step| *step)
    }

    fn find_step() -> u64 {
        let start = now_ns();
        let mut readings = vec![start];
        let mut last = start;
        for _ in 0..READINGS_MAX {
            let now = now_ns();
            if now != last {
                readings.push(now);
                last = now;
            }
            if readings.len() > ADVANCES || now - start > READING_NS_MAX {
                break;
            }
        }
        step_ns(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_advance_is_the_step() {
        assert_eq!(step_ns([0, 0, 5_000, 5_000, 10_000, 25_000]), 5_000);
        assert_eq!(step_ns([100_000, 300_000, 400_000]), 100_000);
        assert_eq!(step_ns([7, 7, 7]), STEP_UNSEEN_NS);
        assert_eq!(step_ns([]), STEP_UNSEEN_NS);
    }
}
