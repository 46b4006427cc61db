//! The texts of pages: Markdown, and what the code adds to it.
//!
//! `CommonMark` with tables, definition lists and the ids of headings (`## Title {#id}`). Beyond that:
//!
//! - `<!--name-->` is the place of a [`Part`] that follows from the code, in text and in code blocks alike.
//! - The first paragraph is the page's lead.
//! - A code block whose info string is `answer` is something that is read and not typed. `before` and `after`,
//!   one after the other, stand side by side, with the info string as caption. In both, and in `edited`,
//!   `{--this--}` went and `{++this++}` came (`CriticMarkup`).

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::html::push_html;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::page::Body;
use crate::section::{Row, Section, table, third};

/// Something that follows from the code.
#[derive(Debug)]
pub(crate) enum Part {
    /// A text, which may stand in code.
    Text(String),
    /// Markup without headings of the second level.
    Html(Markup),
    /// Sections of the page, each with what stands below its heading.
    Sections(Vec<(Section, Markup)>),
}

/// The source as a page's body, with each part in its place.
pub(crate) fn body(source: &str, part: impl Fn(&str) -> Part) -> Body {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES | Options::ENABLE_DEFINITION_LIST;
    let mut events = Parser::new_ext(source, options);
    let mut writer = Writer { part, body: Body::default(), pending: Vec::new() };
    while let Some(event) = events.next() {
        writer.event(event, &mut events);
    }
    writer.flush();
    writer.body
}

struct Writer<'e, F> {
    part: F,
    body: Body,
    /// What is still to be written.
    pending: Vec<Event<'e>>,
}

impl<'e, F: Fn(&str) -> Part> Writer<'e, F> {
    /// Writes one event, with those that belong to it.
    fn event(&mut self, event: Event<'e>, more: &mut Parser<'e>) {
        let markup = match event {
            Event::Start(Tag::Paragraph) if self.is_empty() => {
                let text = self.inline(&until(more, |end| end == TagEnd::Paragraph));
                self.body.lead = html! { p.lead { (text) } };
                return;
            }
            Event::Start(Tag::Heading { level, id, .. }) => self.heading(level, id, more),
            Event::Start(Tag::CodeBlock(kind)) => {
                let text: String = until(more, |end| end == TagEnd::CodeBlock).iter().map(text).collect();
                let info = match &kind {
                    CodeBlockKind::Fenced(info) => info.as_ref(),
                    CodeBlockKind::Indented => "",
                };
                code(info, &self.filled(text.trim_end()))
            }
            Event::Start(Tag::Table(_)) => self.table(&until(more, |end| end == TagEnd::Table)),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            other => {
                self.pending.push(other);
                return;
            }
        };
        self.push(markup);
    }

    fn is_empty(&self) -> bool {
        self.body.lead.0.is_empty() && self.body.text.0.is_empty() && self.pending.is_empty()
    }

    fn push(&mut self, markup: Markup) {
        self.pending.push(Event::Html(CowStr::from(markup.into_string())));
    }

    fn flush(&mut self) {
        push_html(&mut self.body.text.0, self.pending.drain(..));
    }

    /// What stands inside of a paragraph, a heading or a cell.
    fn inline(&self, events: &[Event<'e>]) -> Markup {
        let mut html = String::new();
        let events = events.iter().map(|event| match event {
            Event::InlineHtml(html) => match name(html).map(&self.part) {
                Some(Part::Text(text)) => Event::Text(CowStr::from(text)),
                _ => event.clone(),
            },
            other => other.clone(),
        });
        push_html(&mut html, events);
        PreEscaped(html)
    }

    fn heading(&mut self, level: HeadingLevel, id: Option<CowStr<'e>>, more: &mut Parser<'e>) -> Markup {
        let heading = self.inline(&until(more, |end| matches!(end, TagEnd::Heading(_))));
        let id = id.expect("every heading has an id, as a test proves").into_string();
        if level != HeadingLevel::H2 {
            return third(&id, &heading);
        }
        self.section(Section { id, heading })
    }

    fn section(&mut self, section: Section) -> Markup {
        let heading = section.heading();
        self.body.sections.push(section);
        heading
    }

    fn table(&self, events: &[Event<'e>]) -> Markup {
        let mut cells = Vec::new();
        let (mut head, mut rows) = (Vec::new(), Vec::new());
        let mut from = 0;
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Start(Tag::TableCell) => from = at + 1,
                Event::End(TagEnd::TableCell) => cells.push(&events[from..at]),
                Event::End(TagEnd::TableHead) => {
                    head = cells.drain(..).map(|cell| cell.iter().map(text).collect::<String>()).collect();
                }
                Event::End(TagEnd::TableRow) => {
                    rows.push(Row { id: None, cells: cells.drain(..).map(|cell| self.inline(cell)).collect() });
                }
                _ => {}
            }
        }
        table(&head, &rows)
    }

    /// Markup of the source, or the part that it names.
    fn html(&mut self, html: &str) -> Markup {
        match name(html).map(&self.part) {
            None => PreEscaped(html.to_owned()),
            Some(Part::Text(text)) => html! { (text) },
            Some(Part::Html(markup)) => markup,
            Some(Part::Sections(sections)) => {
                html! { @for (section, below) in sections { (self.section(section)) (below) } }
            }
        }
    }

