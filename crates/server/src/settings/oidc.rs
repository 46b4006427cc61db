//! The identity provider: all of its settings or none.

use std::sync::Arc;

use portico_oidc::{BadSetting, Provider, Settings};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Mistake, Reader, keys};

impl Reader<'_> {
    /// The provider, if one is set and everything of it serves. People come back from it to the public
    /// URL, so that must be set too.
    pub(super) fn oidc(&mut self) -> Option<Arc<Provider>> {
        let all = [keys::OIDC_ISSUER, keys::OIDC_CLIENT_ID, keys::OIDC_CLIENT_SECRET];
        let mut found = Vec::new();
        for key in all {
            found.push(self.find(key).ok()?);
        }
        if found.iter().all(Option::is_none) {
            return None;
        }
        let fix = "PORTICO_OIDC_ISSUER, PORTICO_OIDC_CLIENT_ID and PORTICO_OIDC_CLIENT_SECRET belong together: \
                   set it to what your identity provider gave, or remove the others";
        for (key, _) in all.iter().zip(&found).filter(|(_, found)| found.is_none()) {
            self.mistakes.push(Mistake::Missing { name: key.env, fix });
        }
        if self.find(keys::PUBLIC_URL).is_ok_and(|found| found.is_none()) {
            let fix = "people come back to it from the identity provider of PORTICO_OIDC_ISSUER: set it to the URL \
                       under which the outside reaches the gateway, such as https://portico.example.com";
            self.mistakes.push(Mistake::Missing { name: keys::PUBLIC_URL.env, fix });
        }
        let [issuer, client_id, client_secret] = <[_; 3]>::try_from(found).ok()?;
        let (issuer, client_id, client_secret) = (issuer?, client_id?, client_secret?);
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        let settings = Settings {
            issuer: text(&issuer.text),
            client_id: text(&client_id.text),
            client_secret: client_secret.text.clone(),
        };
        match Provider::new(settings) {
            Ok(provider) => Some(Arc::new(provider)),
            Err(error) => {
                let at_fault = match error {
                    BadSetting::Issuer | BadSetting::Client(_) => issuer,
                    BadSetting::ClientId => client_id,
                    BadSetting::ClientSecret => client_secret,
                };
                self.mistakes.push(at_fault.mistake(error.to_string()));
                None
            }
        }
    }
}
