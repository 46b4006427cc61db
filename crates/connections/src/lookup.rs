//! The look-up: from what is known of a customer to its plugin and phone numbers, in one call.

use std::collections::BTreeSet;

use portico_auth::{Scope, TenantScope};
use portico_domain::permission::perm;
use portico_domain::{LookupCursor, LookupFilter, LookupRow, PluginId};
use portico_storage::Page;

use portico_core::Core;
use portico_core::Error as CoreError;
use portico_core::{PageRequest, Paged, paged};

use crate::Error;
use crate::plugins::Plugins;

/// The most plugins that one look-up asks Chakra about.
const MOST: usize = 20;

/// Rows read at a time to find the plugins of a refresh.
const PART: u16 = 200;

/// From what is known of a customer to its plugin and phone numbers.
#[derive(Debug)]
pub struct Lookup {
    core: Core,
    plugins: Plugins,
}

impl Lookup {
    /// The service on that core, which refreshes through `plugins`.
    #[must_use]
    pub fn new(core: &Core, plugins: &Plugins) -> Self {
        Self { core: core.clone(), plugins: plugins.clone() }
    }

    /// A page of what fits the filter within reach. With `refresh`, Chakra is first asked about every
    /// plugin that fits, whatever the page: at most 20, 4 at once, 30 s in all. When any of them
    /// cannot be had, all records stay as they were.
    ///
    /// # Errors
    ///
    /// [`CoreError::Query`] for a filter of nothing; [`CoreError::Denied`] without the permissions to read
    /// customers, WABAs and phone numbers too, and for a refresh without that to synchronise plugins
    /// or with a key limited to phone numbers; [`CoreError::Invalid`] for a refresh of too many plugins;
    /// [`Error::NoChakraKey`] and what Chakra fails with.
    pub async fn find(
        &self,
        scope: &Scope<perm::PluginsRead>,
        filter: LookupFilter,
        refresh: bool,
        page: PageRequest<LookupCursor>,
    ) -> Result<Paged<LookupRow>, Error> {
        scope.also::<perm::CustomersRead>()?;
        scope.also::<perm::WabasRead>()?;
        scope.also::<perm::PhoneNumbersRead>()?;
        if filter.is_empty() {
            return Err(CoreError::Query(
                "name at least one of customer_id, external_id, display_phone_number, waba_id, phone_number_id, plugin_id"
                    .into(),
            ).into());
        }
        if refresh {
            let writing = scope.also::<perm::PluginsWrite>()?;
            writing.not_only_numbers()?;
            self.plugins.refresh(&writing, self.plugins_that_fit(scope, &filter).await?).await?;
        }
        let mut tx = self.core.db.begin(scope).await?;
        let rows = tx.look_up(scope.reach(), &filter, page.into()).await?;
        Ok(paged(rows, |row| row.cursor().to_string()))
    }

    async fn plugins_that_fit(&self, scope: &TenantScope, filter: &LookupFilter) -> Result<BTreeSet<PluginId>, Error> {
        let mut tx = self.core.db.begin(scope).await?;
        let mut plugins = BTreeSet::new();
        let mut after = None;
        loop {
            let rows = tx.look_up(scope.reach(), filter, Page { limit: PART, after }).await?;
            plugins.extend(rows.data.iter().filter_map(|row| row.plugin_id));
            if plugins.len() > MOST {
                let detail = format!("asks Chakra about at most {MOST} plugins, and more fit; name one of them");
                return Err(CoreError::invalid("query:refresh", detail).into());
            }
            after = rows.data.last().map(LookupRow::cursor);
            if !rows.more {
                return Ok(plugins);
            }
        }
    }
}
