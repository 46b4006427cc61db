//! One operation of Chakra's API, as data: what the [`catalogue`](crate::catalogue) is made of.

use portico_domain::Permission;

pub use crate::method::Method;
use crate::schema::{Field, ValueType};

/// Parameters of a link that only say where to go on.
const PAGING: [&str; 7] = ["limit", "after", "before", "page", "skip", "offset", "cursor"];

/// What an id in a call names: decides where its owner is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A plugin, by UUID.
    Plugin,
    /// A WhatsApp Business Account, by Meta's digits.
    Waba,
    /// A phone number, by Meta's digits.
    PhoneNumber,
    /// Something whose owner the path does not name; learned from answers and events.
    Learned(LearnedKind),
}

/// The kinds whose owner has to be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LearnedKind {
    /// A WhatsApp message, by `wamid…`.
    Message,
    /// A media file, by Meta's digits.
    Media,
    /// A message template, by Meta's digits.
    Template,
    /// A WhatsApp group, by Meta's id (base64 of `capi_group:…`).
    Group,
    /// A WhatsApp call, by `wacid…`.
    Call,
    /// A chat in Chakra's inbox.
    Chat,
    /// A photo stored at Chakra, by a UUID that the caller chose.
    Photo,
    /// A record of the team's CRM.
    Process,
    /// A background job of Chakra's.
    Job,
    /// A campaign, which sends one template to many.
    Campaign,
}

impl LearnedKind {
    /// The spelling in storage and in messages to callers: it stays as it is.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Media => "media",
            Self::Template => "template",
            Self::Group => "group",
            Self::Call => "call",
            Self::Chat => "chat",
            Self::Photo => "photo",
            Self::Process => "process",
            Self::Job => "job",
            Self::Campaign => "campaign",
        }
    }
}

/// Where in a call an id stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// A path parameter, by name.
    Path(&'static str),
    /// A query parameter, by name.
    Query(&'static str),
    /// A field of the JSON body, by JSON pointer; `*` stands for every element of a list or object.
    Body(&'static str),
    /// A field of the JSON body wherever it stands, by the name of the nearest field around it (empty for any) and its
    /// own; see [`Operation::free_ids`].
    Anywhere(&'static str, &'static str),
}

/// That a body may have the documented fields only, also inside of them where their type says what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Top-level fields of which Chakra alone knows what they hold.
    pub open: &'static [&'static str],
    /// Whether rows of a list may name their record by the value of its primary key, under that key's name.
    pub rows: bool,
}

/// An id that must belong to the caller before the call goes on; an absent one is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// Where in the call it is looked for.
    pub at: At,
    /// What it names, and so where its owner is looked up.
    pub kind: Kind,
    /// Checked only where the body fulfils it.
    pub when: Condition,
}

/// A condition on the JSON body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Also for calls without a body.
    Always,
    /// The field at the pointer is this text, or the number of these digits.
    BodyIs(&'static str, &'static str),
    /// The field at the pointer is another text, none, or absent.
    BodyIsNot(&'static str, &'static str),
}

/// How a request's body is taken and forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// What comes is neither read nor forwarded.
    None,
    /// A JSON object, at most 1 MiB.
    Json,
    /// A JSON list, at most 1 MiB.
    JsonList,
    /// A JSON object or a URL-encoded form, by `Content-Type`; at most 1 MiB.
    JsonOrForm,
    /// A JSON object, or a multipart stream where a file goes with it, by `Content-Type`.
    JsonOrMultipart,
    /// A multipart stream, at most 100 MiB.
    Multipart,
}

/// The shape around an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// `{"_data", "_meta", "_errors"}`.
    Chakra,
    /// Meta's own JSON.
    MetaRaw,
    /// Bytes of any content type.
    Binary,
}

/// Whether a request may be repeated when its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Doing it twice changes nothing more than doing it once.
    Safe,
    /// A repeat may do it twice, such as send a message.
    Never,
}

/// How the answer is treated before the caller gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerRule {
    /// Handed on byte for byte, but for [`Operation::links`].
    Pass,
    /// `_data` is a list over the whole team: only the rows that the caller owns remain. A row is the
    /// caller's when it names at least one of these, and all that it names are the caller's.
    FilterRows(&'static [RowId]),
    /// `_data` is a plugin: its `auth`, which may hold Meta's tokens, is reduced to ids.
    Plugin,
}

