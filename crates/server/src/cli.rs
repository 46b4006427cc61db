//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portico_domain::ids::MalformedId;
use portico_domain::{ChainEnd, TenantId};

/// A multi-tenant gateway in front of ChakraHQ's WhatsApp API.
#[derive(Debug, Parser)]
#[command(name = "portico", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: private Postgres, sandbox Chakra, gateway, a demo tenant
    Dev(Dev),
    /// Run the gateway, for production
    Serve(Config),
    /// Apply the missing migrations, as the owner of the database
    Migrate(Migrate),
    /// Validate settings, database, vault and upstream, and say what to fix
    Check(Config),
    /// Write everything in the database into a file, while it is in use
    ///
    /// The login role of `DATABASE_URL` needs `portico migrate --grant-backup-to`. Secrets in the file stay sealed.
    Backup(Backup),
    /// Put a backup into an empty database, as its owner
    Restore(Restore),
    /// Run the emulated Chakra alone
    Sandbox(Sandbox),
    /// Print the OpenAPI document
    Openapi(Openapi),
    /// See which master keys are needed, and rotate them and the data keys
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Look after the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Find a changed, missing, swapped or added entry, and print where each chain ends
    ///
    /// Every tenant's chain and the operator's own are read. Ends with 1 when one of them is not as it was
    /// written. Note what is printed elsewhere: with --expect it shows a chain that was put back whole.
    Verify(AuditVerify),
}

/// `portico audit verify`.
#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Only this chain: a tenant's id, or `operator`
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<Chain>,
    /// An end of that chain as it was printed earlier, which it must still hold
    #[arg(long, value_name = "SEQ:HASH", requires = "tenant")]
    pub(crate) expect: Option<ChainEnd>,
}

/// Whose chain: a tenant's id, or `operator` for the operator's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) TenantId);

impl FromStr for Chain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let tenant = text.parse().map(Self).map_err(|error: MalformedId| format!("{error}, or \"operator\""));
        if text == "operator" { Ok(Self(TenantId::OPERATOR)) } else { tenant }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == TenantId::OPERATOR { f.write_str("operator") } else { self.0.fmt(f) }
    }
}

/// Where settings are read from besides the environment.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// A settings file instead of `portico.toml` of the current folder; the environment wins over it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `portico vault`.
#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Say which master key seals, which are still needed, which replicas have it, and how old the data keys are
    ///
    /// Ends with 1 when a needed key is not listed.
    Status(VaultStatus),
    /// Move everything under the first master key, while replicas serve; run it again after a break
    Rotate(VaultRotate),
}

/// `portico vault status`.
#[derive(Debug, Args)]
pub(crate) struct VaultStatus {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Say it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `portico vault rotate`.
#[derive(Debug, Args)]
pub(crate) struct VaultRotate {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Give every tenant a new data key, too, and seal everything with it
    #[arg(long)]
    pub(crate) data_keys: bool,
    /// Rows that one transaction writes at most
    #[arg(long, value_name = "ROWS", default_value = "100", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) batch: u16,
    /// Go on although replicas run that lack the first key; they stop serving
    #[arg(long)]
    pub(crate) force: bool,
    /// Milliseconds to rest after each transaction
    #[arg(long, value_name = "MS", default_value = "0", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub(crate) pause: u64,
}

/// `portico migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Let this login role act as the gateway afterwards
    #[arg(long, value_name = "ROLE")]
    pub(crate) grant_to: Option<String>,
    /// Let this login role read backups afterwards; it sees every tenant's rows, and writes none
    #[arg(long, value_name = "ROLE")]
    pub(crate) grant_backup_to: Option<String>,
}

/// `portico backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Where it is written, a new file; `-` for the output
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Write it although the database holds no tenant
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

/// `portico restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) config: Config,
    /// The backup; `-` for the input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// `portico sandbox`.
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Where it listens; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) bind: SocketAddr,
    /// Where its state is kept; without, it forgets everything when it ends
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file: Option<PathBuf>,
}

/// `portico dev`.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Where everything is kept
    #[arg(long, value_name = "FOLDER", default_value = ".portico")]
    pub(crate) data_dir: PathBuf,
    /// Where the gateway listens; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) bind: SocketAddr,
    /// Where the sandbox listens; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) sandbox_bind: SocketAddr,
    /// Where metrics are served; port 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    pub(crate) metrics_bind: SocketAddr,
}

/// `portico openapi`.
#[derive(Debug, Args)]
pub(crate) struct Openapi {
    /// How it is written
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: OpenapiFormat,
}

/// How the OpenAPI document is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OpenapiFormat {
    /// JSON
    Json,
    /// JSON in version 3.0, for generators that know no 3.1
    #[value(name = "json-3.0")]
    Json30,
    /// YAML
    Yaml,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_noted_end_belongs_to_a_chain() {
        let end = format!("17:{}", "ab".repeat(32));
        let verify = |more: &[&str]| {
            let all = ["portico", "audit", "verify"].iter().chain(more);
            Cli::try_parse_from(all).map(|_| ()).map_err(|error| error.to_string())
        };
        assert!(verify(&[]).is_ok());
        assert!(verify(&["--tenant", "operator", "--expect", &end]).is_ok());
        assert!(verify(&["--tenant", "ten_01h455vb4pex5vsknk084sn02q"]).is_ok());
        assert!(verify(&["--expect", &end]).unwrap_err().contains("--tenant"));
        assert!(verify(&["--tenant", "operator", "--expect", "17"]).unwrap_err().contains("64 hexadecimal digits"));
        assert!(verify(&["--tenant", "x"]).unwrap_err().contains("operator"));
    }

    #[test]
    fn a_malformed_address_is_a_usage_error() {
        let refused = Cli::try_parse_from(["portico", "dev", "--bind", "nonsense"]).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("--bind"));
    }

    #[test]
    fn port_0_is_allowed_everywhere() {
        let all =
            ["portico", "dev", "--bind", "[::1]:0", "--sandbox-bind", "127.0.0.1:0", "--metrics-bind", "0.0.0.0:0"];
        assert!(Cli::try_parse_from(all).is_ok());
    }
}
