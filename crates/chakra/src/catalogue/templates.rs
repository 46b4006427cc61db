//! Message templates, as Meta reviews and keeps them for a WABA.

use portico_domain::Permission;

use super::objects::{CURSORS, SUCCESS, SUCCESS_SAMPLE};
use crate::operation::{Confidence, Kind, LearnedKind, Link, LinkTo, Method, Operation, in_path, in_query, learn};
use crate::schema::{Field, ValueType, optional, required};

const GROUP: &str = "Message templates";
const OF_A_WABA: &[&str] = &["/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{wabaId}/message_templates"];

const CATEGORY: ValueType = ValueType::OneOf(&["MARKETING", "UTILITY", "AUTHENTICATION"]);

const COMPONENT: ValueType = ValueType::Object(&[
    required("type", ValueType::Text, "HEADER, BODY, FOOTER or BUTTONS."),
    optional("format", ValueType::Text, "TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION, of a header."),
    optional("text", ValueType::Text, "The text, with {{1}} or {{name}} for variables."),
    optional(
        "example",
        ValueType::Map(&ValueType::Any),
        "Values for the variables; Meta refuses a template without them.",
    ),
    optional("buttons", ValueType::List(&ValueType::Map(&ValueType::Any)), "The buttons."),
]);

const COMPONENTS: ValueType = ValueType::List(&COMPONENT);

const TEMPLATE: ValueType = ValueType::Object(&[
    required("id", ValueType::Digits, "The template id."),
    optional("name", ValueType::Text, "Its name."),
    optional("status", ValueType::Text, "APPROVED, PENDING, REJECTED, PAUSED, DISABLED or IN_APPEAL."),
    optional("category", ValueType::Text, "MARKETING, UTILITY or AUTHENTICATION."),
    optional("language", ValueType::Text, "For example en_US."),
    optional("parameter_format", ValueType::Text, "POSITIONAL or NAMED."),
    optional("components", ValueType::List(&ValueType::Map(&ValueType::Any)), "Its parts."),
    optional("rejected_reason", ValueType::Text, "Why Meta refused it."),
    optional("quality_score", ValueType::Any, "Meta's rating."),
]);

const LIST_QUERY: &[Field] = &[
    optional("limit", ValueType::Int, "Rows on a page."),
    optional("after", ValueType::Text, "Cursor from paging.cursors.after."),
    optional("before", ValueType::Text, "Cursor from paging.cursors.before."),
    optional(
        "fields",
        ValueType::Text,
        "Comma list of plain field names, such as id,name,status,category,language,components.",
    ),
    optional("name", ValueType::Text, "Only templates of this name."),
    optional("status", ValueType::Text, "Only templates with this status."),
    optional("language", ValueType::Text, "Only templates in this language."),
    optional("category", ValueType::Text, "Only templates of this category."),
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        "create_message_template",
        Method::Post,
        OF_A_WABA,
        Permission::TemplatesWrite,
        GROUP,
        "Create a message template",
    )
    .owned(&[in_path("wabaId", Kind::Waba)])
    .json(
        &[
            required("name", ValueType::Text, "Lower case, digits and underscore; up to 512."),
            required("category", CATEGORY, "What it is for."),
            required("language", ValueType::Text, "For example en_US."),
            optional("parameter_format", ValueType::OneOf(&["POSITIONAL", "NAMED"]), "How variables are written."),
            required("components", COMPONENTS, "Its parts."),
            optional("allow_category_change", ValueType::Bool, "Whether Meta may choose another category."),
            optional("message_send_ttl_seconds", ValueType::Int, "How long Meta tries to deliver, in seconds."),
        ],
        r#"{"name":"order_delayed","category":"UTILITY","language":"en_US","components":[{"type":"BODY",
"text":"Hello {{1}}, your order {{2}} comes a day later","example":{"body_text":[["Ada","42"]]}}]}"#,
    )
    .meta(
        ValueType::Object(&[
            required("id", ValueType::Digits, "The template id."),
            optional("status", ValueType::Text, "PENDING, APPROVED or REJECTED."),
            optional("category", ValueType::Text, "The category that Meta gave it."),
        ]),
        r#"{"id":"400500600700800","status":"PENDING","category":"UTILITY"}"#,
    )
    .learns(&[learn("/id", LearnedKind::Template)])
    .notes(&["After an unknown outcome list by name first: a repeat is refused because the name is taken."]),
    Operation::new(
        "list_message_templates",
        Method::Get,
        OF_A_WABA,
        Permission::TemplatesRead,
        GROUP,
        "List message templates",
    )
    .owned(&[in_path("wabaId", Kind::Waba)])
    .query(LIST_QUERY)
    .meta(
        ValueType::Object(&[required("data", ValueType::List(&TEMPLATE), "The templates."), optional("paging", CURSORS, "Where to go on.")]),
        r#"{"data":[{"id":"400500600700800","name":"order_ready","status":"APPROVED","category":"UTILITY","language":"en_US",
"parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"Hello {{1}}, your order {{2}} is ready"}]}],
"paging":{"cursors":{"before":"QVFI","after":"QVFJ"}}}"#,
    )
    .learns(&[learn("/data/*/id", LearnedKind::Template)])
    .links(&[
        Link { at: "/paging/next", to: LinkTo::SameCall },
        Link { at: "/paging/previous", to: LinkTo::SameCall },
    ])
    .notes(&[
        "`paging.next` leads through Portico, whatever host Meta wrote into it.",
        "The last page still carries `cursors.after`; only the absence of `next` marks the end.",
    ]),
    Operation::new(
        "update_message_template",
        Method::Post,
        &["/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{whatsappMessageTemplateId}"],
        Permission::TemplatesWrite,
        GROUP,
        "Update a message template",
    )
    .owned(&[in_path("whatsappMessageTemplateId", Kind::Learned(LearnedKind::Template))])
    .json(
        &[
            optional("category", CATEGORY, "Another category."),
            optional("components", COMPONENTS, "Replaces all parts."),
            optional("message_send_ttl_seconds", ValueType::Int, "How long Meta tries to deliver, in seconds."),
            optional("parameter_format", ValueType::OneOf(&["POSITIONAL", "NAMED"]), "How variables are written."),
        ],
        r#"{"components":[{"type":"BODY","text":"Hello {{1}}, order {{2}} waits for you","example":{"body_text":[["Ada","42"]]}}]}"#,
    )
    .meta(SUCCESS, SUCCESS_SAMPLE)
    .notes(&["Meta limits edits of an approved template: 10 in 30 days, 1 in 24 hours."]),
    Operation::new(
        "delete_message_template",
        Method::Delete,
        OF_A_WABA,
        Permission::TemplatesWrite,
        GROUP,
        "Delete a message template",
    )
    .owned(&[in_path("wabaId", Kind::Waba), in_query("hsm_id", Kind::Learned(LearnedKind::Template))])
    .query(&[
        required("name", ValueType::Text, "Deletes every language of that name."),
        optional("hsm_id", ValueType::Digits, "With name: only the template with this id."),
    ])
    .meta(SUCCESS, SUCCESS_SAMPLE)
    .repeatable()
    .confidence(Confidence::Observed)
    .notes(&["A second call may answer 404: read it as already done."]),
];
