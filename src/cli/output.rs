//! Rendered reports: to stdout, and into files that appear whole or not at all.

use crate::cli::args::OutputArgs;
use crate::cli::terminal::Terminal;
use crate::model::report::{Report, ScenarioReport};
use crate::report::format::{FORMATS, by_name};
use crate::report::{Format, View};
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Formats that every report folder gets.
const ALWAYS: [&str; 2] = ["html", "json"];

/// What is printed and where reports go.
pub(super) struct Output<'a> {
    args: &'a OutputArgs,
    folder: Option<&'a Path>,
    taken: BTreeSet<String>,
    finished: Report,
    /// Something could not be written.
    pub(super) failed: bool,
    /// It was told that stdout takes nothing.
    mute: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(args: &'a OutputArgs, folder: Option<&'a Path>) -> Self {
        Self { args, folder, taken: BTreeSet::new(), finished: Report::default(), failed: false, mute: false }
    }

    /// What stdout gets.
    fn printed(&self) -> &str {
        self.args.format.first().map_or("text", String::as_str)
    }

    /// Writes the reports of one scenario and, where stdout gets the summary, prints it. Whether that can be printed
    /// keeps no other scenario from being judged.
    pub(super) fn scenario(&mut self, scenario: ScenarioReport, terminal: &mut Terminal) {
        let report = Report { scenarios: vec![scenario] };
        let written = self.write(&report, terminal);
        if self.printed() == "text" && !self.args.quiet {
            let view = View { reveal: self.args.reveal, width: terminal.width, styled: terminal.styled, written };
            let mut text = Vec::new();
            if !self.finished.scenarios.is_empty() {
                text.push(b'\n');
            }
            let rendered = by_name("text").map_or(Ok(()), |format| format.render(&report, &view, &mut text));
            let printed = rendered.and_then(|()| terminal.print(&text));
            self.told(printed, terminal);
        }
        self.finished.scenarios.extend(report.scenarios);
    }

    /// Prints what stdout gets when all is done.
    pub(super) fn finish(&mut self, terminal: &mut Terminal) {
        if self.printed() == "text" {
            return;
        }
        if let Some(format) = by_name(self.printed()) {
            let view = View { reveal: self.args.reveal, ..View::default() };
            let printed = terminal.stream(|out| format.render(&self.finished, &view, out));
            self.told(printed, terminal);
        }
    }

    /// Keeps and says, once, that stdout could not be written to.
    fn told(&mut self, printed: io::Result<()>, terminal: &mut Terminal) {
        if let Err(error) = printed {
            if !self.mute {
                terminal.error(&format!("failed to write to stdout: {error}"));
            }
            (self.failed, self.mute) = (true, true);
        }
    }

    /// Every scenario so far.
    pub(super) fn finished(&self) -> &Report {
        &self.finished
    }

    /// Writes every format into the scenario's folder; one that fails is told and does not keep the others from being
    /// written. Says where the page is.
    fn write(&mut self, report: &Report, terminal: &mut Terminal) -> Option<String> {
        let scenario = report.scenarios.first()?;
        let folder = self.folder?.join(self.place(&scenario.id));
        let view = View { reveal: self.args.reveal, ..View::default() };
        let mut page = None;
        let asked = |name: &str| ALWAYS.contains(&name) || self.args.format.iter().any(|asked| asked == name);
        for format in FORMATS.iter().filter(|format| asked(format.name())) {
            match write_file(*format, report, &view, &folder) {
                Ok(path) if format.name() == "html" => page = Some(path.display().to_string()),
                Ok(_) => {}
                Err(error) => {
                    self.failed = true;
                    terminal.error(&format!("{error:#}"));
                }
            }
        }
        page
    }

    /// A folder name that no other scenario of this run has, and that leads nowhere else.
    fn place(&mut self, id: &str) -> String {
        let clean: String = id.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '-' } else { c }).collect();
        let clean = match clean.trim_matches('.') {
            "" => "report".to_owned(),
            clean => clean.to_owned(),
        };
        let mut name = clean.clone();
        let mut next = 2_u32;
        while !self.taken.insert(name.clone()) {
            name = format!("{clean}-{next}");
            next = next.saturating_add(1);
        }
        name
    }
}

/// Writes one format under a temporary name and renames it, so that the previous report survives a failure.
fn write_file(format: &dyn Format, report: &Report, view: &View, folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join(format.file());
    let what = || format!("failed to write {}", path.display());
    fs::create_dir_all(folder).with_context(what)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any file one makes: readable as far as the umask allows.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).with_context(what)?;
    let mut out = BufWriter::new(file.as_file_mut());
    format.render(report, view, &mut out).with_context(what)?;
    out.flush().with_context(what)?;
    drop(out);
    file.persist(&path).map_err(|error| error.error).with_context(what)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    struct Fails;

    impl Format for Fails {
        fn name(&self) -> &'static str {
            "fails"
        }

        fn about(&self) -> &'static str {
            "fails in the middle"
        }

        fn file(&self) -> &'static str {
            "report.json"
        }

        fn render(&self, _: &Report, _: &View, out: &mut dyn io::Write) -> io::Result<()> {
            out.write_all(b"half of")?;
            Err(io::Error::other("no more"))
        }
    }

    #[test]
    fn a_failed_report_leaves_the_previous_one() {
        let folder = tempfile::tempdir().unwrap();
        let (report, view) = (sample::report(), View::default());
        let json = by_name("json").unwrap();
        let path = write_file(json, &report, &view, folder.path()).unwrap();
        let before = fs::read(&path).unwrap();
        let error = write_file(&Fails, &report, &view, folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("report.json"), "{error:#}");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
    }

    #[test]
    fn scenarios_of_one_name_do_not_overwrite_each_other() {
        let args = OutputArgs { format: Vec::new(), reveal: false, quiet: false, no_progress: true };
        let mut output = Output::new(&args, None);
        let places = ["app", "app", "../..", "..", "a/b", ""].map(|id| output.place(id));
        assert_eq!(places, ["app", "app-2", "-", "report", "a-b", "report-2"]);
    }
}
