//! The PKCS#11 provider against SoftHSM. The module finds its tokens by an environment variable, so
//! each test makes a token and runs its inner half in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use portico_kms::{KeyProviders, Pkcs11Key, Pkcs11Token, Pkcs11TokenOptions, ring};
use portico_vault::{
    MasterKeyEntry, MasterKeyId, MasterKeyProvider as _, OpenError, ProviderError, Purpose, SecretString,
};

const PIN: &str = "2468-pin";
const TOKEN: &str = "portico-test";

fn module() -> PathBuf {
    let paths =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    let found = paths.into_iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("SoftHSM is installed: run .ci/install softhsm")
}

/// A folder of tokens; removed when dropped.
struct Tokens(PathBuf);

impl Tokens {
    /// With one token.
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("portico-softhsm-{:016x}", rand::random::<u64>()));
        fs::create_dir_all(folder.join("tokens")).expect("the temporary folder is writable");
        let tokens = Self(folder);
        let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.0.join("tokens").display());
        fs::write(tokens.conf(), text).expect("the folder is ours");
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", TOKEN, "--so-pin", "1357-so", "--pin", PIN])
            .env("SOFTHSM2_CONF", tokens.conf())
            .output()
            .expect("softhsm2-util is installed: run .ci/install softhsm");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        tokens
    }

    fn conf(&self) -> PathBuf {
        self.0.join("softhsm2.conf")
    }

    /// Runs an ignored test of this file where the module finds these tokens.
    fn run(&self, inner: &str) {
        let own = std::env::current_exe().expect("this program has a path");
        let said = Command::new(own)
            .args(["--exact", inner, "--ignored", "--nocapture"])
            .env("SOFTHSM2_CONF", self.conf())
            .output()
            .expect("this program can be run");
        let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success() && text.contains("1 passed"), "{text}");
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn options() -> Pkcs11TokenOptions {
    Pkcs11TokenOptions { module: module(), label: TOKEN.to_owned(), pin: PIN.into() }
}

/// Makes an AES key in the token.
fn make_key(label: &str, extractable: bool) {
    let module = Pkcs11::new(module()).expect("the module loads");
    // The provider may have begun before.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slot = module.get_slots_with_initialized_token().expect("lists slots")[0];
    let session = module.open_rw_session(slot).expect("opens");
    // So may have the login.
    let _ = session.login(UserType::User, Some(&PIN.into()));
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Label(label.into()),
        Attribute::ValueLen(32.into()),
        Attribute::Sensitive(!extractable),
        Attribute::Extractable(extractable),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).expect("makes a key");
}

fn id(text: &str) -> MasterKeyId {
    text.parse().expect("an id")
}

fn key(label: &str, token: &Arc<Pkcs11Token>) -> Pkcs11Key {
    Pkcs11Key::new(id("hsm"), label.to_owned(), Arc::clone(token))
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, ProviderError>) -> String {
    match outcome {
        Err(ProviderError::Refused(text)) => text,
        other => panic!("expected a refusal: {other:?}"),
    }
}

fn outage<T: std::fmt::Debug>(outcome: Result<T, ProviderError>) -> String {
    match outcome {
        Err(ProviderError::Unreachable(text)) => text,
        other => panic!("expected an outage: {other:?}"),
    }
}

#[test]
fn what_a_token_seals_opens_with_the_same_associated_data_only() {
    Tokens::new().run("inner_seal_and_open");
}

#[tokio::test]
#[ignore = "run by the test above, which makes the token"]
async fn inner_seal_and_open() {
    make_key("portico", false);
    make_key("other", false);
    let token = Arc::new(Pkcs11Token::new(options()));
    let portico = key("portico", &token);
    let body = portico.seal([7; 12], b"for row 1", b"a data key").await.expect("seals");
    assert_eq!((&body[..12], body.len()), (&[7; 12][..], 12 + 10 + 16));
    let opened = portico.open(b"for row 1", &body).await.expect("opens");
    assert_eq!((opened.as_slice(), opened.capacity()), (&b"a data key"[..], 10));
    assert_eq!(portico.open(b"for row 2", &body).await, Err(ProviderError::Forged));
    assert_eq!(key("other", &token).open(b"for row 1", &body).await, Err(ProviderError::Forged));
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert_eq!(portico.open(b"for row 1", &changed).await, Err(ProviderError::Forged), "byte {at}");
    }
    for len in 0..body.len() {
        assert_eq!(portico.open(b"for row 1", &body[..len]).await, Err(ProviderError::Forged), "cut to {len}");
    }
    assert!(portico.open(b"for row 1", &body).await.is_ok(), "and it goes on");
    let empty = portico.seal([8; 12], b"", b"").await.expect("seals a nothing");
    assert_eq!(portico.open(b"", &empty).await.expect("opens").as_slice(), b"");
    let many: Vec<_> = (0..20).map(|_| portico.open(b"for row 1", &body)).collect();
    for one in many {
        assert!(one.await.is_ok());
    }
    assert!(!format!("{portico:?}").contains(PIN), "{portico:?}");
}

