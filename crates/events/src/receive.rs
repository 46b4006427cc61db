//! Taking in what Chakra posts: judged by its signature, taken apart, stored once and durably, and only then acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;

use portico_core::cache::Cache;
use portico_core::{Core, Error as CoreError, RequestError};
use portico_domain::{CustomerId, EventId, HookId, Person, PluginId, QuarantineReason, SignatureVerdict, TenantId};
use portico_storage::{NamedOwners, NewLearned, NewReceivedEvent, Stored, TenantTx};
use portico_vault::SecretString;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;
use crate::formats::parse;
use crate::hooks::address_hash;
use crate::message::{ParsedBody, ParsedEvent};
use crate::owner::{Claim, number_of};
use crate::sealed::{SECRET, SealedValue};
use crate::signature::judge;

/// The longest body, in bytes.
pub const LONGEST_BODY: usize = 3 * 1024 * 1024;
/// How often a hook is read anew whose data key somebody replaces at the same moment.
const ATTEMPTS: u32 = 5;

/// What became of the events of one body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// New ones that were given to their customer.
    pub routed: u64,
    /// New ones of which it is not certain whose they are.
    pub quarantined: u64,
    /// Those that came before.
    pub copies: u64,
}

/// A hook with everything that judges what comes to it.
#[derive(Debug)]
struct OpenHook {
    tenant: TenantId,
    id: HookId,
    plugin: PluginId,
    customer: CustomerId,
    expires_at: Option<OffsetDateTime>,
    has_events: bool,
    secrets: Vec<(SecretString, Option<OffsetDateTime>)>,
    log_only_until: Option<OffsetDateTime>,
}

/// Receives events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Receiver {
    core: Core,
    opened: Arc<Cache<[u8; 32], Arc<OpenHook>>>,
}

impl Receiver {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone(), opened: core.caches.add_secret("hooks") }
    }

    /// Whether there is a hook at that address. So Meta's handshake is answered.
    ///
    /// # Errors
    ///
    /// [`Error::NotSigned`] when there is none.
    pub async fn find(&self, address: &str) -> Result<(), Error> {
        self.hook(address).await.map(|_| ())
    }

    /// Takes a body in. Once this returns, its events are on disk.
    ///
    /// # Errors
    ///
    /// [`Error::NotSigned`] when there is no such hook or the signature is wrong; [`Error::Request`] when the body is no
    /// JSON; [`CoreError::Database`] when nothing was stored.
    pub async fn receive(&self, address: &str, signature: Option<&[u8]>, body: &[u8]) -> Result<Receipt, Error> {
        let hook = self.hook(address).await?;
        let now = self.core.clock.now();
        let in_force = hook.secrets.iter().filter(|(_, ends)| ends.is_none_or(|ends| ends > now));
        let verdict = judge(&in_force.map(|(secret, _)| secret).collect::<Vec<_>>(), signature, body);
        if verdict != SignatureVerdict::Valid {
            self.core.metrics.hook_refused(verdict.as_str());
            let is_taken = hook.log_only_until.is_some_and(|until| until > now);
            tracing::warn!(
                tenant.id = %hook.tenant, hook.id = %hook.id, signature = verdict.as_str(), is_taken,
                "a body at a hook is not signed with a secret that is in force"
            );
            if !is_taken {
                return Err(Error::NotSigned);
            }
        }
        let body = parse(body).map_err(|error| {
            self.core.metrics.hook_refused("malformed");
            RequestError::Body(error.to_string())
        })?;
        let receipt = self.store(&hook, &body, verdict, now).await?;
        for (outcome, events) in
            [("routed", receipt.routed), ("quarantined", receipt.quarantined), ("copy", receipt.copies)]
        {
            self.core.metrics.received(outcome, events);
        }
        Ok(receipt)
    }

    /// Counts a body that was not looked at because it is too long.
    pub fn note_too_long(&self) {
        self.core.metrics.hook_refused("too_long");
    }

    async fn store(
        &self,
        hook: &OpenHook,
        body: &ParsedBody<'_>,
        verdict: SignatureVerdict,
        now: OffsetDateTime,
    ) -> Result<Receipt, Error> {
        let mut tx = self.core.db.begin_durable(hook.tenant).await?;
        let owners = owners_of(&mut tx, body).await?;
        let events: Vec<_> =
            body.events.iter().map(|event| new_event(hook, body, event, &owners, verdict, now)).collect();
        let stored = tx.insert_received(&events, now).await?;
        let mut receipt = Receipt::default();
        let mut learned = Vec::new();
        for ((new, parsed), stored) in events.iter().zip(&body.events).zip(stored) {
            match (stored, new.owner) {
                (Stored::CopyOf(_), _) => receipt.copies += 1,
                (Stored::New, Ok(_)) => {
                    receipt.routed += 1;
                    learned.extend(learned_of(parsed, new));
                }
                (Stored::New, Err(_)) => receipt.quarantined += 1,
            }
        }
        if !learned.is_empty() {
            tx.learn(&learned).await?;
        }
        if !hook.has_events {
            tx.note_first_event(hook.id, now).await?;
        }
        tx.commit().await?;
        Ok(receipt)
    }

    async fn hook(&self, address: &str) -> Result<Arc<OpenHook>, Error> {
        let hook = match address_hash(address) {
            Some(hash) => match self.opened.get(&self.core.validity, &hash) {
                Some(hook) => Some(hook),
                None => self.core.validity.read(&self.opened, hash, async || self.load(&hash).await).await?,
            },
            None => None,
        };
        let now = self.core.clock.now();
        hook.filter(|hook| hook.expires_at.is_none_or(|ends| ends > now)).ok_or_else(|| {
            self.core.metrics.hook_refused("unknown_hook");
            Error::NotSigned
        })
    }

    async fn load(&self, hash: &[u8; 32]) -> Result<Option<(TenantId, Arc<OpenHook>)>, CoreError> {
        let Some((tenant, id)) = self.core.db.resolve_hook(hash).await? else { return Ok(None) };
        let now = self.core.clock.now();
        for _ in 0..ATTEMPTS {
            let mut tx = self.core.db.begin_system(tenant).await?;
            let Some(hook) = tx.hook(id, now).await? else { return Ok(None) };
            let log_only_until = tx.hooks_log_only_until().await?;
            let mut sealed = Vec::new();
            for secret in tx.webhook_secrets(now).await? {
                let value = SealedValue::read(&mut tx, SECRET, secret.id, secret.secret).await?;
                sealed.push((value, secret.expires_at));
            }
            tx.commit().await?;
            let mut secrets = Vec::with_capacity(sealed.len());
            for (value, expires_at) in &sealed {
                if let Some(secret) = value.open(&self.core, tenant).await? {
                    secrets.push((secret, *expires_at));
                }
            }
            if secrets.len() == sealed.len() {
                let has_events = hook.first_event_at.is_some();
                let (plugin, customer, expires_at) = (hook.plugin, hook.customer, hook.expires_at);
                let hook = OpenHook { tenant, id, plugin, customer, expires_at, has_events, secrets, log_only_until };
                return Ok(Some((tenant, Arc::new(hook))));
            }
        }
        Err(CoreError::Busy)
    }
}

