//! Media.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::call::Call;
use crate::reply::{Answer, Refusal, Reply};
use crate::request_body::FILE_LIMIT;
use crate::world::{Medium, World};

/// `upload_public_media`. A file beyond what is kept in memory gets its URL too, but nothing
/// stands behind it.
pub(super) fn upload(call: &Call<'_>, world: &mut World) -> Answer {
    world.plugin(call.access.team, call.path("pluginId"), call.now)?;
    let parts = call.form()?.parts.as_deref().ok_or_else(|| Refusal::bad("Malformed multipart body"))?;
    let file = parts.iter().find(|part| part.name == "file");
    let file = file.ok_or_else(|| Refusal::bad("file is required"))?;
    if file.bytes > FILE_LIMIT {
        return Err(Refusal::Chakra(StatusCode::PAYLOAD_TOO_LARGE, "File too large".to_owned()));
    }
    let named = parts.iter().find(|part| part.name == "filename").and_then(|part| part.content.as_deref());
    let named = named.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty());
    let extension = named.or(file.filename.as_deref()).and_then(extension);
    let content_type = file.content_type.as_deref().unwrap_or("application/octet-stream");
    let extension = extension.unwrap_or_else(|| extension_of(content_type).to_owned());
    let date = OffsetDateTime::from_unix_timestamp(call.now / 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
    let path = format!("{}/{date}/{}.{extension}", call.access.team, Uuid::new_v4());
    let url = format!("{}/_sandbox/media/{path}", call.base_url);
    if let Some(content) = &file.content {
        let content = Bytes::copy_from_slice(content);
        world.media.add(path, Medium { content_type: content_type.to_owned(), content });
    }
    Ok(Reply::data(&json!({"publicMediaUrl": url})))
}

/// The extension of a file name, if it is a plain one.
fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let plain = (1..=10).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| extension.to_ascii_lowercase())
}

fn extension_of(content_type: &str) -> &'static str {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_extension_is_taken_over() {
        assert_eq!(extension("a.PNG").as_deref(), Some("png"));
        for odd in ["a", "a.", "a.p/g", "a.verylongextension", "../.."] {
            assert_eq!(extension(odd), None, "{odd}");
        }
    }
}
