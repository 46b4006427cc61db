//! The export of everything that a tenant owns, as it is at one moment, row by row.
//!
//! Which tables, and which of their columns not, stands in the table `table_registry`, with the reason: it
//! is as new as the schema, also while a program of the version before runs on it. A table that is not
//! registered is not exported. `tests/table_registry` fails for a column that looks like a secret and
//! would be.

use portico_auth::TenantScope;
use portico_domain::{
    ApiKeyId, ChakraKeyId, CustomerId, EventCopyId, EventId, HookId, InvitationId, MemberId, OldSecretId, RoleId,
    SessionId, TenantId, TokenId, WebhookSecretId,
};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::audit::StoredAuditEntry;
use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// Rows in one part.
const PART: u16 = 500;

/// A part of one table.
#[derive(Debug)]
pub struct ExportPart {
    /// The table's name.
    pub table: String,
    /// The rows, each a JSON object: at most 500.
    pub rows: Vec<String>,
}

/// An export in progress. It holds a connection of the pool, which Postgres closes when nothing is read for a
/// minute.
#[derive(Debug)]
pub struct Export {
    tx: TenantTx,
    tables: Vec<(String, String)>,
    at: usize,
    is_open: bool,
}

impl Db {
    /// Begins an export of the scope's tenant as it is at this moment: later changes are not in it.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors).
    pub async fn export(&self, scope: &TenantScope) -> Result<Export, StorageError> {
        let mut tx = self.begin_snapshot(scope.tenant()).await?;
        sqlx::query("set local idle_in_transaction_session_timeout = '60s'").execute(&mut *tx.tx).await?;
        let tables = tx.exported_tables().await?;
        Ok(Export { tx, tables, at: 0, is_open: false })
    }
}

impl Export {
    /// The names of the tables, in the order in which they are read.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|(name, _)| name.as_str())
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    ///
    /// As [every call](crate#errors): also when Postgres closed the connection, because nothing was read for
    /// a minute.
    pub async fn next(&mut self) -> Result<Option<ExportPart>, StorageError> {
        while let Some((table, select)) = self.tables.get(self.at) {
            let connection = &mut *self.tx.tx;
            if !self.is_open {
                let declare = AssertSqlSafe(format!("declare exported no scroll cursor for {select}"));
                sqlx::query(declare).execute(&mut *connection).await?;
                self.is_open = true;
            }
            let fetch = AssertSqlSafe(format!("fetch {PART} from exported"));
            let rows: Vec<String> = sqlx::query_scalar(fetch).fetch_all(&mut *connection).await?;
            if rows.len() < usize::from(PART) {
                sqlx::query("close exported").execute(&mut *connection).await?;
                self.is_open = false;
                self.at += 1;
            }
            if !rows.is_empty() {
                let table = table.clone();
                let rows = rows.into_iter().map(|row| shown(&table, &row)).collect::<Result<_, _>>()?;
                return Ok(Some(ExportPart { table, rows }));
            }
        }
        Ok(None)
    }
}

