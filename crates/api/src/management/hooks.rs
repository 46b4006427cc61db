//! Where a plugin's events come in.

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{HookId, Overlap, PluginId};
use portico_events::Hook;
use portico_web::extract::{Body, Host, NoBody, Segment};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Created, Either, Json};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// An address that Chakra posts a plugin's events to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookView {
    /// Its id.
    id: HookId,
    /// The address.
    #[schema(example = "https://portico.example.com/hooks/chakra/0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0vU1wX2yZ3aB4")]
    url: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it ends; null: it is in force until it is replaced.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(required = true)]
    expires_at: Option<OffsetDateTime>,
    /// When the first event came; null: none yet.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(required = true)]
    first_event_at: Option<OffsetDateTime>,
}

/// The hook of a plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginHook {
    /// The plugin.
    plugin_id: PluginId,
    /// The address that Chakra must post to; null while no hook is made.
    #[schema(required = true)]
    url: Option<String>,
    /// Every address in force, the newest first: two while one replaces the other.
    hooks: Vec<HookView>,
}

impl PluginHook {
    fn of(plugin: PluginId, hooks: Vec<Hook>, base: &str) -> Self {
        let view = |hook: Hook| HookView {
            id: hook.id,
            url: format!("{base}{}", hook.path),
            created_at: hook.created_at,
            expires_at: hook.expires_at,
            first_event_at: hook.first_event_at,
        };
        let hooks: Vec<_> = hooks.into_iter().map(view).collect();
        let present = hooks.iter().find(|hook| hook.expires_at.is_none());
        Self { plugin_id: plugin, url: present.map(|hook| hook.url.clone()), hooks }
    }
}

/// A replacement of a hook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_seconds": 3600}))]
pub(crate) struct RotateHookBody {
    /// For how long events still come in at the present address, in seconds, up to seven days; 0: not at all.
    #[serde(default)]
    overlap_seconds: Overlap,
}

/// Gives the address that Chakra posts the plugin's events to.
///
/// It begins with `PORTICO_HOOKS_URL`, else with the public URL, else with the host that this call names.
#[utoipa::path(get, path = "/api/v1/plugins/{plugin_id}/hook", tag = "hooks", operation_id = "get_hook",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses((status = 200, body = PluginHook, description = "The hook.")))]
pub(crate) async fn get(
    caller: Caller<perm::WebhooksRead>,
    Segment(plugin): Segment<PluginId>,
    Host(host): Host,
    app: Data<App>,
) -> Result<Json<PluginHook>, Problem> {
    let hooks = app.hooks().list(caller.scope(), plugin).await?;
    Ok(Json(PluginHook::of(plugin, hooks, &app.hooks_url(&host))))
}

/// Makes the plugin's hook, unless it has one.
///
/// Nobody guesses its address. Name it as `passThroughWebhookUrl` or `chakraWebhookUrl` of the plugin's configuration.
#[utoipa::path(post, path = "/api/v1/plugins/{plugin_id}/hook", tag = "hooks", operation_id = "make_hook",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")),
    responses(
        (status = 200, body = PluginHook, description = "The plugin had one."),
        (status = 201, body = PluginHook, description = "It was made."),
    ))]
pub(crate) async fn create(
    caller: Caller<perm::WebhooksWrite>,
    Segment(plugin): Segment<PluginId>,
    _: NoBody,
    Host(host): Host,
    app: Data<App>,
) -> Result<Either<Json<PluginHook>, Created<PluginHook>>, Problem> {
    let (is_new, hooks) = app.hooks().ensure(caller.scope(), plugin).await?;
    let hook = PluginHook::of(plugin, hooks, &app.hooks_url(&host));
    Ok(if is_new { Either::Right(Created(hook)) } else { Either::Left(Json(hook)) })
}

/// Gives the plugin another hook.
///
/// Events come in at the present address until the overlap is over. An older one that was still in force ends at once.
#[utoipa::path(post, path = "/api/v1/plugins/{plugin_id}/hook/rotate", tag = "hooks", operation_id = "rotate_hook",
    params(("plugin_id" = PluginId, Path, description = "The plugin.")), request_body = RotateHookBody,
    responses((status = 201, body = PluginHook, description = "The new address, and the one that it replaces.")))]
pub(crate) async fn rotate(
    caller: Caller<perm::WebhooksWrite>,
    Segment(plugin): Segment<PluginId>,
    Body(body): Body<RotateHookBody>,
    Host(host): Host,
    app: Data<App>,
) -> Result<Created<PluginHook>, Problem> {
    let hooks = app.hooks().rotate(caller.scope(), plugin, body.overlap_seconds).await?;
    Ok(Created(PluginHook::of(plugin, hooks, &app.hooks_url(&host))))
}
