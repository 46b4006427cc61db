//! Posts events to webhook URLs, signed.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url, redirect};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::hex::hex;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time before the second and last attempt.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// Attempts that run at the same time.
const CONCURRENT_ATTEMPTS: usize = 128;

#[derive(Debug)]
pub(super) struct WebhookSender {
    client: Client,
    permits: Semaphore,
}

impl WebhookSender {
    /// A sender that uses no proxy and follows no redirect.
    ///
    /// # Errors
    ///
    /// When the TLS library cannot start.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let builder = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(ATTEMPT_TIMEOUT);
        Ok(Self { client: builder.build()?, permits: Semaphore::new(CONCURRENT_ATTEMPTS) })
    }

    /// Posts a body, a second time if the first was not answered with 2xx. Whether one was.
    pub(super) async fn send(&self, url: &Url, secret: Option<&str>, body: Bytes) -> bool {
        let signature = secret.map(|secret| sign(secret, &body));
        if self.attempt(url, signature.as_deref(), &body).await {
            return true;
        }
        sleep(RETRY_DELAY).await;
        let accepted = self.attempt(url, signature.as_deref(), &body).await;
        if !accepted {
            tracing::debug!("an event was not taken after two attempts");
        }
        accepted
    }

    async fn attempt(&self, url: &Url, signature: Option<&str>, body: &Bytes) -> bool {
        let Ok(_permit) = self.permits.acquire().await else { return false };
        let mut request = self.client.post(url.clone()).header("content-type", "application/json").body(body.clone());
        if let Some(signature) = signature {
            request = request.header("X-Chakra-Signature-256", signature);
        }
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }
}

/// The signature: HMAC-SHA256 over the raw bytes, in lower-case hexadecimal, without a prefix.
fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231.
        assert_eq!(
            sign("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