/// How Chakra pages a list over the whole team: `limit` and `page` (from 1) in a JSON body. For callers who may see some
/// of the rows only, Portico reads Chakra's pages and makes its own, so that no position tells of others' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// So many rows are asked for at once.
    pub rows: u16,
    /// The other fields of the body that such a caller may send: none that selects rows by what is in them.
    pub keeps: &'static [&'static str],
}

/// An id inside a row of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowId {
    /// A JSON pointer from the row.
    pub at: &'static str,
    /// What it names, and so where its owner is looked up.
    pub kind: Kind,
}

/// An id in an answer from which Portico learns whose something is: it belongs to the plugin that the
/// call names, or to the plugin that its row names. A row that names none teaches nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learn {
    /// A JSON pointer from the top, in which `*` stands for every row of a list.
    pub at: &'static str,
    /// What becomes known to belong to somebody.
    pub kind: LearnedKind,
}

/// A link in an answer, written anew so that following it comes back through Portico.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// A JSON pointer from the top to its text.
    pub at: &'static str,
    /// Where it leads, and so what it is replaced by.
    pub to: LinkTo,
}

/// Where a link in an answer leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTo {
    /// To the same call, with the link's own paging parameters.
    SameCall,
    /// To this path template, with the parameters of the call.
    Path(&'static str),
}

/// What the operation changes that Portico keeps records of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing that Portico keeps.
    None,
    /// `_data` is a new plugin.
    CreatesPlugin,
    /// Reads or changes a plugin; `_data` is its new state.
    ObservesPlugin,
    /// Deletes the plugin of the path.
    DeletesPlugin,
    /// Changes the configuration of the plugin of the path.
    ConfiguresPlugin,
    /// Reads the configuration of the plugin of the path; `_data` is it.
    ObservesConfiguration,
    /// Disconnects the WABA of a plugin.
    DisconnectsWaba,
    /// Begins a connect; with `newPluginName` Portico makes the plugin first, so that it knows its id.
    BeginsConnect,
}

/// How well Chakra's contract is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// On Chakra's own pages.
    Documented,
    /// Seen in code that calls the live API.
    Observed,
    /// By analogy; may turn out different.
    Inferred,
}

impl Confidence {
    /// The spelling in the OpenAPI document: it stays as it is.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Inferred => "inferred",
        }
    }
}

/// One method and path of Chakra's API: everything that routing, permission, ownership, forwarding
/// and the OpenAPI document need to know. Built with the `const` methods below.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The stable id, also the value of the `Portico-Operation` header.
    pub id: &'static str,
    /// Other ids under which documents know the same call.
    pub also: &'static [&'static str],
    /// The heading in the documentation: a verb first, no full stop.
    pub title: &'static str,
    /// The section in the documentation.
    pub group: &'static str,
    /// The same on all of its paths.
    pub method: Method,
    /// The path templates that are accepted, most likely first; the first is where calls are forwarded.
    pub paths: &'static [&'static str],
    /// Which of several operations on one path this is.
    pub when: Condition,
    /// What the caller must be allowed; none for a call that any valid key may make.
    pub permission: Option<Permission>,
    /// A query parameter that needs one permission more.
    pub query_permission: Option<(&'static str, Permission)>,
    /// Whether it reaches things of the whole Chakra team that the call does not name by an id of the caller's.
    /// Refused to callers who are limited to customers, and where another tenant may be in the team.
    pub team_wide: bool,
    /// The ids that must belong to the caller, wherever in a call they stand.
    pub owned: &'static [Owned],
    /// The query parameters that are forwarded; see also [`Operation::takes_parameter`].
    pub query: &'static [Field],
    /// What body a request may have.
    pub body: BodyKind,
    /// The documented fields of the body, or parts of a multipart one.
    pub request: &'static [Field],
    /// An invented request body, as JSON.
    pub request_sample: &'static str,
    /// Whether other fields are refused; none for bodies that Chakra or Meta may extend.
    pub closed: Option<Closed>,
    /// Some where the body is looked at whole, because Meta extends it: the places, as in [`At::Anywhere`], of ids that
    /// are the caller's own or of which nobody needs to know the owner, `*` for all below a field. An id in any other
    /// place is refused to callers who may only use what is known as theirs.
    pub free_ids: Option<&'static [(&'static str, &'static str)]>,
    /// What is around the answer's own content.
    pub envelope: Envelope,
    /// The shape of the answer: the content of `_data` in Chakra's envelope, else the whole body.
    pub answer: ValueType,
    /// An invented answer, as JSON: `_data` in Chakra's envelope, else the whole body.
    pub answer_sample: &'static str,
    /// What is done to an answer before the caller gets it.
    pub rule: AnswerRule,
    /// How a list over the whole team is paged; none where it is given as a whole.
    pub paging: Option<Paging>,
    /// The ids in the answer from which Portico learns whose something is.
    pub learns: &'static [Learn],
    /// The links in the answer that are written anew, so that they lead through Portico.
    pub links: &'static [Link],
    /// Whether a redirect to another host is handed on to the caller; else it is refused.
    pub hands_on_redirects: bool,
    /// What it changes that Portico keeps records of.
    pub effect: Effect,
    /// Whether it may be repeated when its outcome is unknown.
    pub retry: Retry,
    /// Whether it may take [`MEDIA_TIMEOUT`](crate::client::MEDIA_TIMEOUT) instead of
    /// [`CALL_TIMEOUT`](crate::client::CALL_TIMEOUT).
    pub media: bool,
    /// How well Chakra's contract is known; told in the OpenAPI document.
    pub confidence: Confidence,
    /// What a caller should know beside the shapes: sentences for the documentation.
    pub notes: &'static [&'static str],
}

