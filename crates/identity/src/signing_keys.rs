//! The keys that sign tokens: made at the first start, rotated by age or by the operator, and purged
//! when nothing that they signed can be alive.
//!
//! A new key is published at once and signs only later, so that by then every replica and every outside
//! verifier that keeps the key set for [`JWKS_MAX_AGE`] has it. The key before it stays published until
//! its last token is dead. Replicas hear of a new key as they hear of any other change, under the
//! operator's tenant id; that a token names a key which is not known here therefore never asks the
//! database.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use portico_auth::token::{LEEWAY, LIFETIME_LONGEST};
use portico_auth::{OperatorScope, Origin, TokenKey, TokenKeys, TokenSigner};
use portico_domain::permission::perm;
use portico_domain::signing_key::JsonWebKey;
use portico_domain::{SigningKey, SigningKeyId, SigningKeyState, TenantId};
use portico_storage::{Constraint, StorageError, StoredSigningKey, TenantTx};
use portico_vault::Purpose;
use rand::RngExt as _;
use time::{Duration, OffsetDateTime};

use portico_core::Core;
use portico_core::Error;
use portico_core::SharedRead;
use portico_core::audit::Change;
use portico_core::cache::Cache;
use portico_core::tasks::{Schedule, Wake};

/// How old the newest key is when another one is made.
const ROTATE_AFTER: Duration = Duration::days(30);
/// How long a new key is published before it signs, unless the operator says otherwise, in seconds:
/// longer than outside verifiers keep the key set.
const PUBLISHED_AHEAD: u32 = 120;
/// The same at the least, in seconds: replicas hear of it within one.
const PUBLISHED_AHEAD_SHORTEST: u32 = 5;
/// The same at the most, in seconds.
const PUBLISHED_AHEAD_LONGEST: u32 = 86_400;
/// How long outside verifiers may keep the key set, in seconds.
pub const JWKS_MAX_AGE: u32 = 60;
const _: () = assert!(PUBLISHED_AHEAD > JWKS_MAX_AGE, "a verifier reads the key set before the new key signs");
/// How long a replaced key is accepted after the new one signs: as long as its last token lives, and
/// what the clocks of replicas may differ by.
const ACCEPTED_AFTER: Duration = LIFETIME_LONGEST.saturating_add(LEEWAY).saturating_add(LEEWAY);
/// How often a replica looks whether a key is due.
const LOOK: StdDuration = StdDuration::from_mins(1);
/// Who issues tokens where no public URL is set.
const ISSUER: &str = "portico";

/// Keys ready for use.
#[derive(Debug)]
pub(crate) struct OpenSigningKeys {
    all: Vec<OpenSigningKey>,
    /// Their public halves.
    pub(crate) verifying: TokenKeys,
}

