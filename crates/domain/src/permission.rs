//! What a caller may do. A permission is `resource:action`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission \"{0}\"; GET /api/v1/permissions lists them")]
pub struct UnknownPermission(pub String);

macro_rules! permissions {
    // `$text` is a `tt`: the derive of `ToSchema` does not see a `literal` inside `rename`.
    ($($variant:ident = $text:tt, $what:literal;)+) => {
        /// One thing that a role may allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
        #[repr(u8)]
        pub enum Permission {
            $(#[doc = $what] #[serde(rename = $text)] $variant,)+
        }

        impl Permission {
            /// Every permission, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The spelling `resource:action`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The sentence that says what it allows.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }
        }

        impl FromStr for Permission {
            type Err = UnknownPermission;

            fn from_str(text: &str) -> Result<Self, UnknownPermission> {
                match text { $($text => Ok(Self::$variant),)+ other => Err(UnknownPermission(other.to_owned())) }
            }
        }

        /// A type for each permission: what a handler or use case asks for in its signature.
        pub mod perm {
            $(
                #[doc = $what]
                #[derive(Debug, Clone, Copy)]
                pub enum $variant {}

                impl super::Required for $variant {
                    const PERMISSION: super::Permission = super::Permission::$variant;
                }
            )+
        }
    };
}

/// A permission as a type, so that a signature can name it.
pub trait Required: 'static {
    /// The permission that the type stands for.
    const PERMISSION: Permission;
}

permissions! {
    MessagesSend = "messages:send", "Send messages and mark received ones as read.";
    MessagesRead = "messages:read", "Read stored messages.";
    TemplatesRead = "templates:read", "List message templates.";
    TemplatesWrite = "templates:write", "Create, change and delete message templates.";
    MediaRead = "media:read", "Fetch media of received messages.";
    MediaWrite = "media:write", "Upload public media.";
    GroupsRead = "groups:read", "Read groups, their invite links and join requests.";
    GroupsWrite = "groups:write", "Create, change and delete groups.";
    CallsRead = "calls:read", "Read calling settings and call permissions.";
    CallsWrite = "calls:write", "Start and steer calls.";
    CallsConfigure = "calls:configure", "Change calling settings.";
    CallsCredentials = "calls:credentials", "Read the SIP password inside calling settings.";
    FlowsRead = "flows:read", "Read the business public key.";
    FlowsWrite = "flows:write", "Set the business public key.";
    LeadsWrite = "leads:write", "Create and change leads.";
    ChatsRead = "chats:read", "List chats and their messages.";
    ChatsWrite = "chats:write", "Delete chats.";
    CampaignsWrite = "campaigns:write", "Add phone numbers to lead campaigns and remove them.";
    ProcessesRead = "processes:read", "Read the team's processes.";
    ProcessesWrite = "processes:write", "Create, change and delete the team's processes.";
    TasksWrite = "tasks:write", "Create tasks.";
    UsersRead = "users:read", "Read the users of the Chakra team.";
    UsersWrite = "users:write", "Change the users of the Chakra team.";
    PhotosRead = "photos:read", "Fetch photos.";
    PhotosWrite = "photos:write", "Upload photos.";
    JobsRead = "jobs:read", "Read background jobs.";
    TeamRead = "team:read", "Read the configuration of the whole Chakra team.";
    ConnectionsRead = "connections:read", "See whether a customer is connected.";
    ConnectionsWrite = "connections:write", "Connect and disconnect customers.";
    PluginsRead = "plugins:read", "Read plugins and their configuration.";
    PluginsWrite = "plugins:write", "Create, change, synchronise and delete plugins.";
    WabasRead = "wabas:read", "Read WhatsApp Business Accounts.";
    PhoneNumbersRead = "phone_numbers:read", "Read phone numbers and their health.";
    PhoneNumbersWrite = "phone_numbers:write", "Choose the active phone numbers.";
    CustomersRead = "customers:read", "Read customers.";
    CustomersWrite = "customers:write", "Create, change and delete customers.";
    TenantRead = "tenant:read", "Read the tenant's own settings.";
    TenantWrite = "tenant:write", "Change the tenant's own settings.";
    RolesRead = "roles:read", "Read roles and permissions.";
    RolesWrite = "roles:write", "Create, change and delete roles.";
    ApiKeysRead = "api_keys:read", "Read API keys (never their secrets).";
    ApiKeysWrite = "api_keys:write", "Create, change and revoke API keys.";
    ChakraKeysRead = "chakra_keys:read", "Read stored Chakra keys (fingerprint and last four characters only).";
    ChakraKeysWrite = "chakra_keys:write", "Store, verify, replace and delete Chakra keys.";
    RequestsRead = "requests:read", "Read the log of proxied calls.";
    EventsRead = "events:read", "Read events, with what people wrote, and those in quarantine.";
    EventsWrite = "events:write", "Route events that are in quarantine.";
    WebhooksRead = "webhooks:read", "Read where events come in: hooks, and how they are signed.";
    WebhooksWrite = "webhooks:write", "Create and rotate hooks, and set what events are signed with.";
    MembersRead = "members:read", "Read members and invitations.";
    MembersWrite = "members:write", "Invite members, change their roles and remove them.";
    TokensMint = "tokens:mint", "Mint short-lived tokens that can do no more than their minter.";
    AuditLogRead = "audit_log:read", "Read, verify and export the audit log.";
    TenantExport = "tenant:export", "Export everything that the tenant owns, but no secrets.";
    TenantsRead = "tenants:read", "Operator only: read tenants.";
    TenantsWrite = "tenants:write", "Operator only: create, change, suspend and delete tenants.";
    SigningKeysRead = "signing_keys:read", "Operator only: read the keys that sign tokens (never their private half).";
    SigningKeysWrite = "signing_keys:write", "Operator only: rotate the keys that sign tokens.";
}

