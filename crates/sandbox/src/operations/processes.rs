//! Leads, processes and tasks.

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filter;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Job, PROCEDURES, Process, World};

const STATUSES: [&str; 3] = ["OPEN", "COMPLETED", "CANCELLED"];
/// Rows on a page, unless asked otherwise, and at most.
const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 100;

/// `create_lead`.
pub(super) fn create_lead(call: &Call<'_>, world: &mut World) -> Answer {
    if call.fields().object("data")?.is_none() {
        return Err(Refusal::bad("data is required"));
    }
    create_in(call, world, "lead")
}

/// `create_process`.
pub(super) fn create(call: &Call<'_>, world: &mut World) -> Answer {
    let procedure = procedure(call)?;
    create_in(call, world, procedure)
}

fn create_in(call: &Call<'_>, world: &mut World, procedure: &str) -> Answer {
    let process = new_process(call, world, procedure, &call.json)?;
    let json = process.to_json();
    world.crm.processes.insert(process.id, process);
    Ok(Reply::data(&json))
}

fn new_process(call: &Call<'_>, world: &World, procedure: &str, row: &Map<String, Value>) -> Result<Process, Refusal> {
    let mut process = Process {
        id: Uuid::new_v4(),
        team: call.access.team,
        procedure: procedure.to_owned(),
        created_by: call.access.user,
        assigned_to: None,
        status: "OPEN".to_owned(),
        state: "NEW".to_owned(),
        data: Map::new(),
        created_at: call.now,
        updated_at: call.now,
    };
    apply_changes(&mut process, row, call.now)?;
    let key = primary_key(procedure);
    if let Some(value) = row.get(key).or_else(|| process.data.get(key)).and_then(Value::as_str).map(str::to_owned) {
        if world.crm.find(call.access.team, procedure, key, &value).is_some() {
            return Err(Refusal::bad(format!("A record with this {key} exists already")));
        }
        process.data.insert(key.to_owned(), value.into());
    }
    Ok(process)
}

/// `fetch_process`.
pub(super) fn fetch(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(Reply::data(&find_process(call, world)?.to_json()))
}

/// `update_process`.
pub(super) fn update(call: &Call<'_>, world: &mut World) -> Answer {
    let process = find_process(call, world)?;
    update_from_body(process, call)
}

/// `update_process_by_primary_key`.
pub(super) fn update_by_key(call: &Call<'_>, world: &mut World) -> Answer {
    let process = find_by_primary_key(call, world)?;
    update_from_body(process, call)
}

/// `update_lead_by_phone_number`.
pub(super) fn update_lead(call: &Call<'_>, world: &mut World) -> Answer {
    let id = world.crm.find(call.access.team, "lead", "phone_number", call.path("phoneNumber"));
    let lead = id.and_then(|id| world.crm.processes.get_mut(&id)).ok_or_else(|| Refusal::missing("Lead"))?;
    update_from_body(lead, call)
}

/// `delete_process`.
pub(super) fn delete(call: &Call<'_>, world: &mut World) -> Answer {
    let id = find_process(call, world)?.id;
    remove(world, id)
}

/// `delete_process_by_primary_key`.
pub(super) fn delete_by_key(call: &Call<'_>, world: &mut World) -> Answer {
    let id = find_by_primary_key(call, world)?.id;
    remove(world, id)
}

fn remove(world: &mut World, id: Uuid) -> Answer {
    let process = world.crm.processes.remove(&id).ok_or_else(|| Refusal::missing("Process"))?;
    Ok(Reply::data(&process.to_json()))
}

fn update_from_body(process: &mut Process, call: &Call<'_>) -> Answer {
    apply_changes(process, &call.json, call.now)?;
    Ok(Reply::data(&process.to_json()))
}

/// Only the given fields change.
fn apply_changes(process: &mut Process, row: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    let fields = crate::fields::Fields(row);
    let status = fields.text("status")?;
    if status.is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(Refusal::bad(format!("status must be one of {}", STATUSES.join(", "))));
    }
    let state = fields.text("state")?;
    let assigned = fields.text("assignedTo")?;
    let data = fields.object("data")?;
    fields.number("nextActionAt")?;
    fields.object("record")?;
    process.data.extend(data.cloned().unwrap_or_default());
    status.unwrap_or(&process.status.clone()).clone_into(&mut process.status);
    state.unwrap_or(&process.state.clone()).clone_into(&mut process.state);
    process.assigned_to = assigned.map(str::to_owned).or(process.assigned_to.take());
    process.updated_at = now;
    Ok(())
}

