//! Every `code` that an error of Portico can carry: the table behind `/docs/problems`,
//! `openapi/problems.md` and the examples of the OpenAPI document. Errors name a code by its constant, so that none
//! is answered that the table lacks. A new code is one line more in `codes!`.

/// Where a code occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surfaces {
    /// In `_meta.code` of the Chakra-compatible calls.
    Compatible,
    /// In `code` of a problem of Portico's own API.
    Management,
    /// On both.
    Both,
}

impl Surfaces {
    /// Whether the code occurs in Chakra-compatible calls.
    #[must_use]
    pub const fn is_compatible(self) -> bool {
        matches!(self, Self::Compatible | Self::Both)
    }

    /// Whether the code occurs in Portico's own API.
    #[must_use]
    pub const fn is_management(self) -> bool {
        matches!(self, Self::Management | Self::Both)
    }

    /// `compatible`, `management` or `both`, as in the document's `x-portico-codes`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Management => "management",
            Self::Both => "both",
        }
    }
}

/// A stable error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The text that clients compare with. Never changes its meaning.
    pub code: &'static str,
    /// The HTTP status that it comes with.
    pub status: u16,
    /// Where it occurs.
    pub surface: Surfaces,
    /// What happened, in a sentence.
    pub meaning: &'static str,
    /// What to do about it, in a sentence.
    pub fix: &'static str,
}

