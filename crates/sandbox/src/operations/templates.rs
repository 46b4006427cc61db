//! Message templates.

use actix_web::http::StatusCode;
use serde_json::json;

use super::meta;
use super::outcome_event::OutcomeEvent;
use super::paging::page;
use super::template_check::{self as check, CATEGORIES};
use crate::call::Call;
use crate::events::EventKind;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{REVIEW_MS, Template, World};

/// Rows on a page, unless asked otherwise, and at most.
const DEFAULT_PAGE: usize = 25;
const MAX_PAGE: usize = 1_000;
/// What Meta shows of a template that is listed without `fields`.
const DEFAULT_FIELDS: [&str; 7] = ["id", "name", "parameter_format", "components", "language", "status", "category"];
/// What Meta knows of a template and leaves out when there is nothing to say.
const EMPTY_FIELDS: [&str; 7] = [
    "message_send_ttl_seconds",
    "previous_category",
    "correct_category",
    "sub_category",
    "library_template_name",
    "cta_url_link_tracking_opted_out",
    "last_updated_time",
];
/// Meta's subcode for a name and language that are taken.
const NAME_TAKEN: u32 = 2_388_024;
/// Meta's subcode for a template that does not exist.
const TEMPLATE_MISSING: u32 = 2_593_002;

/// `create_message_template`.
pub(super) fn create(call: &Call<'_>, world: &mut World) -> Answer {
    let waba = world.waba(call.access.team, call.path("wabaId"))?;
    let name = meta::required(call, "name")?;
    check::name(name)?;
    let category = canonical_spelling(meta::required(call, "category")?, "category", &CATEGORIES)?;
    let language = meta::required(call, "language")?;
    check::language(language)?;
    let named = is_named(call)?.unwrap_or(false);
    let components = meta::required_list(call, "components")?;
    check::components(components, category)?;
    if waba.templates.iter().any(|template| template.name == name && template.language == language) {
        return Err(Refusal::Explained {
            status: StatusCode::BAD_REQUEST,
            subcode: NAME_TAKEN,
            title: "Content in this language already exists".to_owned(),
            text: format!(
                "There is already {language} content for this template. You can create a new template and try again."
            ),
        });
    }
    let mut template = Template::submitted(name, language, category, components.to_vec(), call.now);
    template.named = named;
    waba.templates.push(template.clone());
    schedule_review_event(world, call.path("wabaId"), &template);
    Ok(Reply::meta(&json!({"id": template.id, "status": template.status(call.now), "category": template.category})))
}

/// `list_message_templates`.
pub(super) fn list(call: &Call<'_>, world: &mut World) -> Answer {
    let waba = world.waba(call.access.team, call.path("wabaId"))?;
    let fits = |template: &&Template| {
        let is = |name: &str, value: &str| call.query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
        is("name", &template.name)
            && is("status", template.status(call.now))
            && is("language", &template.language)
            && is("category", &template.category)
    };
    let row = |template: &Template| {
        let shown = meta::select_fields(call, template.to_json(call.now), &DEFAULT_FIELDS, &EMPTY_FIELDS)?;
        Ok((format!("{:013}:{}", template.created_at, template.id), shown))
    };
    let mut rows = waba.templates.iter().filter(fits).map(row).collect::<Result<Vec<_>, Refusal>>()?;
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let page = page(call, rows, DEFAULT_PAGE, MAX_PAGE)?;
    Ok(Reply::meta(&json!({"data": page.rows, "paging": page.paging})))
}

/// `update_message_template`: what changes is reviewed anew.
pub(super) fn update(call: &Call<'_>, world: &mut World) -> Answer {
    let team = call.access.team;
    let plugins = &world.plugins;
    let wabas = world.wabas.values_mut();
    let mut own = wabas.filter(|waba| plugins.get(&waba.plugin).is_some_and(|plugin| plugin.team == team));
    let id = call.path("whatsappMessageTemplateId");
    let found = own.find_map(|waba| {
        let template = waba.templates.iter_mut().find(|template| template.id == id)?;
        Some((waba.id.clone(), template))
    });
    let (waba, template) = found.ok_or_else(|| Refusal::missing("WhatsApp message template"))?;
    let category = meta::optional(call, "category")?;
    let category = category.map(|category| canonical_spelling(category, "category", &CATEGORIES)).transpose()?;
    let named = is_named(call)?;
    let components = call.json.get("components").filter(|components| !components.is_null());
    let components = components.map(|_| meta::required_list(call, "components")).transpose()?;
    let send_ttl = call.fields().get("message_send_ttl_seconds");
    if category.is_none() && named.is_none() && components.is_none() && send_ttl.is_none() {
        return Err(Refusal::parameter("The parameter components is required."));
    }
    if !template.is_reviewed(call.now) {
        return Err(Refusal::parameter("A template whose review has not ended cannot be edited."));
    }
    if category.is_some_and(|category| template.status(call.now) == "APPROVED" && category != template.category) {
        return Err(Refusal::parameter("The category of an approved template cannot be changed."));
    }
    let category = category.unwrap_or(&template.category).to_owned();
    if let Some(components) = components {
        check::components(components, &category)?;
        template.components = components.to_vec();
    }
    template.category = category;
    template.named = named.unwrap_or(template.named);
    template.submit(call.now);
    let template = template.clone();
    schedule_review_event(world, &waba, &template);
    Ok(Reply::meta(&json!({"success": true})))
}

/// `delete_message_template`: every language of the name, or with `hsm_id` one.
pub(super) fn delete(call: &Call<'_>, world: &mut World) -> Answer {
    let waba = world.waba(call.access.team, call.path("wabaId"))?;
    let name = call.query("name").ok_or_else(|| Refusal::parameter("The parameter name is required."))?;
    let id = call.query("hsm_id");
    let before = waba.templates.len();
    waba.templates.retain(|template| template.name != name || id.is_some_and(|id| template.id != id));
    if waba.templates.len() == before {
        return Err(Refusal::Explained {
            status: StatusCode::NOT_FOUND,
            subcode: TEMPLATE_MISSING,
            title: "Message template not found".to_owned(),
            text: format!("No message template of the name {name} was found."),
        });
    }
    Ok(Reply::meta(&json!({"success": true})))
}

/// Has an event follow when the review ends, if it does.
fn schedule_review_event(world: &mut World, waba: &str, template: &Template) {
    if template.reviewed_at.is_none() {
        return;
    }
    let changes = json!({
        "event": template.verdict.status(),
        "reason": template.verdict.reason(),
        "template_id": template.id.parse::<u64>().unwrap_or_default(),
        "template_name": template.name,
        "message_template_language": template.language,
    });
    OutcomeEvent { kind: EventKind::TemplateStatus, id: &template.id, changes, after_ms: REVIEW_MS }
        .schedule_for_waba(world, waba);
}

/// Whether `parameter_format` says that variables have names.
fn is_named(call: &Call<'_>) -> Result<Option<bool>, Refusal> {
    let format = meta::optional(call, "parameter_format")?;
    let format =
        format.map(|format| canonical_spelling(format, "parameter_format", &["POSITIONAL", "NAMED"])).transpose()?;
    Ok(format.map(|format| format == "NAMED"))
}

/// The spelling that Meta knows, whatever the case.
fn canonical_spelling(given: &str, name: &str, known: &[&'static str]) -> Result<&'static str, Refusal> {
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(given)).copied();
    found.ok_or_else(|| Refusal::parameter(format!("Param {name} must be one of {{{}}}", known.join(", "))))
}
