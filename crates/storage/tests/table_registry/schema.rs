//! The schema as the catalog has it beside the registry, and every way in which the two do not fit.

use std::collections::BTreeMap;

use sqlx::{FromRow, PgConnection};

/// Columns that look like a secret and are exported all the same, and why.
const EXPORTED_ALTHOUGH_BYTES: &[(&str, &str)] =
    // The export shows the log with its hashes, so that whoever has the bundle can verify the chain.
    &[("audit_log", "previous"), ("audit_log", "hash")];

/// A line of `table_registry`.
#[derive(Debug, FromRow)]
struct Line {
    table_name: String,
    erasure: String,
    step: Option<i32>,
    cleared_columns: Vec<String>,
    kept_columns: Vec<String>,
    is_exported: bool,
    unexported_columns: Vec<String>,
}

impl Line {
    /// When its rows go: in the order of steps, then what is `last`, then the tenant's own row.
    fn position(&self) -> (u8, Option<i32>) {
        let phase = match self.erasure.as_str() {
            "tenant_row" => 2,
            "last" => 1,
            _ => 0,
        };
        (phase, self.step)
    }

    fn holds_tenant_data(&self) -> bool {
        self.erasure != "not_tenant_data"
    }
}

/// A column of a table of the schema.
#[derive(Debug, FromRow)]
struct Column {
    table_name: String,
    name: String,
    kind: String,
    is_nullable: bool,
    /// Whether `erase_tenant()` may set it.
    is_clearable: bool,
}

/// A foreign key: which table refers to which.
#[derive(Debug, FromRow)]
struct Reference {
    child: String,
    parent: String,
    sets_null: bool,
}

/// What the catalog says, and what the registry says.
#[derive(Debug)]
pub(crate) struct Schema {
    columns: Vec<Column>,
    references: Vec<Reference>,
    /// Every table of `public` but partitions, and whether it has a `tenant_id`.
    tables: BTreeMap<String, bool>,
    lines: BTreeMap<String, Line>,
}

const COLUMNS: &str = "
    select
        c.relname::text as table_name,
        a.attname::text as name,
        format_type(a.atttypid, null) as kind,
        not a.attnotnull as is_nullable,
        has_column_privilege('portico_eraser', c.oid, a.attnum, 'update') as is_clearable
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p', 'f', 'm') and not c.relispartition and c.relnamespace = 'public'::regnamespace
    order by 1, a.attnum";

const REFERENCES: &str = "
    select child.relname::text as child, parent.relname::text as parent, f.confdeltype = 'n' as sets_null
    from pg_constraint f
    join pg_class child on child.oid = f.conrelid and child.relnamespace = 'public'::regnamespace
    join pg_class parent on parent.oid = f.confrelid
    -- Not the copies that partitions have of their table's.
    where f.contype = 'f' and f.conparentid = 0
    order by 1, 2";

const LINES: &str = "
    select table_name, erasure, step, cleared_columns, kept_columns, is_exported, unexported_columns
    from table_registry";

impl Schema {
    pub(crate) async fn read(owner: &mut PgConnection) -> Self {
        let columns: Vec<Column> = sqlx::query_as(COLUMNS).fetch_all(&mut *owner).await.expect("the catalog is read");
        let references = sqlx::query_as(REFERENCES).fetch_all(&mut *owner).await.expect("the catalog is read");
        let lines: Vec<Line> = sqlx::query_as(LINES).fetch_all(&mut *owner).await.expect("the registry is read");
        let mut tables = BTreeMap::new();
        for column in &columns {
            *tables.entry(column.table_name.clone()).or_default() |= column.name == "tenant_id";
        }
        let lines = lines.into_iter().map(|line| (line.table_name.clone(), line)).collect();
        Self { columns, references, tables, lines }
    }

    /// Every fault, as a sentence that says what to do.
    pub(crate) fn faults(&self) -> Vec<String> {
        let lines = self.lines.values().flat_map(|line| {
            let faults = [self.table_faults(line), self.column_faults(line), self.secret_faults(line)];
            faults.into_iter().flatten()
        });
        let references = self.references.iter().filter_map(|reference| self.order_fault(reference));
        self.unregistered().chain(lines).chain(references).collect()
    }

    /// How many tables have that decision.
    pub(crate) fn count(&self, erasure: &str) -> usize {
        self.lines.values().filter(|line| line.erasure == erasure).count()
    }

    fn unregistered(&self) -> impl Iterator<Item = String> {
        self.tables.iter().filter(|(table, _)| !self.lines.contains_key(*table)).map(|(table, &is_tenants)| {
            let values = if is_tenants {
                let (erasure, step) = self.proposal(table);
                format!("('{table}', '{erasure}', {step}, true, 'why so')")
            } else {
                format!("('{table}', 'not_tenant_data', null, false, 'what it holds')")
            };
            format!(
                "{table} is not registered: add to the migration that makes it, as migrations/README.md explains: \
                 insert into table_registry (table_name, erasure, step, is_exported, reason) values {values};"
            )
        })
    }

