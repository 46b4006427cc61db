use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::*;

const URL: &str = "postgres://portico:in-secret@127.0.0.1/portico";
const KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const REQUIRED: [(&str, &str); 3] =
    [("DATABASE_URL", URL), ("PORTICO_MASTER_KEYS", KEYS), ("PORTICO_OPERATOR_TOKEN", TOKEN)];

/// A folder of one test; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("portico-settings-{:016x}", rand::random::<u64>()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Settings from this environment, added to what must be set, and this file.
fn read(config: Option<&Path>, env: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    let required = REQUIRED.iter().filter(|(name, _)| !env.iter().any(|(other, _)| other.starts_with(name)));
    let env: BTreeMap<_, _> = required.chain(env).map(|(name, value)| ((*name).to_owned(), *value)).collect();
    Settings::of(&Sources::read(config, |name| env.get(name).map(OsString::from))?)
}

/// What is wrong, one sentence a line.
fn refusal(config: Option<&Path>, env: &[(&str, &str)]) -> String {
    read(config, env).unwrap_err().to_string()
}

#[test]
fn what_is_not_set_has_its_default() {
    let settings = read(None, &[]).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.metrics_bind.to_string(), "127.0.0.1:9464");
    assert_eq!(settings.chakra_url, "https://api.chakrahq.com");
    assert_eq!(settings.public_url, None);
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.log.filter.to_string(), telemetry::filter("info").unwrap().to_string());
}

#[test]
fn every_example_of_the_table_serves() {
    let examples: Vec<_> = keys::ALL.iter().map(|key| (key.env, key.example)).collect();
    let settings = read(None, &examples).unwrap();
    assert_eq!(settings.bind.to_string(), keys::BIND.example);
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let folder = Folder::new();
    let file = folder.file("p.toml", "bind = \"127.0.0.1:1\"\nmetrics_bind = \"127.0.0.1:2\"\nlog_format = \"json\"\n");
    let settings = read(Some(&file), &[("PORTICO_BIND", "127.0.0.1:3")]).unwrap();
    assert_eq!(settings.bind.port(), 3);
    assert_eq!(settings.metrics_bind.port(), 2);
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let folder = Folder::new();
    let file = folder.file("p.toml", "bind = \"127.0.0.1:1\"\n");
    assert_eq!(read(Some(&file), &[("PORTICO_BIND", "")]).unwrap().bind.port(), 1);
    assert!(refusal(None, &[("DATABASE_URL", "")]).starts_with("DATABASE_URL is not set; "));
}

#[test]
fn a_gateway_behind_tls_without_trusted_proxies_is_warned_of() {
    let warning = |env: &[(&str, &str)]| {
        let settings = read(None, env).unwrap();
        lacks_proxies(settings.public_url.as_deref(), &settings.trusted_proxies)
    };
    let url = ("PORTICO_PUBLIC_URL", "https://portico.example.com");
    assert!(warning(&[url]).unwrap().contains("set PORTICO_TRUSTED_PROXIES"));
    assert_eq!(warning(&[url, ("PORTICO_TRUSTED_PROXIES", "10.0.0.0/8")]), None);
    assert_eq!(warning(&[("PORTICO_PUBLIC_URL", "http://portico.example.com")]), None);
    assert_eq!(warning(&[]), None);
}

#[test]
fn the_slash_at_the_end_of_the_public_url_is_cut() {
    let settings = read(None, &[("PORTICO_PUBLIC_URL", "https://portico.example.com/")]).unwrap();
    assert_eq!(settings.public_url.as_deref(), Some("https://portico.example.com"));
}

#[test]
fn every_secret_can_be_read_from_a_file_without_the_newline_at_its_end() {
    let folder = Folder::new();
    for (name, value) in REQUIRED {
        let file = folder.file(name, &format!("{value}\n"));
        let settings = read(None, &[(&format!("{name}_FILE"), file.to_str().unwrap())]).unwrap();
        assert_eq!(settings.database_url.expose_secret(), URL);
        assert!(settings.operator_token.matches(TOKEN));
    }
}

#[test]
fn a_twin_in_the_settings_file_is_relative_to_it_and_yields_to_the_environment() {
    let folder = Folder::new();
    folder.file("url", "postgres://from-the-file/x\r\n");
    let file = folder.file("p.toml", "database_url_file = \"url\"\n");
    let env = [("PORTICO_MASTER_KEYS", KEYS), ("PORTICO_OPERATOR_TOKEN", TOKEN)];
    let env = |name: &str| env.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value));
    let settings = Settings::of(&Sources::read(Some(&file), env).unwrap()).unwrap();
    assert_eq!(settings.database_url.expose_secret(), "postgres://from-the-file/x");
    assert_eq!(read(Some(&file), &[]).unwrap().database_url.expose_secret(), URL);
}

