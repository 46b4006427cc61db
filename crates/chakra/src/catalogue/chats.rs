//! Chats and campaigns.

use portico_domain::Permission;

use super::objects::{CHAT, CHAT_MESSAGE, CHAT_MESSAGES_SAMPLE, CHATS_SAMPLE};
use crate::operation::{AnswerRule, Confidence, Kind, LearnedKind, Method, Operation, in_path, learn, row};
use crate::schema::{Field, ValueType, optional, required};

const CHATS: &str = "Chats";
const CAMPAIGNS: &str = "Campaigns";

const LIMIT: Field = optional("limit", ValueType::Int, "Rows on a page.");
const PAGE: Field = optional("page", ValueType::Int, "Which page, from 1.");

const NARROWED: &str = "Chakra answers for the whole team; only the rows that belong to the caller remain.";
const PAGED: &str = "For keys that are limited to customers, and where another tenant may be in the Chakra team, `page` and `limit` count the caller's own rows, `_meta.hasMore` tells whether more follow, and the latest 2,000 rows of the team are looked through.";
const UNKNOWN: &str = "No public page or client shows this call: path and body are guesses.";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("list_chats", Method::Post, &["/v1/ext/chat"], Permission::ChatsRead, CHATS, "List chats")
        .json(
            &[
                optional("orderField", ValueType::Text, "createdAt or updatedAt."),
                optional("orderDirection", ValueType::OneOf(&["asc", "desc"]), "Which way."),
                LIMIT,
                PAGE,
                optional("search", ValueType::Text, "Digits of a phone number, or a name."),
            ],
            r#"{"orderField":"updatedAt","orderDirection":"desc","limit":25,"page":1}"#,
        )
        .data(ValueType::List(&CHAT), CHATS_SAMPLE)
        .rule(AnswerRule::FilterRows(&[row("/providerHandleId", Kind::PhoneNumber), row("/plugin", Kind::Plugin)]))
        .paged(100, &["orderField", "orderDirection"])
        .learns(&[learn("/_data/*/id", LearnedKind::Chat)])
        .repeatable()
        .notes(&["A read that uses POST.", NARROWED, PAGED, "Such callers cannot use `search`."]),
    Operation::new(
        "list_chat_messages",
        Method::Post,
        &["/v1/ext/chat/{chatId}/message"],
        Permission::ChatsRead,
        CHATS,
        "List the messages of a chat",
    )
    .owned(&[in_path("chatId", Kind::Learned(LearnedKind::Chat))])
    .json(&[LIMIT, PAGE], r#"{"limit":50,"page":1}"#)
    .data(ValueType::List(&CHAT_MESSAGE), CHAT_MESSAGES_SAMPLE)
    .learns(&[learn("/_data/*/externalId", LearnedKind::Message)])
    .repeatable()
    .notes(&["A read that uses POST.", "Chats are learned from the list of chats."]),
    Operation::new(
        "list_messages_for_phone_number",
        Method::Post,
        &["/v1/ext/plugin/whatsapp/list-chat-messages-for-phone-number"],
        Permission::ChatsRead,
        CHATS,
        "List previous messages of a person",
    )
    .json(
        &[required("customerPhoneNumber", ValueType::Digits, "The person: country code and digits."), LIMIT, PAGE],
        r#"{"customerPhoneNumber":"15550001111","limit":50,"page":1}"#,
    )
    .data(ValueType::List(&CHAT_MESSAGE), CHAT_MESSAGES_SAMPLE)
    .rule(AnswerRule::FilterRows(&[row("/plugin", Kind::Plugin)]))
    .paged(100, &["customerPhoneNumber"])
    .learns(&[learn("/_data/*/externalId", LearnedKind::Message), learn("/_data/*/chat", LearnedKind::Chat)])
    .repeatable()
    .notes(&["A read that uses POST.", NARROWED, PAGED]),
    Operation::new(
        "delete_chat",
        Method::Delete,
        &["/v1/ext/chat/{chatId}"],
        Permission::ChatsWrite,
        CHATS,
        "Delete a chat",
    )
    .owned(&[in_path("chatId", Kind::Learned(LearnedKind::Chat))])
    .data(ValueType::Object(&[]), "{}")
    .repeatable()
    .confidence(Confidence::Inferred)
    .notes(&["A second call may answer 404: read it as already done."]),
    Operation::new(
        "add_phone_number_to_lead_campaign",
        Method::Post,
        &["/v1/ext/campaign/{campaignId}/phone-number"],
        Permission::CampaignsWrite,
        CAMPAIGNS,
        "Add a phone number to a lead campaign",
    )
    .owned(&[in_path("campaignId", Kind::Learned(LearnedKind::Campaign))])
    .json(&[required("phoneNumber", ValueType::Digits, "The person.")], r#"{"phoneNumber":"15550001111"}"#)
    .data(ValueType::Object(&[]), "{}")
    .confidence(Confidence::Inferred)
    .notes(&[UNKNOWN, "Joining a campaign can send messages."]),
    Operation::new(
        "remove_phone_number_from_lead_campaign",
        Method::Delete,
        &["/v1/ext/campaign/{campaignId}/phone-number"],
        Permission::CampaignsWrite,
        CAMPAIGNS,
        "Remove a phone number from a lead campaign",
    )
    .owned(&[in_path("campaignId", Kind::Learned(LearnedKind::Campaign))])
    .json(&[required("phoneNumber", ValueType::Digits, "The person.")], r#"{"phoneNumber":"15550001111"}"#)
    .data(ValueType::Object(&[]), "{}")
    .confidence(Confidence::Inferred)
    .notes(&[UNKNOWN, "A DELETE with a JSON body."]),
];
