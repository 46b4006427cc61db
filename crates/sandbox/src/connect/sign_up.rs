//! What Meta's sign-up, done in a window or by a control call, changes.

use actix_web::http::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::generate;
use crate::world::{Group, JoinApproval, PendingConnect, PhoneNumber, Waba, World};

/// How a sign-up ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignUpOutcome {
    /// With a WABA and a connected phone number.
    #[default]
    Finish,
    /// With a WABA but no phone number.
    WabaOnly,
    /// The person closed the window.
    Cancel,
    /// Meta had an error.
    Error,
}

/// One sign-up; ids that are not named are made up.
#[derive(Debug, Default)]
pub(crate) struct SignUp {
    pub(crate) outcome: SignUpOutcome,
    pub(crate) waba_id: Option<String>,
    pub(crate) phone_number_id: Option<String>,
    /// The phone number as people read it.
    pub(crate) display_phone_number: Option<String>,
    /// Milliseconds until reads of the plugin show it.
    pub(crate) lag_ms: u32,
}

/// What a sign-up brought; empty when it was cancelled or failed.
#[derive(Debug, Default)]
pub(crate) struct SignedUp {
    pub(crate) waba_id: Option<String>,
    pub(crate) phone_number_ids: Vec<String>,
    pub(crate) display_phone_number: Option<String>,
}

/// Why nothing was connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignUpRefused {
    #[error("plugin_id names no plugin of the sandbox")]
    NoPlugin,
    #[error("phone_number_id {0} is bound to another plugin; delete that plugin or disconnect its WABA first")]
    NumberTaken(String),
    #[error("waba_id {0} is bound to another plugin; delete that plugin or disconnect it first")]
    WabaTaken(String),
}

impl SignUpRefused {
    /// The status of a control call that was refused so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoPlugin => StatusCode::NOT_FOUND,
            Self::NumberTaken(_) | Self::WabaTaken(_) => StatusCode::CONFLICT,
        }
    }
}

impl SignUp {
    /// Connects the WABA and the number to the plugin.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, or a named WABA or number is bound to another one.
    pub(crate) fn perform(&self, world: &mut World, plugin: Uuid, now: i64) -> Result<SignedUp, SignUpRefused> {
        if !world.plugins.contains_key(&plugin) {
            return Err(SignUpRefused::NoPlugin);
        }
        if matches!(self.outcome, SignUpOutcome::Cancel | SignUpOutcome::Error) {
            return Ok(SignedUp::default());
        }
        let waba = self.waba_id.clone().unwrap_or_else(|| generate::digits(15));
        if world.wabas.get(&waba).is_some_and(|known| known.plugin != plugin) {
            return Err(SignUpRefused::WabaTaken(waba));
        }
        let number = (self.outcome == SignUpOutcome::Finish)
            .then(|| self.phone_number_id.clone().unwrap_or_else(|| generate::digits(15)));
        if let Some(id) = &number
            && world.numbers.get(id).is_some_and(|known| known.plugin != plugin)
        {
            return Err(SignUpRefused::NumberTaken(id.clone()));
        }
        world.wabas.entry(waba.clone()).or_insert_with(|| Waba::new(&waba, plugin));
        if let Some(new) = number.as_deref().filter(|id| !world.numbers.contains_key(*id)) {
            seed_number(world, new, plugin, now);
        }
        let display = number.as_deref().map(|id| self.bind_number(world, id, &waba, plugin));
        let numbers: Vec<String> = number.into_iter().collect();
        if let Some(plugin) = world.plugins.get_mut(&plugin) {
            let at = now + i64::from(self.lag_ms);
            plugin.pending_connects.push(PendingConnect { at, waba: waba.clone(), numbers: numbers.clone() });
            plugin.apply_due_connects(now);
        }
        Ok(SignedUp { waba_id: Some(waba), phone_number_ids: numbers, display_phone_number: display })
    }

    /// Connects the number, keeping what a reconnect does not change; how people read it.
    fn bind_number(&self, world: &mut World, id: &str, waba: &str, plugin: Uuid) -> String {
        let made_up = || format!("+1 555-{}-{}", generate::digits(3), generate::digits(4));
        let number = world.numbers.entry(id.to_owned()).or_insert_with(|| {
            let display = self.display_phone_number.clone().unwrap_or_else(made_up);
            PhoneNumber::new(id, waba, plugin, display)
        });
        waba.clone_into(&mut number.waba);
        if let Some(display) = &self.display_phone_number {
            number.display.clone_from(display);
        }
        number.display.clone()
    }
}

/// The id of the picture that somebody sent to a new number: it can be asked for without an event.
pub(crate) fn initial_medium_id(number: &str) -> String {
    format!("{number}01")
}

/// What a new number begins with: a group, and a picture that somebody sent.
fn seed_number(world: &mut World, number: &str, plugin: Uuid, now: i64) {
    world.add_group(Group::new(generate::group_id(number), number, "Order 42", JoinApproval::AutoApprove, now));
    if let Some(plugin) = world.plugins.get(&plugin) {
        world.received_media.add(plugin.team, &initial_medium_id(number), "image/jpeg");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_bound_to_one_plugin_only() {
        let mut world = World::default();
        let team = Uuid::new_v4();
        let (one, two) = (world.add_plugin(team, "a").id, world.add_plugin(team, "b").id);
        let sign_up = SignUp { phone_number_id: Some("7".to_owned()), ..SignUp::default() };
        assert!(sign_up.perform(&mut world, one, 0).is_ok());
        assert_eq!(sign_up.perform(&mut world, two, 0).err(), Some(SignUpRefused::NumberTaken("7".to_owned())));
        assert_eq!(world.wabas.len(), 1, "a refused sign-up leaves nothing behind");
        world.delete_plugin(one);
        assert!(sign_up.perform(&mut world, two, 0).is_ok());
    }

    #[test]
    fn a_sign_up_without_a_number_leaves_the_plugin_inactive() {
        let mut world = World::default();
        let plugin = world.add_plugin(Uuid::new_v4(), "a").id;
        let sign_up = SignUp { outcome: SignUpOutcome::WabaOnly, ..SignUp::default() };
        let done = sign_up.perform(&mut world, plugin, 0).expect("is possible");
        assert!(done.waba_id.is_some() && done.phone_number_ids.is_empty());
        assert_eq!((world.plugins[&plugin].auth.len(), world.plugins[&plugin].is_active), (1, false));
    }
}
