//! What each piece of a message is for, in a sentence. The sentences stand in `wire::words`.

#[cfg(not(target_arch = "wasm32"))]
use wire::words::{FIELDS, PIECES};
use wire::words::{of_field, of_piece};

/// Of a header field that nothing is known of.
const UNKNOWN: &str = "A header field that this page has no words for. A receiver ignores those it does not know (RFC 9110 §5.1).";

/// Of a piece, by its name on the page.
pub fn piece(name: &str) -> String {
    known_piece(name).unwrap_or_default()
}

/// Of a method.
pub fn method(name: &str) -> String {
    let says = known_piece(&format!("Method {name}")).unwrap_or_else(|| piece("Method"));
    format!("The method: {name} {says}")
}

/// Of a status code.
pub fn status(code: &str) -> String {
    let class = code.get(..1).unwrap_or_default();
    known_piece(&format!("Status {class}")).unwrap_or_else(|| piece("Status"))
}

/// Of a chunk's size.
pub fn chunk(bytes: u64) -> String {
    format!("The length of the chunk that follows, in hex: {bytes} bytes (RFC 9112 §7.1).")
}

/// Of a header field, by its name in any case.
pub fn field(name: &str) -> String {
    known_field(name).unwrap_or_else(|| UNKNOWN.to_owned())
}

#[cfg(not(target_arch = "wasm32"))]
fn known_piece(name: &str) -> Option<String> {
    of_piece(PIECES.iter().copied(), name).map(str::to_owned)
}

#[cfg(not(target_arch = "wasm32"))]
fn known_field(name: &str) -> Option<String> {
    of_field(FIELDS.iter().copied(), name).map(str::to_owned)
}

#[cfg(target_arch = "wasm32")]
thread_local! {
    static IN_DOCUMENT: [Vec<(String, String)>; 2] = [in_document(wire::words::PIECES_ID), in_document(wire::words::FIELDS_ID)];
}

#[cfg(target_arch = "wasm32")]
fn known_piece(name: &str) -> Option<String> {
    IN_DOCUMENT.with(|[pieces, _]| of_piece(pairs(pieces), name).map(str::to_owned))
}

#[cfg(target_arch = "wasm32")]
fn known_field(name: &str) -> Option<String> {
    IN_DOCUMENT.with(|[_, fields]| of_field(pairs(fields), name).map(str::to_owned))
}

#[cfg(target_arch = "wasm32")]
fn pairs(list: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|(name, says)| (&**name, &**says))
}

/// The terms and descriptions of one of the document's lists.
#[cfg(target_arch = "wasm32")]
fn in_document(id: &str) -> Vec<(String, String)> {
    let mut words = Vec::new();
    if let Some(list) = crate::browser::document().get_element_by_id(id) {
        let children = list.children();
        let text = |place| Some(children.item(place)?.text_content().unwrap_or_default());
        let mut place = 0;
        while let (Some(name), Some(says)) = (text(place), text(place + 1)) {
            words.push((name, says));
            place += 2;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_by_its_name_in_any_case() {
        assert!(field("HOST").contains("Which server"));
        assert!(field("Sec-Fetch-Mode").contains("Fetch metadata"));
        assert!(field("accept").contains("formats"));
        assert!(field("Accept-Charset").contains("can take"));
        assert!(field("x-mine").contains("no words"));
    }

    #[test]
    fn a_method_and_a_status_have_words_whatever_they_are() {
        assert!(method("GET").starts_with("The method: GET asks for what"));
        assert!(method("BREW").contains("BREW is a method that this page does not know"));
        assert!(method("Target").contains("does not know"));
        assert!(status("404").contains("the request is at fault"));
        assert!(status("").contains("no class that is known"));
        assert!(status("ü").contains("no class that is known"));
    }
}
