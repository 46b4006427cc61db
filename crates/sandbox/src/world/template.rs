//! Message templates of a WABA.

use serde::{Deserialize, Serialize};

use super::Waba;
use crate::fresh;
use crate::reply::Refusal;

/// A template in one language.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Template {
    /// Meta's id.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: String,
    pub(crate) status: String,
    /// The body, with variables as `{{1}}`.
    pub(crate) body: String,
}

impl Template {
    /// What every WABA begins with.
    pub(crate) fn seeds() -> Vec<Self> {
        let seed = |name: &str, category: &str, body: &str| Self {
            id: fresh::digits(15),
            name: name.to_owned(),
            language: "en_US".to_owned(),
            category: category.to_owned(),
            status: "APPROVED".to_owned(),
            body: body.to_owned(),
        };
        vec![
            seed("order_ready", "UTILITY", "Hello {{1}}, your order {{2}} is ready"),
            seed(
                "hello_world",
                "UTILITY",
                "Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification.",
            ),
        ]
    }

    /// How many variables the body has.
    pub(crate) fn variables(&self) -> usize {
        self.body.matches("{{").count()
    }

    /// The body with its variables filled, in order.
    ///
    /// # Errors
    ///
    /// Meta's 132000 when there are more or fewer values than variables.
    pub(crate) fn fill(&self, values: &[String]) -> Result<String, Refusal> {
        let expected = self.variables();
        if values.len() != expected {
            let text = "Number of parameters does not match the expected number of params";
            return Err(Refusal::Meta(132_000, text.to_owned()));
        }
        let numbered = values.iter().enumerate();
        Ok(numbered.fold(self.body.clone(), |text, (at, value)| text.replace(&format!("{{{{{}}}}}", at + 1), value)))
    }
}

impl Waba {
    /// The approved template of that name, in that language if one is asked for.
    ///
    /// # Errors
    ///
    /// Meta's 132001 when there is none.
    pub(crate) fn template(&self, name: &str, language: Option<&str>) -> Result<&Template, Refusal> {
        let fits = |template: &&Template| {
            template.name == name
                && template.status == "APPROVED"
                && language.is_none_or(|language| template.language == language)
        };
        let missing = || Refusal::Meta(132_001, "Template name does not exist in the translation".to_owned());
        self.templates.iter().find(fits).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_template_is_filled_in_order_or_refused() {
        let waba = Waba::new("1", Uuid::nil());
        let template = waba.template("order_ready", Some("en_US")).expect("is a seed");
        let filled = template.fill(&["Ada".to_owned(), "42".to_owned()]);
        assert_eq!(filled.as_deref(), Ok("Hello Ada, your order 42 is ready"));
        assert!(matches!(template.fill(&[]), Err(Refusal::Meta(132_000, _))));
        assert!(matches!(waba.template("order_ready", Some("de")).err(), Some(Refusal::Meta(132_001, _))));
    }
}
