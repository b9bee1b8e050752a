//! Scenario files: any text gives a scenario or says what is wrong, with a place that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plainsight::scenario::{self, Look};
use plainsight::verdict::promise;
use std::path::Path;

fuzz_target!(|text: &str| {
    let folder = Path::new("fuzz");
    if let Err(problems) = scenario::read(text, "scenario.toml", folder, &promise::names(), &|_| Look::File) {
        assert!(!problems.render(false).is_empty());
    }
});
