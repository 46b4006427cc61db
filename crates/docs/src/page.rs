//! A page and the frame around it: navigation, contents, neighbours.

use std::fmt::Write;

use crate::file::Policy;
use crate::html::escape;

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
    /// What comes before Portico's own style sheet in the head.
    pub(crate) head: &'static str,
    /// What stands below the heading, as HTML. Headings with an `id` become links to themselves.
    pub(crate) body: String,
    /// What it may load.
    pub(crate) policy: Policy,
}

/// The page with everything around it.
pub(crate) fn render(page: &Page, all: &[Page]) -> String {
    let reference = page.policy == Policy::Reference;
    let (body, sections) = headings(&page.body);
    // The contents stand below the page's first words.
    let (lead, body) = body.split_at(body.find("</p>\n").map_or(0, |at| at + "</p>\n".len()));
    format!(
        include_str!("shell.html"),
        title = escape(page.title),
        about = escape(page.about),
        head = page.head,
        kind = if reference { "reference" } else { "text" },
        nav = navigation(page, all),
        lead = lead,
        contents = contents(&sections),
        body = body,
        around = if reference { String::new() } else { around(page, all) },
    )
}

fn navigation(page: &Page, all: &[Page]) -> String {
    let mut html = String::new();
    let mut part = "";
    for other in all {
        if other.part != part {
            html.push_str(if part.is_empty() { "" } else { "</ul>\n" });
            part = other.part;
            let _ = writeln!(html, "<p>{part}</p>\n<ul>");
        }
        let current = if other.path == page.path { " aria-current=\"page\"" } else { "" };
        let _ = writeln!(html, "<li><a href=\"{}\"{current}>{}</a></li>", other.path, other.name);
    }
    html.push_str("<li><a href=\"/openapi.json\">openapi.json</a></li>\n");
    html.push_str("<li><a href=\"/openapi.yaml\">openapi.yaml</a></li>\n</ul>\n");
    html
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

fn contents(sections: &[Section<'_>]) -> String {
    if sections.len() < CONTENTS_FROM {
        return String::new();
    }
    let mut html = String::from("<nav class=\"contents\" aria-label=\"On this page\">\n<ul>\n");
    for (id, heading) in sections {
        let _ = writeln!(html, "<li><a href=\"#{id}\">{heading}</a></li>");
    }
    html.push_str("</ul>\n</nav>\n");
    html
}

/// Links to the pages before and after.
fn around(page: &Page, all: &[Page]) -> String {
    let at = all.iter().position(|other| other.path == page.path).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|at| all.get(at));
    let link = |page: Option<&Page>, rel: &str| {
        page.map_or_else(String::new, |page| {
            format!("<a rel=\"{rel}\" href=\"{}\">{}</a>\n", page.path, escape(page.title))
        })
    };
    format!("<footer>\n{}{}</footer>\n", link(before, "prev"), link(all.get(at + 1), "next"))
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
