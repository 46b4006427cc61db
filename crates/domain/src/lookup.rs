//! The look-up: from whatever is known of a customer to the ids that calls need.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::ids::CustomerId;
use crate::meta_ids::{PhoneNumberId, PluginId, WabaId};
use crate::phone_digits::PhoneDigits;
use crate::status::PluginStatus;
use crate::text::{ExternalId, Name};

/// What is known; a row must fit all of it. The default fits every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookupFilter {
    /// The customer by its id.
    pub customer: Option<CustomerId>,
    /// The customer by the tenant's own id.
    pub external_id: Option<ExternalId>,
    /// The phone number by its digits, in whatever way people write it.
    pub display_phone_number: Option<PhoneDigits>,
    /// The WABA by Meta's id.
    pub waba: Option<WabaId>,
    /// The phone number by Meta's id.
    pub phone_number: Option<PhoneNumberId>,
    /// The plugin by Chakra's id.
    pub plugin: Option<PluginId>,
}

impl LookupFilter {
    /// Whether nothing is known, so that every row would fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A phone number with all that leads to it. A WABA without a number, a plugin without a WABA and a
/// customer without a plugin give a row too, in which the rest is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "customer_id": "cus_01h455vb4pex5vsknk084sn02q",
    "external_id": "shop-42",
    "customer_name": "Example Shop",
    "plugin_id": "11111111-2222-4333-8444-555555555555",
    "plugin_status": "connected",
    "plugin_is_active": true,
    "waba_id": "100200300400500",
    "waba_status": "CONNECTED",
    "phone_number_id": "200300400500600",
    "display_phone_number": "+1 555-000-2222",
    "verified_name": "Example Shop",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "messaging_limit_tier": "TIER_1K",
    "name_status": "APPROVED",
    "is_active": true,
    "observed_at": "2026-11-24T09:30:00Z",
    "age_seconds": 42
}))]
pub struct LookupRow {
    /// The customer.
    pub customer_id: CustomerId,
    /// The tenant's own id of it.
    pub external_id: ExternalId,
    /// Its name.
    pub customer_name: Name,
    /// Its plugin (`pluginId`); null: it has none yet.
    pub plugin_id: Option<PluginId>,
    /// Whether the plugin has a WABA, and whether Chakra still knows it.
    pub plugin_status: Option<PluginStatus>,
    /// Whether Chakra has the plugin switched on.
    pub plugin_is_active: Option<bool>,
    /// The plugin's WABA; null: it has none yet.
    pub waba_id: Option<WabaId>,
    /// Chakra's word on the WABA, for example CONNECTED.
    pub waba_status: Option<String>,
    /// Meta's id of the phone number (`whatsappPhoneNumberId`); null: there is none yet.
    pub phone_number_id: Option<PhoneNumberId>,
    /// The number as people read it.
    pub display_phone_number: Option<String>,
    /// The name shown to recipients.
    pub verified_name: Option<String>,
    /// Meta's word on the number, for example CONNECTED.
    pub status: Option<String>,
    /// GREEN, YELLOW, RED or UNKNOWN.
    pub quality_rating: Option<String>,
    /// For example `TIER_1K`.
    pub messaging_limit_tier: Option<String>,
    /// For example APPROVED.
    pub name_status: Option<String>,
    /// Whether the tenant sends from the number: calls that name an inactive one are refused.
    pub is_active: Option<bool>,
    /// When Chakra was last asked about the last thing of the row that is not null; null: never.
    #[serde(with = "time::serde::rfc3339::option")]
    pub observed_at: Option<OffsetDateTime>,
    /// How long ago that was, in whole seconds.
    #[schema(minimum = 0)]
    pub age_seconds: Option<i64>,
}

/// The last row on a page of a look-up, from which the next page goes on. As text, its ids separated by
/// dots, with `-` for what the row lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupCursor {
    /// The customer of that row.
    pub customer: CustomerId,
    /// The plugin, if the row has one.
    pub plugin: Option<PluginId>,
    /// The WABA, if the row has one.
    pub waba: Option<WabaId>,
    /// The phone number, if the row has one.
    pub phone_number: Option<PhoneNumberId>,
}

impl LookupRow {
    /// The cursor of a page that ends with this row.
    #[must_use]
    pub fn cursor(&self) -> LookupCursor {
        LookupCursor {
            customer: self.customer_id,
            plugin: self.plugin_id,
            waba: self.waba_id.clone(),
            phone_number: self.phone_number_id.clone(),
        }
    }
}

/// A text that no look-up gave as its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_cursor of a look-up")]
pub struct MalformedLookupCursor;

impl fmt::Display for LookupCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.customer, written(self.plugin.as_ref()))?;
        write!(f, ".{}.{}", written(self.waba.as_ref()), written(self.phone_number.as_ref()))
    }
}

impl FromStr for LookupCursor {
    type Err = MalformedLookupCursor;

    fn from_str(text: &str) -> Result<Self, MalformedLookupCursor> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(MalformedLookupCursor);
        let cursor = Self {
            customer: part()?.parse().map_err(|_| MalformedLookupCursor)?,
            plugin: read(part()?)?,
            waba: read(part()?)?,
            phone_number: read(part()?)?,
        };
        if parts.next().is_none() { Ok(cursor) } else { Err(MalformedLookupCursor) }
    }
}

fn written(id: Option<&impl fmt::Display>) -> String {
    id.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn read<T: FromStr>(text: &str) -> Result<Option<T>, MalformedLookupCursor> {
    if text == "-" { Ok(None) } else { text.parse().map(Some).map_err(|_| MalformedLookupCursor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form() {
        for text in [
            "cus_01h455vb4pex5vsknk084sn02q.-.-.-",
            "cus_01h455vb4pex5vsknk084sn02q.11111111-2222-4333-8444-555555555555.-.-",
            "cus_01h455vb4pex5vsknk084sn02q.11111111-2222-4333-8444-555555555555.1.2",
        ] {
            assert_eq!(text.parse::<LookupCursor>().map(|cursor| cursor.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "cus_01h455vb4pex5vsknk084sn02q", "cus_01h455vb4pex5vsknk084sn02q.-.-.-.-", "-.-.-.-"] {
            assert_eq!(text.parse::<LookupCursor>(), Err(MalformedLookupCursor), "{text}");
        }
    }

    #[test]
    fn a_filter_of_nothing_is_empty() {
        assert!(LookupFilter::default().is_empty());
        assert!(!LookupFilter { waba: "1".parse().ok(), ..LookupFilter::default() }.is_empty());
    }
}
