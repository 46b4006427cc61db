//! Why somebody is not signed in.

use portico_vault::WeakPassword;

use crate::Error;

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No member has this address and this password. The same whatever is wrong.
    #[error("the e-mail address or the password is wrong")]
    Refused,
    /// Too many attempts.
    #[error("there were too many attempts")]
    Throttled {
        /// When the next one may be made, in seconds.
        retry_after: u64,
    },
    /// Too many passwords are being checked at this moment.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The step before was too long ago, or made by another browser.
    #[error("this sign-in was begun too long ago, or in another browser")]
    Stale,
    /// The invitation does not exist, was accepted or taken back, or came too late.
    #[error("the invitation is not valid any more")]
    NoInvitation,
    /// Somebody with this address is a member already.
    #[error("somebody with this address is a member already")]
    AlreadyMember,
    /// The link by which a member signs in once was used, came too late, or the member signs in otherwise now.
    #[error("the link is not valid any more")]
    NoLink,
    /// A new password does not serve.
    #[error("the password {0}")]
    Weak(#[from] WeakPassword),
    /// The identity provider proved who it is, but nobody invited them.
    #[error("nobody invited this account")]
    NotInvited {
        /// The address that the provider told, if it did.
        email: Option<String>,
        /// Whether the provider made sure that it is the person's.
        verified: bool,
    },
    /// The account's address is not the one that was invited.
    #[error("the invitation is for another address")]
    OtherAddress {
        /// Who was invited.
        invited: String,
    },
    /// The account is bound to another member of the tenant.
    #[error("the account belongs to another member")]
    OtherAccount,
    /// The identity provider said no, as when the person gave up.
    #[error("the identity provider refused")]
    ProviderRefused,
    /// The identity provider's answer is not believed.
    #[error("the identity provider's answer is not believed")]
    ProviderAnswer,
    /// The identity provider cannot be asked.
    #[error("the identity provider cannot be reached")]
    ProviderDown,
    /// There is no identity provider.
    #[error("no identity provider is set up")]
    NoProvider,
    /// Anything else.
    #[error(transparent)]
    App(#[from] Error),
}

impl From<portico_core::Error> for SignInError {
    fn from(error: portico_core::Error) -> Self {
        Self::App(error.into())
    }
}

impl From<portico_storage::StorageError> for SignInError {
    fn from(error: portico_storage::StorageError) -> Self {
        Self::App(error.into())
    }
}
