//! The look-up: from what is known of a customer to its plugin and phone numbers, in one call.

use std::collections::BTreeSet;

use portico_auth::{Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{LookupFilter, LookupPlace, LookupRow, PluginId};
use portico_storage::Page;

use crate::error::Error;
use crate::paging::{PageRequest, Paged, paged};
use crate::start::App;

/// The most plugins that one look-up asks Chakra about.
const MOST: usize = 20;

/// Rows read at a time to find the plugins of a refresh.
const PART: u16 = 200;

impl App {
    /// A page of what fits the filter within reach. With `refresh`, Chakra is first asked about every
    /// plugin that fits, whatever the page: at most 20, 4 at once, 30 s in all. When any of them
    /// cannot be had, all records stay as they were.
    ///
    /// # Errors
    ///
    /// [`Error::Query`] for a filter of nothing; [`Error::Denied`] without the permissions to read
    /// customers, WABAs and phone numbers too, and for a refresh without that to synchronise plugins
    /// or with a key limited to phone numbers; [`Error::Invalid`] for a refresh of too many plugins;
    /// [`Error::NoChakraKey`] and what Chakra fails with.
    pub async fn lookup(
        &self,
        scope: &Scope<perm::PluginsRead>,
        filter: LookupFilter,
        refresh: bool,
        page: PageRequest<LookupPlace>,
    ) -> Result<Paged<LookupRow>, Error> {
        scope.also::<perm::CustomersRead>()?;
        scope.also::<perm::WabasRead>()?;
        scope.also::<perm::PhoneNumbersRead>()?;
        if filter.is_empty() {
            return Err(Error::Query(
                "name at least one of customer_id, external_id, display_phone_number, waba_id, phone_number_id, plugin_id"
                    .into(),
            ));
        }
        if refresh {
            let writing = scope.also::<perm::PluginsWrite>()?;
            writing.not_only_numbers()?;
            self.refresh_plugins(&writing, self.plugins_that_fit(scope, &filter).await?).await?;
        }
        let mut tx = self.shared.db.begin(scope).await?;
        let rows = tx.look_up(scope.reach(), &filter, page.into()).await?;
        Ok(paged(rows, |row| row.place().to_string()))
    }

    async fn plugins_that_fit(&self, scope: &TenantScope, filter: &LookupFilter) -> Result<BTreeSet<PluginId>, Error> {
        let mut tx = self.shared.db.begin(scope).await?;
        let mut plugins = BTreeSet::new();
        let mut after = None;
        loop {
            let rows = tx.look_up(scope.reach(), filter, Page { limit: PART, after }).await?;
            plugins.extend(rows.data.iter().filter_map(|row| row.plugin_id));
            if plugins.len() > MOST {
                let detail = format!("asks Chakra about at most {MOST} plugins, and more fit; name one of them");
                return Err(Error::invalid("query:refresh", detail));
            }
            after = rows.data.last().map(LookupRow::place);
            if !rows.more {
                return Ok(plugins);
            }
        }
    }
}
