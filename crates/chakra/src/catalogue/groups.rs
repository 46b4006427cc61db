//! Groups. Chakra's paths are inferred from Meta's: each has three candidates.

use portico_domain::Permission;

use super::objects::CURSORS;
use crate::operation::{
    BodyKind, Confidence, Kind, LearnedKind, Link, LinkTo, Method, Operation, Owned, in_path, learn,
};
use crate::schema::{Field, ValueType, optional, required};

const GROUP: &str = "Groups";

const OF_A_NUMBER: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/groups",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/groups",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/groups",
];
const ONE: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{groupId}",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{groupId}",
];
const INVITE_LINK: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{groupId}/invite_link",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}/invite_link",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{groupId}/invite_link",
];
const JOIN_REQUESTS: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{groupId}/join_requests",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}/join_requests",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{groupId}/join_requests",
];
const PARTICIPANTS: &[&str] = &[
    "/v1/whatsapp/{whatsappApiVersion}/{groupId}/participants",
    "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}/participants",
    "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{groupId}/participants",
];

const BY_NUMBER: &[Owned] = &[in_path("pluginId", Kind::Plugin), in_path("whatsappPhoneNumberId", Kind::PhoneNumber)];
const BY_ID: &[Owned] = &[in_path("pluginId", Kind::Plugin), in_path("groupId", Kind::Learned(LearnedKind::Group))];

const PAGE: &[Field] = &[
    optional("limit", ValueType::Int, "25 when absent, at most 1024."),
    optional("after", ValueType::Text, "Cursor from paging.cursors.after."),
    optional("before", ValueType::Text, "Cursor from paging.cursors.before."),
];

const PRODUCT: Field = required("messaging_product", ValueType::OneOf(&["whatsapp"]), "Always whatsapp.");

const ACCEPTED: ValueType = ValueType::Object(&[
    optional("messaging_product", ValueType::Text, "whatsapp."),
    required("request_id", ValueType::Text, "The event that tells the outcome carries the same id."),
]);

const LINK: ValueType = ValueType::Object(&[
    optional("messaging_product", ValueType::Text, "whatsapp."),
    required("invite_link", ValueType::Url, "Whoever has it can ask to join."),
]);

const FAILED: ValueType = ValueType::List(&ValueType::Object(&[
    required("join_request_id", ValueType::Text, "The request."),
    optional("errors", ValueType::List(&ValueType::Map(&ValueType::Any)), "code, message, title, error_data."),
]));

const REQUESTS: &[Field] =
    &[PRODUCT, required("join_requests", ValueType::List(&ValueType::Text), "Values of join_request_id.")];
const REQUESTS_SAMPLE: &str = r#"{"messaging_product":"whatsapp","join_requests":["jr_0001"]}"#;