#[derive(Debug)]
struct OpenSigningKey {
    signer: TokenSigner,
    active_from: OffsetDateTime,
    retires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl OpenSigningKeys {
    /// The key that signs now: of those that may and are still accepted, the one that began last. A clock that is behind the
    /// database's may know of none that has begun; then the first to begin signs.
    pub(crate) fn signer(&self, now: OffsetDateTime) -> Option<&TokenSigner> {
        self.signing(now).map(|key| &key.signer)
    }

    fn signing(&self, now: OffsetDateTime) -> Option<&OpenSigningKey> {
        let accepted = || self.all.iter().filter(|key| !has_retired(key.retires_at, now));
        let begun = accepted().filter(|key| key.active_from <= now).max_by_key(|key| key.active_from);
        begun.or_else(|| accepted().min_by_key(|key| key.active_from))
    }

    /// Whether another key should be made, or one purged.
    fn needs_work(&self, now: OffsetDateTime) -> bool {
        let newest = self.all.iter().map(|key| key.created_at).max();
        newest.is_none_or(|at| now - at >= ROTATE_AFTER) || self.all.iter().any(|key| has_retired(key.retires_at, now))
    }

    fn shown(&self, now: OffsetDateTime) -> Vec<SigningKey> {
        let signing = self.signing(now).map(|key| key.signer.id());
        self.all.iter().map(|key| key.shown(signing)).collect()
    }

    fn published(&self, now: OffsetDateTime) -> Vec<JsonWebKey> {
        let accepted = self.all.iter().filter(|key| !has_retired(key.retires_at, now));
        accepted.map(|key| JsonWebKey::ed25519(key.signer.id(), &key.signer.public_key())).collect()
    }
}

impl OpenSigningKey {
    fn shown(&self, signing: Option<SigningKeyId>) -> SigningKey {
        let id = self.signer.id();
        let state = match signing {
            Some(signing) if signing == id => SigningKeyState::Signing,
            // Ids are in the order in which keys were made, and so in which they begin.
            Some(signing) if signing < id => SigningKeyState::Published,
            _ => SigningKeyState::Retiring,
        };
        SigningKey {
            id,
            algorithm: "EdDSA",
            public_key: JsonWebKey::ed25519(id, &self.signer.public_key()).x,
            state,
            created_at: self.created_at,
            active_from: self.active_from,
            retires_at: self.retires_at,
        }
    }
}

fn has_retired(retires_at: Option<OffsetDateTime>, now: OffsetDateTime) -> bool {
    retires_at.is_some_and(|end| end <= now)
}

/// What a private key is sealed for.
fn purpose(id: SigningKeyId) -> Purpose {
    Purpose::operator_secret("signing_keys", "private_key", &id.uuid().to_string())
}

/// A key that is not stored yet.
struct NewKey {
    id: SigningKeyId,
    signer: TokenSigner,
    private_key: Vec<u8>,
}

/// The keys that sign tokens, looked after and opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SigningKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Core,
    opened: Cache<(), Arc<OpenSigningKeys>>,
    /// Many calls find them stale at once.
    reading: SharedRead,
    /// Has them read while the database fails and calls go on with those that are known.
    wake: Wake,
}

impl SigningKeys {
    /// The service on that core; a task makes, rotates and purges keys in time.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        let wake = Wake::default();
        let inner =
            Inner { core: core.clone(), opened: Cache::default(), reading: SharedRead::default(), wake: wake.clone() };
        let keys = Self(Arc::new(inner));
        // Replicas look at different moments.
        let jitter = StdDuration::from_millis(rand::rng().random_range(0..5_000));
        let inner = Arc::clone(&keys.0);
        let schedule = Schedule::every(LOOK + jitter).woken_by(&wake);
        core.tasks.periodic("signing_keys", schedule, move || {
            let inner = Arc::clone(&inner);
            async move { inner.look_after().await }
        });
        keys
    }

    /// The keys as they are now; the first of them is made when there is none.
    pub(crate) async fn open(&self) -> Result<Arc<OpenSigningKeys>, Error> {
        self.0.opened().await
    }

    /// The keys that sign tokens, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], [`Error::Vault`].
    pub async fn list(&self, _: &OperatorScope<perm::SigningKeysRead>) -> Result<Vec<SigningKey>, Error> {
        Ok(self.0.opened().await?.shown(self.0.core.clock.now()))
    }

    /// Makes the next key, which signs after so many seconds; the present one stays accepted until its
    /// last token is dead. A key that waits to sign already is given back instead of another one.
    ///
    /// To revoke the others is for a key that leaked: the new one signs at once, and what any other
    /// signed is refused at once.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a time out of range or a time when the others are revoked, [`Error::Database`], [`Error::Vault`].
    pub async fn rotate(
        &self,
        scope: &OperatorScope<perm::SigningKeysWrite>,
        published_ahead: Option<u32>,
        revoke_others: bool,
    ) -> Result<SigningKey, Error> {
        if revoke_others && published_ahead.is_some() {
            let text = "must be left out with revoke_others: then the new key signs at once";
            return Err(Error::invalid("/active_in_seconds", text));
        }
        let ahead = if revoke_others { 0 } else { published_ahead.unwrap_or(PUBLISHED_AHEAD) };
        if !revoke_others && !(PUBLISHED_AHEAD_SHORTEST..=PUBLISHED_AHEAD_LONGEST).contains(&ahead) {
            let range = format!("must be from {PUBLISHED_AHEAD_SHORTEST} to {PUBLISHED_AHEAD_LONGEST} seconds");
            return Err(Error::invalid("/active_in_seconds", range));
        }
        let inside = scope.on(TenantId::OPERATOR);
        // What a master key outside of this process may have to seal comes before the transaction.
        let new = self.0.new_key().await?;
        let stored = self.0.stored().await?;
        let known: Vec<_> = stored.iter().map(|key| key.id).collect();
        let keys = self.0.open(stored).await?;
        let mut tx = self.0.core.db.begin(&inside).await?;
        tx.lock_signing_keys().await?;
        let now = tx.database_time().await?;
        if !tx.signing_keys().await?.iter().map(|key| key.id).eq(known) {
            // Another replica was faster.
            return Err(StorageError::Broken(Constraint::Reference).into());
        }
        if revoke_others {
            tx.retire_signing_keys(now).await?;
        } else if let Some(waiting) = keys.all.iter().find(|key| key.active_from > now) {
            return Ok(waiting.shown(keys.signer(now).map(TokenSigner::id)));
        }
        let begins = now + Duration::seconds(ahead.into());
        let made = store(&mut tx, new, now, begins).await?;
        let signs = if revoke_others { Some(made.signer.id()) } else { keys.signer(now).map(TokenSigner::id) };
        let key = made.shown(signs);
        let action = if revoke_others { "signing_key.revoke_others" } else { "signing_key.rotate" };
        self.0.core.audit.record(&mut tx, &inside, Change::of(action).to("signing_key", key.id).into(&key)).await?;
        tx.commit().await?;
        self.0.core.validity.changed(TenantId::OPERATOR);
        Ok(key)
    }

    /// The public keys with which anybody can verify a token.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], [`Error::Vault`].
    pub async fn published(&self) -> Result<Vec<JsonWebKey>, Error> {
        Ok(self.0.opened().await?.published(self.0.core.clock.now()))
    }
}

