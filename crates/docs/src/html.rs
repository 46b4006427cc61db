//! Small pieces of HTML.

use std::fmt::Write;

/// The text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text with backticks as HTML: every second stretch between them is code.
pub(crate) fn in_code(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (at, stretch) in text.split('`').enumerate() {
        if at % 2 == 0 {
            html.push_str(&escape(stretch));
        } else {
            let _ = write!(html, "<code>{}</code>", escape(stretch));
        }
    }
    html
}

/// The text as code.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Several sentences as a list; nothing when there are none.
pub(crate) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut html = String::new();
    for item in items {
        let _ = writeln!(html, "<li>{}</li>", in_code(item.as_ref()));
    }
    if html.is_empty() { html } else { format!("<ul>\n{html}</ul>\n") }
}

/// A heading's place in an address: its words in lower case with hyphens between.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// The text of HTML: entities that this documentation uses, decoded.
pub(crate) fn unescape(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_html_and_text_again() {
        let text = "a < b && c > \"d\"";
        assert_eq!(escape(text), "a &lt; b &amp;&amp; c &gt; &quot;d&quot;");
        assert_eq!(unescape(&escape(text)), text);
    }

    #[test]
    fn backticks_are_code() {
        assert_eq!(in_code("send `<x>` on"), "send <code>&lt;x&gt;</code> on");
    }

    #[test]
    fn headings_have_a_place() {
        assert_eq!(slug("WhatsApp accounts (all)"), "whatsapp-accounts-all");
    }
}
