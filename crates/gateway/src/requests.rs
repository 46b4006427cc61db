//! The log of proxied calls.

use portico_auth::Scope;
use portico_core::{Core, Error, Paged, Thing, paged};
use portico_domain::permission::perm;
use portico_domain::{RequestEntry, RequestFilter};
use portico_storage::Page;
use time::OffsetDateTime;
use uuid::Uuid;

/// Reads the log of proxied calls.
#[derive(Debug)]
pub struct RequestLog {
    core: Core,
}

impl RequestLog {
    /// The service on that core.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        Self { core: core.clone() }
    }

    /// A page of the proxied calls within reach that the filter lets through, newest first. The cursor is opaque.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] for a cursor that no page gave; [`Error::Denied`] for a caller that is limited to
    /// phone numbers, because the log knows no call's number.
    pub async fn list(
        &self,
        scope: &Scope<perm::RequestsRead>,
        filter: &RequestFilter,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Paged<RequestEntry>, Error> {
        scope.not_only_numbers()?;
        let after = cursor
            .map(|text| read_cursor(text).ok_or_else(|| Error::Query("cursor is not one that a page gave".into())))
            .transpose()?;
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.requests(scope.reach().customers(), filter, Page { limit, after }).await?;
        let paged = paged(rows, |(entry, row)| format!("{}.{}", row.at.unix_timestamp_nanos() / 1_000, entry.simple()));
        Ok(Paged { data: paged.data.into_iter().map(|(_, row)| row).collect(), next: paged.next })
    }

    /// The latest call within reach with that request id. Callers may give several the same one.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], also while the call is not written yet; [`Error::Denied`] as for the list.
    pub async fn get(&self, scope: &Scope<perm::RequestsRead>, request_id: String) -> Result<RequestEntry, Error> {
        let filter = RequestFilter { request_id: Some(request_id), ..RequestFilter::default() };
        let found = self.list(scope, &filter, 1, None).await?.data.pop();
        found.ok_or(Error::Missing(Thing::Resource("call")))
    }
}

fn read_cursor(text: &str) -> Option<(OffsetDateTime, Uuid)> {
    let (micros, entry) = text.split_once('.')?;
    let micros: i64 = micros.parse().ok()?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
    Some((at, Uuid::try_parse(entry).ok()?))
}