#[test]
fn a_secret_and_its_twin_are_refused_together() {
    let folder = Folder::new();
    let file = folder.file("token", TOKEN);
    let both = [("PORTICO_OPERATOR_TOKEN", TOKEN), ("PORTICO_OPERATOR_TOKEN_FILE", file.to_str().unwrap())];
    assert_eq!(
        refusal(None, &both),
        "PORTICO_OPERATOR_TOKEN and PORTICO_OPERATOR_TOKEN_FILE are both set; keep one of them"
    );
    let file = folder.file("p.toml", "operator_token = \"x\"\noperator_token_file = \"y\"\n");
    let text = Sources::read(Some(&file), |_| None).map(|sources| sources.get(keys::OPERATOR_TOKEN).unwrap_err());
    assert!(text.unwrap().to_string().starts_with("operator_token in "));
}

#[test]
fn a_twin_that_names_no_file_is_named() {
    let text = refusal(None, &[("DATABASE_URL_FILE", "/nowhere/url")]);
    assert!(text.starts_with("DATABASE_URL_FILE names /nowhere/url, which cannot be read: "), "{text}");
    assert_eq!(text.lines().count(), 1, "and it is not missing besides: {text}");
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let text = Settings::of(&Sources::read(None, |_| None).unwrap()).unwrap_err().to_string();
    let names = ["DATABASE_URL", "PORTICO_MASTER_KEYS", "PORTICO_OPERATOR_TOKEN"];
    assert_eq!(text.lines().count(), names.len(), "{text}");
    for (line, name) in text.lines().zip(names) {
        assert!(line.starts_with(&format!("{name} is not set; set it to ")), "{line}");
    }
}

#[test]
fn every_wrong_value_is_named_with_what_to_write_and_secrets_are_not_quoted() {
    for (name, value, fix) in [
        ("DATABASE_URL", "in-secret", "postgres://"),
        ("DATABASE_URL", "mysql://a:in-secret@b/c", "postgres://"),
        ("PORTICO_MASTER_KEYS", "in-secret", "base64"),
        ("PORTICO_OPERATOR_TOKEN", "in-secret", "32 characters"),
        ("PORTICO_BIND", "localhost", "127.0.0.1:8080"),
        ("PORTICO_METRICS_BIND", "127.0.0.1:99999", "127.0.0.1:8080"),
        ("PORTICO_CHAKRA_URL", "api.chakrahq.com", "https://"),
        ("PORTICO_CHAKRA_URL", "https://api.chakrahq.com/v1", "without path"),
        ("PORTICO_PUBLIC_URL", "https://a:in-secret@example.com", "without path and credentials"),
        ("PORTICO_PUBLIC_URL", "ftp://example.com", "https"),
        ("PORTICO_TRUSTED_PROXIES", "balancer.example.com", "10.0.0.0/8"),
        ("PORTICO_TRUSTED_PROXIES", "0.0.0.0/0", "trusts everybody"),
        ("PORTICO_LOG", "info=what=ever", "write it like"),
        ("PORTICO_LOG_FORMAT", "xml", "text or json"),
    ] {
        let text = refusal(None, &[(name, value)]);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with(&format!("{name} ")) && text.contains(fix), "{text}");
        assert!(!text.contains("in-secret"), "{text}");
    }
}

#[test]
fn several_wrong_values_are_all_named() {
    let text = refusal(None, &[("PORTICO_BIND", "x"), ("PORTICO_LOG_FORMAT", "y"), ("PORTICO_OPERATOR_TOKEN", "z")]);
    let named: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(named, ["PORTICO_OPERATOR_TOKEN", "PORTICO_BIND", "PORTICO_LOG_FORMAT"]);
}

#[test]
fn a_wrong_value_in_the_file_is_named_as_it_stands_there() {
    let folder = Folder::new();
    let file = folder.file("p.toml", "bind = \"x\"\n");
    let text = refusal(Some(&file), &[]);
    assert!(text.starts_with(&format!("bind in {} \"x\" is not an address", file.display())), "{text}");
}