impl Code {
    /// The code as a title: the same few words whatever the case, such as `Chakra key missing`.
    #[must_use]
    pub fn title(&self) -> String {
        let words = self.code.split('_').enumerate().map(|(at, word)| match word {
            "api" | "csrf" | "waba" => word.to_ascii_uppercase(),
            "chakra" => "Chakra".to_owned(),
            _ if at > 0 => word.to_owned(),
            _ => word[..1].to_ascii_uppercase() + &word[1..],
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Writes the table once: each line gives a constant and an entry of [`CODES`].
macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $surface:ident, $meaning:literal, $fix:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Code = Code {
                code: $code,
                status: $status,
                surface: Surfaces::$surface,
                meaning: $meaning,
                fix: $fix,
            };
        )*

        /// Every code, by status.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

#[rustfmt::skip]
codes! {
    BODY_MALFORMED = "body_malformed", 400, Both, "The body is not the JSON that the call takes.", "Send one JSON object in UTF-8; the text says where it breaks off.";
    HEADER_MALFORMED = "header_malformed", 400, Both, "A header of the request is malformed.", "Correct the header that the text names.";
    IDS_DO_NOT_MATCH = "ids_do_not_match", 400, Compatible, "Two ids of the request do not belong together.", "Name a phone number of the plugin in the path, and repeat in the body what the path says.";
    PATH_MALFORMED = "path_malformed", 400, Management, "A part of the path is no id of the kind that stands there.", "Write the id as Portico gave it, with its prefix.";
    PATH_NOT_ALLOWED = "path_not_allowed", 400, Compatible, "The path holds an empty or dotted segment, an encoded slash, a control character, or a malformed Graph API version.", "Write ids as they are, and the version as v24.0.";
    QUERY_MALFORMED = "query_malformed", 400, Both, "The query is malformed, or names a parameter twice.", "Correct the parameter that the text names.";
    REQUEST_MALFORMED = "request_malformed", 400, Management, "What came is no HTTP request.", "Send HTTP/1.1 as RFC 9112 has it.";
    TENANT_REQUIRED = "tenant_required", 400, Both, "The operator's token names no tenant by itself.", "Add the header `Portico-Tenant: ten_…`.";
    KEY_EXPIRED = "key_expired", 401, Both, "The API key has expired.", "Create a new API key.";
    SIGNATURE_INVALID = "signature_invalid", 401, Management, "What was posted to a hook is not signed with a secret that is in force, or there is no such hook.", "Set the secret of the Chakra team with `PUT /api/v1/webhook-secret`, and the address from `GET /api/v1/plugins/{plugin_id}/hook`.";
    TOKEN_EXPIRED = "token_expired", 401, Both, "The token has expired.", "Mint another one with `POST /api/v1/tokens`.";
    TOKEN_INVALID = "token_invalid", 401, Both, "The token is not one that is valid here, or what it was minted with is revoked.", "Mint another one with `POST /api/v1/tokens`, and send it whole.";
    UNAUTHORIZED = "unauthorized", 401, Both, "There is no credential, or no key or session that Portico knows.", "Send `Authorization: Bearer ptc_…` with a key that is not revoked, or sign in again.";
    ADDRESS_NOT_ALLOWED = "address_not_allowed", 403, Both, "The API key may not be used from this address.", "Call from an address in the key's `allowed_ips`, or change them.";
    CSRF_FAILED = "csrf_failed", 403, Management, "A change with a session's cookie was not sent by a page of Portico's own.", "Send the header `X-CSRF-Token` that `GET /api/v1/session` tells, from a page of the same origin; or use an API key.";
    KEY_LIMITED = "key_limited", 403, Both, "The call reaches beyond single customers, and the key is limited to some.", "Use a key without such limits.";
    MORE_THAN_OWN_PERMISSIONS = "more_than_own_permissions", 403, Management, "The call would give away more than the caller has.", "Choose a role with no permission beyond your own, or let somebody with more do it.";
    NOT_FOR_OPERATOR = "not_for_operator", 403, Management, "The operator's token cannot do this: a key or a person of the tenant must stand behind it.", "Use an API key of the tenant.";
    OLD_SECRET = "old_secret", 403, Management, "A rotation replaced this secret of the key; what it would make outlives it.", "Use the key's new secret.";
    OPERATOR_ONLY = "operator_only", 403, Management, "Only the operator may do this.", "Ask whoever runs this Portico.";
    PERMISSION_DENIED = "permission_denied", 403, Both, "The key's role, or the token, lacks the permission that the text names; or no token may do this.", "Use a key whose role has it, or a token that was minted with it.";
    TEAM_WIDE_REFUSED = "team_wide_refused", 403, Both, "The call reaches a whole Chakra team, which is not known to be this tenant's alone.", "Use a call that names a plugin, a phone number, a WABA or an id from an answer; see `/docs/limits#shared-team`.";
    TENANT_MISMATCH = "tenant_mismatch", 403, Both, "The header Portico-Tenant names another tenant than the caller's own.", "Leave the header out, or call with a key of that tenant.";
    TENANT_SUSPENDED = "tenant_suspended", 403, Both, "The operator suspended the tenant.", "Ask whoever runs this Portico.";
    NOT_FOUND = "not_found", 404, Both, "There is nothing at this path, or nothing that this caller may know of.", "Compare method, path and id with the OpenAPI document at `/openapi.json`.";
    NOT_OFFERED = "not_offered", 404, Compatible, "Clients try this call, but Chakra does not offer it.", "The text names the call to use instead.";
    PHONE_NUMBER_NOT_FOUND = "phone_number_not_found", 404, Compatible, "The phone number does not exist, or not for this caller.", "`GET /api/v1/phone-numbers` lists yours; Meta's id is meant, not the number.";
    PLUGIN_NOT_FOUND = "plugin_not_found", 404, Compatible, "The plugin does not exist, or not for this caller.", "`GET /api/v1/plugins` lists yours.";
    RESOURCE_NOT_FOUND = "resource_not_found", 404, Compatible, "A message, group, call or the like does not exist, or not for this caller.", "Use an id from an answer or event of your own customers.";
    WABA_NOT_FOUND = "waba_not_found", 404, Compatible, "The WABA does not exist, or not for this caller.", "`GET /api/v1/wabas` lists yours.";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, Both, "The path exists with other methods.", "Use a method of the `Allow` header.";
    REQUEST_TOO_SLOW = "request_too_slow", 408, Both, "The request arrives too slowly.", "Send it at once; what Portico waits for at most is on the page of limits.";
    API_KEY_REVOKED = "api_key_revoked", 409, Management, "The key is revoked for good.", "Create a new one with `POST /api/v1/api-keys`.";
    CHAKRA_KEY_IN_USE = "chakra_key_in_use", 409, Management, "The Chakra key is the one that calls use.", "Make another one the default first, or repeat the call with `?force=true`.";
    CHAKRA_KEY_MISSING = "chakra_key_missing", 409, Both, "The tenant has no Chakra key to call with, or none that is the default.", "Store one with `POST /api/v1/chakra-keys`, or choose one with `POST /api/v1/chakra-keys/{id}/set-default`.";
    CHAKRA_KEY_NAME_TAKEN = "chakra_key_name_taken", 409, Management, "Another Chakra key has this name.", "Choose another.";
    CHAKRA_KEY_TOKEN_TAKEN = "chakra_key_token_taken", 409, Management, "This access token is stored already.", "Use the Chakra key that holds it.";
    CHANGED_MEANWHILE = "changed_meanwhile", 409, Management, "What the call refers to changed meanwhile.", "Read it again and repeat.";
    CUSTOMER_CONNECTED = "customer_connected", 409, Management, "The customer still has plugins at Chakra.", "Delete them first with `DELETE /api/v1/plugins/{plugin_id}`.";
    CUSTOMER_EXTERNAL_ID_TAKEN = "customer_external_id_taken", 409, Management, "Another customer has this `external_id`.", "`PUT /api/v1/customers/by-external-id/{external_id}` gets or makes one.";
    EVENT_NOT_QUARANTINED = "event_not_quarantined", 409, Management, "The event is not in quarantine.", "`GET /api/v1/quarantined-events` lists those that are.";
    EVENT_OF_ANOTHER_PLUGIN = "event_of_another_plugin", 409, Management, "The event names an account or a number that is not known to be this plugin's.", "Synchronise the plugin with `POST /api/v1/plugins/{plugin_id}/sync`, or choose the plugin whose it is.";
    EVENT_RECEIVED_ALREADY = "event_received_already", 409, Management, "The plugin has received this event already.", "`GET /api/v1/events` with its `message_id` finds it.";
    EXPORT_RUNNING = "export_running", 409, Management, "Another export of this tenant is being written.", "Repeat the call when it has ended.";
    INVITATION_ACCEPTED = "invitation_accepted", 409, Management, "The invitation was accepted.", "Remove the member with `DELETE /api/v1/members/{id}`.";
    INVITATION_OPEN = "invitation_open", 409, Management, "The address has an open invitation.", "Take it back with `DELETE /api/v1/invitations/{id}` to invite anew.";
    LAST_OWNER = "last_owner", 409, Management, "It would leave the tenant without an owner that has no limits and does not expire.", "Make another member or API key owner first.";
    MEMBER_EXISTS = "member_exists", 409, Management, "Somebody with this address is a member already.", "Change the role with `PATCH /api/v1/members/{id}`; for a lost password, `POST /api/v1/members/{id}/sign-in-link`.";
    PHONE_NUMBER_INACTIVE = "phone_number_inactive", 409, Compatible, "The tenant switched the phone number off.", "Switch it on with `PATCH /api/v1/phone-numbers/{id}`.";
    PLUGIN_EXISTS = "plugin_exists", 409, Management, "The plugin is recorded already.", "Read it with `GET /api/v1/plugins/{plugin_id}`.";
    ROLE_IN_USE = "role_in_use", 409, Management, "API keys, members or open invitations still have the role.", "Give them another one, or end them.";
    ROLE_NAME_TAKEN = "role_name_taken", 409, Management, "Another role has this name.", "Choose another.";
    TEAM_IN_USE = "team_in_use", 409, Management, "The access token is of a Chakra team that is in use.", "Use a Chakra team of your own, or ask whoever runs this Portico to let you share it.";
    TOO_MANY_OLD_SECRETS = "too_many_old_secrets", 409, Management, "Five old secrets of the key still open.", "Wait until one ends, or end all of them with an overlap of 0.";
    PRECONDITION_FAILED = "precondition_failed", 412, Management, "It changed since it was read.", "Read it again, and repeat the change with the new ETag in `If-Match`.";
    BODY_TOO_LARGE = "body_too_large", 413, Both, "The body is longer than the call takes.", "JSON may have 1 MiB, media 100 MiB, what is posted to a hook 3 MiB.";
    CONTENT_TYPE_UNSUPPORTED = "content_type_unsupported", 415, Both, "The content type, or its encoding, is not one that the call takes.", "Send the `Content-Type` that the text names, without `Content-Encoding`.";
    FIELD_NOT_OFFERED = "not_offered", 422, Management, "A field of the request is a setting that has no effect yet.", "Leave out the fields in `errors`.";
    VALIDATION_FAILED = "validation_failed", 422, Management, "A field of the request is wrong.", "Correct the fields in `errors`; each has a JSON pointer and a text.";
    PRECONDITION_REQUIRED = "precondition_required", 428, Management, "The change does not say what it is based on.", "Send `If-Match` with the ETag of what you read.";
    RATE_LIMITED = "rate_limited", 429, Both, "There were too many calls; the text says by which limit.", "Repeat it after `Retry-After` seconds; nothing was done. `RateLimit` says how much is left.";
    TENANT_BUSY = "tenant_busy", 429, Management, "Too many management calls of the tenant are under way at once.", "Wait for some to end and repeat; a replica works on four at once.";
    TENANT_CALLS_BUSY = "tenant_calls_busy", 429, Compatible, "Too many calls of the tenant are under way at once.", "Wait for some to end and repeat; a replica forwards 256 at once, and 64 that move media.";
    HEAD_TOO_LARGE = "head_too_large", 431, Management, "The head of the request is longer than 64 KiB, or has more than 100 headers.", "Leave headers out, or put what is long into the body.";
    INTERNAL = "internal", 500, Both, "Portico failed.", "Repeat it if the operation is safe to repeat; report the request id to whoever runs this Portico.";
    CHAKRA_KEY_LACKS_PERMISSION = "chakra_key_lacks_permission", 502, Both, "Chakra takes the stored key, but not for this call: the key's access role there lacks a permission.", "Read Chakra's own words in the text; give the role that permission at Chakra, or use a key that has it.";
    CHAKRA_KEY_REFUSED = "chakra_key_refused", 502, Both, "Chakra refuses the stored key.", "Replace it with `POST /api/v1/chakra-keys/{id}/replace`.";
    UPSTREAM_GARBLED = "upstream_garbled", 502, Both, "Chakra's answer cannot be read.", "Look whether the change was made before you repeat it.";
    UPSTREAM_REJECTED = "upstream_rejected", 502, Both, "Chakra said no to a call that Portico made for this one.", "Read Chakra's own words in the text.";
    UPSTREAM_UNREACHABLE = "upstream_unreachable", 502, Both, "Chakra cannot be reached, or broke off.", "Look whether the change was made before you repeat it.";
    UPSTREAM_WORDLESS = "upstream_wordless", 502, Compatible, "Chakra failed with a page, a plain text or nothing. The status is Chakra's own.", "Repeat a read later; before you repeat a change, look whether it was made.";
    BUSY = "busy", 503, Management, "Portico is busy with other work of this kind.", "Repeat the call after the seconds in `Retry-After`.";
    DATABASE_UNAVAILABLE = "database_unavailable", 503, Both, "Portico's database cannot be reached.", "Repeat it after `Retry-After` seconds; nothing was done.";
    VAULT_UNAVAILABLE = "vault_unavailable", 503, Both, "A master key cannot be reached, or this replica does not have it, and what it would open is not in memory.", "Repeat it after `Retry-After` seconds; nothing was done.";
    UPSTREAM_TIMEOUT = "upstream_timeout", 504, Both, "Chakra did not answer in time.", "Look whether the change was made before you repeat it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_in_order() {
        let order: Vec<_> = CODES.iter().map(|entry| (entry.status, entry.code)).collect();
        assert!(order.is_sorted(), "order CODES by status and code");
        // What is not offered is a path of Chakra's, and a field of Portico's own API: one code, two statuses.
        let mut names: Vec<_> = CODES.iter().map(|entry| (entry.code, entry.surface.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CODES.len());
        let twice = |code: &str| CODES.iter().filter(|entry| entry.code == code).count() > 1;
        assert!(CODES.iter().all(|entry| entry.code == "not_offered" || !twice(entry.code)));
    }

    #[test]
    fn a_title_is_the_code_in_words() {
        let titles = [CHAKRA_KEY_MISSING, API_KEY_REVOKED, CSRF_FAILED, NOT_FOUND].map(|code| code.title());
        assert_eq!(titles, ["Chakra key missing", "API key revoked", "CSRF failed", "Not found"]);
    }

    #[test]
    fn codes_fit_into_addresses_tables_and_html() {
        for entry in CODES {
            assert!(entry.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", entry.code);
            for text in [entry.meaning, entry.fix] {
                assert!(text.ends_with('.') && !text.contains(['|', '<', '>', '&', '\n']), "{text}");
            }
        }
    }
}
