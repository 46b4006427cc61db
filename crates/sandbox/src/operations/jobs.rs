//! Background jobs.

use actix_web::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Job, World};

/// Rows on a page, unless asked otherwise, and at most.
const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 100;

/// `fetch_background_job`.
pub(super) fn fetch(call: &Call<'_>, world: &mut World) -> Answer {
    let job = find_job(call, world)?;
    let meta = json!({"bjEntryCompletionStatusVsCount": job.counts(call.now)});
    let body = json!({"_data": job.to_json(call.now), "_meta": meta, "_errors": []});
    Ok(Reply::json(StatusCode::OK, &body))
}

/// `fetch_background_job_entries`.
pub(super) fn entries(call: &Call<'_>, world: &mut World) -> Answer {
    let job = find_job(call, world)?;
    let number = |name: &str, default: usize, max: usize| match call.query(name) {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if (1..=max).contains(&number) => Ok(number),
            _ => Err(Refusal::bad(format!("{name} must be 1 to {max}"))),
        },
    };
    let (limit, page) = (number("limit", DEFAULT_PAGE, MAX_PAGE)?, number("page", 1, 1_000_000)?);
    let done = job.is_done(call.now);
    let entry = |(at, entry): (usize, &Result<Uuid, String>)| {
        let status = match entry {
            _ if !done => "NOT_STARTED",
            Ok(_) => "SUCCESS",
            Err(_) => "ERROR",
        };
        json!({"index": at, "completionStatus": status, "process": entry.as_ref().ok(), "error": entry.as_ref().err()})
    };
    let rows: Vec<Value> = job.entries.iter().enumerate().skip((page - 1) * limit).take(limit).map(entry).collect();
    let mut meta = json!({"total": job.entries.len()});
    if page * limit < job.entries.len() {
        meta["next"] = json!(format!("/v1/ext/background-job/{}/entries?limit={limit}&page={}", job.id, page + 1));
    }
    Ok(Reply::json(StatusCode::OK, &json!({"_data": rows, "_meta": meta, "_errors": []})))
}

fn find_job<'w>(call: &Call<'_>, world: &'w World) -> Result<&'w Job, Refusal> {
    let id = Uuid::try_parse(call.path("backgroundJobId")).ok();
    let job = id.and_then(|id| world.crm.jobs.get(&id)).filter(|job| job.team == call.access.team);
    job.ok_or_else(|| Refusal::missing("Background job"))
}
