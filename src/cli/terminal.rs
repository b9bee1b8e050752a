//! stdout, stderr, colours, width, and the progress bar.

use crate::cli::args::Color;
use crate::report::printable;
use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write as _};
use std::time::Duration;

/// Columns when nobody says otherwise.
const WIDTH: usize = 100;

/// Where words go. Documents and summaries go to stdout, everything else to stderr.
pub(super) struct Terminal {
    /// Whether stdout wants styles.
    pub(super) styled: bool,
    /// Whether stderr wants styles.
    pub(super) styled_errors: bool,
    /// Columns of stdout.
    pub(super) width: usize,
    bar: Option<ProgressBar>,
}

impl Terminal {
    pub(super) fn new(color: Color) -> Self {
        match color {
            Color::Auto => {}
            Color::Always => ColorChoice::Always.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        let wants = |choice: ColorChoice| !matches!(choice, ColorChoice::Never);
        let width = match terminal_size::terminal_size_of(io::stdout()) {
            Some((terminal_size::Width(columns), _)) => usize::from(columns).clamp(60, 120),
            None => WIDTH,
        };
        Self {
            styled: wants(AutoStream::choice(&io::stdout())),
            styled_errors: wants(AutoStream::choice(&io::stderr())),
            width,
            bar: None,
        }
    }

    /// Writes a finished text or document to stdout. A reader that closed its end wanted no more of it: no failure.
    pub(super) fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream(|out| out.write_all(bytes))
    }

    /// Lets `write` put a document onto stdout piece by piece: it may be long. A reader that closed its end is no failure
    /// here, either: what the run finds is decided without it.
    pub(super) fn stream(&mut self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
        self.clear();
        let mut stdout = io::BufWriter::with_capacity(64 << 10, io::stdout().lock());
        match write(&mut stdout).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Says on stderr what went wrong. What came out of files is already fit to print; lines are kept.
    pub(super) fn error(&mut self, text: &str) {
        let lines: Vec<_> = text.lines().map(printable).collect();
        let label = if self.styled_errors { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        self.rendered(&format!("{label}: {}", lines.join("\n")));
    }

    /// Writes lines to stderr as they are, styles included.
    pub(super) fn rendered(&mut self, text: &str) {
        self.clear();
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Shows how far something is: `done` of `total` bytes of `what`.
    pub(super) fn progress(&mut self, what: &str, done: u64, total: u64) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
            let template = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        // A short capture is done before a bar could be read.
        if bar.elapsed() < Duration::from_millis(300) && done < total {
            return;
        }
        bar.set_length(total);
        bar.set_message(printable(what).into_owned());
        bar.set_position(done);
    }

    /// Takes the progress bar off the screen.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