    /// When a table that is not registered could go: just before what it refers to.
    fn proposal(&self, table: &str) -> (&'static str, i32) {
        let parents = self.references.iter().filter(|reference| reference.child == table && reference.parent != table);
        let parents: Vec<_> = parents.filter_map(|reference| self.lines.get(&reference.parent)).collect();
        let step = parents.iter().filter_map(|line| line.step).min().map_or(140, |step| step - 10);
        let is_at_once = parents.iter().any(|line| line.erasure == "at_once");
        (if is_at_once { "at_once" } else { "in_batches" }, step)
    }

    fn table_faults(&self, line: &Line) -> Vec<String> {
        let Line { table_name: table, .. } = line;
        let fault = match (self.tables.get(table), line.erasure.as_str()) {
            (None, _) => "is registered and does not exist: delete its line in the migration that drops it",
            (Some(true), "not_tenant_data") => "has a tenant_id and is registered as not_tenant_data",
            (Some(false), erasure) if erasure != "not_tenant_data" => {
                "has no tenant_id and is registered as a tenant's: add the column, or register it as not_tenant_data"
            }
            (_, "tenant_row") if table != "tenants" => "is registered as tenant_row, which `tenants` alone is",
            _ => return Vec::new(),
        };
        vec![format!("{table} {fault}")]
    }

    fn column_faults(&self, line: &Line) -> Vec<String> {
        let Line { table_name: table, .. } = line;
        let of = |name: &String| self.columns.iter().find(|column| column.table_name == *table && column.name == *name);
        let named = line.cleared_columns.iter().chain(&line.kept_columns).chain(&line.unexported_columns);
        let missing = named.filter(|name| of(name).is_none());
        let missing = missing.map(|name| format!("{table}.{name} is registered and does not exist"));
        let cleared = line.cleared_columns.iter().filter_map(of);
        let unclearable = cleared.filter(|column| !column.is_nullable || !column.is_clearable).map(|column| {
            format!(
                "{table}.{0} is to be cleared, so it must be nullable and need: grant update ({0}) on {table} to portico_eraser;",
                column.name
            )
        });
        missing.chain(unclearable).collect()
    }

    /// Whatever looks like a secret needs a decision: when it goes, and whether it is exported.
    fn secret_faults(&self, line: &Line) -> Vec<String> {
        let Line { table_name: table, cleared_columns, kept_columns, unexported_columns, .. } = line;
        let columns = self.columns.iter().filter(|column| column.table_name == *table);
        let secrets = columns.filter(|column| looks_like_a_secret(&column.name, &column.kind));
        secrets
            .flat_map(|Column { name, .. }| {
                let waits = matches!(line.erasure.as_str(), "in_batches" | "last");
                let erasure = (waits && !cleared_columns.contains(name) && !kept_columns.contains(name)).then(|| {
                    format!(
                        "{table}.{name} looks like a secret and its rows wait for the purge: register the table as \
                         at_once, or the column in cleared_columns, or in kept_columns if it opens nothing by itself"
                    )
                });
                let is_meant = EXPORTED_ALTHOUGH_BYTES.contains(&(table, name));
                let export = (line.is_exported && !unexported_columns.contains(name) && !is_meant).then(|| {
                    format!("{table}.{name} looks like a secret and is exported: register it in unexported_columns")
                });
                erasure.into_iter().chain(export)
            })
            .collect()
    }

    /// A table whose rows go after those that they refer to would stop the purge, or go with them in one piece.
    fn order_fault(&self, reference: &Reference) -> Option<String> {
        let Reference { child, parent, sets_null } = reference;
        let (child_line, parent_line) = (self.lines.get(child)?, self.lines.get(parent)?);
        if !child_line.holds_tenant_data() && parent_line.holds_tenant_data() {
            return Some(format!("{child} refers to {parent}, so its rows are a tenant's: it needs a tenant_id"));
        }
        // The tenant's row outlasts everything; what is no tenant's is not deleted.
        let step = parent_line.step?;
        if child == parent {
            return (!sets_null).then(|| format!("{child} refers to itself: it needs `on delete set null`"));
        }
        if parent_line.erasure == "at_once" && child_line.erasure != "at_once" {
            return Some(format!(
                "{child} refers to {parent}, whose rows go at once, so that all of {child} would go in the same request: \
                 register {child} as at_once too, or {parent} as in_batches with its secrets in cleared_columns"
            ));
        }
        (child_line.position() >= parent_line.position())
            .then(|| format!("{child} refers to {parent}: it needs a step below {step}, that of {parent}"))
    }
}

/// Whether a column could hold a secret: all bytes, and whatever is named so but a moment.
pub(crate) fn looks_like_a_secret(column: &str, kind: &str) -> bool {
    const WORDS: &[&str] = &["secret", "password", "token", "hash", "private", "verifier", "nonce", "cookie", "csrf"];
    let is_named_so = WORDS.iter().any(|word| column.contains(word));
    let is_moment = kind.starts_with("timestamp");
    kind == "bytea" || (is_named_so && !is_moment && !column.ends_with("_id") && !column.ends_with("_at"))
}
