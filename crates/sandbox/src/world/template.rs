//! Message templates of a WABA.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::Waba;
use crate::generate;
use crate::reply::Refusal;

/// Meta's review takes this long, in milliseconds.
pub(crate) const REVIEW_MS: i64 = 250;

/// A template in one language.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Template {
    /// Meta's id.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: String,
    /// Whether variables have names; else they are numbered.
    pub(crate) named: bool,
    /// Its parts, in Meta's format.
    pub(crate) components: Vec<Value>,
    /// When the review ends; milliseconds since 1970. None: it never ends.
    pub(crate) reviewed_at: Option<i64>,
    /// What the review will say.
    pub(crate) verdict: Verdict,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Verdict {
    Approved,
    Rejected,
}

impl Verdict {
    /// Meta's spelling of the status.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }

    /// Meta's reason.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Approved => "NONE",
            Self::Rejected => "INVALID_FORMAT",
        }
    }
}

impl Template {
    /// What every WABA begins with.
    pub(crate) fn seeds() -> Vec<Self> {
        let seed = |name: &str, language: &str, category: &str, text: &str, example: Option<Value>| {
            let mut body = json!({"type": "BODY", "text": text});
            if let Some(example) = example {
                body["example"] = json!({"body_text": [example]});
            }
            // Handed in so long ago that it has been reviewed.
            Self::submitted(name, language, category, vec![body], 0)
        };
        let order = |language, text| seed("order_ready", language, "UTILITY", text, Some(json!(["Ada", "42"])));
        vec![
            order("en_US", "Hello {{1}}, your order {{2}} is ready"),
            seed(
                "hello_world",
                "en_US",
                "UTILITY",
                "Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification.",
                None,
            ),
            order("es", "Hola {{1}}, tu pedido {{2}} está listo"),
            seed("summer_sale", "en_US", "MARKETING", "Everything is 20 % off this week.", None),
            seed("rejected_offer", "en_US", "MARKETING", "You have won a prize.", None),
        ]
    }

    /// Reads those of a state file. One in an earlier form is left out; if that leaves none of them,
    /// the WABA begins anew.
    pub(super) fn read_all<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        let saved = Vec::<Value>::deserialize(deserializer)?;
        let known: Vec<Self> = saved.iter().filter_map(|template| Self::deserialize(template).ok()).collect();
        Ok(if known.is_empty() && !saved.is_empty() { Self::seeds() } else { known })
    }

    /// A template that was just handed in. Its name decides what becomes of it: one with `reject`
    /// in it is rejected, one with `pending` is never reviewed, any other is approved.
    pub(crate) fn submitted(name: &str, language: &str, category: &str, components: Vec<Value>, now: i64) -> Self {
        let mut template = Self {
            id: generate::digits(15),
            name: name.to_owned(),
            language: language.to_owned(),
            category: category.to_owned(),
            named: false,
            components,
            reviewed_at: None,
            verdict: Verdict::Approved,
            created_at: now,
        };
        template.submit(now);
        template
    }

    /// Hands the template in for review.
    pub(crate) fn submit(&mut self, now: i64) {
        self.reviewed_at = (!self.name.contains("pending")).then_some(now + REVIEW_MS);
        self.verdict = if self.name.contains("reject") { Verdict::Rejected } else { Verdict::Approved };
    }

    /// Whether the review has ended.
    pub(crate) fn is_reviewed(&self, now: i64) -> bool {
        self.reviewed_at.is_some_and(|at| at <= now)
    }

    /// Its status at that time.
    pub(crate) fn status(&self, now: i64) -> &'static str {
        if self.is_reviewed(now) { self.verdict.status() } else { "PENDING" }
    }

    /// All that Meta would tell of it.
    pub(crate) fn to_json(&self, now: i64) -> Value {
        let reason = if self.is_reviewed(now) { self.verdict.reason() } else { "NONE" };
        json!({
            "id": self.id,
            "name": self.name,
            "status": self.status(now),
            "category": self.category,
            "language": self.language,
            "parameter_format": if self.named { "NAMED" } else { "POSITIONAL" },
            "components": self.components,
            "rejected_reason": reason,
            "quality_score": {"score": "UNKNOWN"},
        })
    }

    /// The body, with variables as `{{1}}` or `{{name}}`; empty where the category makes it.
    fn body(&self) -> &str {
        let body = self.components.iter().find(|part| is_type(part, "BODY"));
        body.and_then(|body| body["text"].as_str()).unwrap_or_default()
    }

    /// How many variables the body has.
    pub(crate) fn variables(&self) -> usize {
        variables(self.body()).len()
    }

    /// The body with its variables filled, in order.
    ///
    /// # Errors
    ///
    /// Meta's 132000 when there are more or fewer values than variables.
    pub(crate) fn fill(&self, values: &[String]) -> Result<String, Refusal> {
        if values.len() != self.variables() {
            let text = "Number of parameters does not match the expected number of params";
            return Err(Refusal::Meta(132_000, text.to_owned()));
        }
        let body = self.body();
        let mut names = variables(body);
        if !self.named {
            names.sort_by_key(|name| name.parse::<u32>().unwrap_or(u32::MAX));
        }
        let pairs = names.into_iter().zip(values);
        Ok(pairs.fold(body.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value)))
    }
}

