//! What a reader of a report may see, and how wide it may be.

use crate::model::sighting::{Excerpt, Masked, Sighting};

/// How to show a report. The default shows what anyone may see, on plain paper.
#[derive(Clone, Debug)]
pub struct View {
    /// Show what evidence holds beyond planted values, rather than its shape.
    pub reveal: bool,
    /// Columns of a text rendering.
    pub width: usize,
    /// Use ANSI styles in a text rendering.
    pub styled: bool,
    /// Where the page about this one scenario was written, if it was.
    pub written: Option<String>,
}

impl Default for View {
    fn default() -> Self {
        Self { reveal: false, width: 100, styled: false, written: None }
    }
}

/// The words around a sighting, as they may be shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Shown {
    pub(crate) before: String,
    pub(crate) found: String,
    pub(crate) after: String,
}

impl View {
    /// The words around a sighting: what was planted is the auditor's own, the rest is somebody's.
    pub(crate) fn excerpt(&self, sighting: &Sighting) -> Shown {
        let Excerpt { before, found, after } = &sighting.excerpt;
        let found = if sighting.planted.is_some() { found.reveal().to_owned() } else { self.text(found) };
        Shown { before: self.text(before), found, after: self.text(after) }
    }

    /// The trail, joined; where it repeats a value that may not be shown, as its shape.
    pub(crate) fn trail(&self, sighting: &Sighting) -> String {
        self.steps(sighting).join(" > ")
    }

    /// The steps of the trail; where they repeat a value that may not be shown, as its shape.
    pub(crate) fn steps(&self, sighting: &Sighting) -> Vec<String> {
        let found = &sighting.excerpt.found;
        if self.reveal || sighting.planted.is_some() || found.reveal().chars().count() < 4 {
            return sighting.place.trail.clone();
        }
        sighting.place.trail.iter().map(|step| step.replace(found.reveal(), &found.shape())).collect()
    }

    fn text(&self, text: &Masked) -> String {
        if self.reveal { text.reveal().to_owned() } else { text.shape() }
    }
}
