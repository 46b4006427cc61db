//! One call of an operation, parsed.

use portico_chakra::Matched;
use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::reply::Refusal;
use crate::request_body::MultipartForm;
use crate::world::{Access, World};

/// Where the rows of a body that is a list are kept in [`Call::json`].
pub(crate) const ROWS: &str = "(body)";

/// What a handler gets of a call.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The team, role and user of the access token.
    pub(crate) access: Access,
    /// The route, with path parameters.
    pub(crate) matched: &'a Matched<'a, 'a>,
    /// Query parameters, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The JSON body; empty where there is none.
    pub(crate) json: Map<String, Value>,
    /// The multipart body, if it is one.
    pub(crate) form: Option<MultipartForm>,
    /// The `Range` header; empty if there is none.
    pub(crate) range: &'a str,
    /// When the call arrived; milliseconds since 1970.
    pub(crate) now: i64,
    /// Where the sandbox is reached, without a slash at the end.
    pub(crate) base_url: &'a str,
}

/// The handler of an operation: it changes the world and answers, and never waits.
pub(crate) type Handler = fn(&Call<'_>, &mut World) -> crate::reply::Answer;

impl Call<'_> {
    /// A path parameter; empty if the matched template has none of that name.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.matched.parameter(name).unwrap_or_default()
    }

    /// A query parameter; an empty one counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The JSON body, read as Chakra reads it.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields(&self.json)
    }

    /// The rows of a body that is a list.
    pub(crate) fn rows(&self) -> &[Value] {
        self.json.get(ROWS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The multipart body, for operations that ask for one.
    ///
    /// # Errors
    ///
    /// When the body is something else.
    pub(crate) fn form(&self) -> Result<&MultipartForm, Refusal> {
        self.form.as_ref().ok_or_else(|| Refusal::bad("The request must be multipart/form-data"))
    }
}
