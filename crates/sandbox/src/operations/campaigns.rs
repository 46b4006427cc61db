//! Lead campaigns.

use serde_json::json;
use uuid::Uuid;

use super::phone_number::is_phone_number;
use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::world::{Campaign, World};

/// `add_phone_number_to_lead_campaign`.
pub(super) fn add(call: &Call<'_>, world: &mut World) -> Answer {
    let number = phone_number(call)?;
    let campaign = find_campaign(call, world)?;
    campaign.numbers.insert(number);
    Ok(to_reply(campaign))
}

/// `remove_phone_number_from_lead_campaign`.
pub(super) fn remove(call: &Call<'_>, world: &mut World) -> Answer {
    let number = phone_number(call)?;
    let campaign = find_campaign(call, world)?;
    campaign.numbers.remove(&number);
    Ok(to_reply(campaign))
}

fn to_reply(campaign: &Campaign) -> Reply {
    Reply::data(&json!({"id": campaign.id, "name": campaign.name, "phoneNumbers": campaign.numbers}))
}

fn phone_number(call: &Call<'_>) -> Result<String, Refusal> {
    let number = call.fields().id("phoneNumber")?.ok_or_else(|| Refusal::bad("phoneNumber is required"))?;
    if is_phone_number(&number) {
        Ok(number)
    } else {
        Err(Refusal::bad("phoneNumber must be digits with the country code"))
    }
}

fn find_campaign<'w>(call: &Call<'_>, world: &'w mut World) -> Result<&'w mut Campaign, Refusal> {
    let id = Uuid::try_parse(call.path("campaignId")).ok();
    let campaign = id.and_then(|id| world.crm.campaigns.get_mut(&id));
    campaign.filter(|campaign| campaign.team == call.access.team).ok_or_else(|| Refusal::missing("Campaign"))
}
