//! Whose an event is: what it names must be the plugin's whose hook it came to. The team's secret proves nothing about
//! that, for all plugins of a team share it.

use portico_domain::{PhoneNumberId, PluginId, QuarantineReason, WabaId};
use portico_storage::NamedOwners;

use crate::message::{Doubt, ParsedEvent};

/// What an event says of its owner.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The account that it names.
    pub waba: Option<&'a WabaId>,
    /// The number that it names.
    pub phone_number: Option<&'a PhoneNumberId>,
    /// The message that it is about.
    pub message: Option<&'a str>,
}

impl<'a> Claim<'a> {
    /// The claim of an event.
    #[must_use]
    pub fn of(event: &'a ParsedEvent<'_>) -> Self {
        Self {
            waba: event.waba_id.as_ref(),
            phone_number: event.phone_number_id.as_ref(),
            message: event.message_id.as_deref(),
        }
    }
}

impl From<Doubt> for QuarantineReason {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Ambiguous => Self::Ambiguous,
            Doubt::TooMany => Self::TooMany,
        }
    }
}

/// The number of that plugin that the event is about, where that is known. Where it names only an account that has one
/// number alone, it is that one.
///
/// # Errors
///
/// Why the event may not be the plugin's.
pub fn number_of(
    plugin: PluginId,
    claim: Claim<'_>,
    owners: &NamedOwners,
) -> Result<Option<PhoneNumberId>, QuarantineReason> {
    let is_own = |owner: Option<&PluginId>| match owner {
        Some(owner) if *owner == plugin => Ok(()),
        Some(_) => Err(QuarantineReason::OtherPlugin),
        None => Err(QuarantineReason::UnknownOwner),
    };
    let waba = claim.waba.map(WabaId::as_str);
    match (waba, claim.phone_number) {
        (waba, Some(number)) => {
            let known = owners.phone_numbers.get(number.as_str());
            // What is another plugin's is told before what nobody knows.
            let of_number = is_own(known.map(|(owner, _)| owner));
            let of_waba = waba.map_or(Ok(()), |waba| is_own(owners.wabas.get(waba)));
            match (of_waba, of_number) {
                (Err(QuarantineReason::OtherPlugin), _) | (_, Err(QuarantineReason::OtherPlugin)) => {
                    Err(QuarantineReason::OtherPlugin)
                }
                (Err(reason), _) | (_, Err(reason)) => Err(reason),
                (Ok(()), Ok(())) => {
                    let fits = known.is_some_and(|(_, its)| waba.is_none_or(|waba| waba == its));
                    if fits { Ok(Some(number.clone())) } else { Err(QuarantineReason::Mismatch) }
                }
            }
        }
        (Some(waba), None) => {
            is_own(owners.wabas.get(waba))?;
            Ok(owners.lone_numbers.get(waba).cloned())
        }
        // As Chakra's older form of a status: only the message tells.
        (None, None) => match claim.message.and_then(|message| owners.messages.get(message)) {
            Some(owner) if *owner == plugin => Ok(None),
            Some(_) => Err(QuarantineReason::OtherPlugin),
            None => Err(QuarantineReason::NamesNoOwner),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(number: u128) -> PluginId {
        PluginId::from_uuid(uuid::Uuid::from_u128(number))
    }

    /// Account 10 with numbers 1 and 2, and 20 with number 3, are of plugin 1; account 30 with number 4 of plugin 2.
    fn owners() -> NamedOwners {
        let number = |waba: &str, of| (plugin(of), waba.to_owned());
        NamedOwners {
            wabas: [("10".into(), plugin(1)), ("20".into(), plugin(1)), ("30".into(), plugin(2))].into(),
            phone_numbers: [
                ("1".into(), number("10", 1)),
                ("2".into(), number("10", 1)),
                ("3".into(), number("20", 1)),
                ("4".into(), number("30", 2)),
            ]
            .into(),
            lone_numbers: [("20".into(), "3".parse().expect("is digits"))].into(),
            messages: [("m".into(), plugin(1)), ("n".into(), plugin(2))].into(),
        }
    }

    #[test]
    fn what_an_event_names_must_be_the_plugins_and_fit_together() {
        use QuarantineReason as R;
        for (waba, number, message, expected) in [
            (Some("10"), Some("1"), None, Ok(Some("1"))),
            (None, Some("1"), None, Ok(Some("1"))),
            (Some("10"), None, None, Ok(None)),
            (Some("20"), None, None, Ok(Some("3"))),
            (Some("10"), Some("3"), None, Err(R::Mismatch)),
            (Some("10"), Some("4"), None, Err(R::OtherPlugin)),
            (Some("30"), Some("1"), None, Err(R::OtherPlugin)),
            (Some("30"), Some("9"), None, Err(R::OtherPlugin)),
            (Some("99"), Some("4"), None, Err(R::OtherPlugin)),
            (Some("99"), Some("1"), None, Err(R::UnknownOwner)),
            (Some("10"), Some("9"), None, Err(R::UnknownOwner)),
            (Some("99"), None, None, Err(R::UnknownOwner)),
            (Some("30"), None, Some("m"), Err(R::OtherPlugin)),
            (None, None, Some("m"), Ok(None)),
            (None, None, Some("n"), Err(R::OtherPlugin)),
            (None, None, Some("o"), Err(R::NamesNoOwner)),
            (None, None, None, Err(R::NamesNoOwner)),
        ] {
            let (parsed, id) = (waba.map(|id| id.parse().unwrap()), number.map(|id| id.parse().unwrap()));
            let claim = Claim { waba: parsed.as_ref(), phone_number: id.as_ref(), message };
            let got = number_of(plugin(1), claim, &owners());
            let got = got.as_ref().map(|number| number.as_ref().map(PhoneNumberId::as_str)).map_err(|reason| *reason);
            assert_eq!(got, expected, "{waba:?} {number:?} {message:?}");
        }
    }
}
