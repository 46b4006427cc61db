//! What events of a plugin are made from: whose they are, whom they name, and where they go.

use reqwest::Url;
use serde_json::Value;
use uuid::Uuid;

use super::kind::EventKind;
use crate::world::{Plugin, World};

/// What building and sending an event needs, as the plugin's settings were at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventContext {
    /// The team of the plugin.
    pub(super) team: Uuid,
    /// URL for events in Meta's format.
    pub(crate) pass_through: Option<Url>,
    /// URL for events in Chakra's format.
    pub(crate) chakra: Option<Url>,
    /// The kinds of Chakra's format that are wanted; none listed: all.
    pub(super) chakra_kinds: Vec<String>,
    /// Whether echoes go out in Meta's format.
    pub(super) echoes: bool,
    /// What events are signed with; none: they are not signed.
    pub(crate) secret: Option<String>,
    pub(crate) waba_id: String,
    /// Empty for a plugin without a number.
    pub(crate) phone_number_id: String,
    pub(crate) display_phone_number: String,
    pub(crate) template_id: u64,
}

/// Why an event of that kind would go nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSendable {
    #[error(
        "the plugin has no webhook URL; set passThroughWebhookUrl with POST /v1/ext/plugin/whatsapp/{{pluginId}}/update-config"
    )]
    NoUrl,
    #[error(
        "{0} is not a loopback address; the sandbox sends events to this machine only unless it is started with events_beyond_loopback"
    )]
    NotLoopback(String),
    #[error(
        "echoes are switched off; set enableMessageEchoesForPassThroughWebhook with POST /v1/ext/plugin/whatsapp/{{pluginId}}/update-config"
    )]
    EchoesOff,
    #[error("Chakra's format has no event for this kind, and the plugin has no passThroughWebhookUrl")]
    OnlyChakraFormat,
    #[error("the plugin has no WABA; finish a sign-up with POST /_sandbox/signups, or name waba_id in overrides")]
    NoWaba,
    #[error(
        "the plugin has no phone number; finish a sign-up with POST /_sandbox/signups, or name phone_number_id in overrides"
    )]
    NoNumber,
}

impl EventContext {
    /// The plugin as it is now. `number` is the phone number that the event is about; else the
    /// plugin's first.
    pub(crate) fn of(world: &World, plugin: &Plugin, number: Option<&str>) -> Self {
        let own = || world.numbers.values().filter(|number| number.plugin == plugin.id);
        let number = number.and_then(|id| own().find(|number| number.id == id)).or_else(|| own().next());
        let waba = match number {
            Some(number) => world.wabas.get(&number.waba),
            None => world.wabas.values().find(|waba| waba.plugin == plugin.id),
        };
        let kinds = plugin.server_config.get("whichChakraWebhookEventsToSend").and_then(Value::as_array);
        let chakra = plugin.setting("chakraWebhookUrl").filter(|_| plugin.switch("enableChakraWebhook"));
        Self {
            team: plugin.team,
            pass_through: plugin.setting("passThroughWebhookUrl").and_then(|url| url.parse().ok()),
            chakra: chakra.and_then(|url| url.parse().ok()),
            chakra_kinds: kinds.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            echoes: plugin.switch("enableMessageEchoesForPassThroughWebhook"),
            secret: world.teams.get(&plugin.team).and_then(|team| team.webhook_secret.clone()),
            waba_id: waba.map(|waba| waba.id.clone()).unwrap_or_default(),
            phone_number_id: number.map(|number| number.id.clone()).unwrap_or_default(),
            display_phone_number: number.map(crate::world::PhoneNumber::digits).unwrap_or_default(),
            template_id: waba
                .and_then(|waba| waba.templates.first())
                .and_then(|template| template.id.parse().ok())
                .unwrap_or(400_500_600_700_800),
        }
    }

    /// The same without URLs of other machines, unless those are allowed.
    ///
    /// # Errors
    ///
    /// When no URL is left.
    pub(crate) fn without_forbidden_urls(mut self, beyond_loopback: bool) -> Result<Self, NotSendable> {
        let mut refused = None;
        for url in [&mut self.pass_through, &mut self.chakra] {
            if let Some(known) = url.take_if(|url| !beyond_loopback && !is_loopback(url)) {
                refused = Some(known.to_string());
            }
        }
        match refused {
            Some(url) if self.pass_through.is_none() && self.chakra.is_none() => Err(NotSendable::NotLoopback(url)),
            _ => Ok(self),
        }
    }

    /// Whether an event of that kind would go anywhere.
    pub(crate) fn can_send(&self, kind: EventKind) -> Result<(), NotSendable> {
        if self.waba_id.is_empty() {
            return Err(NotSendable::NoWaba);
        }
        if kind.names_number() && self.phone_number_id.is_empty() {
            return Err(NotSendable::NoNumber);
        }
        let chakra = self.chakra_url(kind).is_some();
        match (&self.pass_through, kind.chakra_name()) {
            (Some(_), _) if kind == EventKind::Echo && !self.echoes && !chakra => Err(NotSendable::EchoesOff),
            (Some(_), _) => Ok(()),
            (None, _) if chakra => Ok(()),
            (None, None) if self.chakra.is_some() => Err(NotSendable::OnlyChakraFormat),
            (None, _) => Err(NotSendable::NoUrl),
        }
    }

    /// Where the event goes in Meta's format.
    pub(crate) fn pass_through_url(&self, kind: EventKind) -> Option<&Url> {
        self.pass_through.as_ref().filter(|_| kind != EventKind::Echo || self.echoes)
    }

    /// Where the event goes in Chakra's format.
    pub(crate) fn chakra_url(&self, kind: EventKind) -> Option<&Url> {
        let name = kind.chakra_name()?;
        let wanted = self.chakra_kinds.is_empty() || self.chakra_kinds.iter().any(|kind| kind == name);
        self.chakra.as_ref().filter(|_| wanted)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        None => false,
        Some("localhost") => true,
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            address.is_ok_and(|address| address.to_canonical().is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        let judge = |url: &str| is_loopback(&url.parse().expect("is a URL"));
        for near in ["http://127.0.0.1:1/", "http://localhost/x", "http://[::1]:3/", "http://127.9.9.9/"] {
            assert!(judge(near), "{near}");
        }
        for far in [
            "http://10.0.0.1/",
            "https://example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example/",
            "http://a.localhost/",
            "http://0.0.0.0/",
        ] {
            assert!(!judge(far), "{far}");
        }
    }
}