/// `list_processes`.
pub(super) fn list(call: &Call<'_>, world: &mut World) -> Answer {
    let procedure = procedure(call)?;
    let fields = call.fields();
    let filter = filter::Filter::parse(fields.object("where")?)?;
    let skip = count(fields.number("skip")?, "skip", usize::MAX)?.unwrap_or(0);
    let limit = count(fields.number("limit")?, "limit", MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
    let fits = |process: &&Process| {
        process.team == call.access.team && process.procedure == procedure && filter.holds(|name| process.value(name))
    };
    let mut all: Vec<&Process> = world.crm.processes.values().filter(fits).collect();
    all.sort_by_key(|process| (process.created_at, process.id));
    let more = all.len() > skip.saturating_add(limit);
    let rows: Vec<Value> = all.into_iter().skip(skip).take(limit).map(Process::to_json).collect();
    Ok(Reply::json(StatusCode::OK, &json!({"_data": rows, "_meta": {"hasMore": more}, "_errors": []})))
}

/// `bulk_create_processes`.
pub(super) fn bulk_create(call: &Call<'_>, world: &mut World) -> Answer {
    let procedure = procedure(call)?;
    let mut entries = Vec::new();
    for row in call.rows() {
        let made = row.as_object().ok_or_else(|| Refusal::bad("Every row must be an object"));
        let made = made.and_then(|row| new_process(call, world, procedure, row));
        entries.push(made.map_err(|refusal| refusal.text()).map(|process| {
            let id = process.id;
            world.crm.processes.insert(id, process);
            id
        }));
    }
    Ok(start_job(call, world, "BULK_CREATE", entries))
}

/// `bulk_update_processes`.
pub(super) fn bulk_update(call: &Call<'_>, world: &mut World) -> Answer {
    let procedure = procedure(call)?;
    let rows = call.fields().list("processes")?;
    if rows.is_empty() {
        return Err(Refusal::bad("processes is required"));
    }
    let key = primary_key(procedure);
    let mut entries = Vec::new();
    for row in rows {
        let id = match (row["id"].as_str(), row[key].as_str()) {
            (Some(id), _) => world.crm.process(call.access.team, id),
            (None, Some(value)) => world.crm.find(call.access.team, procedure, key, value),
            (None, None) => None,
        };
        let process = id.and_then(|id| world.crm.processes.get_mut(&id)).ok_or_else(|| Refusal::missing("Process"));
        let update = row["update"].as_object().ok_or_else(|| Refusal::bad("update is required"));
        let done = process.and_then(|process| apply_changes(process, update?, call.now).map(|()| process.id));
        entries.push(done.map_err(|refusal| refusal.text()));
    }
    Ok(start_job(call, world, "BULK_UPDATE", entries))
}

fn start_job(call: &Call<'_>, world: &mut World, kind: &str, entries: Vec<Result<Uuid, String>>) -> Reply {
    let job = Job { id: Uuid::new_v4(), team: call.access.team, kind: kind.to_owned(), entries, started_at: call.now };
    let json = job.to_json(call.now);
    world.crm.jobs.insert(job.id, job);
    Reply::data(&json)
}

/// `create_task`.
pub(super) fn create_task(call: &Call<'_>, world: &mut World) -> Answer {
    let procedure = procedure(call)?;
    let named = call.path("processIdOrPrimaryKey");
    let by_key = || world.crm.find(call.access.team, procedure, primary_key(procedure), named);
    let process = world.crm.process(call.access.team, named).or_else(by_key);
    let process = process.ok_or_else(|| Refusal::missing("Process"))?;
    let fields = call.fields();
    let status = fields.text("status")?.unwrap_or("OPEN");
    if !STATUSES.contains(&status) {
        return Err(Refusal::bad(format!("status must be one of {}", STATUSES.join(", "))));
    }
    Ok(Reply::data(&json!({
        "id": Uuid::new_v4(), "team": call.access.team, "process": process, "stateTask": call.path("stateTaskShortId"),
        "status": status, "assignedTo": fields.text("assignedTo")?, "data": fields.object("data")?,
        "createdAt": call.now, "updatedAt": call.now,
    })))
}

fn procedure(call: &Call<'_>) -> Result<&'static str, Refusal> {
    let named = call.path("procedureShortId");
    let known = PROCEDURES.iter().find(|(procedure, _)| *procedure == named);
    known.map(|(procedure, _)| *procedure).ok_or_else(|| Refusal::missing("Procedure"))
}

fn primary_key(procedure: &str) -> &'static str {
    PROCEDURES.iter().find(|(known, _)| *known == procedure).map_or("id", |(_, key)| key)
}

fn find_process<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut Process, Refusal> {
    let procedure = procedure(call)?;
    let id = world.crm.process(call.access.team, call.path("processId"));
    let process = id.and_then(|id| world.crm.processes.get_mut(&id)).filter(|process| process.procedure == procedure);
    process.ok_or_else(|| Refusal::missing("Process"))
}

fn find_by_primary_key<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut Process, Refusal> {
    let procedure = procedure(call)?;
    let (key, value) = (call.path("primaryKeyShortId"), call.path("primaryKeyValue"));
    if key != primary_key(procedure) {
        return Err(Refusal::bad(format!("{key} is not the primary key of {procedure}")));
    }
    let id = world.crm.find(call.access.team, procedure, key, value);
    id.and_then(|id| world.crm.processes.get_mut(&id)).ok_or_else(|| Refusal::missing("Process"))
}

/// A count of the body; fractions, negative and too high ones are refused.
pub(super) fn count(given: Option<f64>, name: &str, max: usize) -> Result<Option<usize>, Refusal> {
    let Some(given) = given else { return Ok(None) };
    let whole = given.fract() == 0.0 && (0.0..=1e9).contains(&given);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within 0 to 1e9")]
    let count = given as usize;
    if whole && count <= max {
        Ok(Some(count))
    } else {
        Err(Refusal::bad(format!("{name} must be a number up to {max}")))
    }
}
