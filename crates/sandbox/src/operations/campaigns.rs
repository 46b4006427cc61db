//! Lead campaigns.

use serde_json::json;
use uuid::Uuid;

use super::session;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Campaign, World};

/// `add_phone_number_to_lead_campaign`.
pub(super) fn add(call: &Call<'_>, world: &mut World) -> Answer {
    let number = number(call)?;
    let campaign = found(call, world)?;
    campaign.numbers.insert(number);
    Ok(told(campaign))
}

/// `remove_phone_number_from_lead_campaign`.
pub(super) fn remove(call: &Call<'_>, world: &mut World) -> Answer {
    let number = number(call)?;
    let campaign = found(call, world)?;
    campaign.numbers.remove(&number);
    Ok(told(campaign))
}

fn told(campaign: &Campaign) -> Reply {
    Reply::data(&json!({"id": campaign.id, "name": campaign.name, "phoneNumbers": campaign.numbers}))
}

fn number(call: &Call<'_>) -> Result<String, Refusal> {
    let number = call.fields().id("phoneNumber")?.ok_or_else(|| Refusal::bad("phoneNumber is required"))?;
    if session::is_phone_number(&number) {
        Ok(number)
    } else {
        Err(Refusal::bad("phoneNumber must be digits with the country code"))
    }
}

fn found<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut Campaign, Refusal> {
    let id = Uuid::try_parse(call.path("campaignId")).ok();
    let campaign = id.and_then(|id| world.crm.campaigns.get_mut(&id));
    campaign.filter(|campaign| campaign.team == call.access.team).ok_or_else(|| Refusal::missing("Campaign"))
}