impl Inner {
    /// The keys as they are now; the first of them is made when there is none. While the database fails, those that
    /// are known go on, at once from the second call on. They say only who signed a token: what its minter may do at
    /// this moment is read besides, and that fails.
    async fn opened(&self) -> Result<Arc<OpenSigningKeys>, Error> {
        let last_known = || self.opened.last_known(&self.core.validity, &());
        if self.reading.is_failing()
            && let Some(keys) = last_known()
        {
            self.wake.wake();
            return Ok(keys);
        }
        match self.present().await {
            Err(Error::Database(error)) => last_known().ok_or(Error::Database(error)),
            outcome => outcome,
        }
    }

    /// The keys as they are now, or the database's failure, which all share who wait for it.
    async fn present(&self) -> Result<Arc<OpenSigningKeys>, Error> {
        let cached = || self.opened.get(&self.core.validity, &());
        if let Some(keys) = cached() {
            return Ok(keys);
        }
        self.reading.join(cached, self.read()).await
    }

    async fn read(&self) -> Result<Arc<OpenSigningKeys>, Error> {
        let mut stamp = self.core.validity.stamp(TenantId::OPERATOR);
        let mut stored = self.stored().await?;
        if stored.is_empty() {
            self.work().await?;
            stamp = self.core.validity.stamp(TenantId::OPERATOR);
            stored = self.stored().await?;
        }
        let keys = Arc::new(self.open(stored).await?);
        self.opened.put((), stamp, Arc::clone(&keys));
        Ok(keys)
    }

