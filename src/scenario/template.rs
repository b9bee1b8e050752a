//! What `plainsight new NAME` writes: a scenario that runs as it is, with every key explained.

/// One file of a new scenario.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateFile {
    /// Its name in the scenario's folder.
    pub name: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The files of a new scenario called `name`.
pub fn template(name: &str) -> Vec<TemplateFile> {
    let scenario = include_str!("template/scenario.toml").replace("{{name}}", &quotable(name));
    let ci = include_bytes!("template/ci.yml");
    vec![
        TemplateFile { name: "scenario.toml", bytes: scenario.into_bytes() },
        TemplateFile { name: "capture.pcap", bytes: include_bytes!("template/capture.pcap").to_vec() },
        TemplateFile { name: "ci.yml", bytes: ci.to_vec() },
    ]
}

/// A name that stands between quotes as it is.
fn quotable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}
