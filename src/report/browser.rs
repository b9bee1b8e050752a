//! The page in a real browser, over the DevTools protocol; skipped, saying so, where no Chromium is installed.

#![cfg(test)]
#![expect(clippy::print_stderr, reason = "a test that was skipped says why")]

use crate::model::report::Report;
use crate::report::format::by_name;
use crate::report::{View, sample};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

fn chromium() -> Option<PathBuf> {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    let found = known.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: no Chromium is installed, so the page was not opened in a browser");
    }
    found
}

/// A browser with one page, spoken to through pipes.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: u64,
    session: Option<String>,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn open(program: &Path, file: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser speaks on descriptors 3 and 4; the shell puts our pipes there.
        let script = r#"exec "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#;
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--no-first-run",
                "--remote-debugging-pipe",
                "--disable-dev-shm-usage",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from, next: 0, session: None, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        let url = format!("file://{}", file.display());
        browser.call("Page.navigate", json!({ "url": url }));
        while !browser.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            browser.read();
        }
        browser
    }

    fn call(&mut self, method: &str, params: impl Into<Value>) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": params.into()});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(b"\0").unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    fn read(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser went away");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        if message["id"].is_null() {
            self.events.push(message.clone());
        }
        message
    }

    fn eval(&mut self, script: &str) -> Value {
        let params = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{script:.200}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// What the page complained about, and what it asked for besides itself.
    fn complaints(&self) -> Vec<String> {
        let complaint = |event: &Value| match event["method"].as_str()? {
            "Log.entryAdded" => Some(event["params"]["entry"]["text"].to_string()),
            "Runtime.consoleAPICalled" => Some(event["params"]["args"].to_string()),
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Page.javascriptDialogOpening" => Some("a dialog".to_owned()),
            "Network.requestWillBeSent" if event["params"]["type"] != "Document" => {
                Some(event["params"]["request"]["url"].to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn page(folder: &Path, report: &Report) -> PathBuf {
    let path = folder.join("report.html");
    let mut out = Vec::new();
    by_name("html").unwrap().render(report, &View::default(), &mut out).unwrap();
    std::fs::write(&path, out).unwrap();
    path
}

#[test]
fn a_browser_finds_nothing_to_complain_about() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    for report in [sample::report(), sample::inspected(), sample::crowded(500, 500)] {
        let mut browser = Browser::open(&program, &page(folder.path(), &report));
        assert_eq!(browser.eval("document.images.length + document.scripts.length"), 1);
        assert_eq!(browser.eval("document.querySelectorAll('h1').length"), 1);
        // A style or script that the policy refuses would leave these as they are in a page without any.
        assert_eq!(browser.eval("getComputedStyle(document.querySelector('.scene h2')).fontSize"), "25.6px");
        assert_eq!(browser.eval("document.querySelector('.filter').hidden"), false);
        for width in [360, 1_280] {
            let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
            browser.call("Emulation.setDeviceMetricsOverride", size);
            let wide = browser.eval("document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= width, "scrolls sideways at {width}: {wide}");
        }
        assert!(browser.complaints().is_empty(), "{:#?}", browser.complaints());
    }
}

#[test]
fn filters_and_sorting_do_what_they_say() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::open(&program, &page(folder.path(), &sample::report()));
    let shown =
        "[...document.querySelectorAll('.card')].filter((card) => !card.hidden).map((card) => card.dataset.tokens)";
    let all = browser.eval(shown).as_array().unwrap().len();
    let pick = |n: usize, value: &str| {
        format!(
            "(() => {{ const s = document.querySelectorAll('[data-filter]')[{n}]; s.value = '{value}'; \
             s.dispatchEvent(new Event('change', {{bubbles: true}})); return s.value }})()"
        )
    };
    assert_eq!(browser.eval(&pick(1, "d-phone-number")), "d-phone-number");
    let some = browser.eval(shown);
    let some = some.as_array().unwrap();
    assert!(!some.is_empty() && some.len() < all);
    assert!(some.iter().all(|tokens| tokens.as_str().unwrap().contains("d-phone-number")));
    assert_eq!(browser.eval(&pick(2, "r-third-party")), "r-third-party");
    assert_eq!(browser.eval(shown).as_array().unwrap().len(), 1);
    assert_eq!(browser.eval("document.querySelector('output').textContent"), format!("1 of {all} shown"));
    // A link to a card that is filtered away brings it back.
    browser.eval("(async () => { location.hash = '#n0-s0'; await new Promise((done) => setTimeout(done, 100)); })()");
    assert_eq!(browser.eval("document.querySelector('#n0-s0').hidden"), false);
    // One to the top of the page leads to no card, and is no mistake.
    browser.eval("(async () => { location.hash = ''; await new Promise((done) => setTimeout(done, 100)); })()");

    let column = "[...document.querySelectorAll('.sortable tbody tr')].map((row) => Number(row.cells[8].dataset.v))";
    let press = "document.querySelectorAll('.sortable thead button')[8].click()";
    let mut sorted: Vec<u64> = serde_json::from_value(browser.eval(column)).unwrap();
    sorted.sort_unstable();
    browser.eval(press);
    assert_eq!(browser.eval(column), json!(sorted));
    sorted.reverse();
    browser.eval(press);
    assert_eq!(browser.eval(column), json!(sorted));
    assert_eq!(browser.eval("document.querySelectorAll('[aria-sort=descending]').length"), 1);
    assert!(browser.complaints().is_empty(), "{:#?}", browser.complaints());
}

#[test]
fn what_is_folded_away_is_found_by_a_filter() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut report = sample::report();
    // Four kinds of places with a number that nobody planted, which no claim rests on.
    let scenario = report.scenarios.first_mut().unwrap();
    let model = scenario.sightings.iter().find(|sighting| sighting.planted.is_none()).unwrap().clone();
    for name in ["a", "b", "c"] {
        let mut more = model.clone();
        more.place.trail.push(name.to_owned());
        scenario.sightings.push(more);
    }
    let mut browser = Browser::open(&program, &page(folder.path(), &report));
    let pick = |value: &str| {
        format!(
            "(() => {{ const s = document.querySelectorAll('[data-filter]')[1]; s.value = '{value}'; \
             s.dispatchEvent(new Event('change', {{bubbles: true}})); \
             const a = document.querySelector('.aside'); return [a.open, a.hidden] }})()"
        )
    };
    assert_eq!(browser.eval(&pick("d-phone-number")), json!([true, false]));
    assert_eq!(browser.eval(&pick("d-name")), json!([false, true]));
    assert_eq!(browser.eval(&pick("")), json!([false, false]), "as it was");
    let to = "(async () => { location.hash = '#' + document.querySelector('.aside .card').id; \
              await new Promise((done) => setTimeout(done, 100)); return document.querySelector('.aside').open })()";
    assert_eq!(browser.eval(to), true, "a link opens it");
    assert!(browser.complaints().is_empty(), "{:#?}", browser.complaints());
}

#[test]
fn everything_is_unfolded_on_paper() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::open(&program, &page(folder.path(), &sample::report()));
    browser.eval("addEventListener('beforeprint', () => { window.open_in_print = document.querySelectorAll('details:not([open])').length })");
    let pdf = browser.call("Page.printToPDF", json!({"printBackground": true, "preferCSSPageSize": true}));
    assert!(pdf["data"].as_str().unwrap().len() > 10_000);
    assert_eq!(browser.eval("window.open_in_print"), 0);
    assert_eq!(browser.eval("document.querySelectorAll('details[open]').length"), 0);
}

/// With axe-core beside the sources (`npm install --no-save axe-core`), its rules are checked too.
#[test]
fn axe_finds_no_barrier() {
    let Some(program) = chromium() else { return };
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
    let Ok(axe) = std::fs::read_to_string(axe) else {
        eprintln!("skipped: axe-core is not installed (npm install --no-save axe-core)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = page(folder.path(), &sample::report());
    for scheme in ["light", "dark"] {
        let mut browser = Browser::open(&program, &path);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        browser.eval("for (const d of document.querySelectorAll('details')) d.open = true; undefined");
        browser.eval(&format!("{axe}; undefined"));
        let found = browser.eval(
            "axe.run().then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | ')))",
        );
        assert_eq!(found, json!([]), "{scheme}: {found:#}");
    }
}

#[test]
#[ignore = "writes pages into the target folder, to look at"]
fn pages_to_look_at() {
    for (name, report) in
        [("one", sample::report()), ("inspected", sample::inspected()), ("crowd", sample::crowded(20_000, 20_000))]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        page(&folder, &report);
    }
}
