//! Every bundled scenario comes to the verdicts that its `expected.toml` states, by the reasons it gives.

use plainsight::{pipeline, scenario, verdict};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut folders: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.toml").is_file())
        .collect();
    folders.sort();
    folders
}

#[test]
fn every_bundled_scenario_comes_to_its_expected_verdicts() {
    let folders = folders();
    assert!(folders.len() >= 4, "scenarios are missing");
    for folder in folders {
        let expected: BTreeMap<String, String> =
            toml::from_str(&fs::read_to_string(folder.join("expected.toml")).unwrap()).unwrap();
        let (scenario, warnings) =
            scenario::load(&folder, &verdict::promise::names()).unwrap_or_else(|e| panic!("{e}"));
        assert!(warnings.is_empty(), "{}: {}", folder.display(), warnings[0]);
        let report = pipeline::run(&scenario, &mut |_| {}).unwrap();
        let found: BTreeMap<String, String> =
            report.claims.iter().map(|judged| (judged.claim.id.clone(), judged.verdict.name().to_owned())).collect();
        let reasons: Vec<&str> = report.claims.iter().map(|judged| judged.reason.as_str()).collect();
        assert_eq!(found, expected, "{}: {reasons:#?}", folder.display());
        for judged in &report.claims {
            assert!(judged.reason.ends_with('.'), "{}: {}", judged.claim.id, judged.reason);
            for id in &judged.sightings {
                assert!(report.sightings.iter().any(|sighting| sighting.id() == *id), "{id} leads nowhere");
            }
        }
        let ids: std::collections::BTreeSet<String> =
            report.sightings.iter().map(plainsight::model::sighting::Sighting::id).collect();
        assert_eq!(ids.len(), report.sightings.len(), "{}: two sightings share an id", folder.display());
        assert!(folder.join("README.md").is_file(), "{} does not say where it comes from", folder.display());
    }
}