    async fn stored(&self) -> Result<Vec<StoredSigningKey>, StorageError> {
        let mut tx = self.core.db.begin_system(TenantId::OPERATOR).await?;
        let keys = tx.signing_keys().await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Opens keys. One that does not open, or whose public half is not its own, is passed over and
    /// logged: whoever can write into the table still signs nothing.
    async fn open(&self, stored: Vec<StoredSigningKey>) -> Result<OpenSigningKeys, Error> {
        let mut all = Vec::with_capacity(stored.len());
        for row in stored {
            let sealed = self.core.master_keys.open(&purpose(row.id), &row.private_key).await;
            if let Err(error) = &sealed
                && error.is_of_master_key()
            {
                return Err(error.clone().into());
            }
            let signer = sealed.as_ref().ok().and_then(|seed| TokenSigner::from_seed(row.id, seed));
            let Some(signer) = signer.filter(|signer| signer.public_key()[..] == row.public_key[..]) else {
                tracing::error!(
                    signing_key.id = %row.id,
                    error = sealed.err().map(tracing::field::display),
                    "a key that signs tokens does not open; tokens of it are refused"
                );
                continue;
            };
            all.push(OpenSigningKey {
                signer,
                active_from: row.active_from,
                retires_at: row.retires_at,
                created_at: row.created_at,
            });
        }
        let public = all.iter().map(|key| TokenKey {
            id: key.signer.id(),
            public_key: key.signer.public_key(),
            retires_at: key.retires_at,
        });
        let issuer = self.core.public_url.as_deref().unwrap_or(ISSUER).to_owned();
        let verifying = TokenKeys::new(issuer, public.collect());
        Ok(OpenSigningKeys { all, verifying })
    }

    /// A new key, sealed.
    async fn new_key(&self) -> Result<NewKey, Error> {
        let id = SigningKeyId::generate();
        let seed = TokenSigner::generate_seed(&mut rand::rng());
        let purpose = purpose(id);
        let sealing = self.core.master_keys.seal(&purpose, &*seed, &mut rand::rng());
        let private_key = sealing.await?;
        let signer = TokenSigner::from_seed(id, &*seed).expect("the seed is as long as seeds are");
        Ok(NewKey { id, signer, private_key })
    }

    /// Makes the first key or the next one if it is due, and purges what has retired; one replica at a
    /// time, and each looks anew.
    async fn work(&self) -> Result<(), Error> {
        let new = self.new_key().await?;
        let mut tx = self.core.db.begin_system(TenantId::OPERATOR).await?;
        tx.lock_signing_keys().await?;
        let now = tx.database_time().await?;
        let stored = tx.signing_keys().await?;
        let newest = stored.iter().map(|key| key.created_at).max();
        if newest.is_none_or(|at| now - at >= ROTATE_AFTER) {
            // The first one has nothing before it that could sign meanwhile.
            let ahead = if stored.is_empty() { Duration::ZERO } else { Duration::seconds(PUBLISHED_AHEAD.into()) };
            let made = store(&mut tx, new, now, now + ahead).await?;
            let action = if stored.is_empty() { "signing_key.create" } else { "signing_key.rotate" };
            let key = made.shown(None);
            let change = Change::of(action).to("signing_key", key.id).into(&key);
            self.core.audit.record_by(&mut tx, None, &Origin::default(), change).await?;
        }
        // A minute later than it is refused: no replica's clock still takes it for accepted.
        for id in tx.purge_signing_keys(now - Duration::MINUTE).await? {
            let change = Change::of("signing_key.purge").to("signing_key", id);
            self.core.audit.record_by(&mut tx, None, &Origin::default(), change).await?;
        }
        tx.commit().await?;
        self.core.validity.changed(TenantId::OPERATOR);
        Ok(())
    }

    /// Makes another key when one is due, and purges what has retired.
    async fn look_after(&self) -> Result<(), Error> {
        let keys = self.present().await?;
        // As late as they are purged.
        if keys.needs_work(self.core.clock.now() - Duration::MINUTE) {
            self.work().await?;
        }
        Ok(())
    }
}

/// Stores a new key that signs from that moment on, in a transaction that holds the keys.
async fn store(
    tx: &mut TenantTx,
    new: NewKey,
    now: OffsetDateTime,
    begins: OffsetDateTime,
) -> Result<OpenSigningKey, StorageError> {
    let NewKey { id, signer, private_key } = new;
    let stored = StoredSigningKey {
        id,
        public_key: signer.public_key().to_vec(),
        private_key,
        active_from: begins,
        retires_at: None,
        created_at: now,
    };
    tx.insert_signing_key(&stored, begins + ACCEPTED_AFTER).await?;
    Ok(OpenSigningKey { signer, active_from: begins, retires_at: None, created_at: now })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 12:00 UTC);

