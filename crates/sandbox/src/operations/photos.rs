//! Photos.

use actix_web::http::StatusCode;
use bytes::Bytes;
use uuid::Uuid;

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::request_body::FILE_LIMIT;
use crate::world::{Medium, Photo, World};

/// `upload_photo`.
pub(super) fn upload(call: &Call<'_>, world: &mut World) -> Answer {
    store(call, world, Uuid::new_v4())
}

/// `upload_photo_with_id`: replaces a photo of the same team. Each team has its ids to itself, so that
/// nobody learns which ones another team uses.
pub(super) fn upload_with_id(call: &Call<'_>, world: &mut World) -> Answer {
    let id = Uuid::try_parse(call.path("photoId")).map_err(|_| Refusal::bad("photoId must be a uuid"))?;
    store(call, world, id)
}

fn store(call: &Call<'_>, world: &mut World, id: Uuid) -> Answer {
    let parts = call.form()?.parts.as_deref().ok_or_else(|| Refusal::bad("Malformed multipart body"))?;
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.name == name)?;
        std::str::from_utf8(part.content.as_deref()?).ok().filter(|text| !text.is_empty())
    };
    let file = parts.iter().find(|part| part.name == "photo").ok_or_else(|| Refusal::bad("photo is required"))?;
    if file.bytes > FILE_LIMIT {
        return Err(Refusal::Chakra(StatusCode::PAYLOAD_TOO_LARGE, "File too large".to_owned()));
    }
    let filetype = text("filetype").or(file.content_type.as_deref()).unwrap_or("application/octet-stream");
    let content = Bytes::copy_from_slice(file.content.as_deref().unwrap_or_default());
    let (width, height) = png_size(&content).unwrap_or_default();
    let photo = Photo {
        team: call.access.team,
        user: call.access.user,
        filename: text("filename").or(file.filename.as_deref()).unwrap_or("photo").to_owned(),
        filetype: filetype.to_owned(),
        width,
        height,
        at: call.now,
    };
    let json = photo.to_json(id);
    let key = key(call, id);
    // The answer repeats what was given, but a client gets no type that it cannot read.
    let content_type = if is_media_type(filetype) { filetype } else { "application/octet-stream" }.to_owned();
    world.media.add(format!("photo/{key}"), Medium { content_type, content });
    world.crm.photos.insert(key, photo);
    Ok(Reply::data(&json))
}

/// `fetch_photo`: the bytes.
pub(super) fn fetch(call: &Call<'_>, world: &mut World) -> Answer {
    let missing = || Refusal::Chakra(StatusCode::NOT_FOUND, "Photo not found".to_owned());
    let id = Uuid::try_parse(call.path("photoId")).map_err(|_| missing())?;
    let key = key(call, id);
    world.crm.photos.get(&key).ok_or_else(missing)?;
    let medium = world.media.get(&format!("photo/{key}")).ok_or_else(missing)?;
    Ok(Reply::new(StatusCode::OK, &medium.content_type, medium.content.clone()))
}

/// Where the team's photo of that id is kept.
fn key(call: &Call<'_>, id: Uuid) -> String {
    format!("{}/{id}", call.access.team)
}

/// Whether a text names a media type (RFC 9110): two names around a slash.
fn is_media_type(text: &str) -> bool {
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
}

/// Width and height of a PNG, from its first chunk.
fn png_size(content: &[u8]) -> Option<(u32, u32)> {
    let header = content.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..)?.strip_prefix(b"IHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some((number(0)?, number(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_two_names_around_a_slash() {
        assert!(is_media_type("image/png") && is_media_type("image/svg+xml"));
        for other in ["", "image", "image/", "/png", "a/b/c", "image/png; q=1", "\u{a9}/x", "a b/c"] {
            assert!(!is_media_type(other), "{other}");
        }
    }

    #[test]
    fn the_size_of_a_png_is_read_and_of_nothing_else() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x20";
        assert_eq!(png_size(png), Some((64, 32)));
        assert_eq!(png_size(&png[..20]), None);
        assert_eq!(png_size(b"GIF89a"), None);
    }
}