const LATER: &str = "The call only accepts the wish; the outcome arrives as an event with the same request_id.";
const ELIGIBLE: &str = "Meta gives groups only to eligible numbers; expect an error of Meta's otherwise.";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("create_group", Method::Post, OF_A_NUMBER, Permission::GroupsWrite, GROUP, "Create a group")
        .owned(BY_NUMBER)
        .json(
            &[
                PRODUCT,
                required("subject", ValueType::Text, "Its name; up to 128 characters."),
                optional("description", ValueType::Text, "Up to 2048 characters."),
                optional("join_approval_mode", ValueType::OneOf(&["approval_required", "auto_approve"]), "Who may join."),
            ],
            r#"{"messaging_product":"whatsapp","subject":"Order 42","join_approval_mode":"auto_approve"}"#,
        )
        .meta(ACCEPTED, r#"{"messaging_product":"whatsapp","request_id":"req_0000000000000001"}"#)
        .confidence(Confidence::Inferred)
        .notes(&[LATER, ELIGIBLE]),
    Operation::new("list_groups", Method::Get, OF_A_NUMBER, Permission::GroupsRead, GROUP, "List groups")
        .owned(BY_NUMBER)
        .query(PAGE)
        .meta(
            ValueType::Object(&[
                required(
                    "data",
                    ValueType::Object(&[optional(
                        "groups",
                        ValueType::List(&ValueType::Object(&[
                            required("id", ValueType::Text, "The group id."),
                            optional("subject", ValueType::Text, "Its name."),
                            optional("created_at", ValueType::Text, "Seconds since 1970."),
                        ])),
                        "The groups.",
                    )]),
                    "The answer.",
                ),
                optional("paging", CURSORS, "Where to go on."),
            ]),
            r#"{"data":{"groups":[{"id":"Y2FwaV9ncm91cDoxNTU1MDAwMjIyMg==","subject":"Order 42","created_at":"1790000000"}]},
"paging":{"cursors":{"before":"QVFI","after":"QVFJ"}}}"#,
        )
        .learns(&[learn("/data/groups/*/id", LearnedKind::Group)])
        .links(&[
            Link { at: "/paging/next", to: LinkTo::SameCall },
            Link { at: "/paging/previous", to: LinkTo::SameCall },
        ])
        .confidence(Confidence::Inferred)
        .notes(&[ELIGIBLE]),
    Operation::new("get_group_info", Method::Get, ONE, Permission::GroupsRead, GROUP, "Get a group")
        .owned(BY_ID)
        .query(&[optional("fields", ValueType::Text, "Comma list of plain field names.")])
        .meta(
            ValueType::Object(&[
                optional("messaging_product", ValueType::Text, "whatsapp."),
                required("id", ValueType::Text, "The group id."),
                optional("subject", ValueType::Text, "Its name."),
                optional("description", ValueType::Text, "What it is about."),
                optional("creation_timestamp", ValueType::Text, "Seconds since 1970."),
                optional("suspended", ValueType::Bool, "Whether WhatsApp suspended it."),
                optional("total_participant_count", ValueType::Int, "How many are in it."),
                optional("participants", ValueType::List(&ValueType::Object(&[optional("wa_id", ValueType::Digits, "The person.")])), "Who is in it."),
                optional("join_approval_mode", ValueType::Text, "approval_required or auto_approve."),
            ]),
            r#"{"messaging_product":"whatsapp","id":"Y2FwaV9ncm91cDoxNTU1MDAwMjIyMg==","subject":"Order 42","description":"",
"creation_timestamp":"1790000000","suspended":false,"total_participant_count":1,"participants":[{"wa_id":"15550001111"}],"join_approval_mode":"auto_approve"}"#,
        )
        .confidence(Confidence::Inferred)
        .notes(&[ELIGIBLE]),
    Operation::new("update_group_settings", Method::Post, ONE, Permission::GroupsWrite, GROUP, "Update a group")
        .owned(BY_ID)
        .json(
            &[
                PRODUCT,
                optional("subject", ValueType::Text, "A new name."),
                optional("description", ValueType::Text, "A new description."),
                optional("profile_picture_file", ValueType::File, "A picture; send the call as multipart/form-data then."),
            ],
            r#"{"messaging_product":"whatsapp","subject":"Order 42, paid"}"#,
        )
        .body_kind(BodyKind::JsonOrMultipart)
        .meta(ACCEPTED, r#"{"messaging_product":"whatsapp","request_id":"req_0000000000000002"}"#)
        .repeatable()
        .confidence(Confidence::Inferred)
        .notes(&[LATER, ELIGIBLE]),
    Operation::new("delete_group", Method::Delete, ONE, Permission::GroupsWrite, GROUP, "Delete a group")
        .owned(BY_ID)
        .meta(ACCEPTED, r#"{"messaging_product":"whatsapp","request_id":"req_0000000000000003"}"#)
        .repeatable()
        .confidence(Confidence::Inferred)
        .notes(&[LATER, ELIGIBLE]),
    Operation::new("get_group_invite_link", Method::Get, INVITE_LINK, Permission::GroupsRead, GROUP, "Get a group's invite link")
        .owned(BY_ID)
        .meta(LINK, r#"{"messaging_product":"whatsapp","invite_link":"https://chat.whatsapp.com/EXAMPLEinvite0000000000"}"#)
        .confidence(Confidence::Inferred)
        .notes(&[ELIGIBLE]),
    Operation::new("reset_group_invite_link", Method::Post, INVITE_LINK, Permission::GroupsWrite, GROUP, "Reset a group's invite link")
        .owned(BY_ID)
        .json(&[PRODUCT], r#"{"messaging_product":"whatsapp"}"#)
        .meta(LINK, r#"{"messaging_product":"whatsapp","invite_link":"https://chat.whatsapp.com/EXAMPLEinvite0000000001"}"#)
        .confidence(Confidence::Inferred)
        .notes(&["The link that was given out before stops working.", ELIGIBLE]),
    Operation::new("get_group_join_requests", Method::Get, JOIN_REQUESTS, Permission::GroupsRead, GROUP, "List a group's join requests")
        .owned(BY_ID)
        .query(PAGE)
        .meta(
            ValueType::Object(&[
                required(
                    "data",
                    ValueType::List(&ValueType::Object(&[
                        required("join_request_id", ValueType::Text, "The request."),
                        optional("wa_id", ValueType::Digits, "Who asks."),
                        optional("creation_timestamp", ValueType::Text, "Seconds since 1970."),
                    ])),
                    "The requests.",
                ),
                optional("paging", CURSORS, "Where to go on."),
            ]),
            r#"{"data":[{"join_request_id":"jr_0001","wa_id":"15550001111","creation_timestamp":"1790000000"}],"paging":{"cursors":{"before":"QVFI","after":"QVFJ"}}}"#,
        )
        .links(&[
            Link { at: "/paging/next", to: LinkTo::SameCall },
            Link { at: "/paging/previous", to: LinkTo::SameCall },
        ])
        .confidence(Confidence::Inferred)
        .notes(&[ELIGIBLE]),
    Operation::new("approve_group_join_request", Method::Post, JOIN_REQUESTS, Permission::GroupsWrite, GROUP, "Approve join requests")
        .owned(BY_ID)
        .json(REQUESTS, REQUESTS_SAMPLE)
        .meta(
            ValueType::Object(&[
                optional("messaging_product", ValueType::Text, "whatsapp."),
                optional("approved_join_requests", ValueType::List(&ValueType::Text), "Done."),
                optional("failed_join_requests", FAILED, "Not done."),
            ]),
            r#"{"messaging_product":"whatsapp","approved_join_requests":["jr_0001"],"failed_join_requests":[]}"#,
        )
        .repeatable()
        .confidence(Confidence::Inferred)
        .notes(&[ELIGIBLE]),
    Operation::new("reject_group_join_request", Method::Delete, JOIN_REQUESTS, Permission::GroupsWrite, GROUP, "Reject join requests")
        .owned(BY_ID)
        .json(REQUESTS, REQUESTS_SAMPLE)
        .meta(
            ValueType::Object(&[
                optional("messaging_product", ValueType::Text, "whatsapp."),
                optional("rejected_join_requests", ValueType::List(&ValueType::Text), "Done."),
                optional("failed_join_requests", FAILED, "Not done."),
            ]),
            r#"{"messaging_product":"whatsapp","rejected_join_requests":["jr_0001"],"failed_join_requests":[]}"#,
        )
        .repeatable()
        .confidence(Confidence::Inferred)
        .notes(&["A DELETE with a JSON body.", ELIGIBLE]),
    Operation::new("remove_group_participants", Method::Delete, PARTICIPANTS, Permission::GroupsWrite, GROUP, "Remove participants")
        .owned(BY_ID)
        .json(
            &[
                PRODUCT,
                required(
                    "participants",
                    ValueType::List(&ValueType::Object(&[required("user", ValueType::Text, "Phone number or WhatsApp id.")])),
                    "Whom to remove; at most 8.",
                ),
            ],
            r#"{"messaging_product":"whatsapp","participants":[{"user":"15550001111"}]}"#,
        )
        .meta(ACCEPTED, r#"{"messaging_product":"whatsapp","request_id":"req_0000000000000004"}"#)
        .repeatable()
        .confidence(Confidence::Inferred)
        .notes(&["A DELETE with a JSON body.", LATER, ELIGIBLE]),
];