    /// A text in code with its parts in place.
    fn filled(&self, text: &str) -> String {
        let mut pieces = text.split("<!--");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, after) = piece.split_once("-->").unwrap_or((piece, ""));
            if let Part::Text(text) = (self.part)(name) {
                filled.push_str(&text);
            }
            filled.push_str(after);
        }
        filled
    }
}

/// The events up to an end, without it.
fn until<'e>(events: &mut Parser<'e>, is_end: impl Fn(TagEnd) -> bool) -> Vec<Event<'e>> {
    events.take_while(|event| !matches!(event, Event::End(end) if is_end(*end))).collect()
}

fn text<'e>(event: &'e Event<'_>) -> &'e str {
    match event {
        Event::Text(text) | Event::Code(text) => text,
        _ => "",
    }
}

/// The name in `<!--name-->`.
fn name(html: &str) -> Option<&str> {
    html.trim().strip_prefix("<!--")?.strip_suffix("-->")
}

fn code(info: &str, text: &str) -> Markup {
    let edited = || {
        let escaped = html! { (text) }.into_string();
        let gone = escaped.replace("{--", "<del>").replace("--}", "</del>");
        html! { pre { code { (PreEscaped(gone.replace("{++", "<ins>").replace("++}", "</ins>"))) } } }
    };
    match info.split(':').next().unwrap_or_default() {
        "answer" => html! { pre.answer { code { (text) } } },
        "edited" => edited(),
        "before" => html! {
            (PreEscaped("<div class=\"pair\">"))
            (figure(info, &edited()))
        },
        "after" => html! {
            (figure(info, &edited()))
            (PreEscaped("</div>"))
        },
        "" => html! { pre { code { (text) } } },
        language => html! { pre { code class=(language) { (text) } } },
    }
}

/// The code with its info string as caption, which begins with a capital.
fn figure(info: &str, code: &Markup) -> Markup {
    let (first, rest) = info.split_at(1);
    html! {
        figure {
            figcaption { (first.to_uppercase()) (rest) }
            (code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str) -> Part {
        match name {
            "pattern" => Part::Text("<x>".to_owned()),
            "list" => Part::Html(html! { ul { li { "one" } } }),
            "groups" => {
                Part::Sections(vec![(Section { id: "g".to_owned(), heading: html! { "G" } }, html! { p { "below" } })])
            }
            other => unreachable!("{other}"),
        }
    }

    fn rendered(source: &str) -> (String, String, Vec<(String, String)>) {
        let Body { lead, text, sections } = body(source, part);
        let sections = sections.into_iter().map(|section| (section.id, section.heading.into_string())).collect();
        (lead.into_string(), text.into_string(), sections)
    }

    #[test]
    fn the_first_paragraph_leads_and_headings_link_to_themselves() {
        let (lead, text, sections) =
            rendered("First `a<b`.\n\n## B `c` {#b}\n\nText.\n\n### D {#d}\n\n<!--groups-->\n");
        assert_eq!(lead, "<p class=\"lead\">First <code>a&lt;b</code>.</p>");
        let (b, d) =
            ("<h2 id=\"b\"><a href=\"#b\">B <code>c</code></a></h2>", "<h3 id=\"d\"><a href=\"#d\">D</a></h3>");
        assert!(text.contains(b) && text.contains(d) && text.contains("<p>Text.</p>"), "{text}");
        assert!(text.ends_with("<h2 id=\"g\"><a href=\"#g\">G</a></h2><p>below</p>"), "{text}");
        assert_eq!(sections, [("b".to_owned(), "B <code>c</code>".to_owned()), ("g".to_owned(), "G".to_owned())]);
    }

    #[test]
    fn parts_stand_where_they_are_named() {
        let (lead, text, _) = rendered("The <!--pattern--> here.\n\n<!--list-->\n\n```\na <!--pattern--> b\n```\n");
        assert_eq!(lead, "<p class=\"lead\">The &lt;x&gt; here.</p>");
        assert_eq!(text, "<ul><li>one</li></ul><pre><code>a &lt;x&gt; b</code></pre>");
    }

    #[test]
    fn cells_say_their_column() {
        let (_, text, _) = rendered("x\n\n| A `b` | C |\n|---|---|\n| 1 | `2` <!--pattern--> |\n");
        assert!(text.contains("<thead><tr><th>A b</th><th>C</th></tr></thead>"), "{text}");
        assert!(text.contains("<tr><td>1</td><td data-label=\"C\"><code>2</code> &lt;x&gt;</td></tr>"), "{text}");
    }

    #[test]
    fn code_is_typed_read_or_compared() {
        let (_, text, _) = rendered("x\n\n```sh\na && b\n```\n\n```answer\nc\n```\n");
        assert_eq!(
            text,
            "<pre><code class=\"sh\">a &amp;&amp; b</code></pre><pre class=\"answer\"><code>c</code></pre>"
        );
        let (_, text, _) = rendered("x\n\n```before\n{--<a>--}\n```\n\n```after: b\n{++c++}\n```\n");
        assert_eq!(
            text,
            "<div class=\"pair\"><figure><figcaption>Before</figcaption><pre><code><del>&lt;a&gt;</del></code></pre>\
             </figure><figure><figcaption>After: b</figcaption><pre><code><ins>c</ins></code></pre></figure></div>"
        );
    }

    #[test]
    fn words_are_defined() {
        let (_, text, _) = rendered("x\n\none\n: What it is.\n\ntwo\n: Another.\n");
        assert_eq!(text.matches("<dd>").count(), 2, "{text}");
        assert!(!text.contains("<p>"), "{text}");
    }
}
