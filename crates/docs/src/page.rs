//! A page and the frame around it: navigation, contents, neighbours.

use maud::{Markup, html};
use portico_web::page::document;

use crate::assets::Assets;
use crate::file::Policy;
use crate::section::Section;

/// The path of the start page.
pub(crate) const START: &str = "/docs";

/// How many sections a page has before it gets a list of contents.
const CONTENTS_FROM: usize = 4;

/// A page as it is written: where it stands, and what it says.
#[derive(Debug)]
pub(crate) struct Page {
    /// The path at which it is served.
    pub(crate) path: &'static str,
    /// The part of the navigation under which it stands.
    pub(crate) part: &'static str,
    /// Its name in the navigation.
    pub(crate) name: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// What it is about, in a sentence.
    pub(crate) about: &'static str,
    /// What stands below the heading.
    pub(crate) body: Body,
    /// What it may load.
    pub(crate) policy: Policy,
}

/// What stands below a page's heading.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The first words, above the list of contents.
    pub(crate) lead: Markup,
    /// All that follows the lead, sections included.
    pub(crate) text: Markup,
    /// The sections of the second level.
    pub(crate) sections: Vec<Section>,
}

/// The page with everything around it.
pub(crate) fn render(page: &Page, all: &[Page], assets: &Assets) -> Markup {
    let head = html! {
        meta name="description" content=(page.about);
        @if page.policy == Policy::Reference { link rel="stylesheet" href=(assets.path("swagger-ui.css")); }
        link rel="stylesheet" href=(assets.path("portico.css"));
        link rel="icon" type="image/png" href=(assets.path("favicon-32x32.png"));
        script src=(assets.path("portico.js")) defer {}
    };
    let body = html! {
        a.skip href="#content" { "Skip to the text" }
        (top())
        div.columns {
            (navigation(page, all))
            (content(page, all))
        }
    };
    document(page.title, &head, &body)
}

/// Name and search box, above every page.
fn top() -> Markup {
    html! {
        header {
            a.brand href="/docs" { "Portico" }
            div id="search" role="search" hidden {
                input type="search" placeholder="Search ( / )" aria-label="Search the documentation"
                    aria-controls="results" autocomplete="off" spellcheck="false";
                div id="results" aria-live="polite" hidden {}
            }
        }
    }
}

fn navigation(page: &Page, all: &[Page]) -> Markup {
    html! {
        nav.pages aria-label="Documentation" {
            @for part in all.chunk_by(|one, next| one.part == next.part) {
                p { (part[0].part) }
                ul {
                    @for other in part {
                        li {
                            a href=(other.path) aria-current=[(other.path == page.path).then_some("page")] {
                                (other.name)
                            }
                        }
                    }
                    @if part[0].part == all[all.len() - 1].part {
                        li { a href="/openapi.json" { "openapi.json" } }
                        li { a href="/openapi.yaml" { "openapi.yaml" } }
                        li { a href="/openapi-3.0.json" { "openapi-3.0.json" } }
                    }
                }
            }
        }
    }
}

fn content(page: &Page, all: &[Page]) -> Markup {
    let reference = page.policy == Policy::Reference;
    let Body { lead, text, sections } = &page.body;
    html! {
        main id="content" class=(if reference { "reference" } else { "text" }) {
            h1 { (page.title) }
            (lead)
            (contents(sections))
            (text)
            @if !reference { (around(page, all)) }
        }
    }
}

fn contents(sections: &[Section]) -> Markup {
    html! {
        @if sections.len() >= CONTENTS_FROM {
            nav.contents aria-label="On this page" {
                ul {
                    @for Section { id, heading } in sections {
                        li { a href={ "#" (id) } { (heading) } }
                    }
                }
            }
        }
    }
}

/// Links to the pages before and after.
fn around(page: &Page, all: &[Page]) -> Markup {
    let Some(at) = all.iter().position(|other| other.path == page.path) else { return html! {} };
    let before = at.checked_sub(1).and_then(|at| all.get(at));
    html! {
        footer {
            @if let Some(page) = before { a rel="prev" href=(page.path) { (page.title) } }
            @if let Some(page) = all.get(at + 1) { a rel="next" href=(page.path) { (page.title) } }
        }
    }
}
