//! `plainsight inspect`: the same eyes without a scenario.

use crate::cli::args::InspectArgs;
use crate::cli::engine;
use crate::cli::exit;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;

pub(super) fn inspect(args: &InspectArgs, terminal: &mut Terminal) -> u8 {
    let mut output = Output::new(&args.output, args.report.as_deref());
    match engine::inspect(args, terminal) {
        Ok(report) => output.scenario(report, terminal),
        Err(failure) => {
            failure.tell(terminal);
            return exit::FAILED;
        }
    }
    output.finish(terminal);
    exit::code([], output.failed, false)
}
