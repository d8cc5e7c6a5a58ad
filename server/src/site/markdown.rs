//! Markdown to HTML for the lessons, which are ours: inline HTML is let through. References such as `RFC 9110 §9.2.2`
//! become links to the text.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Renders a lesson.
pub(super) fn render(markdown: &str) -> String {
    let mut in_code = false;
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(move |event| {
        match &event {
            Event::Start(Tag::CodeBlock(_) | Tag::Link { .. }) => in_code = true,
            Event::End(TagEnd::CodeBlock | TagEnd::Link) => in_code = false,
            _ => {}
        }
        match event {
            Event::Text(text) if !in_code => match link_references(&text) {
                Some(linked) => Event::InlineHtml(CowStr::from(linked)),
                None => Event::Text(text),
            },
            other => other,
        }
    });
    let mut rendered = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut rendered, events);
    rendered
}

/// The text as HTML with every `RFC n` and `RFC n §s` a link to the editor's copy; `None` where it names none.
fn link_references(text: &str) -> Option<String> {
    let mut linked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("RFC ") {
        let number_at = at + "RFC ".len();
        let number = digits(&rest[number_at..]);
        if number.is_empty() {
            linked.push_str(&escape(&rest[..number_at]));
            rest = &rest[number_at..];
            continue;
        }
        let mut end = number_at + number.len();
        let mut url = format!("https://www.rfc-editor.org/rfc/rfc{number}");
        if let Some(after) = rest[end..].strip_prefix(" §") {
            let section = section(after);
            if !section.is_empty() {
                end += " §".len() + section.len();
                url.push_str("#section-");
                url.push_str(section);
            }
        }
        linked.push_str(&escape(&rest[..at]));
        let words = rest[at..end].replace(' ', "\u{a0}");
        linked.push_str(&format!(
            "<a href=\"{url}\" rel=\"noreferrer\">{}</a>",
            escape(&words)
        ));
        rest = &rest[end..];
    }
    if linked.is_empty() {
        return None;
    }
    linked.push_str(&escape(rest));
    Some(linked)
}

/// The digits at the front.
fn digits(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    &text[..end]
}

/// A section's number at the front, `9.2.2`; a full stop behind it belongs to the sentence.
fn section(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_links_and_nothing_else_changes() {
        assert_eq!(
            render("See RFC 9110 §9.2.2."),
            "<p>See <a href=\"https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2\" rel=\"noreferrer\">RFC\u{a0}9110\u{a0}§9.2.2</a>.</p>\n"
        );
        assert!(render("(RFC 7578)").contains("rfc7578\" rel"));
        assert_eq!(
            render("An RFC is a & b < c"),
            "<p>An RFC is a &amp; b &lt; c</p>\n"
        );
        assert_eq!(render("`RFC 1`"), "<p><code>RFC 1</code></p>\n");
        assert!(!render("[RFC 1](/x)").contains("rfc-editor"));
    }

    #[test]
    fn our_own_inline_html_is_let_through() {
        assert_eq!(
            render("<span data-explains=\"read\">A read.</span>"),
            "<p><span data-explains=\"read\">A read.</span></p>\n"
        );
    }
}
