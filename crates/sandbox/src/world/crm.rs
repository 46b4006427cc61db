//! The CRM of a team: processes of its modules, jobs that work on many of them, its people, photos and
//! campaigns.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// How long a background job runs, in milliseconds.
const JOB_MS: i64 = 300;

/// The modules that every team has, each with its primary key.
pub(crate) const PROCEDURES: [(&str, &str); 2] = [("lead", "lead_id"), ("order", "order_id")];

/// The records of all teams, by id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Crm {
    pub(crate) processes: BTreeMap<Uuid, Process>,
    pub(crate) jobs: BTreeMap<Uuid, Job>,
    pub(crate) users: BTreeMap<Uuid, User>,
    /// By team and id.
    pub(crate) photos: BTreeMap<String, Photo>,
    pub(crate) campaigns: BTreeMap<Uuid, Campaign>,
}

/// One record of a module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) id: Uuid,
    pub(crate) team: Uuid,
    pub(crate) procedure: String,
    pub(crate) created_by: Uuid,
    pub(crate) assigned_to: Option<String>,
    pub(crate) status: String,
    pub(crate) state: String,
    pub(crate) data: Map<String, Value>,
    /// Milliseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// Work on many processes: done at once, but shown as completed a moment later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) team: Uuid,
    pub(crate) kind: String,
    /// What became of each row: the process, or why there is none.
    pub(crate) entries: Vec<Result<Uuid, String>>,
    /// Milliseconds since 1970.
    pub(crate) started_at: i64,
}

/// A person of a team.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) team: Uuid,
    /// Fields by Chakra's names.
    pub(crate) fields: Map<String, Value>,
}

/// A stored picture. Its bytes are in memory only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Photo {
    pub(crate) team: Uuid,
    pub(crate) user: Uuid,
    pub(crate) filename: String,
    pub(crate) filetype: String,
    /// Pixels; 0 where they are not known.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
}

/// A lead campaign.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Campaign {
    pub(crate) id: Uuid,
    pub(crate) team: Uuid,
    pub(crate) name: String,
    /// Phone numbers of the people in it, as digits.
    pub(crate) numbers: BTreeSet<String>,
}

impl Crm {
    /// What every team begins with: the user of its token, a colleague, and a campaign.
    pub(crate) fn add_team(&mut self, team: Uuid, user: Uuid) {
        self.add_user(team, user, "Ada", "Example");
        self.add_user(team, Uuid::new_v4(), "Ben", "Example");
        let id = Uuid::new_v4();
        let campaign = Campaign { id, team, name: "Welcome".to_owned(), numbers: BTreeSet::new() };
        self.campaigns.insert(id, campaign);
    }

    fn add_user(&mut self, team: Uuid, id: Uuid, first: &str, last: &str) {
        let name = format!("{first} {last}");
        let username = format!("{}@example.com", first.to_lowercase());
        let fields = json!({
            "createdAt": 1_790_000_000_000_i64, "updatedAt": 1_790_000_000_000_i64, "username": username,
            "firstName": first, "lastName": last, "middleName": null, "displayName": name, "gender": null, "dob": null,
            "bio": null, "phones": [], "emails": [], "profileImageUrl": null, "coverImageUrl": null, "timezone": "UTC",
            "data": {}, "onboardingData": {}, "isActive": true, "isDeleted": false, "deletedAt": null,
        });
        let Value::Object(fields) = fields else { return };
        self.users.insert(id, User { id, team, fields });
    }

    /// The team's process of that module and primary key, or any attribute.
    pub(crate) fn find(&self, team: Uuid, procedure: &str, attribute: &str, value: &str) -> Option<Uuid> {
        let holds = |process: &&Process| {
            process.team == team
                && process.procedure == procedure
                && process.data.get(attribute).and_then(Value::as_str) == Some(value)
        };
        self.processes.values().find(holds).map(|process| process.id)
    }

    /// The team's process of that id.
    pub(crate) fn process(&self, team: Uuid, id: &str) -> Option<Uuid> {
        let id = Uuid::try_parse(id).ok()?;
        self.processes.get(&id).filter(|process| process.team == team).map(|process| process.id)
    }
}

impl Process {
    /// As Chakra shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "team": self.team, "procedure": self.procedure, "createdBy": self.created_by,
            "assignedTo": self.assigned_to.clone().unwrap_or_else(|| self.created_by.to_string()),
            "belongsTo": null, "entity": null, "record": null, "status": self.status, "state": self.state,
            "data": self.data, "createdAt": self.created_at, "updatedAt": self.updated_at,
        })
    }

    /// The value of a field or attribute, as lists filter by it.
    pub(crate) fn value(&self, name: &str) -> Value {
        match name {
            "status" => self.status.clone().into(),
            "state" => self.state.clone().into(),
            "createdAt" => self.created_at.into(),
            "assignedTo" => self.assigned_to.clone().into(),
            attribute => self.data.get(attribute).cloned().unwrap_or_default(),
        }
    }
}

impl Job {
    /// Whether calls show it as completed.
    pub(crate) fn is_done(&self, now: i64) -> bool {
        now >= self.started_at + JOB_MS
    }

    /// As Chakra shows it.
    pub(crate) fn to_json(&self, now: i64) -> Value {
        let done = self.is_done(now);
        let ended = if done { self.started_at + JOB_MS } else { 0 };
        json!({
            "id": self.id, "createdAt": self.started_at, "updatedAt": self.started_at.max(ended),
            "completionStatus": if done { "COMPLETED" } else { "IN_PROGRESS" }, "statusMessage": null,
            "startedAt": self.started_at, "completedAt": ended, "team": self.team, "type": self.kind,
        })
    }

    /// How many entries ended in which way.
    pub(crate) fn counts(&self, now: i64) -> Value {
        let done = self.is_done(now);
        let (good, bad): (Vec<_>, Vec<_>) = self.entries.iter().partition(|entry| entry.is_ok());
        let count = |all: usize| if done { all } else { 0 };
        json!({
            "INVALID": 0, "NOT_STARTED": if done { 0 } else { self.entries.len() },
            "SUCCESS": count(good.len()), "ERROR": count(bad.len()),
        })
    }
}

impl User {
    /// As Chakra shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("id".to_owned(), json!(self.id));
        fields.into()
    }
}

impl Photo {
    /// As Chakra shows it.
    pub(crate) fn to_json(&self, id: Uuid) -> Value {
        json!({
            "id": id, "createdAt": self.at, "updatedAt": self.at, "filetype": self.filetype, "filename": self.filename,
            "height": self.height, "width": self.width, "isPublic": false, "team": self.team, "user": self.user,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_shown_as_completed_a_moment_later() {
        let job = Job {
            id: Uuid::nil(),
            team: Uuid::nil(),
            kind: "BULK_UPDATE".to_owned(),
            entries: vec![Ok(Uuid::nil()), Err("Process not found".to_owned())],
            started_at: 1_000,
        };
        assert_eq!(job.to_json(1_299)["completionStatus"], "IN_PROGRESS");
        assert_eq!(job.counts(1_299)["NOT_STARTED"], 2);
        assert_eq!(job.to_json(1_300)["completionStatus"], "COMPLETED");
        assert_eq!((&job.counts(1_300)["SUCCESS"], &job.counts(1_300)["ERROR"]), (&json!(1), &json!(1)));
    }
}
