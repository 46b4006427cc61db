//! What calls in Meta's own format have in common.

use serde_json::Value;

use crate::call::Call;
use crate::reply::Refusal;
use crate::world::{PhoneNumber, World};

/// Checks `messaging_product`.
pub(super) fn check_product(call: &Call<'_>) -> Result<(), Refusal> {
    match call.json.get("messaging_product") {
        None | Some(Value::Null) => Err(Refusal::Schema(
            "Your request has violated JSON schema constraint 'required' for the JSON field '', required fields missing : 'messaging_product'"
                .to_owned(),
        )),
        Some(Value::String(product)) if product.eq_ignore_ascii_case("whatsapp") => Ok(()),
        Some(_) => Err(Refusal::parameter("Param messaging_product must be one of {WHATSAPP}")),
    }
}

/// The phone number of the path: of the plugin where the path names one, else of the team.
pub(super) fn number<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut PhoneNumber, Refusal> {
    number_with_id(call, world, call.path("whatsappPhoneNumberId"))
}

/// The phone number with that id, under the same condition.
pub(super) fn number_with_id<'w>(
    call: &Call<'_>,
    world: &'w mut World,
    id: &str,
) -> Result<&'w mut PhoneNumber, Refusal> {
    match call.path("pluginId") {
        "" => world.number(call.access.team, id),
        plugin => {
            let plugin = world.plugin(call.access.team, plugin, call.now)?.id;
            world.number_of(plugin, id)
        }
    }
}

/// A text of the body that must be there.
pub(super) fn required<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c str, Refusal> {
    optional(call, name)?.ok_or_else(|| Refusal::parameter(format!("The parameter {name} is required.")))
}

/// A text of the body; an empty one counts as absent.
pub(super) fn optional<'c>(call: &'c Call<'_>, name: &str) -> Result<Option<&'c str>, Refusal> {
    let text = |value: &'c Value| value.as_str().ok_or_else(|| must_be(name, "a string"));
    call.fields().get(name).map(text).transpose()
}

/// A list of the body that must be there and not be empty.
pub(super) fn required_list<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c [Value], Refusal> {
    match call.json.get(name) {
        None | Some(Value::Null) => Err(Refusal::parameter(format!("The parameter {name} is required."))),
        Some(Value::Array(list)) if !list.is_empty() => Ok(list),
        Some(_) => Err(must_be(name, "a non-empty array")),
    }
}

/// Meta's word about a parameter of the wrong type.
pub(super) fn must_be(name: &str, kind: &str) -> Refusal {
    Refusal::parameter(format!("Param {name} must be {kind}."))
}

/// What the comma list `fields` of the query asks for; without one, what `default` names, or all if
/// it names nothing. The id is always among it; what may be asked for and is empty is left out.
///
/// # Errors
///
/// Meta's 100 for a field that is neither there nor among those that `may_be_empty`.
pub(super) fn select_fields(
    call: &Call<'_>,
    object: Value,
    default: &[&str],
    may_be_empty: &[&str],
) -> Result<Value, Refusal> {
    let Value::Object(mut object) = object else { return Ok(object) };
    let selected: Vec<&str> = match call.query("fields") {
        Some(fields) => fields.split(',').map(str::trim).filter(|field| !field.is_empty()).collect(),
        None if default.is_empty() => return Ok(object.into()),
        None => default.to_vec(),
    };
    let is_known = |field: &&&str| object.contains_key(**field) || may_be_empty.contains(*field);
    if let Some(unknown) = selected.iter().find(|field| !is_known(field)) {
        return Err(Refusal::parameter(format!("Tried accessing nonexisting field ({unknown})")));
    }
    object.retain(|field, _| field == "id" || selected.contains(&field.as_str()));
    Ok(object.into())
}
