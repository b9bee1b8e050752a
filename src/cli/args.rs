//! Flags.

use crate::scenario::check;
use crate::scenario::problem::nearest;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// Judge an app's privacy claims on what it really sent.
#[derive(Debug, Parser)]
#[command(name = "plainsight", version, about, long_about = None, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 every claim is consistent (or inconclusive, without --strict); 1 some claim is \
    contradicted or weakened; 2 the run could not be carried out; 3 with --strict, something is inconclusive.")]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    /// When to use colours; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN", display_order = 100)]
    pub(super) color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Judge scenarios, print a summary and write reports.
    Run(RunArgs),
    /// Look at captures and dumps without a scenario: what is in them, and who could read it.
    Inspect(InspectArgs),
    /// Knock at one's own stores: one read-only request each, which shows whether they answer without credentials.
    Door(DoorArgs),
    /// Make a commented scenario that runs.
    New(NewArgs),
    /// Say what a name in a report means: a verdict, an audience, a promise, a detector, data.
    Explain(ExplainArgs),
    /// List scenarios with their claims and evidence, judging nothing.
    List(ListArgs),
    /// Print a published JSON Schema.
    #[command(hide = true)]
    Schema(SchemaArgs),
}

/// What is printed and written.
#[derive(Args, Clone, Debug)]
pub(super) struct OutputArgs {
    /// What to print to stdout, which then holds nothing else. When given more than once, the first is printed; all
    /// are written where reports are.
    #[arg(long, value_name = "FORMAT", value_parser = format_names())]
    pub(super) format: Vec<String>,
    /// Show what evidence holds, rather than the shape of everything that was not planted.
    #[arg(long)]
    pub(super) reveal: bool,
    /// Print no summary.
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Draw no progress bar.
    #[arg(long)]
    pub(super) no_progress: bool,
}

/// `plainsight run`.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// Scenarios: folders, or their `scenario.toml` [default: every folder in `scenarios/`].
    #[arg(value_name = "SCENARIO", value_hint = ValueHint::AnyPath)]
    pub(super) scenarios: Vec<PathBuf>,
    /// Where to write reports: a folder for each scenario.
    #[arg(long, value_name = "DIR", default_value = "reports", value_hint = ValueHint::DirPath)]
    pub(super) report: PathBuf,
    /// Exit with 3 when something is inconclusive and nothing is worse.
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `plainsight inspect`.
#[derive(Args, Debug)]
pub(super) struct InspectArgs {
    /// Captures and dumps, and folders of them: pcap and pcapng, plain, .gz or .zst; they are told apart by content.
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(super) files: Vec<PathBuf>,
    /// An NSS key log or another file with the sessions' keys.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) keys: Vec<PathBuf>,
    /// A Protocol Buffers schema that names fields: a .proto source (its imports lie beside it) or a descriptor set.
    #[arg(long = "proto", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) protos: Vec<PathBuf>,
    /// A trace of the phone's sockets (socket_trace.json): which process or library opened which connection.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) sockets: Option<PathBuf>,
    /// What hooks in the app logged of its encryption (aes_info.json).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) hooks: Option<PathBuf>,
    /// A value that was typed into the app, as in `messages=The heron lands at dusk`; four bytes or more.
    #[arg(long, value_name = "DATA=VALUE", value_parser = planted)]
    pub(super) plant: Vec<(crate::model::taxonomy::Data, String)>,
    /// A host of the vendor's: a domain (and all below it), an address or a network.
    #[arg(long, value_name = "HOST", value_parser = provider)]
    pub(super) provider: Vec<crate::model::scenario::HostRule>,
    /// Write reports there, in a folder of their own.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// `plainsight door`.
#[derive(Args, Debug)]
#[command(
    after_help = "Only stores that the scenario lists are knocked at. Exit codes: 0 no door was open; 1 some door was; \
    2 nobody was knocked at."
)]
pub(super) struct DoorArgs {
    /// Which of the scenario's stores, by host [default: all of them].
    #[arg(value_name = "HOST")]
    pub(super) hosts: Vec<String>,
    /// The scenario whose [[store]] tables say what may be knocked at: its folder, or its `scenario.toml`.
    #[arg(long, value_name = "SCENARIO", value_hint = ValueHint::AnyPath)]
    pub(super) scenario: PathBuf,
    /// These stores are mine, or their owner asked me to knock.
    #[arg(long)]
    pub(super) i_own_this: bool,
    /// Write the findings there, as JSON; a scenario names it as `answers`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) out: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Print no text and no log.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// `plainsight new`.
#[derive(Args, Debug)]
pub(super) struct NewArgs {
    /// Its name; it becomes a folder in `scenarios/`.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// The folder to make it in.
    #[arg(long, value_name = "DIR", default_value = "scenarios", value_hint = ValueHint::DirPath)]
    pub(super) folder: PathBuf,
}

/// `plainsight explain`.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// What to explain, as reports and scenario files spell it; without it, all there is.
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
}