impl Operation {
    /// An operation with the defaults: no ids, no body, Chakra's envelope, passed through, not
    /// repeatable unless it is a GET, documented.
    #[must_use]
    pub const fn new(
        id: &'static str,
        method: Method,
        paths: &'static [&'static str],
        permission: Permission,
        group: &'static str,
        title: &'static str,
    ) -> Self {
        Self {
            id,
            also: &[],
            title,
            group,
            method,
            paths,
            when: Condition::Always,
            permission: Some(permission),
            query_permission: None,
            team_wide: false,
            owned: &[],
            query: &[],
            body: BodyKind::None,
            request: &[],
            request_sample: "",
            closed: None,
            free_ids: None,
            envelope: Envelope::Chakra,
            answer: ValueType::Any,
            answer_sample: "{}",
            rule: AnswerRule::Pass,
            paging: None,
            learns: &[],
            links: &[],
            hands_on_redirects: false,
            effect: Effect::None,
            retry: if matches!(method, Method::Get) { Retry::Safe } else { Retry::Never },
            media: false,
            confidence: Confidence::Documented,
            notes: &[],
        }
    }

    /// Whether a query parameter of that name goes on to Chakra: those that the catalogue documents, and where answers
    /// link to further pages, those by which Chakra and Meta are known to write such links.
    #[must_use]
    pub fn takes_parameter(&self, name: &str) -> bool {
        let pages = || self.links.iter().any(|link| link.to == LinkTo::SameCall) && PAGING.contains(&name);
        self.query.iter().any(|field| field.name == name) || pages()
    }

    /// Sets [`Operation::also`].
    #[must_use]
    pub const fn also(mut self, ids: &'static [&'static str]) -> Self {
        self.also = ids;
        self
    }

    /// Sets [`Operation::when`]: another operation on the same path takes the rest.
    #[must_use]
    pub const fn when(mut self, when: Condition) -> Self {
        self.when = when;
        self
    }

    /// Takes the permission away: any valid key may call it.
    #[must_use]
    pub const fn any_caller(mut self) -> Self {
        self.permission = None;
        self
    }

    /// Sets [`Operation::query_permission`].
    #[must_use]
    pub const fn query_needs(mut self, name: &'static str, permission: Permission) -> Self {
        self.query_permission = Some((name, permission));
        self
    }

    /// Sets [`Operation::team_wide`].
    #[must_use]
    pub const fn team_wide(mut self) -> Self {
        self.team_wide = true;
        self
    }

    /// Sets [`Operation::owned`].
    #[must_use]
    pub const fn owned(mut self, owned: &'static [Owned]) -> Self {
        self.owned = owned;
        self
    }

    /// Sets [`Operation::query`].
    #[must_use]
    pub const fn query(mut self, query: &'static [Field]) -> Self {
        self.query = query;
        self
    }

    /// Takes a JSON object with these fields; the sample is an invented one.
    #[must_use]
    pub const fn json(mut self, fields: &'static [Field], sample: &'static str) -> Self {
        self.body = BodyKind::Json;
        self.request = fields;
        self.request_sample = sample;
        self
    }

    /// Takes a multipart body with these parts, and may take as long as media do.
    #[must_use]
    pub const fn multipart(mut self, parts: &'static [Field]) -> Self {
        self.body = BodyKind::Multipart;
        self.request = parts;
        self.media = true;
        self
    }

    /// Answers in Chakra's envelope: what `_data` holds, and an invented example of it.
    #[must_use]
    pub const fn data(mut self, answer: ValueType, sample: &'static str) -> Self {
        self.envelope = Envelope::Chakra;
        self.answer = answer;
        self.answer_sample = sample;
        self
    }

    /// Answers in Meta's own JSON: its shape, and an invented example.
    #[must_use]
    pub const fn meta(mut self, answer: ValueType, sample: &'static str) -> Self {
        self.envelope = Envelope::MetaRaw;
        self.answer = answer;
        self.answer_sample = sample;
        self
    }

    /// Sets [`Operation::rule`].
    #[must_use]
    pub const fn rule(mut self, rule: AnswerRule) -> Self {
        self.rule = rule;
        self
    }

    /// Sets [`Operation::paging`]: so many rows at once, and the fields that pass beside `limit` and `page`.
    #[must_use]
    pub const fn paged(mut self, rows: u16, keeps: &'static [&'static str]) -> Self {
        self.paging = Some(Paging { rows, keeps });
        self
    }

    /// Sets [`Operation::learns`].
    #[must_use]
    pub const fn learns(mut self, learns: &'static [Learn]) -> Self {
        self.learns = learns;
        self
    }

    /// Sets [`Operation::links`].
    #[must_use]
    pub const fn links(mut self, links: &'static [Link]) -> Self {
        self.links = links;
        self
    }

    /// Answers with bytes of any content type or a redirect to them, and may take as long as media do.
    #[must_use]
    pub const fn binary(mut self) -> Self {
        self.envelope = Envelope::Binary;
        self.answer = ValueType::File;
        self.answer_sample = "";
        self.hands_on_redirects = true;
        self.media = true;
        self
    }

    /// Sets [`Operation::body`], after [`Operation::json`] has set its fields.
    #[must_use]
    pub const fn body_kind(mut self, body: BodyKind) -> Self {
        self.body = body;
        self
    }

    /// Refuses fields that are not documented: for writes of what Portico keeps records of.
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.closed = Some(Closed { open: &[], rows: false });
        self
    }

    /// The same, but for what stands inside of these top-level fields.
    #[must_use]
    pub const fn closed_but(mut self, open: &'static [&'static str]) -> Self {
        self.closed = Some(Closed { open, rows: false });
        self
    }

    /// The same for a body with rows, each of which may name its record by the value of its primary key.
    #[must_use]
    pub const fn closed_rows(mut self) -> Self {
        self.closed = Some(Closed { open: &[], rows: true });
        self
    }

    /// Sets [`Operation::free_ids`].
    #[must_use]
    pub const fn free_ids(mut self, places: &'static [(&'static str, &'static str)]) -> Self {
        self.free_ids = Some(places);
        self
    }

    /// Sets [`Operation::effect`].
    #[must_use]
    pub const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Allows repeats, which a GET has anyway.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.retry = Retry::Safe;
        self
    }

    /// Sets [`Operation::confidence`].
    #[must_use]
    pub const fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Sets [`Operation::notes`].
    #[must_use]
    pub const fn notes(mut self, notes: &'static [&'static str]) -> Self {
        self.notes = notes;
        self
    }
}

