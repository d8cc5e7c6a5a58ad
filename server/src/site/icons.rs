//! The few icons, inline. Paths from Lucide (ISC, `public/CREDITS`), 24 × 24, stroked by `.icon`.

use maud::{Markup, PreEscaped, html};

/// The mark of the project: two lifelines, a message there and one back.
pub(super) fn mark() -> Markup {
    html! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
            stroke-linejoin="round" aria-hidden="true" {
            path d="M4 2v20M20 2v20M4 5l16 5m-3.6-2.9L20 10l-4.4.9M20 14 4 19m3.6 1L4 19l2.8-3.6";
        }
    }
}

fn icon(class: &str, paths: &'static str) -> Markup {
    html! {
        svg class={ "icon " (class) } viewBox="0 0 24 24" aria-hidden="true" { (PreEscaped(paths)) }
    }
}

/// The theme of the system.
pub(super) fn system() -> Markup {
    icon(
        "icon-system",
        r#"<rect width="20" height="14" x="2" y="3" rx="2"/><path d="M8 21h8M12 17v4"/>"#,
    )
}

/// The light theme.
pub(super) fn sun() -> Markup {
    icon(
        "icon-light",
        r#"<circle cx="12" cy="12" r="4"/><path d="M12 2v2M12 20v2M4.93 4.93l1.41 1.41M17.66 17.66l1.41 1.41M2 12h2M20 12h2M6.34 17.66l-1.41 1.41M19.07 4.93l-1.41 1.41"/>"#,
    )
}

/// The dark theme.
pub(super) fn moon() -> Markup {
    icon(
        "icon-dark",
        r#"<path d="M20.985 12.486a9 9 0 1 1-9.473-9.472c.405-.022.617.46.402.803a6 6 0 0 0 8.268 8.268c.344-.215.825-.004.803.401"/>"#,
    )
}

/// High contrast.
pub(super) fn contrast() -> Markup {
    icon(
        "",
        r#"<circle cx="12" cy="12" r="10"/><path d="M12 18a6 6 0 0 0 0-12v12z" fill="currentColor"/>"#,
    )
}

/// Larger, for the last row.
pub(super) fn projector() -> Markup {
    icon(
        "",
        r#"<path d="M2 3h20M21 3v11a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V3M7 21l5-5 5 5"/>"#,
    )
}

/// The list of labs.
pub(super) fn menu() -> Markup {
    icon("", r#"<path d="M4 6h16M4 12h16M4 18h16"/>"#)
}
