//! An answer on its way through: rows that are not the caller's fall out, links are written anew, and
//! whose the ids in it are is learned. Long answers pass piece by piece.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use portico_auth::TenantScope;
use portico_chakra::body_scan::{BodyScan, FieldValue, ScannedBody};
use portico_chakra::json_splitter::{Fragment, JsonSplitter};
use portico_chakra::{
    AnswerRule, Kind, LearnedKind, LinkTo, Operation, RowId, UpstreamError, UpstreamResponse, lenient_json,
};
use portico_connections::Error as ConnectionsError;
use portico_core::Error as CoreError;
use portico_domain::PhoneNumberId;
use portico_storage::{NewLearned, OwnedId, Page};
use serde_json::Value;

use crate::Error;
use crate::links::Links;
use crate::named::Named;
use crate::{Gateway, Services};

/// So many rows, or bytes of rows, wait for their owners to be asked for at once.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 256 * 1024;

/// Names in `_meta` that count the rows of the whole team.
const COUNTS: [&str; 3] = ["count", "total", "totalCount"];

/// The fields of Chakra's envelope. What else stands beside rows that are filtered was judged by nobody.
const ENVELOPE: &[&str] = &["_data", "_meta", "_errors"];

/// What stands at a watched place.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A row of the list that is filtered or learned from.
    Row,
    /// The envelope's `_meta` or `_errors`.
    Beside,
    /// An id that belongs to what the call names.
    Id(LearnedKind),
    /// A link.
    Link(LinkTo),
}

/// One answer on its way.
#[derive(Debug)]
pub(crate) struct Rewrite {
    services: Arc<Services>,
    scope: TenantScope,
    operation: &'static Operation,
    links: Links,
    /// Whose the ids of the answer are, as far as the call says.
    call: Whose,
    places: Vec<Place>,
    splitter: JsonSplitter,
    /// Reads the ids of a row.
    ids: BodyScan,
    /// What waits to be written.
    waiting: Vec<Waiting>,
    waiting_rows: usize,
    waiting_bytes: usize,
    first_row: bool,
    /// Whether anything differs from what came.
    changed: bool,
    /// Ids of messages, to be written down later.
    messages: Vec<(NewLearned, Option<OwnedId>)>,
    /// The other ids, to be written down before the answer goes on.
    others: Vec<NewLearned>,
}

#[derive(Debug)]
enum Waiting {
    Raw(Vec<u8>),
    Row(Vec<u8>),
}

/// Whose something is.
#[derive(Debug, Clone, Default)]
struct Whose {
    owner: Option<OwnedId>,
    phone_number: Option<PhoneNumberId>,
}

/// Why an answer does not go on.
#[derive(Debug)]
enum Stopped {
    Upstream(UpstreamError),
    Error(Error),
}

/// Whether answers of the operation pass through here at all.
pub(crate) fn concerns(operation: &Operation) -> bool {
    filters(operation) || !operation.learns.is_empty() || !operation.links.is_empty()
}

/// Whether rows of its answers are filtered.
pub(crate) fn filters(operation: &Operation) -> bool {
    matches!(operation.rule, AnswerRule::FilterRows(_))
}