impl Permission {
    /// Whether only the operator can have it.
    #[must_use]
    pub const fn is_operator_only(self) -> bool {
        matches!(self, Self::TenantsRead | Self::TenantsWrite | Self::SigningKeysRead | Self::SigningKeysWrite)
    }

    /// Whether a short-lived token can never have it: it makes or shows something that outlives the
    /// token, a credential or the right to have one; it exports; or it lists keys, stored Chakra keys or
    /// members, which is nothing for a page that anybody may open.
    #[must_use]
    pub const fn is_never_in_tokens(self) -> bool {
        self.is_operator_only()
            || matches!(
                self,
                Self::TokensMint
                    | Self::ApiKeysRead
                    | Self::ApiKeysWrite
                    | Self::RolesWrite
                    | Self::MembersRead
                    | Self::MembersWrite
                    | Self::ChakraKeysRead
                    | Self::ChakraKeysWrite
                    | Self::AuditLogRead
                    | Self::TenantExport
                    | Self::TenantWrite
                    | Self::WebhooksWrite
                    | Self::UsersWrite
                    | Self::CallsCredentials
            )
    }

    /// Whether it reaches the whole Chakra team, which Chakra cannot narrow to some customers.
    /// A key that is limited to customers is refused such calls.
    #[must_use]
    pub const fn is_team_wide(self) -> bool {
        matches!(
            self,
            Self::LeadsWrite
                | Self::CampaignsWrite
                | Self::ProcessesRead
                | Self::ProcessesWrite
                | Self::TasksWrite
                | Self::UsersRead
                | Self::UsersWrite
                | Self::PhotosRead
                | Self::PhotosWrite
                | Self::JobsRead
                | Self::TeamRead
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_survives_its_text_form() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse::<Permission>().as_ref(), Ok(permission));
            assert!(permission.as_str().contains(':'));
            assert_eq!(permission.to_string(), permission.as_str());
        }
    }

    /// The permissions that satisfy it, spelled and in the order of the documentation.
    fn those(which: fn(Permission) -> bool) -> Vec<&'static str> {
        Permission::ALL.iter().copied().filter(|one| which(*one)).map(Permission::as_str).collect()
    }

    #[test]
    fn what_reaches_across_tenants_is_the_operators_and_in_no_token() {
        let operators = ["tenants:read", "tenants:write", "signing_keys:read", "signing_keys:write"];
        assert_eq!(those(Permission::is_operator_only), operators);
        assert!(Permission::ALL.iter().all(|one| !one.is_operator_only() || one.is_never_in_tokens()));
    }

    #[test]
    fn what_no_customer_owns_reaches_the_whole_team() {
        let team_wide = [
            "leads:write",
            "campaigns:write",
            "processes:read",
            "processes:write",
            "tasks:write",
            "users:read",
            "users:write",
            "photos:read",
            "photos:write",
            "jobs:read",
            "team:read",
        ];
        assert_eq!(those(Permission::is_team_wide), team_wide);
    }

    #[test]
    fn the_schema_spells_permissions_as_json_does() {
        let schema = serde_json::to_value(<Permission as utoipa::PartialSchema>::schema()).expect("is JSON");
        assert_eq!(schema["enum"], serde_json::json!(Permission::ALL));
    }
}
