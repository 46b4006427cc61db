//! The index behind the search box: one entry for each place that a reader can jump to.

use serde::Serialize;

use crate::page::Page;
use crate::reference::{self, Reference};
use crate::text::unescape;

/// Elements that end no word.
const INLINE: &[&str] = &["a", "code", "em", "strong", "b", "span", "ins", "del", "abbr"];

/// One place.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Entry {
    /// The name of its page.
    page: String,
    /// Its heading.
    title: String,
    /// Its address on this origin.
    url: String,
    /// Its text.
    text: String,
}

/// The index of all pages and of the operations in the reference, as JSON.
pub(crate) fn index(pages: &[Page], reference: &Reference) -> String {
    let mut entries: Vec<Entry> = pages.iter().flat_map(places).collect();
    entries.extend(reference.entries().iter().map(operation));
    serde_json::to_string(&entries).expect("an entry is plain text")
}

/// The page's places: the page itself, and each heading and row of a table that has an id.
fn places(page: &Page) -> Vec<Entry> {
    let entry = |title: &str, url: String, text: &str| Entry {
        page: page.name.to_owned(),
        title: title.to_owned(),
        url,
        text: text.to_owned(),
    };
    let mut entries = vec![entry(page.title, page.path.to_owned(), page.about)];
    let html = [page.body.lead.0.as_str(), page.body.text.0.as_str()].concat();
    let (mut section, mut current, mut in_title) = (0, 0, false);
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        match (name, id(tag)) {
            ("h2" | "h3" | "tr", Some(id)) => {
                entries.push(entry("", format!("{}#{id}", page.path), ""));
                current = entries.len() - 1;
                section = if name == "tr" { section } else { current };
                in_title = true;
            }
            ("/h2" | "/h3" | "/th" | "/td", _) => in_title = false,
            ("/tr", _) => current = section,
            _ => {}
        }
        let into = if in_title { &mut entries[current].title } else { &mut entries[current].text };
        if !INLINE.contains(&name.trim_start_matches('/')) {
            into.push(' ');
        }
        into.push_str(&unescape(text));
    }
    for entry in &mut entries {
        for text in [&mut entry.title, &mut entry.text] {
            *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }
    entries
}

fn id(tag: &str) -> Option<&str> {
    Some(tag.split_once(" id=\"")?.1.split_once('"')?.0)
}

/// An operation's place in the reference.
fn operation(entry: &reference::Entry) -> Entry {
    Entry {
        page: "API reference".to_owned(),
        title: entry.call.clone(),
        url: entry.url(),
        text: format!("{} {} {}", entry.summary, entry.id, entry.tag),
    }
}

#[cfg(test)]
mod tests {
    use maud::PreEscaped;

    use super::*;
    use crate::file::Policy;
    use crate::page::Body;

    fn page(body: &str) -> Page {
        Page {
            path: "/docs/x",
            part: "",
            name: "X",
            title: "The X",
            about: "About it.",
            body: Body { text: PreEscaped(body.to_owned()), ..Body::default() },
            policy: Policy::Strict,
        }
    }

    #[test]
    fn each_heading_and_row_is_a_place_with_its_own_text() {
        let body = "<p>First <code>a&lt;b</code>.</p><h2 id=\"one\">One</h2><p>Its\ntext</p>\
                    <table><tr id=\"row\"><td><a href=\"#row\"><code>r:w</code></a></td><td>cell</td></tr></table><p>after</p>";
        let places: Vec<_> = places(&page(body)).into_iter().map(|one| (one.title, one.url, one.text)).collect();
        let expected = [
            ("The X", "/docs/x", "About it. First a<b."),
            ("One", "/docs/x#one", "Its text after"),
            ("r:w", "/docs/x#row", "cell"),
        ];
        let expected = expected.map(|(title, url, text)| (title.to_owned(), url.to_owned(), text.to_owned()));
        assert_eq!(places, expected);
    }
}