fn is_nested(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// Whether a refusal holds more than words, so that rows could be among it.
pub(crate) fn holds_rows(bytes: &[u8]) -> bool {
    let Some(Value::Object(fields)) = lenient_json::read(bytes) else { return true };
    fields.iter().any(|(name, value)| match value {
        Value::Array(all) => all.iter().any(is_nested),
        Value::Object(inner) if name == "_data" => !inner.is_empty(),
        Value::Object(inner) => inner.values().any(is_nested),
        _ => false,
    })
}

/// Where in a row the ids stand that tell whose it is, or whose owner it teaches.
fn row_ids(operation: &'static Operation) -> Vec<&'static str> {
    let rows = if let AnswerRule::FilterRows(ids) = operation.rule { ids } else { &[] };
    let learned = operation.learns.iter().filter_map(|learn| learn.at.rfind("/*/").map(|at| &learn.at[at + 2..]));
    rows.iter().map(|id| id.at).chain(learned).collect()
}

impl Rewrite {
    pub(crate) fn new(
        gateway: &Gateway,
        scope: &TenantScope,
        operation: &'static Operation,
        named: &Named,
        links: Links,
    ) -> Self {
        let mut watches: Vec<(&'static str, Place)> = Vec::new();
        if filters(operation) {
            watches.extend([("/_data/*", Place::Row), ("/_meta", Place::Beside), ("/_errors", Place::Beside)]);
        }
        for learn in operation.learns {
            match learn.at.rfind("/*/") {
                Some(end) if watches.iter().all(|(_, place)| !matches!(place, Place::Row)) => {
                    watches.push((&learn.at[..end + 2], Place::Row));
                }
                Some(_) => {}
                None => watches.push((learn.at, Place::Id(learn.kind))),
            }
        }
        watches.extend(operation.links.iter().map(|link| (link.at, Place::Link(link.to))));
        let pointers: Vec<&'static str> = watches.iter().map(|(pointer, _)| *pointer).collect();
        Self {
            services: Arc::clone(&gateway.services),
            scope: scope.clone(),
            operation,
            links,
            call: Whose { owner: named.owner(), phone_number: named.phone_number().cloned() },
            places: watches.into_iter().map(|(_, place)| place).collect(),
            splitter: JsonSplitter::new(&pointers).knowing(if filters(operation) { ENVELOPE } else { &[] }),
            ids: BodyScan::new(&row_ids(operation), false),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            first_row: true,
            changed: false,
            messages: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The whole answer, and the ids of messages that it taught. An answer in which nothing is filtered
    /// passes even when it cannot be read.
    pub(crate) async fn whole(mut self, bytes: Bytes) -> Result<(Bytes, Vec<NewLearned>), Error> {
        let mut parts = Vec::new();
        let split = self.splitter.push(&bytes, &mut parts).and_then(|()| self.splitter.finish());
        if let Err(reason) = split {
            tracing::debug!(%reason, operation = self.operation.id, "an answer of Chakra cannot be read");
            return if filters(self.operation) {
                Err(ConnectionsError::UpstreamMalformed.into())
            } else {
                Ok((bytes, Vec::new()))
            };
        }
        self.check_shape().await?;
        let mut written = BytesMut::with_capacity(bytes.len());
        for part in parts {
            self.take(part, &mut written).await?;
        }
        self.settle(&mut written).await?;
        self.write_down().await?;
        let (learned_ids, scope) = (&self.services.learned, &self.scope);
        let remembered = |(learned, owner): (NewLearned, _)| {
            learned_ids.keep_pending(scope, &learned, owner);
            learned
        };
        let messages = self.messages.into_iter().map(remembered).collect();
        Ok((if self.changed { written.freeze() } else { bytes }, messages))
    }

    /// The answer, piece by piece.
    pub(crate) fn pieces(self, incoming: UpstreamResponse) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
        let pieces = incoming.bytes_stream().boxed();
        stream::try_unfold(Some((self, pieces)), |state| async move {
            let Some((mut rewrite, mut pieces)) = state else { return Ok(None) };
            loop {
                match rewrite.step(pieces.next().await).await {
                    Ok((written, true)) => return Ok(Some((written, None))),
                    Ok((written, false)) if written.is_empty() => {}
                    Ok((written, false)) => return Ok(Some((written, Some((rewrite, pieces))))),
                    Err(Stopped::Upstream(error)) => return Err(error),
                    Err(Stopped::Error(error)) => {
                        // The head is gone: all that can be told is that the answer breaks off.
                        tracing::warn!(%error, operation = rewrite.operation.id, "an answer breaks off");
                        return Err(UpstreamError::Withheld);
                    }
                }
            }
        })
    }

    /// What one more piece lets go on, and whether it was the last.
    async fn step(&mut self, piece: Option<Result<Bytes, UpstreamError>>) -> Result<(Bytes, bool), Stopped> {
        let mut parts = Vec::new();
        let mut written = BytesMut::new();
        let garbled = |_| Stopped::Error(ConnectionsError::UpstreamMalformed.into());
        let last = piece.is_none();
        if let Some(piece) = piece {
            let piece = piece.map_err(Stopped::Upstream)?;
            self.splitter.push(&piece, &mut parts).map_err(garbled)?;
        } else {
            self.splitter.finish().map_err(garbled)?;
        }
        self.check_shape().await.map_err(Stopped::Error)?;
        for part in parts {
            self.take(part, &mut written).await.map_err(Stopped::Error)?;
        }
        if last {
            self.settle(&mut written).await.map_err(Stopped::Error)?;
        }
        self.others.extend(self.messages.drain(..).map(|(learned, _)| learned));
        self.write_down().await.map_err(Stopped::Error)?;
        Ok((written.freeze(), last))
    }

    /// Notes a field that the catalogue does not know beside rows that are filtered; callers who may only see what is
    /// known as theirs get nothing of such an answer.
    async fn check_shape(&mut self) -> Result<(), Error> {
        let Some(field) = self.splitter.take_unknown() else { return Ok(()) };
        self.services.shapes.note(&self.services.core, self.operation.id, &field);
        if self.services.learned.has_whole_team(&self.scope).await? {
            return Ok(());
        }
        Err(ConnectionsError::UpstreamMalformed.into())
    }

    async fn take(&mut self, part: Fragment, written: &mut BytesMut) -> Result<(), Error> {
        let (watch, text) = match part {
            Fragment::Unwatched(raw) => {
                self.hold(Waiting::Raw(raw), written);
                return Ok(());
            }
            Fragment::Watched { pointer, json } => (pointer, json),
        };
        match self.places[watch] {
            Place::Row => {
                self.waiting_rows += 1;
                self.waiting_bytes += text.len();
                self.waiting.push(Waiting::Row(text));
                if self.waiting_rows >= BATCH || self.waiting_bytes >= BATCH_BYTES {
                    self.settle(written).await?;
                }
            }
            Place::Beside => {
                let text = self.plain(text).await?;
                self.hold(Waiting::Raw(text), written);
            }
            Place::Id(kind) => {
                if let Some(id) = serde_json::from_slice(&text).ok().as_ref().and_then(id_text) {
                    self.note(kind, id, &self.call.clone());
                }
                self.hold(Waiting::Raw(text), written);
            }
            Place::Link(to) => {
                let text = match serde_json::from_slice::<String>(&text) {
                    Ok(given) => {
                        self.changed = true;
                        Value::String(self.links.rewritten(to, &given)).to_string().into_bytes()
                    }
                    // A link that cannot be read could hold anything.
                    Err(_) if text.starts_with(b"\"") => {
                        self.changed = true;
                        Value::String(self.links.rewritten(to, "")).to_string().into_bytes()
                    }
                    Err(_) => text,
                };
                self.hold(Waiting::Raw(text), written);
            }
        }
        Ok(())
    }

    /// Writes, or waits behind rows that wait.
    fn hold(&mut self, raw: Waiting, written: &mut BytesMut) {
        match raw {
            Waiting::Raw(raw) if self.waiting.is_empty() => {
                self.first_row = true;
                written.put_slice(&raw);
            }
            raw => self.waiting.push(raw),
        }
    }

    /// What stands beside the rows: counts of the whole team, and anything that could hold rows, stay only for whom the
    /// whole team is.
    async fn plain(&mut self, text: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(beside) = lenient_json::read(&text) else { return Err(ConnectionsError::UpstreamMalformed.into()) };
        let plain = match &beside {
            Value::Object(fields) => {
                let kept = fields.iter().filter(|(name, value)| !COUNTS.contains(&name.as_str()) && !is_nested(value));
                Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            Value::Array(all) => Value::Array(all.iter().filter(|value| !is_nested(value)).cloned().collect()),
            _ => return Ok(text),
        };
        if plain == beside || self.services.learned.has_whole_team(&self.scope).await? {
            return Ok(text);
        }
        self.changed = true;
        Ok(plain.to_string().into_bytes())
    }

    /// Decides about the rows that wait, and writes what waits.
    async fn settle(&mut self, written: &mut BytesMut) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        // A row is looked into for its ids only: it passes as the bytes that came, whatever a text in it holds.
        let rows: Vec<Option<ScannedBody>> = waiting
            .iter()
            .filter_map(|one| match one {
                Waiting::Row(text) => Some(self.ids.read(text).ok()),
                Waiting::Raw(_) => None,
            })
            .collect();
        let owners = match self.operation.rule {
            AnswerRule::FilterRows(ids) => {
                let mut owners = self.owners(ids, &rows).await?;
                // One that cannot be judged falls out, but for callers to whom all of the team is open.
                if rows.iter().any(Option::is_none) && self.services.learned.has_whole_team(&self.scope).await? {
                    let unjudged = owners.iter_mut().zip(&rows).filter(|(_, row)| row.is_none());
                    unjudged.for_each(|(owner, _)| *owner = Some(Whose::default()));
                }
                owners
            }
            AnswerRule::Pass | AnswerRule::Plugin => rows.iter().map(|_| Some(self.call.clone())).collect(),
        };
        let mut rows = rows.iter().zip(owners);
        for one in waiting {
            match one {
                Waiting::Raw(raw) => {
                    // Between rows of one list nothing is raw.
                    self.first_row = true;
                    written.put_slice(&raw);
                }
                Waiting::Row(text) => match rows.next() {
                    Some((row, Some(owner))) => {
                        if !self.first_row {
                            written.put_u8(b',');
                        }
                        self.first_row = false;
                        written.put_slice(&text);
                        if let Some(row) = row {
                            self.learn_from(row, &owner);
                        }
                    }
                    _ => self.changed = true,
                },
            }
        }
        Ok(())
    }

    /// Learns what a row tells. One that names no plugin may be anybody's in the team, so it teaches nothing: what it
    /// would teach would outlast the moment in which the team is the tenant's alone.
    fn learn_from(&mut self, row: &ScannedBody, owner: &Whose) {
        if owner.owner.is_none() {
            return;
        }
        for learn in self.operation.learns {
            let field = learn.at.rfind("/*").map(|at| &learn.at[at + 2..]);
            if let Some(id) = field.and_then(|field| row.text(field)) {
                self.note(learn.kind, id.to_owned(), owner);
            }
        }
    }

    fn note(&mut self, kind: LearnedKind, id: String, whose: &Whose) {
        if id.len() > 512 || id.contains('\0') {
            return;
        }
        let plugin = whose.owner.map(|owner| owner.plugin);
        let phone_number = plugin.and_then(|_| whose.phone_number.clone());
        let learned = NewLearned { kind: kind.as_str(), id, plugin, phone_number };
        if kind == LearnedKind::Message {
            self.messages.push((learned, whose.owner));
        } else {
            self.others.push(learned);
        }
    }

    async fn write_down(&mut self) -> Result<(), Error> {
        let others = std::mem::take(&mut self.others);
        if !others.is_empty() {
            self.services.learned.learn(&self.scope, &others).await?;
        }
        Ok(())
    }

    /// Whose each row is; none for those that are not the caller's. A row counts when it names at least
    /// one id and all that it names are the caller's and belong together.
    async fn owners(&self, ids: &[RowId], rows: &[Option<ScannedBody>]) -> Result<Vec<Option<Whose>>, Error> {
        let mut known: Vec<HashMap<String, Option<OwnedId>>> = Vec::with_capacity(ids.len());
        for id in ids {
            let mut texts: Vec<String> =
                rows.iter().flatten().filter_map(|row| row.text(id.at).map(str::to_owned)).collect();
            texts.sort_unstable();
            texts.dedup();
            known.push(self.owned(id.kind, &texts).await?);
        }
        let only_numbers = self.scope.reach().phone_numbers.is_some();
        let whose = |row: &Option<ScannedBody>| {
            let row = row.as_ref()?;
            let (mut whose, mut named) = (Whose::default(), false);
            let mut narrow = !only_numbers;
            for (id, known) in ids.iter().zip(&known) {
                let Some(value) = row.values(id.at).next().filter(|value| **value != FieldValue::Unset) else {
                    continue;
                };
                let text = value.text()?.to_owned();
                let owner = *known.get(&text)?;
                named = true;
                narrow |= matches!(id.kind, Kind::PhoneNumber | Kind::Waba);
                if let (Some(one), Some(other)) = (whose.owner, owner)
                    && one.plugin != other.plugin
                {
                    return None;
                }
                whose.owner = whose.owner.or(owner);
                if id.kind == Kind::PhoneNumber {
                    whose.phone_number = text.parse().ok();
                }
            }
            (named && narrow).then_some(whose)
        };
        Ok(rows.iter().map(whose).collect())
    }

    /// Which of the ids are within the caller's reach, and whose they are.
    async fn owned(&self, kind: Kind, ids: &[String]) -> Result<HashMap<String, Option<OwnedId>>, Error> {
        let mut found = HashMap::new();
        let reach = self.scope.reach();
        let owner = |customer, plugin| Some(OwnedId { customer, plugin, is_active: true });
        for part in ids.chunks(1_000) {
            match kind {
                Kind::PhoneNumber => {
                    let mut tx = self.services.core.db.begin(&self.scope).await?;
                    let page = Page { limit: 1_000, after: None };
                    let rows = tx.phone_numbers(reach, None, None, Some(part), page).await?.data;
                    found.extend(
                        rows.into_iter().map(|row| (row.id.to_string(), owner(row.customer_id, row.plugin_id))),
                    );
                }
                Kind::Waba => {
                    let mut tx = self.services.core.db.begin(&self.scope).await?;
                    let page = Page { limit: 1_000, after: None };
                    let rows = tx.wabas(reach, None, None, Some(part), page).await?.data;
                    found.extend(
                        rows.into_iter().map(|row| (row.id.to_string(), owner(row.customer_id, row.plugin_id))),
                    );
                }
                Kind::Plugin => {
                    for id in part {
                        match self.services.ownership.owner(&self.scope, kind, id).await {
                            Ok(owner) => drop(found.insert(id.clone(), Some(owner))),
                            Err(CoreError::Missing(_)) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
                Kind::Learned(learned) => found.extend(self.services.learned.owners(&self.scope, learned, part).await?),
            }
        }
        Ok(found)
    }
}

/// An id, which Chakra may write as a text or a number.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}
