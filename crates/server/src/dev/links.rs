//! What a run tells about itself: `dev.json` for programs, and links for the person who started it.

use std::path::Path;
use std::{io, process};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::private_file;
use super::state::{State, StoredSecret};
use crate::console;

/// URLs, ids and keys of a run that is ready.
#[derive(Debug)]
pub(super) struct Links<'a> {
    pub(super) gateway_url: &'a str,
    pub(super) metrics_url: &'a str,
    pub(super) sandbox_url: &'a str,
    pub(super) database_url: &'a SecretString,
    /// Signs the demo's member in, once.
    pub(super) sign_in_url: &'a SecretString,
    pub(super) state: &'a State,
}

impl Links<'_> {
    /// Writes `dev.json`: from then on everything is ready.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        private_file::replace(path, &format!("{:#}\n", self.to_json()))
    }

    fn to_json(&self) -> Value {
        let demo = &self.state.demo;
        let secret = |kept: &Option<StoredSecret>| kept.as_ref().map(|kept| kept.0.expose_secret().to_owned());
        json!({
            "gateway_url": self.gateway_url,
            "metrics_url": self.metrics_url,
            "sandbox_url": self.sandbox_url,
            "console_url": format!("{}/console/", self.gateway_url),
            "database_url": self.database_url.expose_secret(),
            "operator_token": self.state.operator_token.0.expose_secret(),
            "tenant_id": demo.tenant_id,
            "admin_key": secret(&demo.admin_key),
            "messaging_key": secret(&demo.messaging_key),
            "customer_id": demo.customer_id,
            "plugin_id": demo.plugin_id,
            "waba_id": demo.waba_id,
            "phone_number_id": demo.phone_number_id,
            "sandbox_chakra_key": secret(&demo.sandbox_chakra_key),
            "master_keys": self.state.master_keys.0.expose_secret(),
            "pid": process::id(),
        })
    }

    /// Prints what a person needs to begin.
    pub(super) fn print(&self, dev_json: &Path) {
        let Self { gateway_url, metrics_url, sandbox_url, .. } = self;
        console::say("");
        console::say("Portico is ready.");
        console::say(format_args!("  gateway         {gateway_url}"));
        console::say(format_args!("  documentation   {gateway_url}/docs"));
        console::say(format_args!("  console         {gateway_url}/console/"));
        console::say(format_args!("    sign in once  {}", self.sign_in_url.expose_secret()));
        console::say(format_args!("  metrics         {metrics_url}"));
        console::say(format_args!("  sandbox record  {sandbox_url}/_sandbox/requests"));
        console::say(format_args!("  ids and keys    {}", dev_json.display()));
        console::say("");
        console::say("Send a message as the demo tenant (its key reaches the sandbox only, so it may be shown):");
        console::say("");
        console::say(self.curl());
        console::say("");
        console::say("Ctrl-C stops everything; the data stays.");
    }

    fn curl(&self) -> String {
        let demo = &self.state.demo;
        let key = demo.messaging_key.as_ref().map_or("", |key| key.0.expose_secret());
        let plugin = demo.plugin_id.as_deref().unwrap_or_default();
        let number = demo.phone_number_id.as_deref().unwrap_or_default();
        format!(
            "curl {}/v1/ext/plugin/whatsapp/{plugin}/api/v24.0/{number}/messages \\\n  \
             -H 'Authorization: Bearer {key}' \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -d '{{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":\"15550001111\",\
             \"type\":\"text\",\"text\":{{\"body\":\"Hello from Portico\"}}}}'",
            self.gateway_url
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(test: impl FnOnce(&Links<'_>)) {
        let mut state = State::new();
        state.demo.messaging_key = Some(StoredSecret("ptc_dev_m".into()));
        state.demo.plugin_id = Some("plugin".to_owned());
        state.demo.phone_number_id = Some("42".to_owned());
        test(&Links {
            gateway_url: "http://127.0.0.1:1",
            metrics_url: "http://127.0.0.1:2/metrics",
            sandbox_url: "http://127.0.0.1:3",
            database_url: &"postgres://a:b@127.0.0.1/c".into(),
            sign_in_url: &"http://127.0.0.1:1/console/sign-in/link/a.b".into(),
            state: &state,
        });
    }

    #[test]
    fn dev_json_has_exactly_these_fields() {
        links(|links| {
            let told = links.to_json();
            let mut names: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(
                names,
                [
                    "admin_key",
                    "console_url",
                    "customer_id",
                    "database_url",
                    "gateway_url",
                    "master_keys",
                    "messaging_key",
                    "metrics_url",
                    "operator_token",
                    "phone_number_id",
                    "pid",
                    "plugin_id",
                    "sandbox_chakra_key",
                    "sandbox_url",
                    "tenant_id",
                    "waba_id"
                ]
            );
            assert_eq!(told["pid"], process::id());
            assert_eq!(told["console_url"], "http://127.0.0.1:1/console/");
        });
    }

    #[test]
    fn the_curl_sends_json_with_the_messaging_key() {
        links(|links| {
            let curl = links.curl();
            assert!(curl.starts_with("curl http://127.0.0.1:1/v1/ext/plugin/whatsapp/plugin/api/v24.0/42/messages "));
            assert!(curl.contains("'Authorization: Bearer ptc_dev_m'"), "{curl}");
            let body = curl.rsplit_once("-d '").and_then(|(_, body)| body.strip_suffix('\'')).unwrap();
            assert_eq!(serde_json::from_str::<Value>(body).unwrap()["type"], "text");
        });
    }
}
