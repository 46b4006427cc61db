//! WABAs, phone numbers and the log of calls.

use portico_auth::{Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{CustomerId, PhoneNumber, PhoneNumberId, PluginId, RequestEntry, Waba, WabaId};
use portico_storage::{Page, TenantTx};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Change;
use crate::error::{Error, Thing};
use crate::paging::{PageRequest, Paged, paged};
use crate::start::App;

impl App {
    /// A page of the WABAs within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn wabas(
        &self,
        scope: &Scope<perm::WabasRead>,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        page: PageRequest<WabaId>,
    ) -> Result<Paged<Waba>, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.wabas(scope.reach(), customer, plugin, None, page.into()).await?;
        Ok(paged(rows, |waba| waba.id.to_string()))
    }

    /// One WABA within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn waba(&self, scope: &Scope<perm::WabasRead>, id: WabaId) -> Result<Waba, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let page = Page { limit: 1, after: None };
        let mut rows = tx.wabas(scope.reach(), None, None, Some(&[id.to_string()]), page).await?;
        rows.data.pop().ok_or(Error::Missing(Thing::Waba))
    }

    /// A page of the phone numbers within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn phone_numbers(
        &self,
        scope: &Scope<perm::PhoneNumbersRead>,
        customer: Option<CustomerId>,
        plugin: Option<PluginId>,
        page: PageRequest<PhoneNumberId>,
    ) -> Result<Paged<PhoneNumber>, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.phone_numbers(scope.reach(), customer, plugin, None, page.into()).await?;
        Ok(paged(rows, |number| number.id.to_string()))
    }

    /// One phone number within reach.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn phone_number(
        &self,
        scope: &Scope<perm::PhoneNumbersRead>,
        id: PhoneNumberId,
    ) -> Result<PhoneNumber, Error> {
        one(&mut self.shared.db.begin(scope).await?, scope, &id).await
    }

    /// Switches a phone number on or off for calls through Portico.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub async fn set_phone_number_active(
        &self,
        scope: &Scope<perm::PhoneNumbersWrite>,
        id: PhoneNumberId,
        active: bool,
    ) -> Result<PhoneNumber, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        tx.lock_phone_number(&id).await?;
        let before = one(&mut tx, scope, &id).await?;
        let after = PhoneNumber { is_active: active, ..before.clone() };
        tx.set_phone_number_active(&id, active).await?;
        let change = Change::of("phone_number.change").to("phone_number", &id).from(&before).into(&after);
        self.audit(&mut tx, scope, change).await?;
        tx.commit().await?;
        self.shared.freshness.changed(scope.tenant());
        Ok(after)
    }

    /// A page of the proxied calls within reach, newest first. The cursor is opaque.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] for a cursor that no page gave; [`Error::Denied`] for a caller that is limited to
    /// phone numbers, because the log knows no call's number.
    pub async fn requests(
        &self,
        scope: &Scope<perm::RequestsRead>,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Paged<RequestEntry>, Error> {
        scope.not_only_numbers()?;
        let after = cursor
            .map(|text| read_cursor(text).ok_or_else(|| Error::Query("cursor is not one that a page gave".into())))
            .transpose()?;
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.requests(scope.reach().customers(), Page { limit, after }).await?;
        let paged = paged(rows, |(entry, row)| format!("{}.{}", row.at.unix_timestamp_nanos() / 1_000, entry.simple()));
        Ok(Paged { data: paged.data.into_iter().map(|(_, row)| row).collect(), next: paged.next })
    }
}

async fn one(tx: &mut TenantTx, scope: &TenantScope, id: &PhoneNumberId) -> Result<PhoneNumber, Error> {
    let page = Page { limit: 1, after: None };
    let mut rows = tx.phone_numbers(scope.reach(), None, None, Some(&[id.to_string()]), page).await?;
    rows.data.pop().ok_or(Error::Missing(Thing::PhoneNumber))
}

fn read_cursor(text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (micros, entry) = text.split_once('.')?;
    let micros: i64 = micros.parse().ok()?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
    Some((at, Uuid::try_parse(entry).ok()?))
}
