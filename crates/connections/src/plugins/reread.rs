//! Plugins that have more at Chakra than is recorded: a sign-up ends in a browser, at Meta, and nobody tells Portico.
//!
//! So Chakra is asked again where a record is found wanting: when a call names a number or WABA that nobody knows,
//! before a list of them, and after a call about a plugin's configuration. A plugin is read once a second at most.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portico_auth::TenantScope;
use portico_domain::{PluginId, PluginStatus};

use super::{Plugins, note};
use crate::Error;
use crate::single_flight::SingleFlight;

/// How long a reading stands before the same plugin is read again.
const STANDS: Duration = Duration::from_secs(1);

/// How long a call waits for one plugin.
const LONGEST: Duration = Duration::from_secs(5);

/// The most plugins that are read for one call.
const MOST: i64 = 4;

/// What was read again, and when.
#[derive(Debug, Default)]
pub(super) struct Rereads {
    flights: SingleFlight<PluginId>,
    /// When the last reading of each plugin ended; only those that still stand.
    ended: Mutex<HashMap<PluginId, Instant>>,
}

impl Rereads {
    fn ended(&self, id: PluginId) -> Option<Instant> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn note(&self, id: PluginId, now: Instant) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, at| now.saturating_duration_since(*at) < STANDS);
        ended.insert(id, now);
    }
}

impl Plugins {
    /// Notes that a connect token for a plugin was given out.
    ///
    /// # Errors
    ///
    /// [`portico_core::Error::Database`].
    pub async fn connect_began(&self, scope: &TenantScope, id: PluginId) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        tx.note_connect(id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reads anew what may have what a call names in vain: the plugin that it names too, else those whose connect
    /// began within a day. Whether anything was read since the call came; then it is worth looking again.
    ///
    /// # Errors
    ///
    /// [`portico_core::Error::Database`]. What Chakra fails with is logged: the call is answered as if nothing more
    /// were there.
    pub async fn look_again(&self, scope: &TenantScope, named: Option<PluginId>) -> Result<bool, Error> {
        let arrived = self.core.clock.instant();
        let plugins = match named {
            Some(id) => vec![id],
            None => self.connecting(scope).await?.into_iter().map(|(id, _)| id).collect(),
        };
        let mut is_new = false;
        for id in plugins {
            is_new |= self.read_again(scope, id, arrived).await;
        }
        Ok(is_new)
    }

    /// Reads the plugins whose connect began within a day and that have nothing yet, before a list of what plugins
    /// have.
    ///
    /// # Errors
    ///
    /// As [`Plugins::look_again`].
    pub async fn look_for_first(&self, scope: &TenantScope) -> Result<(), Error> {
        let arrived = self.core.clock.instant();
        for (id, status) in self.connecting(scope).await? {
            if status != PluginStatus::Connected {
                self.read_again(scope, id, arrived).await;
            }
        }
        Ok(())
    }

    /// Reads a plugin that has nothing yet, after a call that whoever connects one makes.
    ///
    /// # Errors
    ///
    /// As [`Plugins::look_again`].
    pub async fn settle(&self, scope: &TenantScope, id: PluginId) -> Result<(), Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let record = tx.plugin(None, id).await?;
        tx.commit().await?;
        if record.is_some_and(|record| record.plugin.status != PluginStatus::Connected) {
            self.read_again(scope, id, self.core.clock.instant()).await;
        }
        Ok(())
    }

    async fn connecting(&self, scope: &TenantScope) -> Result<Vec<(PluginId, PluginStatus)>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let found = tx.connecting_plugins(scope.reach().customers(), MOST).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Reads one unless somebody did within the last second; whether it was read since `arrived`.
    async fn read_again(&self, scope: &TenantScope, id: PluginId, arrived: Instant) -> bool {
        let flight = self.rereads.flights.of(id);
        let turn = flight.lock().await;
        let now = self.core.clock.instant();
        if let Some(ended) = self.rereads.ended(id)
            && now.saturating_duration_since(ended) < STANDS
        {
            return ended >= arrived;
        }
        let read = tokio::time::timeout(LONGEST, self.read(scope, id)).await;
        self.rereads.note(id, self.core.clock.instant());
        drop(turn);
        match read {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(tenant.id = %scope.tenant(), plugin.id = %id, %error, "a plugin could not be read again");
                false
            }
            Err(_) => {
                tracing::warn!(tenant.id = %scope.tenant(), plugin.id = %id, "a plugin could not be read again in time");
                false
            }
        }
    }

    async fn read(&self, scope: &TenantScope, id: PluginId) -> Result<(), Error> {
        let key = self.chakra.key(scope).await?;
        let seen = self.ask_if_there(scope, &key, id).await?;
        let mut tx = self.core.db.begin(scope).await?;
        note(&mut tx, scope.reach(), id, seen).await?;
        tx.commit().await?;
        self.core.validity.changed(scope.tenant());
        Ok(())
    }
}
