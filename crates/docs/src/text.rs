//! Small pieces of text as HTML.

use maud::{Markup, html};

/// A text with backticks: every second stretch between them is code.
pub(crate) fn in_code(text: &str) -> Markup {
    html! {
        @for (at, stretch) in text.split('`').enumerate() {
            @if at % 2 == 0 { (stretch) } @else { code { (stretch) } }
        }
    }
}

/// Several sentences as a list; nothing when there are none.
pub(crate) fn list<T: AsRef<str>>(items: &[T]) -> Markup {
    html! {
        @if !items.is_empty() {
            ul {
                @for item in items {
                    li { (in_code(item.as_ref())) }
                }
            }
        }
    }
}

/// A heading's place in an address: its words in lower case with hyphens between.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The text of HTML: the entities that maud and the pages' sources use, decoded.
pub(crate) fn unescape(html: &str) -> String {
    let quotes = html.replace("&quot;", "\"").replace("&#39;", "'").replace("&#x27;", "'");
    quotes.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_html_and_text_again() {
        let text = "a < b && c > \"d\" 'e' &lt;";
        let escaped = html! { (text) }.into_string();
        assert_eq!(escaped, "a &lt; b &amp;&amp; c &gt; &quot;d&quot; 'e' &amp;lt;");
        assert_eq!(unescape(&escaped), text);
    }

    #[test]
    fn backticks_are_code() {
        assert_eq!(in_code("send `<x>` on").into_string(), "send <code>&lt;x&gt;</code> on");
    }

    #[test]
    fn headings_have_a_place() {
        assert_eq!(slug("WhatsApp accounts (all)"), "whatsapp-accounts-all");
    }
}
