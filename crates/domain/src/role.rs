//! Roles: named sets of permissions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::permission::Permission;

/// A set of permissions: one machine word, so that checking one is a single instruction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

const _: () = assert!(Permission::ALL.len() <= 64, "PermissionSet holds 64 permissions");

impl PermissionSet {
    /// No permission.
    pub const EMPTY: Self = Self(0);

    /// Everything that the operator may do.
    pub const OPERATOR: Self = {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < Permission::ALL.len() {
            set = set.with(Permission::ALL[at]);
            at += 1;
        }
        set
    };

    /// Everything that someone inside a tenant may do.
    pub const TENANT: Self = {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < Permission::ALL.len() {
            if !Permission::ALL[at].is_operator_only() {
                set = set.with(Permission::ALL[at]);
            }
            at += 1;
        }
        set
    };

    /// The most that a short-lived token can hold.
    pub const TOKEN: Self = {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < Permission::ALL.len() {
            if !Permission::ALL[at].is_never_in_tokens() {
                set = set.with(Permission::ALL[at]);
            }
            at += 1;
        }
        set
    };

    /// The set of exactly these permissions.
    #[must_use]
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut set = Self::EMPTY;
        let mut at = 0;
        while at < permissions.len() {
            set = set.with(permissions[at]);
            at += 1;
        }
        set
    }

    /// This set and one more permission.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u8)
    }

    /// This set without one permission.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u8))
    }

    /// Whether the permission is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether every permission of this set is in `other`.
    #[must_use]
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The permissions that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The permissions of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The permissions in the set, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

/// The permissions with commas between, as texts name them.
impl fmt::Display for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, permission) in self.iter().enumerate() {
            write!(f, "{}{permission}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl utoipa::PartialSchema for PermissionSet {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Vec<Permission> as utoipa::PartialSchema>::schema()
    }
}

impl utoipa::ToSchema for PermissionSet {}

/// A role that every tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BuiltInRole {
    /// Everything inside the tenant.
    Owner,
    /// Everything but the tenant's Chakra keys' content: runs the tenant day by day.
    Admin,
    /// Builds against the API: reads everything, sends, manages templates and plugins.
    Developer,
    /// Sends messages and handles media; nothing else.
    Messaging,
    /// Onboards customers: customers, plugins, connections.
    Onboarding,
    /// Reads.
    Viewer,
}

/// A text that names no built-in role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a built-in role")]
pub struct NotBuiltIn(pub String);

use Permission as P;

const MESSAGING: PermissionSet =
    PermissionSet::of(&[P::MessagesSend, P::MediaRead, P::MediaWrite, P::TemplatesRead, P::TokensMint]);

const VIEWER: PermissionSet = PermissionSet::of(&[
    P::TemplatesRead,
    P::GroupsRead,
    P::CallsRead,
    P::FlowsRead,
    P::ConnectionsRead,
    P::PluginsRead,
    P::WabasRead,
    P::PhoneNumbersRead,
    P::CustomersRead,
    P::TenantRead,
    P::RolesRead,
    P::ApiKeysRead,
    P::ChakraKeysRead,
    P::RequestsRead,
    P::WebhooksRead,
    P::MembersRead,
    P::TokensMint,
]);

const ONBOARDING: PermissionSet = PermissionSet::of(&[
    P::ConnectionsRead,
    P::ConnectionsWrite,
    P::PluginsRead,
    P::PluginsWrite,
    P::WabasRead,
    P::PhoneNumbersRead,
    P::PhoneNumbersWrite,
    P::CustomersRead,
    P::CustomersWrite,
    P::TokensMint,
]);

impl BuiltInRole {
    /// Every built-in role, widest first.
    pub const ALL: &'static [Self] =
        &[Self::Owner, Self::Admin, Self::Developer, Self::Messaging, Self::Onboarding, Self::Viewer];

    /// The role's name in the API and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Messaging => "messaging",
            Self::Onboarding => "onboarding",
            Self::Viewer => "viewer",
        }
    }

    /// What the role is for, in a sentence.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Owner => "Everything inside the tenant.",
            Self::Admin => "Everything but storing Chakra keys, exporting the tenant and reading SIP passwords.",
            Self::Developer => {
                "Reads, sends, and manages templates, groups, calls, plugins and customers; no keys and no roles."
            }
            Self::Messaging => {
                "Sends messages, handles media, reads templates, and mints tokens that can do no more; nothing else."
            }
            Self::Onboarding => "Onboards customers: customers, plugins, connections and phone numbers.",
            Self::Viewer => {
                "Reads what belongs to the tenant's customers and settings; changes nothing and sends nothing."
            }
        }
    }

    /// The permissions of the role.
    #[must_use]
    pub const fn permissions(self) -> PermissionSet {
        match self {
            Self::Owner => PermissionSet::TENANT,
            Self::Admin => {
                PermissionSet::TENANT.without(P::ChakraKeysWrite).without(P::CallsCredentials).without(P::TenantExport)
            }
            Self::Developer => PermissionSet::TENANT
                .without(P::ChakraKeysWrite)
                .without(P::CallsCredentials)
                .without(P::ApiKeysWrite)
                .without(P::RolesWrite)
                .without(P::TenantWrite)
                .without(P::TenantExport)
                .without(P::MembersWrite)
                .without(P::UsersWrite),
            Self::Messaging => MESSAGING,
            Self::Onboarding => ONBOARDING,
            Self::Viewer => VIEWER,
        }
    }
}

impl FromStr for BuiltInRole {
    type Err = NotBuiltIn;

