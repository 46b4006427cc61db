//! `settings.md`: the table of settings for people, rendered from [`keys`] and compared with the committed file.

use std::fmt::Write as _;
use std::{env, fs};

use super::keys::{self, Key, Unset};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/settings.md");
const COMMAND: &str = "UPDATE_SETTINGS=1 cargo test -p portico settings";

const INTRODUCTION: &str = "\
# Settings

A command reads its settings once, when it starts: from the environment, and from a settings file, which is `portico.toml`
in the current folder or the file that `--config` names. `portico dev` and `portico sandbox` read the environment alone.
A setting that is wrong or missing stops the start, and the value of a secret is never shown. `portico check` says what is
wrong with settings, all of it at once, and what to write instead. `deploy/portico.example.toml` is a file to begin with.

- The environment wins over the file. An empty variable counts as not set. A misspelt one is not noticed.
- Every value of the file is a text in quotes. An unknown key is refused.
- A secret may stand in a file of its own, which `<VARIABLE>_FILE` or `<key>_file` names (from the settings file:
  relative to it). The line break at its end does not count. The secret and its file at once are refused.
";

const CHAKRA_PATHS: &str = "
## Paths of Chakra {#chakra-paths}

Where Chakra's own path of an operation is only inferred, the table `[chakra.paths]` of the settings file chooses the path
on which calls go out, by the operation's id; the page `/docs/inferred` lists the candidates. No variable does.

```toml
[chakra.paths]
get_group_info = \"/v1/whatsapp/{whatsappApiVersion}/{groupId}\"
```
";

fn page() -> String {
    let mut page = format!("<!-- Written from src/settings/keys.rs by: {COMMAND} -->\n\n{INTRODUCTION}\n");
    page.push_str("| in the environment | in the file | if not set | what it is | example |\n|---|---|---|---|---|\n");
    for key in keys::ALL {
        writeln!(page, "{}", row(*key)).expect("writing to a text cannot fail");
    }
    page.push_str(CHAKRA_PATHS);
    page
}

fn row(Key { env, file, secret, unset, what, example }: Key) -> String {
    let unset = match unset {
        Unset::Refused => "refused".to_owned(),
        Unset::Default(text) => format!("`{text}`"),
        Unset::Means(effect) => effect.to_owned(),
    };
    let secret = if secret { " Secret." } else { "" };
    format!("| `{env}` | `{file}` | {unset} | {what}{secret} | `{example}` |")
}

#[test]
fn the_page_of_settings_says_what_their_table_says() {
    let page = page();
    if env::var_os("UPDATE_SETTINGS").is_some() {
        fs::write(PATH, &page).unwrap();
    }
    let committed = fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        committed == page,
        "crates/server/settings.md is not what src/settings/keys.rs says; write it with: {COMMAND}"
    );
}

#[test]
fn nothing_in_the_table_breaks_the_page() {
    for key in keys::ALL {
        assert!(!row(*key).contains('\n') && row(*key).matches('|').count() == 6, "{}", key.env);
        assert!(key.what.ends_with('.'), "{}: a sentence ends with a full stop", key.env);
    }
}
