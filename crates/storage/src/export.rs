//! The export of everything that a tenant owns, as it is at one moment, row by row.
//!
//! The tables come from Postgres' catalogue, so a new one is exported without a change here. What could be a secret
//! is left out by a rule ([`is_left_out`]) and named in [`LEFT_OUT`] with the reason; a test compares the two.

use portico_auth::TenantScope;
use portico_domain::{
    ApiKeyId, ChakraKeyId, CustomerId, EventId, InvitationId, MemberId, OldSecretId, RoleId, SessionId, TenantId,
    TokenId,
};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::audit::StoredAuditEntry;
use crate::db::{Db, TenantTx};
use crate::error::StorageError;

/// Rows in one part.
const PART: u16 = 500;

/// Tables of tenants that an export leaves out as a whole, each with the reason.
pub const TABLES_LEFT_OUT: &[(&str, &str)] = &[
    ("data_keys", "wrapped keys and how often each was used: nothing that the tenant put there"),
    ("audit_heads", "the end of the chain follows from its entries; the rest is Portico's own proof"),
];

/// Columns that an export leaves out: table, column and the reason.
pub const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("api_key_old_secrets", "secret_hash", "what a key's old secret is recognised by"),
    ("api_keys", "secret_hash", "what a key's secret is recognised by"),
    ("chakra_keys", "access_token", "a sealed Chakra key"),
    ("chakra_keys", "fingerprint", "what a Chakra key is recognised by, across tenants"),
    ("chakra_keys", "team_fingerprint", "what a Chakra team is recognised by, across tenants"),
    ("invitations", "token_hash", "what an invitation's link is recognised by"),
    ("member_sessions", "token_hash", "what a session's cookie is recognised by"),
    ("members", "password_hash", "what a member's password is recognised by"),
];

/// Whether a column could hold a secret, by its name and its type as Postgres writes it: every column of
/// bytes, and every one that is named like a secret and holds neither an id nor a time.
#[must_use]
pub fn is_left_out(column: &str, kind: &str) -> bool {
    const WORDS: &[&str] = &["secret", "password", "token", "hash", "private", "verifier", "nonce", "cookie", "csrf"];
    let named = WORDS.iter().any(|word| column.contains(word));
    let is_moment = kind.starts_with("timestamp");
    kind == "bytea" || (named && !is_moment && !column.ends_with("_id") && !column.ends_with("_at"))
}

/// Some rows of one table.
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
                a.attname::text as "column!",
                format_type(a.atttypid, null) as "kind!"
            from tenant_tables() t
            join pg_attribute a on a.attrelid = format('public.%I', t.name)::regclass
            where a.attnum > 0 and not a.attisdropped
            order by t.name in ('audit_log'), t.depth, t.name, a.attnum
            "#
        )
        .fetch_all(&mut *self.tx)
        .await?;
        let mut tables: Vec<(String, Vec<String>)> = Vec::new();
        for row in columns {
            if TABLES_LEFT_OUT.iter().any(|(name, _)| *name == row.name) {
                continue;
            }
            if tables.last().is_none_or(|(name, _)| *name != row.name) {
                tables.push((row.name, Vec::new()));
            }
            if !is_left_out(&row.column, &row.kind)
                && let Some((_, columns)) = tables.last_mut()
            {
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
        "outbox_id" => EventId::from_uuid(uuid).to_string(),
        "member_id" => MemberId::from_uuid(uuid).to_string(),
        "invitation_id" => InvitationId::from_uuid(uuid).to_string(),
        "session_id" => SessionId::from_uuid(uuid).to_string(),
        "token_id" => TokenId::from_uuid(uuid).to_string(),
        "old_secret_id" => OldSecretId::from_uuid(uuid).to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_whatever_is_named_like_a_secret_is_left_out() {
        for (column, kind) in
            [("wrapped", "bytea"), ("password_hash", "text"), ("access_token", "text"), ("client_secret", "text")]
        {
            assert!(is_left_out(column, kind), "{column}");
        }
        for (column, kind) in [
            ("name", "text"),
            ("token_id", "uuid"),
            ("password_changed_at", "timestamptz"),
            ("tokens_not_before", "timestamp with time zone"),
        ] {
            assert!(!is_left_out(column, kind), "{column}");
        }
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
