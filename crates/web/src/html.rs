//! HTML that cannot be broken out of.

/// A piece of HTML. Texts from outside come in through [`Html::text`] and [`Html::attribute`], which
/// escape them; everything else is written in our sources.
#[derive(Debug, Clone, Default)]
pub struct Html(String);

impl Html {
    /// Markup of ours.
    #[must_use]
    pub fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// A text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// An attribute, with a space before it.
    #[must_use]
    pub fn attribute(self, name: &'static str, value: &str) -> Self {
        self.raw(" ").raw(name).raw("=\"").text(value).raw("\"")
    }

    /// Another piece.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.0.push_str(&more.0);
        self
    }

    /// The markup.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let html = Html::default().raw("<b").attribute("title", "\" onclick='x'").raw(">").text("<i>&").raw("</b>");
        assert_eq!(html.into_string(), "<b title=\"&quot; onclick=&#39;x&#39;\">&lt;i&gt;&amp;</b>");
    }
}
