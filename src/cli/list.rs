//! `plainsight list`: scenarios with their claims and evidence.

use crate::cli::args::ListArgs;
use crate::cli::engine;
use crate::cli::exit;
use crate::cli::run::scenarios;
use crate::cli::terminal::Terminal;
use crate::report::printable;
use std::fmt::Write as _;

pub(super) fn list(args: &ListArgs, terminal: &mut Terminal) -> anyhow::Result<u8> {
    let mut out = String::new();
    let mut failed = false;
    for path in scenarios(&args.scenarios)? {
        let scenario = match engine::load(&path) {
            Ok((scenario, _)) => scenario,
            Err(failure) => {
                failed = true;
                failure.tell(terminal);
                continue;
            }
        };
        let app = &scenario.app;
        let gap = if out.is_empty() { "" } else { "\n" };
        let version = app.version.as_deref().unwrap_or_default();
        writeln!(out, "{gap}{}  {} {}", printable(&scenario.id), printable(&app.name), printable(version))?;
        let ids = scenario.claims.iter().map(|claim| printable(&claim.id).chars().count());
        let wide = ids.max().unwrap_or(0).max("evidence".len());
        for claim in &scenario.claims {
            let data: Vec<&str> = claim.data.iter().map(|data| data.name()).collect();
            writeln!(out, "  {:<wide$}  {} ({})", printable(&claim.id), claim.promise, data.join(", "))?;
        }
        let captures = scenario.captures.iter().map(|capture| &capture.name);
        for name in captures.chain(scenario.dumps.iter().map(|dump| &dump.name)) {
            writeln!(out, "  {:<wide$}  {}", "evidence", printable(name))?;
        }
    }
    terminal.print(out.as_bytes())?;
    Ok(exit::code([], failed, false))
}