#[test]
fn an_unknown_key_is_refused_and_named() {
    let folder = Folder::new();
    for key in ["chakra_ur", "portico_bind", "BIND", "bind_file", "redis_url"] {
        let file = folder.file("p.toml", &format!("{key} = \"x\"\n"));
        let text = refusal(Some(&file), &[]);
        assert!(text.contains(&format!("has the unknown key \"{key}\"")) && text.contains("chakra_url"), "{text}");
    }
}

#[test]
fn a_file_that_is_no_toml_or_holds_no_text_is_refused_with_the_place() {
    let folder = Folder::new();
    let file = folder.file("p.toml", "bind = \"127.0.0.1:1\"\n\nmaster_keys = in-secret\n");
    let text = refusal(Some(&file), &[]);
    assert!(text.contains("is not TOML: line 3: ") && text.lines().count() == 1, "{text}");
    assert!(!text.contains("in-secret"), "{text}");
    let file = folder.file("p.toml", "bind = 8080\n");
    assert_eq!(refusal(Some(&file), &[]), format!("bind in {} must be a text in quotes", file.display()));
}

#[test]
fn a_named_file_must_exist() {
    let text = refusal(Some(Path::new("/nowhere/portico.toml")), &[]);
    assert!(text.contains("/nowhere/portico.toml") && text.contains("--config"), "{text}");
}

#[test]
fn a_variable_that_is_no_text_is_named() {
    let odd = |name: &str| (name == "PORTICO_BIND").then(|| OsString::from_vec(vec![0xff]));
    let text = Sources::read(None, odd).unwrap_err().to_string();
    assert!(text.starts_with("PORTICO_BIND is not UTF-8"), "{text}");
}

#[test]
fn migrate_needs_the_database_alone() {
    let sources = |url: Option<&'static str>| {
        Sources::read(None, |name| (name == "DATABASE_URL").then_some(()).and(url).map(OsString::from)).unwrap()
    };
    assert_eq!(for_migrate(&sources(Some(URL))).unwrap().0.expose_secret(), URL);
    let text = for_migrate(&sources(None)).unwrap_err().to_string();
    assert!(text.starts_with("DATABASE_URL is not set") && text.contains("owner"), "{text}");
    assert!(for_dev(&sources(None)).unwrap().0.is_none(), "and dev has a database of its own");
}

#[test]
fn a_key_in_a_token_or_transit_engine_asks_for_its_place_and_nothing_else_does() {
    let listed = ("PORTICO_MASTER_KEYS", "k3:pkcs11:portico,k2:transit:portico");
    let text = refusal(None, &[listed]);
    let named: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let places = [
        "PORTICO_PKCS11_MODULE",
        "PORTICO_PKCS11_TOKEN",
        "PORTICO_PKCS11_PIN",
        "PORTICO_TRANSIT_URL",
        "PORTICO_TRANSIT_TOKEN",
    ];
    assert_eq!(named, places, "{text}");
    let folder = Folder::new();
    let pin = folder.file("pin", "in-secret\n");
    let token = [
        ("PORTICO_PKCS11_MODULE", "/usr/lib/module.so"),
        ("PORTICO_PKCS11_TOKEN", "token"),
        ("PORTICO_PKCS11_PIN_FILE", pin.to_str().unwrap()),
    ];
    let engine = [("PORTICO_TRANSIT_URL", "https://vault:8200"), ("PORTICO_TRANSIT_TOKEN", "in-secret")];
    let all: Vec<_> = [listed].into_iter().chain(token).chain(engine).collect();
    let settings = read(None, &all).unwrap();
    let kinds: Vec<_> = settings.master_keys.providers().map(|key| (key.id().as_str(), key.kind())).collect();
    assert_eq!(kinds, [("k3", "pkcs11"), ("k2", "transit")]);
    assert!(!format!("{settings:?}").contains("in-secret"));
    let with = |name, value| {
        let text = refusal(
            None,
            &[&all[..4], &[(name, value)][..], &engine[usize::from(name == "PORTICO_TRANSIT_URL")..]].concat(),
        );
        assert!(text.starts_with(&format!("{name} must be ")) && text.lines().count() == 1, "{text}");
        assert!(!text.contains("in-secret"), "{text}");
    };
    with("PORTICO_TRANSIT_URL", "https://in-secret@vault");
    with("PORTICO_TRANSIT_MOUNT", "../in-secret");
    let vault = Sources::read(None, |name| {
        [("DATABASE_URL", URL), ("PORTICO_MASTER_KEYS", KEYS)]
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| OsString::from(value))
    });
    assert!(for_vault(&vault.unwrap()).is_ok(), "`portico vault` needs no other setting");
}

