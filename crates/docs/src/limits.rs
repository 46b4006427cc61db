//! What is not there yet, as the README says it, so that the two never differ.

use maud::Markup;

use crate::text::list;

const README: &str = include_str!("../../../README.md");

/// The points of the README's section "Limits", as a list.
pub(crate) fn not_yet() -> Markup {
    list(&points(README))
}

/// Each point of the list under the heading, its lines joined.
fn points(text: &str) -> Vec<String> {
    let section = text.split("\n## Limits\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut points: Vec<String> = Vec::new();
    for line in section.lines() {
        if let Some(first) = line.strip_prefix("- ") {
            points.push(first.to_owned());
        } else if let (Some(more), Some(point)) = (line.strip_prefix("  "), points.last_mut()) {
            point.push(' ');
            point.push_str(more);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_with_all_their_lines() {
        let text = "# A\n\n## Limits\n\nWhat is not there:\n\n- one\n  more `x`\n- two\n\n## B\n\n- three\n";
        assert_eq!(points(text), ["one more `x`", "two"]);
    }

    #[test]
    fn the_readme_has_such_a_section_without_links() {
        let points = points(README);
        assert!(points.len() > 3, "{points:?}");
        assert!(points.iter().all(|point| !point.contains("](") && !point.contains("**")), "{points:?}");
    }
}
