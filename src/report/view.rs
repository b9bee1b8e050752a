//! What a reader of a report may see, and how wide it may be.

use crate::model::pair::Side;
use crate::model::sighting::{CLIP, Excerpt, Masked, Sighting};
use crate::model::taxonomy::Data;

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
        if let Some(seconds) = clip_seconds(sighting) {
            return Shown { found: format!("{seconds} s of audio"), ..Shown::default() };
        }
        let found = if sighting.planted.is_some() { found.reveal().to_owned() } else { self.text(found) };
        Shown { before: self.text(before), found, after: self.text(after) }
    }

    /// Audio to be played, as a data URL: somebody's voice is shown on the auditor's own call only.
    pub(crate) fn clip<'s>(&self, sighting: &'s Sighting) -> Option<&'s str> {
        let heard = self.reveal && clip_seconds(sighting).is_some();
        heard.then(|| sighting.excerpt.found.reveal())
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

    /// A field as it may be shown: ciphertext is nobody's.
    pub(crate) fn side(&self, side: &Side) -> String {
        let value = if side.opaque { side.value.reveal().to_owned() } else { self.text(&side.value) };
        if side.more { format!("{value}…") } else { value }
    }

    fn text(&self, text: &Masked) -> String {
        if self.reveal { text.reveal().to_owned() } else { text.shape() }
    }
}

/// How long the audio of a sighting is, if it has some, in seconds.
fn clip_seconds(sighting: &Sighting) -> Option<String> {
    let audio = sighting.data == Data::CallAudio && sighting.planted.is_none();
    let encoded = sighting.excerpt.found.reveal().strip_prefix(CLIP).filter(|_| audio)?;
    // Base64 of a WAV header of 44 bytes and 8,000 samples of two bytes a second.
    let tenths = (encoded.len() / 4 * 3).saturating_sub(44) / 1_600;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}
