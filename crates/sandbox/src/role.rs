//! The access roles that a token of a team can have.

use portico_domain::{Permission, PermissionSet};
use serde::{Deserialize, Serialize};

/// An access role. Chakra's roles are not documented; these three are enough to see a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Everything.
    #[default]
    Admin,
    /// Sends, uploads media, and reads templates, WABAs and phone numbers.
    Messaging,
    /// Reads everything, changes nothing.
    Viewer,
}

impl Role {
    pub(crate) fn allows(self, permission: Permission) -> bool {
        match self {
            Self::Admin => true,
            Self::Messaging => MESSAGING.contains(permission),
            Self::Viewer => permission.as_str().ends_with(":read"),
        }
    }
}

const MESSAGING: PermissionSet = PermissionSet::of(&[
    Permission::MessagesSend,
    Permission::MediaRead,
    Permission::MediaWrite,
    Permission::TemplatesRead,
    Permission::WabasRead,
    Permission::PhoneNumbersRead,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_reads_and_a_messenger_sends() {
        assert!(Role::Viewer.allows(Permission::PluginsRead));
        assert!(!Role::Viewer.allows(Permission::MessagesSend));
        assert!(Role::Messaging.allows(Permission::MessagesSend));
        assert!(!Role::Messaging.allows(Permission::PluginsWrite));
        assert!(Role::Admin.allows(Permission::PluginsWrite));
    }
}
