//! The least work there is on a store: every line is parsed as JSON once, and nothing is done with it.
//! `benches/dumps/run.sh` sets the whole beside it.

use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: skim DUMP")?;
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let (mut line, mut records, mut broken) = (Vec::new(), 0_u64, 0_u64);
    while file.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice::<serde_json::Value>(&line) {
            Ok(_) => records += 1,
            Err(_) => broken += 1,
        }
        line.clear();
    }
    writeln!(std::io::stdout(), "{records} records, {broken} broken lines")?;
    Ok(())
}