impl TenantTx {
    /// Each table with the statement that reads it: tables that others refer to first, the audit log last.
    async fn exported_tables(&mut self) -> Result<Vec<(String, String)>, StorageError> {
        let columns = sqlx::query!(
            r#"
            select
                t.name as "name!",
                a.attname::text as "column!"
            from tenant_tables() t
            join table_registry r on r.table_name = t.name and r.is_exported
            join pg_attribute a on a.attrelid = format('public.%I', t.name)::regclass
            where a.attnum > 0 and not a.attisdropped and a.attname::text <> all (r.unexported_columns)
            order by t.name in ('audit_log'), t.depth, t.name, a.attnum
            "#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let mut tables: Vec<(String, Vec<String>)> = Vec::new();
        for row in columns {
            if tables.last().is_none_or(|(name, _)| *name != row.name) {
                tables.push((row.name, Vec::new()));
            }
            if let Some((_, columns)) = tables.last_mut() {
                columns.push(format!("\"{}\"", row.column));
            }
        }
        let statement = |(table, columns): (String, Vec<String>)| {
            let select = if table == "audit_log" {
                // As the audit log itself is exported, so that it can be verified.
                "select jsonb_build_object('seq', seq, 'entry', entry::text, 'previous', encode(previous, 'hex'), \
                 'hash', encode(hash, 'hex'))::text from audit_log where tenant_id = portico_tenant() order by seq"
                    .to_owned()
            } else {
                let columns = columns.join(", ");
                format!(
                    "select to_jsonb(r)::text from (select {columns} from \"{table}\" where tenant_id = portico_tenant()) r"
                )
            };
            (table, select)
        };
        Ok(tables.into_iter().map(statement).collect())
    }
}

/// A row as it is exported: with the ids that the API shows.
fn shown(table: &str, row: &str) -> Result<String, StorageError> {
    let corrupt = |error: &dyn std::fmt::Display| StorageError::corrupt("an exported row", error);
    let mut value: Map<String, Value> = serde_json::from_str(row).map_err(|error| corrupt(&error))?;
    if table == "audit_log" {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let seq = value.get("seq").and_then(Value::as_i64).unwrap_or_default();
        let bytes = |name: &str| portico_domain::audit::from_hexadecimal(text(name)).unwrap_or_default();
        return Ok(StoredAuditEntry::of(seq, text("entry").to_owned(), bytes("previous"), bytes("hash"))?.line());
    }
    for (column, value) in &mut value {
        if let Some(id) = value.as_str().and_then(|text| text.parse().ok()).and_then(|uuid| public_id(column, uuid)) {
            *value = Value::String(id);
        }
    }
    serde_json::to_string(&value).map_err(|error| corrupt(&error))
}

/// The id that the API shows for a column; none for columns that hold no id of Portico's.
fn public_id(column: &str, uuid: Uuid) -> Option<String> {
    Some(match column {
        "tenant_id" => TenantId::from_uuid(uuid).to_string(),
        "customer_id" => CustomerId::from_uuid(uuid).to_string(),
        "api_key_id" => ApiKeyId::from_uuid(uuid).to_string(),
        "chakra_key_id" => ChakraKeyId::from_uuid(uuid).to_string(),
        "role_id" => RoleId::from_uuid(uuid).to_string(),
        "outbox_id" | "event_id" => EventId::from_uuid(uuid).to_string(),
        "member_id" => MemberId::from_uuid(uuid).to_string(),
        "invitation_id" => InvitationId::from_uuid(uuid).to_string(),
        "session_id" => SessionId::from_uuid(uuid).to_string(),
        "token_id" => TokenId::from_uuid(uuid).to_string(),
        "old_secret_id" => OldSecretId::from_uuid(uuid).to_string(),
        "copy_id" => EventCopyId::from_uuid(uuid).to_string(),
        "hook_id" => HookId::from_uuid(uuid).to_string(),
        "webhook_secret_id" => WebhookSecretId::from_uuid(uuid).to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that no export holds; `*` stands for every column.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("api_key_old_secrets", "secret_hash"),
        ("api_keys", "secret_hash"),
        ("audit_heads", "*"),
        ("chakra_keys", "access_token"),
        ("chakra_keys", "fingerprint"),
        ("chakra_keys", "team_fingerprint"),
        ("chakra_teams", "*"),
        ("data_keys", "*"),
        ("event_keys", "*"),
        ("hooks", "address"),
        ("hooks", "address_hash"),
        ("invitations", "token_hash"),
        ("member_sessions", "token_hash"),
        ("members", "password_hash"),
        ("team_sharing", "*"),
        ("webhook_secrets", "secret"),
    ];

    #[sqlx::test(migrator = "crate::migrate::MIGRATOR")]
    async fn an_export_holds_every_column_of_every_tenant_table_but_these(owner: sqlx::PgPool) {
        let mut tx = Db::of(owner.clone()).begin_snapshot(TenantId::generate()).await.expect("begins");
        let selects: std::collections::BTreeMap<_, _> =
            tx.exported_tables().await.expect("reads the catalog").into_iter().collect();
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select t.name, a.attname::text from tenant_tables() t
             join pg_attribute a on a.attrelid = format('public.%I', t.name)::regclass and a.attnum > 0 and not a.attisdropped
             -- Shown by a statement of its own.
             where t.name <> 'audit_log' order by 1, 2",
        )
        .fetch_all(&owner)
        .await
        .expect("the catalog can be read");
        assert!(selects.contains_key("audit_log") && columns.len() > 150, "{selects:?}");
        let mut left_out: Vec<_> = columns
            .iter()
            .filter_map(|(table, column)| match selects.get(table) {
                None => Some((table.as_str(), "*")),
                Some(select) => (!select.contains(&format!("\"{column}\""))).then_some((table, column)),
            })
            .collect();
        left_out.dedup();
        assert_eq!(left_out, LEFT_OUT);
    }

    #[test]
    fn ids_are_shown_as_the_api_shows_them() {
        let row = r#"{"customer_id": "01890a5d-ac96-774b-bcce-b302099a8057", "plugin_id": "01890a5d-ac96-774b-bcce-b302099a8057"}"#;
        assert_eq!(
            shown("plugins", row).unwrap(),
            r#"{"customer_id":"cus_01h455vb4pex5vsknk084sn02q","plugin_id":"01890a5d-ac96-774b-bcce-b302099a8057"}"#
        );
    }
}