impl Waba {
    /// The approved template of that name, in that language if one is asked for.
    ///
    /// # Errors
    ///
    /// Meta's 132001 when there is none.
    pub(crate) fn template(&self, name: &str, language: Option<&str>, now: i64) -> Result<&Template, Refusal> {
        let fits = |template: &&Template| {
            template.name == name
                && template.status(now) == "APPROVED"
                && language.is_none_or(|language| template.language == language)
        };
        let missing = || Refusal::Meta(132_001, "Template name does not exist in the translation".to_owned());
        self.templates.iter().find(fits).ok_or_else(missing)
    }
}

/// Whether a component has that type, in whatever case.
pub(crate) fn is_type(component: &Value, kind: &str) -> bool {
    component["type"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(kind))
}

/// The names or numbers of the variables of a text, each once, in the order of their appearance.
pub(crate) fn variables(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for piece in text.split("{{").skip(1) {
        if let Some((name, _)) = piece.split_once("}}")
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_template_is_filled_in_order_or_refused() {
        let waba = Waba::new("1", Uuid::nil());
        let template = waba.template("order_ready", Some("en_US"), 1_000).expect("is a seed");
        let filled = template.fill(&["Ada".to_owned(), "42".to_owned()]);
        assert_eq!(filled.as_deref(), Ok("Hello Ada, your order 42 is ready"));
        assert!(matches!(template.fill(&[]), Err(Refusal::Meta(132_000, _))));
        assert!(matches!(waba.template("order_ready", Some("de"), 1_000).err(), Some(Refusal::Meta(132_001, _))));
    }

    #[test]
    fn variables_are_filled_by_number_or_by_their_order() {
        let body = |text: &str| vec![json!({"type": "body", "text": text})];
        let values = ["A".to_owned(), "B".to_owned()];
        let mut template = Template::submitted("a", "en", "UTILITY", body("{{2}} {{1}} {{2}}"), 0);
        assert_eq!(template.fill(&values).as_deref(), Ok("B A B"));
        (template.components, template.named) = (body("{{who}} {{what}} {{who}}"), true);
        assert_eq!(template.fill(&values).as_deref(), Ok("A B A"));
    }

    #[test]
    fn templates_of_an_earlier_state_file_give_way_to_the_seeds() {
        let waba = |templates: Value| {
            let saved = json!({"id": "1", "plugin": Uuid::nil(), "name": "a", "templates": templates});
            serde_json::from_value::<Waba>(saved).expect("is a WABA")
        };
        let earlier = json!([{"id": "1", "name": "a", "language": "en", "category": "UTILITY", "status": "APPROVED", "body": "x"}]);
        assert_eq!(waba(earlier).templates.len(), Template::seeds().len());
        assert!(waba(json!([])).templates.is_empty(), "all were deleted");
        let mut own = Waba::new("1", Uuid::nil());
        own.templates.truncate(1);
        let saved = serde_json::to_value(&own.templates).expect("is JSON");
        assert_eq!(waba(saved).templates[0].id, own.templates[0].id);
    }

    #[test]
    fn the_name_decides_what_the_review_says() {
        for (name, then) in [("a", "APPROVED"), ("a_reject", "REJECTED"), ("a_pending", "PENDING")] {
            let template = Template::submitted(name, "en", "UTILITY", Vec::new(), 1_000);
            assert_eq!(template.status(1_000 + REVIEW_MS - 1), "PENDING");
            assert_eq!(template.status(1_000 + REVIEW_MS), then);
        }
    }
}
