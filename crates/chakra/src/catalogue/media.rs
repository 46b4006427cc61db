//! Files to send, and files that customers sent.

use portico_domain::Permission;

use crate::operation::{Confidence, Kind, LearnedKind, Link, LinkTo, Method, Operation, in_path, in_query};
use crate::schema::{ValueType, optional, required};

const GROUP: &str = "Media";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
    "upload_public_media",
    Method::Post,
    &["/v1/ext/plugin/whatsapp/{pluginId}/upload-public-media"],
    Permission::MediaWrite,
    GROUP,
    "Upload public media",
)
.owned(&[in_path("pluginId", Kind::Plugin)])
.multipart(&[
    required("file", ValueType::File, "The file, with a content type and a file name."),
    optional("filename", ValueType::Text, "Another name for it."),
])
.data(
    ValueType::Object(&[required("publicMediaUrl", ValueType::Url, "Where anyone can read the file.")]),
    r#"{"publicMediaUrl":"https://chakra-public-media.chakrahq.com/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/2026-10-01/77777777-6666-4555-8444-333333333333.png"}"#,
)
.notes(&[
    "Anyone who has the URL can read the file; Chakra documents neither deletion nor expiry.",
    "Send the URL as `link`: it is the only way to get a file into a message.",
]),
    Operation::new(
        "show_media",
        Method::Get,
        &[
            "/v2/whatsapp/{whatsappApiVersion}/media/{mediaId}/show",
            "/v1/whatsapp/{whatsappApiVersion}/media/{mediaId}/show",
        ],
        Permission::MediaRead,
        GROUP,
        "Show a medium",
    )
    .owned(&[in_path("mediaId", Kind::Learned(LearnedKind::Media))])
    .binary()
    .confidence(Confidence::Observed)
    .notes(&[
        "The file's bytes with its own content type; `Range` is passed on.",
        "A redirect to another host is handed on: follow it without your key.",
        "Meta keeps media of received messages for about 7 days.",
    ]),
    Operation::new(
        "fetch_media",
        Method::Get,
        &["/v1/whatsapp/{whatsappApiVersion}/media/{mediaId}"],
        Permission::MediaRead,
        GROUP,
        "Fetch what is known of a medium",
    )
    .owned(&[in_path("mediaId", Kind::Learned(LearnedKind::Media))])
    .meta(
        ValueType::Object(&[
            required("url", ValueType::Url, "Where the bytes are; leads through Portico and needs the same key."),
            optional("mime_type", ValueType::Text, "Its media type."),
            optional("sha256", ValueType::Text, "Hash of the bytes, in hex."),
            optional("file_size", ValueType::Int, "Bytes."),
            optional("id", ValueType::Digits, "The media id."),
            optional("messaging_product", ValueType::Text, "whatsapp."),
        ]),
        r#"{"url":"https://portico.example.com/v2/whatsapp/v24.0/media/300400500600700/show","mime_type":"image/jpeg",
"sha256":"0000000000000000000000000000000000000000000000000000000000000000","file_size":20480,"id":"300400500600700","messaging_product":"whatsapp"}"#,
    )
    .links(&[Link { at: "/url", to: LinkTo::Path("/v2/whatsapp/{whatsappApiVersion}/media/{mediaId}/show") }]),
    Operation::new(
        "show_media_attachments",
        Method::Get,
        &["/v2/whatsapp/{whatsappApiVersion}/media/whatsapp_business/attachments"],
        Permission::MediaRead,
        GROUP,
        "Show a medium by the mid of an event",
    )
    .owned(&[in_query("mid", Kind::Learned(LearnedKind::Media))])
    .query(&[required("mid", ValueType::Text, "The mid parameter of the lookaside URL in an event's media object.")])
    .binary()
    .confidence(Confidence::Observed)
    .notes(&["The lookaside URL itself answers 401 to a Chakra token; this call gives the bytes."]),
];