/// `plainsight list`.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Scenarios: folders, or their `scenario.toml` [default: every folder in `scenarios/`].
    #[arg(value_name = "SCENARIO", value_hint = ValueHint::AnyPath)]
    pub(super) scenarios: Vec<PathBuf>,
}

/// `plainsight schema`.
#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// Of what.
    #[arg(value_enum)]
    pub(super) of: SchemaOf,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaOf {
    /// `report.json`, and what `--format json` prints.
    Report,
    /// `scenario.toml`, for editors.
    Scenario,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Color {
    /// On a terminal that can.
    Auto,
    /// Even into a file.
    Always,
    /// Nowhere.
    Never,
}

fn format_names() -> clap::builder::PossibleValuesParser {
    use clap::builder::PossibleValue;
    let formats = crate::report::format::FORMATS.iter();
    formats.map(|format| PossibleValue::new(format.name()).help(format.about())).collect::<Vec<_>>().into()
}

/// Splits `DATA=VALUE` at the first `=`.
fn planted(text: &str) -> Result<(crate::model::taxonomy::Data, String), String> {
    use crate::model::taxonomy::Data;
    let (name, value) =
        text.split_once('=').ok_or("write it as DATA=VALUE, as in `messages=The heron lands at dusk`")?;
    let known = Data::ALL.iter().copied().filter(|data| *data != Data::Any);
    let Some(data) = known.clone().find(|data| data.name() == name) else {
        let names: Vec<&str> = known.map(Data::name).collect();
        return Err(match nearest(name, &names) {
            Some(near) => format!("`{name}` is no kind of data; did you mean `{near}`?"),
            None => format!("`{name}` is no kind of data; known are {}", names.join(", ")),
        });
    };
    check::planted(data, value).map_err(|refusal| match refusal.help {
        Some(help) => format!("{}; {help}", refusal.message),
        None => refusal.message,
    })?;
    Ok((data, value.to_owned()))
}

fn provider(text: &str) -> Result<crate::model::scenario::HostRule, String> {
    crate::model::scenario::HostRule::parse(text).ok_or_else(|| {
        "write a domain, an address or a network, as in `chatterly.example` or `198.51.100.0/24`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::taxonomy::Data;
    use clap::CommandFactory as _;

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn planted_values_split_at_the_first_equals_sign() {
        assert_eq!(planted("messages=a=b=c").unwrap(), (Data::Messages, "a=b=c".to_owned()));
        for (text, says) in [
            ("messages", "DATA=VALUE"),
            ("message=The heron", "did you mean `messages`?"),
            ("phone=+4915112345678", "did you mean `phone-number`?"),
            ("zzz=The heron", "known are messages, call-audio"),
            ("any=The heron", "known are"),
            ("name=abc", "4 bytes"),
            ("phone-number=+49 151 12345678", "write it as \"+4915112345678\""),
            ("precise-location=120.5,45", "are they swapped?"),
        ] {
            let error = planted(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_repeated_plant_keeps_every_value() {
        let cli =
            Cli::try_parse_from(["plainsight", "inspect", "a.pcap", "--plant", "name=Ada L", "--plant", "name=Bert"]);
        let Command::Inspect(args) = cli.unwrap().command else { panic!("inspect") };
        assert_eq!(args.plant, [(Data::Name, "Ada L".to_owned()), (Data::Name, "Bert".to_owned())]);
    }
}