#[test]
fn a_key_must_be_there_once_and_must_not_leave_the_token() {
    Tokens::new().run("inner_unfit_keys");
}

#[tokio::test]
#[ignore = "run by the test above, which makes the token"]
async fn inner_unfit_keys() {
    make_key("loose", true);
    make_key("twice", false);
    make_key("twice", false);
    let token = Arc::new(Pkcs11Token::new(options()));
    let sealing = |label| {
        let key = key(label, &token);
        async move { refusal(key.seal([0; 12], b"", b"x").await) }
    };
    assert_eq!(sealing("absent").await, "the token holds 0 AES keys with the label \"absent\", not one");
    assert_eq!(sealing("twice").await, "the token holds 2 AES keys with the label \"twice\", not one");
    assert!(sealing("loose").await.contains("CKA_EXTRACTABLE false"));
    make_key("late", false);
    assert!(key("late", &token).seal([0; 12], b"", b"x").await.is_ok(), "a key that is made later is found");
}

#[test]
fn a_token_that_is_not_there_is_unreachable_and_a_wrong_pin_is_tried_once() {
    Tokens::new().run("inner_no_way_in");
}

#[tokio::test]
#[ignore = "run by the test above, which makes the token"]
async fn inner_no_way_in() {
    let sealing = |options: Pkcs11TokenOptions| async move {
        key("portico", &Arc::new(Pkcs11Token::new(options))).seal([0; 12], b"", b"x").await
    };
    let absent = Pkcs11TokenOptions { label: "another".to_owned(), ..options() };
    assert_eq!(outage(sealing(absent).await), "the module shows no token with the label \"another\"");
    let nowhere = Pkcs11TokenOptions { module: "/nowhere/module.so".into(), ..options() };
    assert!(outage(sealing(nowhere).await).starts_with("the PKCS#11 module /nowhere/module.so cannot be loaded: "));

    let wrong = Arc::new(Pkcs11Token::new(Pkcs11TokenOptions { pin: SecretString::from("1111-wrong"), ..options() }));
    let first = refusal(key("portico", &wrong).seal([0; 12], b"", b"x").await);
    assert_eq!(first, "the token refuses the PIN");
    let second = refusal(key("portico", &wrong).seal([0; 12], b"", b"x").await);
    assert_eq!(second, "the token refused the PIN before; correct it and start again");
    assert!(!format!("{first}{second}{wrong:?}").contains("1111-wrong"));
}

#[test]
fn a_session_that_broke_is_opened_anew() {
    Tokens::new().run("inner_broken_session");
}

#[tokio::test]
#[ignore = "run by the test above, which makes the token"]
async fn inner_broken_session() {
    make_key("portico", false);
    let token = Arc::new(Pkcs11Token::new(options()));
    let portico = key("portico", &token);
    let body = portico.seal([7; 12], b"aad", b"x").await.expect("seals");
    // As when the service behind the module restarts: every session of the process is gone.
    Pkcs11::new(module()).expect("the module loads").finalize().expect("it ends");
    assert!(portico.open(b"aad", &body).await.is_ok());
}

#[test]
fn a_database_moves_from_a_local_key_into_the_token() {
    Tokens::new().run("inner_move");
}

#[tokio::test]
#[ignore = "run by the test above, which makes the token"]
async fn inner_move() {
    make_key("portico", false);
    let providers = KeyProviders { token: Some(Arc::new(Pkcs11Token::new(options()))), transit: None };
    let keys = |text: &str| {
        let listed = MasterKeyEntry::parse(&SecretString::from(text)).expect("well-formed");
        ring(listed, &providers).expect("the token is named")
    };
    let local = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let rng = &mut rand::rng();
    let canary = keys(local).seal_canary(rng).await.expect("local");
    let both = keys(&format!("hsm:pkcs11:portico,{local}"));
    let moved = both.reseal(&Purpose::canary(), &canary, rng).await.expect("both serve").expect("was local");
    assert_eq!(keys("hsm:pkcs11:portico").check_canary(&moved).await, Ok(()));
    assert_eq!(keys(local).check_canary(&moved).await, Err(OpenError::UnknownMasterKey(id("hsm"))));
    assert_eq!(both.prove(&id("hsm"), rng).await, Ok(()));
    assert_eq!(both.providers().map(portico_vault::MasterKeyProvider::kind).collect::<Vec<_>>(), ["pkcs11", "local"]);
}
