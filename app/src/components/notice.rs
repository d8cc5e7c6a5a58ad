//! What went wrong, in three parts: what happened, why, and what to do.

/// Words about something that did not go as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub what: String,
    /// Why, as far as it is known.
    pub why: String,
    /// What to do about it; empty where nothing need be done.
    pub advice: String,
}

impl Notice {
    /// Words in their three parts.
    pub fn new(
        what: impl Into<String>,
        why: impl Into<String>,
        advice: impl Into<String>,
    ) -> Notice {
        Notice {
            what: what.into(),
            why: why.into(),
            advice: advice.into(),
        }
    }
}

/// A whole number with its thousands apart: `30,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(target_arch = "wasm32")]
pub(crate) use page::{problem, said};

#[cfg(target_arch = "wasm32")]
mod page {
    use super::Notice;
    use crate::dom::{El, el};

    /// The box with the words, or nothing.
    pub(crate) fn problem(notice: impl Fn() -> Option<Notice> + 'static) -> El {
        el("div").attr("role", "alert").holds(move || {
            notice()
                .map(|notice| {
                    el("div.problem")
                        .add(el("p").text(&notice.what))
                        .add(el("p").text(&format!("{} {}", notice.why, notice.advice)))
                })
                .into_iter()
                .collect()
        })
    }

    /// One line that is always there, so that nothing moves when words come and go; read out when it changes.
    pub(crate) fn said(words: impl Fn() -> String + 'static) -> El {
        el("p.lab-said").attr("role", "status").shows(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (30_000, "30,000"),
            (1_073_741_824, "1,073,741,824"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
