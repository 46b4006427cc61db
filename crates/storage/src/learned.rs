//! Ids whose owner was learned from Chakra's answers and events, such as those of messages.

use portico_domain::{CustomerId, PhoneNumberId, PluginId};
use uuid::Uuid;

use crate::db::TenantTx;
use crate::error::StorageError;
use crate::plugin::OwnedId;

/// An id that Chakra gave, and whose it is, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLearned {
    /// What the id names, such as `message` or `template`.
    pub kind: &'static str,
    /// The id as Chakra writes it.
    pub id: String,
    /// The plugin that it belongs to; none: the tenant as a whole.
    pub plugin: Option<PluginId>,
    /// The phone number of that plugin that it belongs to, where that is known.
    pub phone_number: Option<PhoneNumberId>,
}

/// Who owns an id that was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The plugin and its customer; none: the tenant as a whole.
    pub owner: Option<OwnedId>,
    /// The phone number that it belongs to, where that is known.
    pub phone_number: Option<PhoneNumberId>,
}

impl TenantTx {
    /// Records who owns ids. A later record wins, but an id never loses its plugin. An id of a plugin that is
    /// gone is left out.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn learn(&mut self, all: &[NewLearned]) -> Result<(), StorageError> {
        let kinds: Vec<&str> = all.iter().map(|one| one.kind).collect();
        let ids: Vec<&str> = all.iter().map(|one| one.id.as_str()).collect();
        let plugins: Vec<Option<Uuid>> = all.iter().map(|one| one.plugin.map(PluginId::uuid)).collect();
        let numbers: Vec<Option<&str>> =
            all.iter().map(|one| one.phone_number.as_ref().map(PhoneNumberId::as_str)).collect();
        sqlx::query!(
            r#"
            insert into learned_ids (tenant_id, kind, id, plugin_id, phone_number_id)
            select distinct on (u.kind, u.id) $1, u.kind, u.id, u.plugin_id, u.phone_number_id
            from unnest($2::text[], $3::text[], $4::uuid[], $5::text[]) as u (kind, id, plugin_id, phone_number_id)
            where u.plugin_id is null or exists (
                select 1 from plugins p where p.tenant_id = $1 and p.plugin_id = u.plugin_id
            )
            order by u.kind, u.id
            on conflict (tenant_id, kind, id) do update set
                plugin_id = excluded.plugin_id,
                phone_number_id = excluded.phone_number_id,
                learned_at = now()
            where excluded.plugin_id is not null
                and (learned_ids.plugin_id, learned_ids.phone_number_id)
                    is distinct from (excluded.plugin_id, excluded.phone_number_id)
            "#,
            self.tenant.uuid(),
            &kinds as &[&str],
            &ids as &[&str],
            &plugins as &[Option<Uuid>],
            &numbers as &[Option<&str>]
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Who owns those of these ids of one kind that were learned.
    ///
    /// # Errors
    ///
    /// [`StorageError::Corrupt`] when a row cannot be read, else as [every call](crate#errors).
    pub async fn learned(&mut self, kind: &str, ids: &[String]) -> Result<Vec<(String, Learned)>, StorageError> {
        let rows = sqlx::query!(
            r#"
            select
                l.id,
                l.plugin_id,
                l.phone_number_id,
                p.customer_id as "customer_id?"
            from learned_ids l
            left join plugins p on p.tenant_id = $1 and p.plugin_id = l.plugin_id
            where l.tenant_id = $1 and l.kind = $2 and l.id = any($3)
            "#,
            self.tenant.uuid(),
            kind,
            ids
        )
        .fetch_all(&mut *self.tx)
        .await?;
        rows.into_iter()
            .map(|row| {
                let owner = row.plugin_id.zip(row.customer_id).map(|(plugin, customer)| OwnedId {
                    customer: CustomerId::from_uuid(customer),
                    plugin: PluginId::from_uuid(plugin),
                    is_active: true,
                });
                let phone_number = row.phone_number_id.map(|id| id.parse::<PhoneNumberId>()).transpose();
                let phone_number =
                    phone_number.map_err(|error| StorageError::corrupt("learned_ids.phone_number_id", error))?;
                Ok((row.id, Learned { owner, phone_number }))
            })
            .collect()
    }
}
