//! The log of proxied calls.

use std::str::FromStr;

use actix_web::web::Data;
use portico_app::App;
use portico_domain::permission::perm;
use portico_domain::{ApiKeyId, CustomerId, RequestEntry, RequestFilter, StatusRange};
use portico_web::extract::{Limit, Parsed, Query, Segment, Timestamp, Word};
use portico_web::guard::Caller;
use portico_web::problem::Problem;
use portico_web::reply::{Json, List};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestsQuery {
    /// How many rows at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Limit,
    /// The `next_cursor` of the part before, with the same filters; absent: the first part.
    cursor: Option<String>,
    /// Only calls with this `X-Request-Id`.
    #[param(value_type = Option<String>)]
    request_id: Option<Word>,
    /// Only calls that were answered with this status, such as `502`, or this class, such as `5xx`.
    #[param(value_type = Option<String>, pattern = "^([1-5][0-9]{2}|[1-5]xx)$")]
    status: Option<Parsed<StatusRange>>,
    /// Only calls of this API key, or of tokens that it minted.
    api_key_id: Option<ApiKeyId>,
    /// Only calls for this customer.
    customer_id: Option<CustomerId>,
    /// Only calls of this operation of the catalogue, such as `whatsapp_messages`.
    #[param(value_type = Option<String>)]
    operation: Option<Word>,
    /// Only calls that arrived from this moment on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only calls that arrived before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// A request id that an answer may have carried: 1 to 128 visible ASCII characters.
#[derive(Debug)]
pub(crate) struct RequestIdText(String);

impl FromStr for RequestIdText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err("must be 1 to 128 visible ASCII characters") }
    }
}

impl RequestsQuery {
    fn filter(&self) -> RequestFilter {
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.0.clone());
        RequestFilter {
            request_id: text(&self.request_id),
            status: self.status.map(|parsed| parsed.0),
            api_key: self.api_key_id,
            customer: self.customer_id,
            operation: text(&self.operation),
            from: self.from.map(OffsetDateTime::from),
            to: self.to.map(OffsetDateTime::from),
        }
    }
}

/// Lists proxied calls, newest first: metadata only.
///
/// Refused calls of a known key are among them, also when the key has expired, may not be used from where the call
/// came, or names another tenant. A call is there about a second after it was answered.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", operation_id = "list_requests",
    params(RequestsQuery), responses((status = 200, body = List<RequestEntry>, description = "Calls.")))]
pub(crate) async fn list(
    caller: Caller<perm::RequestsRead>,
    Query(query): Query<RequestsQuery>,
    app: Data<App>,
) -> Result<Json<List<RequestEntry>>, Problem> {
    let (filter, limit) = (query.filter(), query.limit.rows());
    Ok(app.request_log().list(caller.scope(), &filter, limit, query.cursor.as_deref()).await?.into())
}

/// Reads the latest proxied call with that request id.
///
/// The id is the `X-Request-Id` of the answer. Who sends ids of their own may have given several calls the same
/// one: `GET /api/v1/requests?request_id=…` lists all.
#[utoipa::path(get, path = "/api/v1/requests/{request_id}", tag = "requests", operation_id = "get_request",
    params(("request_id" = String, Path, description = "The `X-Request-Id` of the call.",
        example = "req_0190163d8694739b8a1f8b3b8a5d2f11")),
    responses((status = 200, body = RequestEntry, description = "The call.")))]
pub(crate) async fn get(
    caller: Caller<perm::RequestsRead>,
    Segment(RequestIdText(request_id)): Segment<RequestIdText>,
    app: Data<App>,
) -> Result<Json<RequestEntry>, Problem> {
    Ok(Json(app.request_log().get(caller.scope(), request_id).await?))
}