    fn key(begins: OffsetDateTime, retires_at: Option<OffsetDateTime>) -> OpenSigningKey {
        let seed = TokenSigner::generate_seed(&mut rand::rng());
        let signer = TokenSigner::from_seed(SigningKeyId::generate(), &*seed).expect("32 bytes");
        OpenSigningKey { signer, active_from: begins, retires_at, created_at: begins }
    }

    fn keys(all: Vec<OpenSigningKey>) -> OpenSigningKeys {
        OpenSigningKeys { all, verifying: TokenKeys::new(ISSUER.into(), Vec::new()) }
    }

    #[test]
    fn the_key_that_began_last_signs_and_one_that_waits_is_published() {
        let end = NOW + Duration::HOUR;
        let begin = |minutes| NOW + Duration::minutes(minutes);
        let keys = keys(vec![key(begin(-90), Some(end)), key(begin(-30), Some(end)), key(begin(2), None)]);
        let states: Vec<_> = keys.shown(NOW).iter().map(|key| key.state).collect();
        assert_eq!(states, [SigningKeyState::Retiring, SigningKeyState::Signing, SigningKeyState::Published]);
        assert_eq!(keys.published(NOW).len(), 3);
        assert_eq!(keys.signer(begin(2)).map(TokenSigner::id), Some(keys.all[2].signer.id()));
        // A retired key is published no more; the one that has no successor always is.
        let kids: Vec<_> = keys.published(end).into_iter().map(|key| key.kid).collect();
        assert_eq!(kids, [keys.all[2].signer.id()]);
    }

    #[test]
    fn a_clock_that_is_behind_signs_with_the_first_key() {
        let keys = keys(vec![key(NOW + Duration::SECOND, None)]);
        assert_eq!(keys.signer(NOW).map(TokenSigner::id), Some(keys.all[0].signer.id()));
    }

    #[test]
    fn a_key_that_was_revoked_before_it_began_never_signs() {
        let keys =
            keys(vec![key(NOW - Duration::DAY, Some(NOW)), key(NOW + Duration::MINUTE, Some(NOW)), key(NOW, None)]);
        for later in [Duration::ZERO, Duration::HOUR] {
            assert_eq!(keys.signer(NOW + later).map(TokenSigner::id), Some(keys.all[2].signer.id()), "{later}");
        }
    }

    #[test]
    fn work_is_due_for_no_key_an_old_key_and_a_retired_one() {
        assert!(keys(Vec::new()).needs_work(NOW));
        assert!(!keys(vec![key(NOW - ROTATE_AFTER + Duration::SECOND, None)]).needs_work(NOW));
        assert!(keys(vec![key(NOW - ROTATE_AFTER, None)]).needs_work(NOW));
        assert!(keys(vec![key(NOW, Some(NOW)), key(NOW, None)]).needs_work(NOW));
    }

    #[tokio::test]
    async fn keys_that_are_known_go_on_without_a_database_unless_they_changed() {
        let kit = portico_testkit::test_core::TestCore::on_postgres().await;
        let keys = SigningKeys::new(&kit.core);
        let known = keys.published().await.expect("the first key is made");
        assert_eq!(known.len(), 1);
        // Nothing is remembered for so long while no notifications arrive.
        kit.clock.advance(StdDuration::from_secs(30));
        kit.core.db.close().await;
        for attempt in ["the first", "a second"] {
            let kids = keys.published().await.map(|keys| keys.into_iter().map(|key| key.kid).collect::<Vec<_>>());
            assert_eq!(kids.expect(attempt), [known[0].kid]);
        }
        kit.core.validity.changed(TenantId::OPERATOR);
        assert!(matches!(keys.published().await, Err(Error::Database(_))));
    }

    #[test]
    fn a_replaced_key_outlives_its_last_token() {
        assert!(ACCEPTED_AFTER > LIFETIME_LONGEST + LEEWAY);
    }
}
