//! What is not there yet, as the README says it, so that the two never differ.

use maud::Markup;

use crate::markdown;

const README: &str = include_str!("../../../README.md");

/// The list of the README's section "Limits".
pub(crate) fn not_yet() -> Markup {
    markdown::plain(list(README))
}

/// The list under the heading, as Markdown.
fn list(text: &str) -> &str {
    let section = text.split("\n## Limits\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    section.find("\n- ").map_or("", |at| &section[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_to_its_end() {
        let text = "# A\n\n## Limits\n\nWhat is not there:\n\n- one\n  more `x`\n- two\n\n## B\n\n- three\n";
        assert_eq!(list(text).trim(), "- one\n  more `x`\n- two");
        assert_eq!(list("# A\n\n## B\n\n- three\n"), "");
    }

    #[test]
    fn the_readme_has_such_a_list_without_links() {
        let html = not_yet().into_string();
        assert!(html.matches("<li>").count() > 3, "{html}");
        // They would lead from the README's place, not from the page's.
        assert!(!html.contains("<a "), "{html}");
    }
}
