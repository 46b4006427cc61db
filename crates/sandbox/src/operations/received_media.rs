//! Media that people sent.

use actix_web::http::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::range::{self, ByteRange};
use crate::call::Call;
use crate::hex::hex;
use crate::reply::{Answer, Refusal, Reply, envelope_error};
use crate::world::{ReceivedMedium, World};

/// `show_media`.
pub(super) fn show(call: &Call<'_>, world: &mut World) -> Answer {
    Ok(bytes(call, &medium(call, world, call.path("mediaId"))?))
}

/// `show_media_attachments`.
pub(super) fn show_attachment(call: &Call<'_>, world: &mut World) -> Answer {
    let id = call.query("mid").ok_or_else(|| Refusal::bad("mid is required"))?;
    Ok(bytes(call, &medium(call, world, id)?))
}

/// `fetch_media`.
pub(super) fn fetch(call: &Call<'_>, world: &mut World) -> Answer {
    let medium = medium(call, world, call.path("mediaId"))?;
    let content = medium.content();
    let show = call.matched.target("/v2/whatsapp/{whatsappApiVersion}/media/{mediaId}/show");
    Ok(Reply::meta(&json!({
        "url": format!("{}{show}", call.base_url),
        "mime_type": medium.mime_type,
        "sha256": hex(&Sha256::digest(&content)),
        "file_size": content.len(),
        "id": medium.id,
        "messaging_product": "whatsapp",
    })))
}

fn medium<'a>(call: &Call<'_>, world: &'a World, id: &'a str) -> Result<ReceivedMedium<'a>, Refusal> {
    world.received_media.get(call.access.team, id).ok_or_else(|| Refusal::missing("Media"))
}

/// The bytes, or those that the call's range asks for.
fn bytes(call: &Call<'_>, medium: &ReceivedMedium<'_>) -> Reply {
    let content = medium.content();
    let length = content.len();
    let header = |name: &str, value: String| (name.to_owned(), value);
    let mut reply = match range::parse(call.range, length) {
        ByteRange::Whole => Reply::new(StatusCode::OK, medium.mime_type, content),
        ByteRange::Part(from, to) => {
            let mut reply = Reply::new(StatusCode::PARTIAL_CONTENT, medium.mime_type, content.slice(from..=to));
            reply.headers.push(header("content-range", format!("bytes {from}-{to}/{length}")));
            reply
        }
        ByteRange::Unsatisfiable => {
            let mut reply = envelope_error(StatusCode::RANGE_NOT_SATISFIABLE, "Requested range not satisfiable");
            reply.headers.push(header("content-range", format!("bytes */{length}")));
            reply
        }
    };
    reply.headers.push(header("accept-ranges", "bytes".to_owned()));
    reply
}