    fn from_str(text: &str) -> Result<Self, NotBuiltIn> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text).ok_or_else(|| NotBuiltIn(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = PermissionSet> {
        prop::collection::vec(prop::sample::select(Permission::ALL), 0..70).prop_map(|all| all.into_iter().collect())
    }

    proptest! {
        #[test]
        fn an_intersection_is_what_both_contain(one in set(), other in set()) {
            let both = one.intersection(other);
            for permission in Permission::ALL {
                let (in_one, in_other) = (one.contains(*permission), other.contains(*permission));
                prop_assert_eq!(both.contains(*permission), in_one && in_other);
            }
            prop_assert!(both.is_subset_of(one) && both.is_subset_of(other));
            prop_assert_eq!(both, other.intersection(one));
            prop_assert_eq!(both.intersection(one), both);
            prop_assert_eq!(one.is_subset_of(other), both == one);
        }

        #[test]
        fn subsets_are_ordered(one in set(), two in set(), three in set()) {
            prop_assert!(one.is_subset_of(one) && PermissionSet::EMPTY.is_subset_of(one));
            prop_assert!(one.is_subset_of(PermissionSet::OPERATOR));
            prop_assert_eq!(one.is_subset_of(two) && two.is_subset_of(one), one == two);
            let (smaller, middle) = (one.intersection(two).intersection(three), one.intersection(two));
            prop_assert!(smaller.is_subset_of(middle) && middle.is_subset_of(one) && smaller.is_subset_of(one));
        }

        #[test]
        fn adding_and_taking_away_one_touches_no_other(set in set(), at in 0..Permission::ALL.len()) {
            let permission = Permission::ALL[at];
            let (more, less) = (set.with(permission), set.without(permission));
            prop_assert!(more.contains(permission) && !less.contains(permission));
            prop_assert_eq!(more.without(permission), less);
            prop_assert_eq!(less.with(permission), more);
            prop_assert!(less.is_subset_of(set) && set.is_subset_of(more));
        }

        #[test]
        fn a_set_survives_its_json(set in set()) {
            let text = serde_json::to_string(&set).expect("is JSON");
            prop_assert_eq!(serde_json::from_str::<PermissionSet>(&text).ok(), Some(set));
            prop_assert_eq!(set.iter().collect::<PermissionSet>(), set);
        }
    }

    #[test]
    fn what_outlives_a_token_is_in_none() {
        assert!(PermissionSet::TOKEN.is_subset_of(PermissionSet::TENANT));
        for permission in PermissionSet::TENANT.iter() {
            assert_eq!(PermissionSet::TOKEN.contains(permission), !permission.is_never_in_tokens(), "{permission}");
        }
        let barred: Vec<_> =
            PermissionSet::TENANT.iter().filter(|one| one.is_never_in_tokens()).map(Permission::as_str).collect();
        let expected = [
            "calls:credentials",
            "users:write",
            "tenant:write",
            "roles:write",
            "api_keys:read",
            "api_keys:write",
            "chakra_keys:read",
            "chakra_keys:write",
            "webhooks:write",
            "members:read",
            "members:write",
            "tokens:mint",
            "audit_log:read",
            "tenant:export",
        ];
        assert_eq!(barred, expected);
    }

    #[test]
    fn a_set_holds_what_is_collected_into_it() {
        // The sets above are collected: were they all empty, much would hold of them.
        let two = [Permission::MessagesSend, Permission::TenantsWrite];
        assert_eq!(two.into_iter().collect::<PermissionSet>(), PermissionSet::of(&two));
        assert_eq!(PermissionSet::OPERATOR.iter().collect::<Vec<_>>(), Permission::ALL);
        assert_eq!(PermissionSet::of(&two).iter().collect::<Vec<_>>(), two);
    }

    #[test]
    fn a_role_is_known_by_its_name_and_no_other() {
        let names: Vec<_> = BuiltInRole::ALL.iter().map(|role| role.as_str()).collect();
        assert_eq!(names, ["owner", "admin", "developer", "messaging", "onboarding", "viewer"]);
        for role in BuiltInRole::ALL {
            assert_eq!(role.as_str().parse().as_ref(), Ok(role));
            assert_eq!(serde_json::json!(role), role.as_str());
            assert!(role.what().ends_with('.'), "{role:?} is described in a sentence");
        }
        for text in ["", "Owner", "root"] {
            assert_eq!(text.parse::<BuiltInRole>(), Err(NotBuiltIn(text.to_owned())));
        }
    }

    #[test]
    fn no_role_of_a_tenant_reaches_across_tenants() {
        for role in BuiltInRole::ALL {
            assert!(!role.permissions().iter().any(Permission::is_operator_only), "{role:?}");
        }
    }

    #[test]
    fn messaging_can_do_nothing_but_messages_media_reading_templates_and_handing_that_on() {
        let all: Vec<_> = BuiltInRole::Messaging.permissions().iter().map(Permission::as_str).collect();
        assert_eq!(all, ["messages:send", "templates:read", "media:read", "media:write", "tokens:mint"]);
    }

    #[test]
    fn owner_contains_every_other_role() {
        for role in BuiltInRole::ALL {
            assert!(role.permissions().is_subset_of(BuiltInRole::Owner.permissions()));
        }
        assert!(!BuiltInRole::Owner.permissions().is_subset_of(BuiltInRole::Admin.permissions()));
    }

    #[test]
    fn a_viewer_changes_nothing() {
        // A token can do no more than its minter, so minting one changes nothing.
        let permissions = BuiltInRole::Viewer.permissions().without(P::TokensMint);
        assert!(permissions.iter().all(|permission| permission.as_str().ends_with(":read")));
    }
}