/// An id in the path that must belong to the caller, whatever the body says.
#[must_use]
pub const fn in_path(name: &'static str, kind: Kind) -> Owned {
    Owned { at: At::Path(name), kind, when: Condition::Always }
}

/// An id in the query that must belong to the caller, whatever the body says.
#[must_use]
pub const fn in_query(name: &'static str, kind: Kind) -> Owned {
    Owned { at: At::Query(name), kind, when: Condition::Always }
}

/// An id in the body, by JSON pointer, that must belong to the caller, whatever else the body says.
#[must_use]
pub const fn in_body(pointer: &'static str, kind: Kind) -> Owned {
    Owned { at: At::Body(pointer), kind, when: Condition::Always }
}

/// An id in the body that must belong to the caller wherever it stands: by the nearest field around it (empty for any)
/// and its own name.
#[must_use]
pub const fn anywhere(within: &'static str, name: &'static str, kind: Kind) -> Owned {
    Owned { at: At::Anywhere(within, name), kind, when: Condition::Always }
}

/// An id in an answer, by JSON pointer from the top, whose owner is learned.
#[must_use]
pub const fn learn(at: &'static str, kind: LearnedKind) -> Learn {
    Learn { at, kind }
}

/// An id in a row, by JSON pointer from the row, that tells whose the row is.
#[must_use]
pub const fn row(at: &'static str, kind: Kind) -> RowId {
    RowId { at, kind }
}
