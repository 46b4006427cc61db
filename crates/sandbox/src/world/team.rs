//! Teams, their access tokens, and connect tokens.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::World;
use crate::generate;
use crate::role::Role;

/// A connect token lives this long, in milliseconds.
const CONNECT_TOKEN_MS: i64 = 3_600_000;

/// A team: a customer of Chakra.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// What events are signed with; none: they are not signed.
    pub(crate) webhook_secret: Option<String>,
}

/// Who calls with an access token.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) team: Uuid,
    pub(crate) role: Role,
    /// The user whose token it is.
    pub(crate) user: Uuid,
}

/// The plugin that a sign-up will connect its WABA to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    Plugin(Uuid),
    /// A plugin of that name, made when the sign-up is finished.
    NewPlugin(String),
}

/// What a connect token allows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ConnectToken {
    pub(crate) team: Uuid,
    pub(crate) target: Target,
    /// Milliseconds since 1970.
    pub(crate) expires_at: i64,
}

/// A team that was just made, with its secrets.
#[derive(Debug, Clone)]
pub(crate) struct NewTeam {
    pub(crate) team_id: Uuid,
    pub(crate) chakra_key: String,
    pub(crate) webhook_secret: Option<String>,
}

impl World {
    /// Makes a team with one access token.
    pub(crate) fn add_team(&mut self, name: &str, role: Role, webhook_secret: Option<String>) -> NewTeam {
        let team_id = Uuid::new_v4();
        let chakra_key = generate::alphanumeric(250);
        let team = Team { id: team_id, name: name.to_owned(), webhook_secret: webhook_secret.clone() };
        self.teams.insert(team_id, team);
        let user = Uuid::new_v4();
        self.crm.add_team(team_id, user);
        self.keys.insert(chakra_key.clone(), Access { team: team_id, role, user });
        NewTeam { team_id, chakra_key, webhook_secret }
    }

    /// Gives the team of an access token another one; none if there is no such token.
    pub(crate) fn add_key(&mut self, of: &str) -> Option<String> {
        let access = *self.keys.get(of)?;
        let chakra_key = generate::alphanumeric(250);
        self.keys.insert(chakra_key.clone(), access);
        Some(chakra_key)
    }

    /// Makes a connect token; those that have expired go.
    pub(crate) fn add_connect_token(&mut self, team: Uuid, target: Target, now: i64) -> String {
        self.connect_tokens.retain(|_, token| token.expires_at > now);
        let token = format!("ct_{}", generate::alphanumeric(40));
        let expires_at = now + CONNECT_TOKEN_MS;
        self.connect_tokens.insert(token.clone(), ConnectToken { team, target, expires_at });
        token
    }

    /// The connect token, if it has not expired.
    pub(crate) fn connect_token(&self, token: &str, now: i64) -> Option<&ConnectToken> {
        self.connect_tokens.get(token).filter(|token| token.expires_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_token_of_a_team_stands_for_the_same_team() {
        let mut world = World::default();
        let first = world.add_team("T", Role::default(), None).chakra_key;
        let second = world.add_key(&first).expect("the first is known");
        assert_ne!(first, second);
        assert_eq!(world.keys[&first].team, world.keys[&second].team);
        assert_eq!(world.add_key("unknown"), None);
    }

    #[test]
    fn a_connect_token_holds_for_an_hour() {
        let mut world = World::default();
        let token = world.add_connect_token(Uuid::new_v4(), Target::NewPlugin("a".to_owned()), 1_000);
        assert!(world.connect_token(&token, 3_600_999).is_some());
        assert!(world.connect_token(&token, 3_601_000).is_none());
    }
}
