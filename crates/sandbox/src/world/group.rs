//! Groups of a phone number.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::generate;

/// A new group can be asked for this long after the call that made it, in milliseconds.
pub(crate) const GROUP_CREATION_MS: i64 = 60;

/// What the invite link of a group is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JoinApproval {
    /// Who has the link joins.
    #[default]
    AutoApprove,
    /// Who has the link can ask to join.
    ApprovalRequired,
}

/// A person's request to join a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JoinRequest {
    pub(crate) id: String,
    pub(crate) wa_id: String,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
}

/// A WhatsApp group of a business phone number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    /// Meta's id of the phone number whose group it is.
    pub(crate) number: String,
    pub(crate) subject: String,
    pub(crate) description: String,
    pub(crate) join_approval: JoinApproval,
    pub(crate) invite_link: String,
    /// WhatsApp ids of people.
    pub(crate) participants: Vec<String>,
    pub(crate) join_requests: Vec<JoinRequest>,
    /// Milliseconds since 1970; before it, nobody sees the group.
    pub(crate) created_at: i64,
}

impl Group {
    /// A group in which somebody already takes part, or to which two people already ask to come.
    pub(crate) fn new(id: String, number: &str, subject: &str, join_approval: JoinApproval, created_at: i64) -> Self {
        let mut group = Self {
            id,
            number: number.to_owned(),
            subject: subject.to_owned(),
            description: String::new(),
            join_approval,
            invite_link: new_invite_link(),
            participants: Vec::new(),
            join_requests: Vec::new(),
            created_at,
        };
        match join_approval {
            JoinApproval::AutoApprove => group.participants.push("15550001111".to_owned()),
            JoinApproval::ApprovalRequired => group.join_requests.extend(["15550001111", "15550003333"].map(|wa_id| {
                JoinRequest { id: format!("jr_{}", generate::digits(16)), wa_id: wa_id.to_owned(), at: created_at }
            })),
        }
        group
    }

    /// Replaces the invite link; the one before is worth nothing.
    pub(crate) fn reset_link(&mut self) {
        self.invite_link = new_invite_link();
    }

    /// Removes the request of that id and gives it; none if there is none.
    pub(crate) fn take_join_request(&mut self, id: &str) -> Option<JoinRequest> {
        let at = self.join_requests.iter().position(|request| request.id == id)?;
        Some(self.join_requests.remove(at))
    }

    /// As a list shows it.
    pub(crate) fn to_row(&self) -> Value {
        json!({"id": self.id, "subject": self.subject, "created_at": seconds(self.created_at)})
    }

    /// As Meta shows it by itself.
    pub(crate) fn to_json(&self) -> Value {
        let participants: Vec<_> = self.participants.iter().map(|wa_id| json!({"wa_id": wa_id})).collect();
        json!({
            "messaging_product": "whatsapp",
            "id": self.id,
            "subject": self.subject,
            "description": self.description,
            "creation_timestamp": seconds(self.created_at),
            "suspended": false,
            "total_participant_count": participants.len(),
            "participants": participants,
            "join_approval_mode": self.join_approval,
        })
    }
}

impl JoinRequest {
    /// As Meta lists it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"join_request_id": self.id, "wa_id": self.wa_id, "creation_timestamp": seconds(self.at)})
    }
}

impl World {
    pub(crate) fn add_group(&mut self, group: Group) {
        self.groups.insert(group.id.clone(), group);
    }

    /// Removes the groups of numbers that are not there any more.
    pub(crate) fn forget_groups(&mut self) {
        let numbers = &self.numbers;
        self.groups.retain(|_, group| numbers.contains_key(&group.number));
    }
}

fn new_invite_link() -> String {
    format!("https://chat.whatsapp.com/{}", generate::alphanumeric(22))
}

fn seconds(ms: i64) -> String {
    (ms / 1_000).to_string()
}