#[test]
fn debug_shows_no_secret() {
    let text = format!("{:?}", read(None, &[]).unwrap());
    assert!(!text.contains("in-secret") && !text.contains(TOKEN) && !text.contains(&KEYS[3..]), "{text}");
}

#[test]
fn the_example_file_names_every_setting_and_serves() {
    let folder = Folder::new();
    let example = include_str!("../../../../deploy/portico.example.toml");
    let lines: Vec<_> = example.lines().map(|line| line.strip_prefix('#').unwrap_or(line)).collect();
    let set =
        |line: &&str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ') && !key.ends_with("_file"));
    let text = lines.into_iter().filter(set).collect::<Vec<_>>().join("\n");
    for key in keys::ALL {
        assert!(text.contains(&format!("{} = ", key.file)), "{} is missing", key.file);
    }
    let file = folder.file("p.toml", &text);
    let sources = Sources::read(Some(&file), |_| None).unwrap();
    Settings::of(&sources).unwrap();
}

#[test]
fn a_path_of_chakras_is_chosen_in_the_file() {
    let folder = Folder::new();
    let file = folder.file("p.toml", "[chakra.paths]\nget_group_info = \"/v9/groups/{groupId}\"\n");
    let settings = read(Some(&file), &[]).unwrap();
    let group = portico_chakra::operation("get_group_info");
    assert_eq!(settings.chakra_paths.template(group, |_| true), Some("/v9/groups/{groupId}"));
}

#[test]
fn a_wrong_choice_of_a_path_names_the_key() {
    let folder = Folder::new();
    for (line, what) in [
        ("nothing = \"/x\"", "has no operation"),
        ("get_group_info = \"groups\"", "is not a path"),
        ("get_group_info = \"/v1/groups\"", "must name {groupId}"),
        ("list_users = \"/v1/{teamId}\"", "carry no {teamId}"),
    ] {
        let file = folder.file("p.toml", &format!("[chakra.paths]\n{line}\n"));
        let text = refusal(Some(&file), &[]);
        assert!(text.contains("chakra.paths.") && text.contains(what), "{text}");
    }
    let file = folder.file("p.toml", "[chakra]\nother = \"x\"\n");
    assert!(refusal(Some(&file), &[]).contains("unknown key \"chakra.other\""));
}

#[test]
fn the_identity_provider_is_set_as_a_whole_or_not_at_all() {
    let issuer = ("PORTICO_OIDC_ISSUER", "https://id.example.com");
    let id = ("PORTICO_OIDC_CLIENT_ID", "portico");
    let secret = ("PORTICO_OIDC_CLIENT_SECRET", "in-secret");
    let url = ("PORTICO_PUBLIC_URL", "https://portico.example.com");
    assert!(read(None, &[url]).unwrap().oidc.is_none());
    let provider = read(None, &[issuer, id, secret, url]).unwrap().oidc.expect("is set");
    assert_eq!(provider.issuer(), "https://id.example.com");
    let said = refusal(None, &[issuer, url]);
    assert!(said.contains("PORTICO_OIDC_CLIENT_ID is not set;") && said.contains("PORTICO_OIDC_CLIENT_SECRET is not"));
    assert!(refusal(None, &[issuer, id, secret]).starts_with("PORTICO_PUBLIC_URL is not set; "));
    let said = refusal(None, &[("PORTICO_OIDC_ISSUER", "http://id.example.com"), id, secret, url]);
    assert!(said.starts_with("PORTICO_OIDC_ISSUER must be the issuer"), "{said}");
    let said = refusal(None, &[issuer, id, ("PORTICO_OIDC_CLIENT_SECRET", "in secret"), url]);
    assert!(said.starts_with("PORTICO_OIDC_CLIENT_SECRET must") && !said.contains("in secret"), "{said}");
}

#[test]
fn variables_that_look_like_settings_and_are_none_are_named() {
    let names = ["PORTICO_BINDD", "PORTICO_BIND", "PORTICO_MASTER_KEYS_FILE", "PORTICO_BIND_FILE", "PATH", "PORTICO_A"];
    let unknown = source::unknown_variables(names.into_iter().map(OsString::from));
    assert_eq!(unknown, ["PORTICO_A", "PORTICO_BINDD", "PORTICO_BIND_FILE"]);
}
