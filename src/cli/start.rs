//! From arguments to exit code.

use crate::cli::args::{Cli, Command};
use crate::cli::terminal::Terminal;
use crate::cli::{door, exit, explain, inspect, list, new, run, schema};
use clap::Parser as _;
use std::process::ExitCode;

/// Runs the command and says how it ended.
pub fn start() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap; a reader that closed its end early wanted no more of them.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::FAILED } else { exit::FINE });
        }
    };
    let mut terminal = Terminal::new(cli.color);
    let ended = match &cli.command {
        Command::Run(args) => run::run(args, &mut terminal),
        Command::Inspect(args) => Ok(inspect::inspect(args, &mut terminal)),
        Command::Door(args) => door::door(args, &mut terminal),
        Command::New(args) => new::new(args, &mut terminal),
        Command::Explain(args) => explain::explain(args.id.as_deref(), &mut terminal),
        Command::List(args) => list::list(args, &mut terminal),
        Command::Schema(args) => schema::schema(args.of, &mut terminal),
    };
    ExitCode::from(match ended {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            exit::FAILED
        }
    })
}
