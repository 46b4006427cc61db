//! The `where` of a list of processes.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::reply::Refusal;

const OPERATORS: [&str; 6] = ["=", "!=", ">", ">=", "<", "<="];

/// A condition on fields and attributes.
#[derive(Debug)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Is { name: String, operator: &'static str, value: Value },
}

impl Filter {
    /// Reads a condition: every field of the object must hold.
    pub(super) fn parse(object: Option<&Map<String, Value>>) -> Result<Self, Refusal> {
        let mut all = Vec::new();
        for (name, value) in object.into_iter().flatten() {
            match (name.as_str(), value) {
                ("or" | "and", Value::Array(rows)) => {
                    let rows = rows.iter().map(|row| {
                        let row = row.as_object().ok_or_else(|| Refusal::bad("where: or and and hold objects"))?;
                        Self::parse(Some(row))
                    });
                    let rows = rows.collect::<Result<Vec<_>, _>>()?;
                    all.push(if name == "or" { Self::Any(rows) } else { Self::All(rows) });
                }
                (_, Value::Object(operators)) => {
                    for (operator, value) in operators {
                        let known = OPERATORS.iter().find(|known| *known == operator);
                        let operator = known.ok_or_else(|| {
                            Refusal::bad(format!("where: {operator} is not one of {}", OPERATORS.join(" ")))
                        })?;
                        all.push(Self::Is { name: name.clone(), operator, value: value.clone() });
                    }
                }
                (_, Value::Array(_)) => {
                    return Err(Refusal::bad(format!("where: {name} must be a value or an object")));
                }
                (_, value) => all.push(Self::Is { name: name.clone(), operator: "=", value: value.clone() }),
            }
        }
        Ok(Self::All(all))
    }

    /// Whether it holds for what has these values.
    pub(super) fn holds(&self, value_of: impl Fn(&str) -> Value + Copy) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.holds(value_of)),
            Self::Any(any) => any.iter().any(|filter| filter.holds(value_of)),
            Self::Is { name, operator, value } => {
                let order = compare(&value_of(name), value);
                match *operator {
                    "=" => order == Some(Ordering::Equal),
                    "!=" => order != Some(Ordering::Equal),
                    ">" => order == Some(Ordering::Greater),
                    ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    "<" => order == Some(Ordering::Less),
                    _ => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                }
            }
        }
    }
}

fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (one, other) => (one == other).then_some(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(filter: &Value) -> bool {
        let filter = Filter::parse(filter.as_object()).expect("is a filter");
        filter.holds(|name| json!({"status": "OPEN", "amount": 7})[name].clone())
    }

    #[test]
    fn conditions_hold_together_or_alone() {
        assert!(holds(&json!({})));
        assert!(holds(&json!({"status": "OPEN", "amount": {">": 6, "<=": 7}})));
        assert!(!holds(&json!({"status": {"!=": "OPEN"}})));
        assert!(holds(&json!({"or": [{"status": "COMPLETED"}, {"amount": 7}]})));
        assert!(!holds(&json!({"and": [{"status": "OPEN"}, {"amount": 8}]})));
        assert!(Filter::parse(json!({"a": {"~": 1}}).as_object()).is_err());
    }
}
