//! What every document shares: the head, the header, the rail, the footer. And the documents that are little else.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use wire::{Lab, lab::Chapter, words};

use super::{assets, dev, icons};

/// The licence notices of what is shipped, as text.
const CREDITS: &str = include_str!("../../../public/CREDITS");

/// One document's own part.
pub(super) struct Shell<'a> {
    /// Stands before the site's name in the window's title; empty on the first page.
    pub(super) title: &'a str,
    /// One sentence for search results and shared links.
    pub(super) description: &'a str,
    /// The document's address, to mark its link; empty where it has none.
    pub(super) path: &'a str,
    /// Which module of WebAssembly it holds a place for.
    pub(super) app: Option<&'a str>,
    /// Does the rail with all labs stand beside it?
    pub(super) has_rail: bool,
    /// What stands in `<main>`.
    pub(super) main: Markup,
}

impl Shell<'_> {
    /// The whole document.
    pub(super) fn document(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (self.head())
                body {
                    a.skip-link href="#main" { "Skip to the content" }
                    (self.header())
                    @if self.has_rail {
                        div.page {
                            (rail(self.path))
                            main #main tabindex="-1" { (self.main) }
                        }
                    } @else {
                        main #main.plain tabindex="-1" { (self.main) }
                    }
                    (footer())
                    @if self.app.is_some() {
                        // For the page's anatomy of a message, which looks them up here.
                        @for (id, list) in [(words::PIECES_ID, words::PIECES), (words::FIELDS_ID, words::FIELDS)] {
                            dl id=(id) hidden {
                                @for (name, says) in list { dt { (name) } dd { (says) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title {
                    @if !self.title.is_empty() { (self.title) " · " }
                    "Roundtrip"
                }
                meta name="description" content=(self.description);
                meta name="color-scheme" content="light dark";
                // Before anything is painted: it applies the theme that was chosen here earlier.
                @if let Some(url) = assets::logical("theme.js") { script src=(url) {} }
                @if let Some(url) = assets::logical("main.css") { link rel="stylesheet" href=(url); }
                @for font in ["fonts/atkinson-next-latin.woff2", "fonts/atkinson-mono-latin.woff2"] {
                    @if let Some(url) = assets::logical(font) {
                        link rel="preload" as="font" type="font/woff2" href=(url) crossorigin;
                    }
                }
                @if let Some(name) = self.app {
                    @if let Some(url) = module(name, "_bg.wasm") {
                        link rel="preload" as="fetch" type="application/wasm" href=(url) crossorigin;
                    }
                    @if let Some(url) = module(name, ".js") { script type="module" src=(url) {} }
                }
                @if let Some(url) = dev::script() { script src=(url) defer {} }
                @if let Some(url) = assets::logical("favicon.svg") {
                    link rel="icon" type="image/svg+xml" href=(url);
                }
            }
        }
    }

    fn header(&self) -> Markup {
        let current = |path: &str| (self.path == path).then_some("page");
        html! {
            header.site-header {
                a.wordmark href="/" aria-current=[current("/")] { (icons::mark()) span { "Roundtrip" } }
                @if self.has_rail {
                    button.quiet.rail-toggle type="button" popovertarget="rail" { (icons::menu()) "Labs" }
                }
                nav.site-links aria-label="Site" {
                    a href="/run" aria-current=[current("/run")] { "Saved run" }
                    a href="/api" { "API" }
                }
                // Without scripts they could do nothing, and the style sheet leaves them out.
                div #page-tools.page-tools role="group" aria-label="Display" {
                    button.quiet type="button" data-tool="theme" {
                        (icons::system()) (icons::sun()) (icons::moon())
                        span.label { "Theme: " span data-value { "system" } }
                    }
                    button.quiet type="button" data-tool="contrast" aria-pressed="false" {
                        (icons::contrast()) span.label { "Contrast" }
                    }
                    button.quiet type="button" data-tool="projector" aria-pressed="false" {
                        (icons::projector()) span.label { "Projector" }
                    }
                }
            }
        }
    }
}

/// A file of a page's module; while developing, one module has all labs.
fn module(name: &str, end: &str) -> Option<&'static str> {
    let of = |name: &str| assets::logical(&format!("{name}{end}"));
    of(name).or_else(|| of("app"))
}

fn rail(path: &str) -> Markup {
    html! {
        nav #rail.rail popover aria-label="Labs" {
            button.quiet.rail-close type="button" popovertarget="rail" popovertargetaction="hide" { "Close" }
            @for chapter in Chapter::ALL {
                h2 { (chapter.title()) }
                ul role="list" {
                    @for lab in labs_of(chapter) {
                        li {
                            a href=(lab.path()) aria-current=[(lab.path() == path).then_some("page")] { (lab.title()) }
                        }
                    }
                }
            }
            // Where the header has no room for them.
            ul.rail-links role="list" {
                li { a href="/run" aria-current=[(path == "/run").then_some("page")] { "Saved run" } }
                li { a href="/api" { "API" } }
            }
        }
    }
}

/// The labs of a chapter, in the course's order.
pub(super) fn labs_of(chapter: Chapter) -> impl Iterator<Item = Lab> {
    Lab::ALL
        .into_iter()
        .filter(move |lab| lab.chapter() == chapter)
}

fn footer() -> Markup {
    html! {
        footer.site-footer {
            p {
                "Roundtrip " (env!("CARGO_PKG_VERSION")) ". MIT or Apache-2.0; "
                a href="/credits" { "fonts, icons and photographs" } " by others."
            }
        }
    }
}

/// `/credits`: who made what we ship.
pub(super) fn credits() -> Markup {
    Shell {
        title: "Credits",
        description: "Fonts, icons and photographs in Roundtrip, their authors and licences.",
        path: "/credits",
        app: None,
        has_rail: false,
        main: html! {
            h1 { "Credits" }
            pre.prose-block tabindex="0" { (CREDITS) }
        },
    }
    .document()
}

/// The document for an address that nothing has.
pub(super) fn not_found() -> Markup {
    Shell {
        title: "Not found",
        description: "Nothing has this address.",
        path: "",
        app: None,
        has_rail: false,
        main: html! {
            h1 { "Nothing has this address" }
            p { "The link may be from another version of Roundtrip, or mistyped. These are there:" }
            ul {
                @for lab in Lab::ALL { li { a href=(lab.path()) { (lab.title()) } } }
                li { a href="/run" { "A saved run" } }
                li { a href="/api" { "The API" } }
            }
        },
    }
    .document()
}

/// A no-break space: between a figure and its unit, a name and its number.
pub(super) const NBSP: PreEscaped<&str> = PreEscaped("&nbsp;");
