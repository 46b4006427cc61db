//! A page and the frame around it: navigation, contents, neighbours.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use portico_web::page::document;

use crate::file::Policy;

/// The path of the start page.
pub(crate) const START: &str = "/docs";

/// How many sections a page has before it gets a list of contents.
const CONTENTS_FROM: usize = 4;

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    /// Where it is served.
    pub(crate) path: &'static str,
    /// The part of the navigation under which it stands.
    pub(crate) part: &'static str,
    /// Its name in the navigation.
    pub(crate) name: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// What it is about, in a sentence.
    pub(crate) about: &'static str,
    /// What stands below the heading, as HTML. Headings with an `id` become links to themselves.
    pub(crate) body: String,
    /// What it may load.
    pub(crate) policy: Policy,
}

/// The page with everything around it.
pub(crate) fn render(page: &Page, all: &[Page]) -> Markup {
    let head = html! {
        meta name="description" content=(page.about);
        @if page.policy == Policy::Reference { link rel="stylesheet" href="/docs/swagger-ui.css"; }
        link rel="stylesheet" href="/docs/portico.css";
        link rel="icon" type="image/png" href="/docs/favicon-32x32.png";
        script src="/docs/portico.js" defer {}
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
                    }
                }
            }
        }
    }
}

fn content(page: &Page, all: &[Page]) -> Markup {
    let reference = page.policy == Policy::Reference;
    let (body, sections) = headings(&page.body);
    // The contents stand below the page's first words.
    let (lead, body) = body.split_at(body.find("</p>\n").map_or(0, |at| at + "</p>\n".len()));
    html! {
        main id="content" class=(if reference { "reference" } else { "text" }) {
            h1 { (page.title) }
            (PreEscaped(lead))
            (contents(&sections))
            (PreEscaped(body))
            @if !reference { (around(page, all)) }
        }
    }
}

/// A section's id and heading.
type Section<'b> = (&'b str, &'b str);

/// The body with its headings as links to themselves, and its sections of the second level.
fn headings(body: &str) -> (String, Vec<Section<'_>>) {
    let mut html = String::with_capacity(body.len() + 1024);
    let mut sections = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find("<h") {
        let (before, from) = rest.split_at(at);
        html.push_str(before);
        let Some((level, id, heading, after)) = heading(from) else {
            html.push_str("<h");
            rest = &from[2..];
            continue;
        };
        if level == "h2" {
            sections.push((id, heading));
        }
        let _ = write!(html, "<{level} id=\"{id}\"><a href=\"#{id}\">{heading}</a></{level}>");
        rest = after;
    }
    html.push_str(rest);
    (html, sections)
}

/// Level, id, inner HTML and what follows, of a heading that has an id and nothing else.
fn heading(html: &str) -> Option<(&str, &str, &str, &str)> {
    let (level, rest) = html.strip_prefix('<')?.split_once(" id=\"")?;
    if !matches!(level, "h2" | "h3") {
        return None;
    }
    let (id, rest) = rest.split_once("\">")?;
    let (heading, after) = rest.split_once(&format!("</{level}>"))?;
    Some((level, id, heading, after))
}

fn contents(sections: &[Section<'_>]) -> Markup {
    html! {
        @if sections.len() >= CONTENTS_FROM {
            nav.contents aria-label="On this page" {
                ul {
                    @for (id, heading) in sections {
                        li { a href={ "#" (id) } { (PreEscaped(heading)) } }
                    }
                }
            }
        }
    }
}

/// Links to the pages before and after.
fn around(page: &Page, all: &[Page]) -> Markup {
    let at = all.iter().position(|other| other.path == page.path).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|at| all.get(at));
    html! {
        footer {
            @if let Some(page) = before { a rel="prev" href=(page.path) { (page.title) } }
            @if let Some(page) = all.get(at + 1) { a rel="next" href=(page.path) { (page.title) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_with_an_id_link_to_themselves() {
        let body = "<p>a</p><h2 id=\"b\">B <code>c</code></h2><h3 id=\"d\">D</h3><h2>E</h2><hr>";
        let (html, sections) = headings(body);
        assert_eq!(
            html,
            "<p>a</p><h2 id=\"b\"><a href=\"#b\">B <code>c</code></a></h2><h3 id=\"d\"><a href=\"#d\">D</a></h3>\
             <h2>E</h2><hr>"
        );
        assert_eq!(sections, [("b", "B <code>c</code>")]);
    }
}
