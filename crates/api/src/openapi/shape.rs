//! From the catalogue's shapes to schemas.

use portico_chakra::schema::{Field, ValueType};
use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

/// Digits, as Meta's ids and phone numbers are written.
pub(super) const DIGITS: &str = "^[0-9]+$";

/// The schema of a type, with what the value means.
pub(super) fn schema(ty: &ValueType, note: &str) -> Schema {
    match ty {
        ValueType::List(item) => ArrayBuilder::new()
            .items(RefOr::T(schema(item, "")))
            .description((!note.is_empty()).then_some(note))
            .build()
            .into(),
        ValueType::Nullable(inner) => nullable(schema(inner, note)),
        other => object(other).description((!note.is_empty()).then_some(note)).build().into(),
    }
}

fn object(ty: &ValueType) -> ObjectBuilder {
    let builder = ObjectBuilder::new();
    let text = || ObjectBuilder::new().schema_type(Type::String);
    match ty {
        ValueType::Text => text(),
        ValueType::Digits => text().pattern(Some(DIGITS)),
        ValueType::Uuid => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        ValueType::Url => text().format(Some(SchemaFormat::Custom("uri".to_owned()))),
        ValueType::File => text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .content_media_type("application/octet-stream"),
        ValueType::OneOf(texts) => text().enum_values(Some(texts.iter().copied())),
        ValueType::Bool => builder.schema_type(Type::Boolean),
        ValueType::Int => {
            builder.schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        }
        ValueType::Number => builder.schema_type(Type::Number),
        ValueType::Object(all) => fields(all),
        ValueType::Map(value) => builder
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(schema(value, ""))))),
        ValueType::Any | ValueType::List(_) | ValueType::Nullable(_) => builder.schema_type(SchemaType::AnyValue),
    }
}

/// An object with these fields, and others: Chakra may take and give more than is known.
pub(super) fn fields(all: &[Field]) -> ObjectBuilder {
    let start = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)));
    all.iter().fold(start, |object, field| {
        let object = object.property(field.name, RefOr::T(schema(&field.ty, field.note)));
        if field.required { object.required(field.name) } else { object }
    })
}

fn nullable(mut schema: Schema) -> Schema {
    let or_null = |kind: SchemaType| match kind {
        SchemaType::Type(kind) => SchemaType::Array(vec![kind, Type::Null]),
        other => other,
    };
    match &mut schema {
        Schema::Object(object) => {
            object.schema_type = or_null(object.schema_type.clone());
            if let Some(values) = &mut object.enum_values {
                values.push(Value::Null);
            }
        }
        Schema::Array(array) => array.schema_type = or_null(array.schema_type.clone()),
        _ => {}
    }
    schema
}

/// Whether a value has the type; the error names the place and what is wrong there.
#[cfg(test)]
pub(super) fn fits(ty: &ValueType, value: &Value, at: &str) -> Result<(), String> {
    let is = |good: bool| if good { Ok(()) } else { Err(format!("{at} is {value}, which is no {ty:?}")) };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match ty {
        ValueType::Any => Ok(()),
        ValueType::Text | ValueType::File => is(value.is_string()),
        ValueType::Digits => is(value.as_str().is_some_and(digits)),
        ValueType::Uuid => is(value.as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok())),
        ValueType::Url => is(value.as_str().is_some_and(|text| text.starts_with("https://"))),
        ValueType::Bool => is(value.is_boolean()),
        ValueType::Int => is(value.is_i64()),
        ValueType::Number => is(value.is_number()),
        ValueType::OneOf(texts) => is(value.as_str().is_some_and(|text| texts.contains(&text))),
        ValueType::Nullable(inner) => {
            if value.is_null() {
                Ok(())
            } else {
                fits(inner, value, at)
            }
        }
        ValueType::List(item) => {
            let items = value.as_array().ok_or_else(|| format!("{at} is no list"))?;
            items.iter().enumerate().try_for_each(|(index, one)| fits(item, one, &format!("{at}/{index}")))
        }
        ValueType::Map(item) => {
            let entries = value.as_object().ok_or_else(|| format!("{at} is no object"))?;
            entries.iter().try_for_each(|(name, one)| fits(item, one, &format!("{at}/{name}")))
        }
        ValueType::Object(fields) => fits_fields(fields, value, at),
    }
}

/// Whether an object has the required fields, no unknown ones, and each with its type.
#[cfg(test)]
pub(super) fn fits_fields(fields: &[Field], value: &Value, at: &str) -> Result<(), String> {
    let entries = value.as_object().ok_or_else(|| format!("{at} is no object"))?;
    if let Some(unknown) = entries.keys().find(|name| fields.iter().all(|field| field.name != *name)) {
        return Err(format!("{at}/{unknown} is not in the schema"));
    }
    fields.iter().try_for_each(|field| match entries.get(field.name) {
        Some(one) => fits(&field.ty, one, &format!("{at}/{}", field.name)),
        None if field.required => Err(format!("{at}/{} is missing", field.name)),
        None => Ok(()),
    })
}
