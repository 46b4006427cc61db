//! A PKCS#11 token: the module that speaks to it, one session, and the keys found in it.
//!
//! The calls of PKCS#11 block, so they run on threads for that, one at a time. A session that broke
//! (the token was taken out, the service behind the module restarted) is opened anew once per call.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use portico_vault::ProviderError;
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::TIME_LIMIT;

/// Which token, and how to log in.
#[derive(Debug, Clone)]
pub struct Pkcs11TokenOptions {
    /// The shared library (a PKCS#11 module) that speaks to it.
    pub module: PathBuf,
    /// The label that the token was initialised with.
    pub label: String,
    /// The PIN of `CKU_USER`.
    pub pin: SecretString,
}

/// A token. It is first called when one of its keys is first used.
#[derive(Debug)]
pub struct Pkcs11Token {
    options: Pkcs11TokenOptions,
    state: Arc<Mutex<State>>,
}

/// What is open at present; empty before the first call and after a failure.
#[derive(Debug, Default)]
struct State {
    module: Option<Pkcs11>,
    session: Option<Open>,
    /// The token refused the PIN. It is not tried again: some tokens lock after a few attempts.
    pin_refused: bool,
}

#[derive(Debug)]
struct Open {
    session: Session,
    keys: HashMap<String, ObjectHandle>,
}

/// Why a call of the token failed.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// It is told which provider error this is.
    Provider(ProviderError),
    /// A call of the module failed: [`State::provider_error`] judges it.
    Module(Error),
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl Pkcs11Token {
    /// The token of these options. Calls nothing yet.
    #[must_use]
    pub fn new(options: Pkcs11TokenOptions) -> Self {
        Self { options, state: Arc::default() }
    }

    /// Runs `work` with the key of that label, on a thread that may block. One call runs at a time.
    pub(crate) async fn with_key<T: Send + 'static>(
        &self,
        label: &str,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, TokenError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let (label, options) = (label.to_owned(), self.options.clone());
        let state = Arc::clone(&self.state);
        let working = async move {
            // Waiting for the turn blocks no thread, so a module that hangs costs one thread.
            let mut state = state.lock_owned().await;
            tokio::task::spawn_blocking(move || state.with_key(&options, &label, &work)).await
        };
        match tokio::time::timeout(TIME_LIMIT, working).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(ProviderError::Unreachable("the PKCS#11 module broke off".to_owned())),
            Err(_) => Err(ProviderError::Unreachable(format!(
                "the PKCS#11 module did not answer within {} s",
                TIME_LIMIT.as_secs()
            ))),
        }
    }
}

impl State {
    fn with_key<T>(
        &mut self,
        options: &Pkcs11TokenOptions,
        label: &str,
        work: impl Fn(&Session, ObjectHandle) -> Result<T, TokenError>,
    ) -> Result<T, ProviderError> {
        let was_open = self.session.is_some();
        match self.attempt(options, label, &work) {
            Err(TokenError::Module(_)) if was_open => {
                // The session of before may have broken meanwhile; a new one tells.
                self.forget();
                self.attempt(options, label, &work).map_err(|error| self.provider_error(error))
            }
            outcome => outcome.map_err(|error| self.provider_error(error)),
        }
    }

    fn attempt<T>(
        &mut self,
        options: &Pkcs11TokenOptions,
        label: &str,
        work: &impl Fn(&Session, ObjectHandle) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let open = self.open(options)?;
        let key = if let Some(key) = open.keys.get(label) {
            *key
        } else {
            let key = find(&open.session, label)?;
            open.keys.insert(label.to_owned(), key);
            key
        };
        work(&open.session, key)
    }

    fn open(&mut self, options: &Pkcs11TokenOptions) -> Result<&mut Open, TokenError> {
        if self.session.is_none() {
            self.session = Some(Open { session: self.log_in(options)?, keys: HashMap::new() });
        }
        Ok(self.session.as_mut().expect("was opened above"))
    }

    fn log_in(&mut self, options: &Pkcs11TokenOptions) -> Result<Session, TokenError> {
        if self.pin_refused {
            return Err(refused("the token refused the PIN before; correct it and start again"));
        }
        let module = self.module(options)?;
        let mut slots = module.get_slots_with_initialized_token()?.into_iter();
        let slot = slots
            .find(|slot| module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == options.label))
            .ok_or_else(|| unreachable(format!("the module shows no token with the label {:?}", options.label)))?;
        let session = module.open_ro_session(slot)?;
        match session.login(UserType::User, Some(&options.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::PinExpired,
                _,
            )) => {
                self.pin_refused = true;
                Err(refused("the token refuses the PIN"))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn module(&mut self, options: &Pkcs11TokenOptions) -> Result<Pkcs11, TokenError> {
        if let Some(module) = &self.module {
            return Ok(module.clone());
        }
        let path = options.module.display();
        let module = Pkcs11::new(&options.module)
            .map_err(|error| unreachable(format!("the PKCS#11 module {path} cannot be loaded: {error}")))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Something else in this process uses the same module.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(unreachable(format!("the PKCS#11 module {path} does not begin: {error}"))),
        }
        self.module = Some(module.clone());
        Ok(module)
    }

    /// Closes session and module: the next call opens them anew.
    fn forget(&mut self) {
        self.session = None;
        self.module = None;
    }

    /// The provider error that it is; what broke is opened anew the next time.
    fn provider_error(&mut self, error: TokenError) -> ProviderError {
        match error {
            TokenError::Provider(error) => error,
            TokenError::Module(Error::Pkcs11(
                code @ (RvError::KeyFunctionNotPermitted
                | RvError::KeyTypeInconsistent
                | RvError::KeySizeRange
                | RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::ActionProhibited),
                function,
            )) => ProviderError::Refused(format!("the token does not use the key for AES-GCM: {function}: {code}")),
            TokenError::Module(error) => {
                self.forget();
                ProviderError::Unreachable(format!("the token fails: {error}"))
            }
        }
    }
}

/// The one AES key with that label, if it can never leave the token.
fn find(session: &Session, label: &str) -> Result<ObjectHandle, TokenError> {
    let wanted = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let found = session.find_objects(&wanted)?;
    let [key] = found[..] else {
        let many = found.len();
        return Err(refused(format!("the token holds {many} AES keys with the label {label:?}, not one")));
    };
    let attributes = session.get_attributes(key, &[AttributeType::Extractable, AttributeType::Sensitive])?;
    let stays = attributes.contains(&Attribute::Extractable(false)) && attributes.contains(&Attribute::Sensitive(true));
    if !stays {
        return Err(refused(format!(
            "the AES key {label:?} can be taken out of the token; make one with CKA_SENSITIVE true and CKA_EXTRACTABLE false"
        )));
    }
    Ok(key)
}

fn refused(text: impl Into<String>) -> TokenError {
    TokenError::Provider(ProviderError::Refused(text.into()))
}

fn unreachable(text: String) -> TokenError {
    TokenError::Provider(ProviderError::Unreachable(text))
}
