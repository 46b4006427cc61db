//! Media.

use portico_domain::Permission;

use crate::operation::{Kind, Method, Operation, in_path};
use crate::schema::{Ty, optional, required};

const GROUP: &str = "Media";

/// The operations of this group.
pub(super) const OPERATIONS: &[Operation] = &[Operation::new(
    "upload_public_media",
    Method::Post,
    &["/v1/ext/plugin/whatsapp/{pluginId}/upload-public-media"],
    Permission::MediaWrite,
    GROUP,
    "Upload public media",
)
.owned(&[in_path("pluginId", Kind::Plugin)])
.multipart(&[
    required("file", Ty::File, "The file, with a content type and a file name."),
    optional("filename", Ty::Text, "Another name for it."),
])
.data(
    Ty::Object(&[required("publicMediaUrl", Ty::Url, "Where anyone can read the file.")]),
    r#"{"publicMediaUrl":"https://chakra-public-media.chakrahq.com/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/2026-10-01/77777777-6666-4555-8444-333333333333.png"}"#,
)
.repeatable()
.notes(&[
    "Anyone who has the URL can read the file; Chakra documents neither deletion nor expiry.",
    "Send the URL as `link`: it is the only way to get a file into a message.",
])];
