//! What there is to say about one event, as the inspector shows it.

use wire::{
    base64,
    json::Json,
    time::{bytes, duration},
    trace::TraceEvent,
};

use super::words;

/// A name and what stands beside it.
pub type Fact = (&'static str, String);

/// The facts of an event, the most asked for first. Times are counted from `origin_ns`, the run's first event.
pub fn facts(event: &TraceEvent, origin_ns: i64) -> Vec<Fact> {
    let detail = &event.detail;
    let mut facts: Vec<Fact> = Vec::new();
    let at = duration(event.at_ns.saturating_sub(origin_ns));
    let error = duration(event.error_ns as i64);
    facts.push(("When", [&at, " ± ", &error].concat()));
    if let Some(ns) = event.duration_ns {
        facts.push(("Took", duration(ns as i64)));
    }
    if let Some(count) = event.bytes {
        let mut text = bytes(count);
        if count >= 1_000 {
            text = [&text, " (", &count.to_string(), " B)"].concat();
        }
        facts.push(("Bytes", text));
    }
    facts.push(("Truth", words::truth(event.truth).to_owned()));
    let mut add = |name, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            facts.push((name, text));
        }
    };
    add("Formula", detail.formula.clone());
    add("Says", detail.summary.clone());
    add("Why", detail.why.clone());
    add("Status", detail.status.map(|status| status.to_string()));
    add("Topic", detail.topic.clone());
    add("Message", detail.message.clone());
    add("Upload", detail.upload.clone());
    add("SHA-256", detail.sha256.clone());
    add("From byte", detail.offset.map(|offset| offset.to_string()));
    add("Head", detail.head_bytes.map(bytes));
    add(
        "Connection",
        detail.connection.map(|number| number.to_string()),
    );
    add("Exchange", detail.exchange.map(|span| span.to_string()));
    add("Page", detail.client.map(|client| client.to_string()));
    add("Number", Some(event.seq.to_string()));
    facts
}

/// What a kind says beyond the fields that all share, as text.
pub fn more(event: &TraceEvent) -> Vec<(String, String)> {
    let plain = |value: &Json| match value {
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    };
    let more = event.detail.more.iter();
    more.map(|(name, value)| (name.replace('_', " "), plain(value)))
        .collect()
}

/// The bytes that an event carries, as they were; `None` where it carries none.
pub fn data(event: &TraceEvent) -> Option<Vec<u8>> {
    let data = base64::decode(event.detail.data_base64.as_deref()?)?;
    (!data.is_empty()).then_some(data)
}

/// Bytes as text: line ends and whatever is no text made visible.
pub fn as_text(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len());
    for letter in String::from_utf8_lossy(data).chars() {
        match letter {
            '\r' => text.push('␍'),
            '\n' => text.push_str("␊\n"),
            '\t' => text.push('\t'),
            // Control characters have pictures of their own in Unicode.
            '\0'..='\u{1f}' => text.push(char::from_u32(0x2400 + letter as u32).unwrap_or('·')),
            '\u{7f}' => text.push('␡'),
            letter => text.push(letter),
        }
    }
    text
}

/// Bytes in rows of 16: offset, hex, text.
pub fn as_hex(data: &[u8], from: u64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hex = |text: &mut String, byte: u8| {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    };
    let mut text = String::with_capacity(data.len() * 5);
    for (row, bytes) in data.chunks(16).enumerate() {
        let offset = from.wrapping_add(row as u64 * 16) as u32;
        for byte in offset.to_be_bytes() {
            hex(&mut text, byte);
        }
        text.push_str("  ");
        for place in 0..16 {
            match bytes.get(place) {
                Some(byte) => hex(&mut text, *byte),
                None => text.push_str("  "),
            }
            text.push_str(if place == 7 { "  " } else { " " });
        }
        text.push(' ');
        for byte in bytes {
            let shown = if byte.is_ascii_graphic() || *byte == b' ' {
                *byte
            } else {
                b'.'
            };
            text.push(char::from(shown));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::{Kind, Lane, Truth};

    #[test]
    fn an_event_says_what_it_knows_and_nothing_else() {
        let mut event = TraceEvent::new(Lane::TERMINAL, Kind::RequestSent, 1_500_000, 20_000);
        event.seq = 3;
        event.truth = Truth::Derived;
        event.bytes = Some(1_234);
        event.detail.formula = Some("first read − rtt / 2".into());
        event.detail.more.insert("rtt_ns".into(), 40_000_u64.into());
        assert_eq!(
            facts(&event, 500_000),
            [
                ("When", "1 ms ± 20 µs".to_owned()),
                ("Bytes", "1.23 kB (1234 B)".to_owned()),
                (
                    "Truth",
                    "Derived: computed from measured figures.".to_owned()
                ),
                ("Formula", "first read − rtt / 2".to_owned()),
                ("Number", "3".to_owned()),
            ]
        );
        assert_eq!(more(&event), [("rtt ns".to_owned(), "40000".to_owned())]);
        assert_eq!(data(&event), None);
    }

    #[test]
    fn bytes_can_be_read_as_text_and_as_hex() {
        let mut event = TraceEvent::new(Lane::SOCKET, Kind::Read, 0, 0);
        event.detail.data_base64 = Some(base64::encode(b"GET / HTTP/1.1\r\n\x00\xff"));
        let data = data(&event).expect("some");
        assert_eq!(as_text(&data), "GET / HTTP/1.1␍␊\n␀\u{fffd}");
        assert_eq!(
            as_hex(&data, 16),
            "00000010  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n\
             00000020  00 ff                                             ..\n"
        );
        event.detail.data_base64 = Some("%%%".into());
        assert_eq!(super::data(&event), None);
    }
}
