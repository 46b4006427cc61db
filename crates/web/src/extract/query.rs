//! Query parameters, all of them known.

use std::borrow::Cow;
use std::collections::HashSet;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use portico_core::{Error, PageRequest};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::decode_error::{DecodeError, short};
use crate::argument::Extract;
use crate::problem::Problem;

/// How many wrong parameters are told at the most.
const MOST_FAULTS: usize = 20;

/// The query as a struct that refuses unknown fields.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> Extract for Query<T> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        Ok(Self(parse(request.query_string())?))
    }
}

/// How many rows: 1 to 200, 50 unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The number of rows, 1 to 200.
    #[must_use]
    pub const fn rows(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rows = text.parse().ok().filter(|rows| (1..=200).contains(rows));
        rows.map(Self).ok_or_else(|| de::Error::custom("must be a whole number from 1 to 200"))
    }
}

/// A parameter that is `true` or `false`; `false` unless said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(bool);

impl Flag {
    /// Whether the query says `true`.
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(de::Error::custom("must be true or false")),
        }
    }
}

/// The `next_cursor` of an earlier part: the id of its last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

impl<'de, K: FromStr> Deserialize<'de> for Cursor<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?.parse();
        id.map(Self).map_err(|_| de::Error::custom("must be the next_cursor of an earlier answer of this list"))
    }
}

/// Which part of a list: `limit` and `cursor`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "K: FromStr"))]
pub struct PageQuery<K> {
    /// How many rows at most.
    #[serde(default)]
    pub limit: Limit,
    /// The last row of the part before; none: the first part.
    pub cursor: Option<Cursor<K>>,
}

/// The same for the documentation, in which every cursor is a text.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "is documentation")]
struct PageParameters {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Option<u16>,
    /// The `next_cursor` of the part before; absent: the first part.
    cursor: Option<String>,
}

impl<K> IntoParams for PageQuery<K> {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        PageParameters::into_params(place)
    }
}

/// Limit and cursor as storage takes them.
pub fn page<K>(limit: Limit, cursor: Option<Cursor<K>>) -> PageRequest<K> {
    PageRequest { limit: limit.rows(), after: cursor.map(|cursor| cursor.0) }
}

impl<K> From<PageQuery<K>> for PageRequest<K> {
    fn from(query: PageQuery<K>) -> Self {
        page(query.limit, query.cursor)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Error> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut names = HashSet::new();
    for (name, _) in &pairs {
        if !names.insert(name) {
            return Err(Error::Query(format!("the query parameter {} stands twice", short(name))));
        }
    }
    decode(&pairs).map_err(|first| Error::Query(all_faults::<T>(&pairs, first)))
}

fn decode<T: DeserializeOwned>(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<T, String> {
    let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), Text(Cow::Borrowed(value))));
    serde_path_to_error::deserialize(MapDeserializer::new(pairs)).map_err(
        |error: serde_path_to_error::Error<DecodeError>| {
            let name = short(&error.path().to_string());
            format!("the query parameter {name} {}", error.inner().detail())
        },
    )
}

/// What is wrong with each parameter by itself: the first that is wrong hides no other.
fn all_faults<T: DeserializeOwned>(pairs: &[(Cow<'_, str>, Cow<'_, str>)], first: String) -> String {
    let alone = |pair: &(Cow<'_, str>, Cow<'_, str>)| {
        // That others are missing is not this one's fault.
        let own = format!("the query parameter {} ", short(&pair.0));
        decode::<T>(std::slice::from_ref(pair)).err().filter(|fault| fault.starts_with(&own))
    };
    let mut faults: Vec<_> = pairs.iter().filter_map(alone).take(MOST_FAULTS).collect();
    if !faults.contains(&first) {
        faults = vec![first];
    }
    faults.join("; ")
}

/// The value of a parameter.
struct Text<'q>(Cow<'q, str>);

impl<'de> IntoDeserializer<'de, DecodeError> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_string(self.0.into_owned())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::CustomerId;

    use super::*;

    const ID: &str = "cus_01h455vb4pex5vsknk084sn02q";

    fn part(query: &str) -> Result<PageRequest<CustomerId>, String> {
        parse::<PageQuery<CustomerId>>(query).map(PageRequest::from).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_has_fifty_rows_unless_said() {
        let first = part("").unwrap();
        assert_eq!((first.limit, first.after), (50, None));
        let next = part(&format!("limit=200&cursor={ID}")).unwrap();
        assert_eq!((next.limit, next.after), (200, ID.parse().ok()));
    }

    #[test]
    fn a_flag_is_true_or_false() {
        #[derive(Debug, Deserialize)]
        struct Flags {
            #[serde(default)]
            refresh: Flag,
        }
        let set = |query: &str| parse::<Flags>(query).map(|flags| flags.refresh.is_set()).map_err(|e| e.to_string());
        assert_eq!((set(""), set("refresh=false"), set("refresh=true")), (Ok(false), Ok(false), Ok(true)));
        for query in ["refresh", "refresh=", "refresh=1", "refresh=True"] {
            assert_eq!(set(query).unwrap_err(), "the query parameter refresh must be true or false");
        }
    }

    #[test]
    fn a_choice_is_one_of_its_names() {
        #[derive(Debug, Deserialize)]
        struct Choice {
            status: Option<portico_domain::ApiKeyStatus>,
        }
        let status = |query: &str| parse::<Choice>(query).map(|choice| choice.status).map_err(|e| e.to_string());
        assert_eq!(status("status=expired"), Ok(Some(portico_domain::ApiKeyStatus::Expired)));
        assert_eq!(status(""), Ok(None));
        let wrong = "the query parameter status must be one of active, expired, revoked";
        assert_eq!(status("status=Expired").unwrap_err(), wrong);
    }

    #[test]
    fn wrong_parameters_are_named() {
        for limit in ["0", "201", "-1", "x", "", "1.5", "99999999"] {
            assert!(part(&format!("limit={limit}")).unwrap_err().starts_with("the query parameter limit must be"));
        }
        assert!(part("cursor=ten_01h455vb4pex5vsknk084sn02q").unwrap_err().contains("cursor must be the next_cursor"));
        assert_eq!(part("page=2").unwrap_err(), "the query parameter page is not known here; there are limit, cursor");
        let all = part("limit=0&page=2&cursor=x").unwrap_err();
        assert_eq!(all.matches("the query parameter").count(), 3, "{all}");
        assert_eq!(part("limit=1&limit=2").unwrap_err(), "the query parameter limit stands twice");
        assert!(part("%ff=%00").is_err());
    }
}