/// Whose what the body names is.
async fn owners_of(tx: &mut TenantTx, body: &ParsedBody<'_>) -> Result<NamedOwners, Error> {
    let (mut wabas, mut numbers, mut messages) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in &body.events {
        match (&event.waba_id, &event.phone_number_id) {
            (None, None) => messages.extend(event.message_id.clone()),
            (waba, number) => {
                wabas.extend(waba.as_ref().map(|id| id.as_str().to_owned()));
                numbers.extend(number.as_ref().map(|id| id.as_str().to_owned()));
            }
        }
    }
    let list = |ids: BTreeSet<String>| ids.into_iter().collect::<Vec<_>>();
    Ok(tx.named_owners(&list(wabas), &list(numbers), &list(messages)).await?)
}

fn new_event(
    hook: &OpenHook,
    body: &ParsedBody<'_>,
    event: &ParsedEvent<'_>,
    owners: &NamedOwners,
    signature: SignatureVerdict,
    now: OffsetDateTime,
) -> NewReceivedEvent {
    let number = match body.doubt {
        Some(doubt) => Err(QuarantineReason::from(doubt)),
        None => number_of(hook.plugin, Claim::of(event), owners),
    };
    let party = &event.party;
    NewReceivedEvent {
        id: EventId::generate(),
        key: key_of(hook.plugin, &event.key),
        dedupe_key: event.key.clone(),
        plugin: hook.plugin,
        owner: number.as_ref().map(|_| hook.customer).map_err(|reason| *reason),
        event_type: event.kind.as_str(),
        format: body.format.as_str(),
        field: event.field.clone(),
        waba: event.waba_id.clone(),
        phone_number: number.ok().flatten().or_else(|| event.phone_number_id.clone()),
        conversation: event.conversation(),
        message_id: event.message_id.clone(),
        status: event.status.clone(),
        person: Person {
            user_id: party.user_id.clone(),
            parent_user_id: party.parent_user_id.clone(),
            phone: party.phone.clone(),
            username: party.username.clone(),
        },
        occurred_at: event.occurred_at.unwrap_or(now),
        raw: String::from_utf8_lossy(&body.raw_of(event)).into_owned(),
        signature,
    }
}

/// By what a copy is recognised: the plugin and the event's key. So what came to another plugin's hook by mistake is no
/// copy of what comes to the right one.
pub(crate) fn key_of(plugin: PluginId, dedupe_key: &str) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(plugin.uuid().as_bytes());
    hash.update(dedupe_key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    Uuid::from_bytes(bytes)
}

fn learned_of(parsed: &ParsedEvent<'_>, new: &NewReceivedEvent) -> Vec<NewLearned> {
    let learned = |named: &crate::message::NamedId| NewLearned {
        kind: named.kind.as_str(),
        id: named.id.clone(),
        plugin: Some(new.plugin),
        phone_number: new.phone_number.clone(),
    };
    parsed.named.iter().map(learned).collect()
}
