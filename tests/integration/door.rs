//! Knocks at real servers on loopback, through the binary, and what a run makes of the findings. A server that is not
//! installed is passed over, with a word.
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]

use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A server of somebody else's, on loopback, until it goes out of scope.
struct Server {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // With whatever it started.
        let group = format!("-{}", self.child.id());
        let _ = std::process::Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Starts a server; `{port}`, `{other}` and `{folder}` in its arguments are filled in. `None` if it is not installed.
fn start(program: &str, arguments: &[&str], config: &str) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let (port, other) = (free_port(), free_port());
    let fill = |text: &str| {
        text.replace("{port}", &port.to_string())
            .replace("{other}", &other.to_string())
            .replace("{folder}", &folder.path().display().to_string())
    };
    fs::write(folder.path().join("config"), fill(config)).unwrap();
    let started = std::process::Command::new(program)
        .args(arguments.iter().map(|argument| fill(argument)))
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let Ok(child) = started else {
        eprintln!("{program} is not installed: this door is not knocked at");
        return None;
    };
    let server = Server { child, port, _folder: folder };
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{program} does not come up");
}

fn scenario(folder: &Path, stores: &str) {
    let text = format!(
        "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[claim]]\nid='a'\ntext='Your data is safe'\nsource='s'\n\
         seen=2026-11-02\npromise='not-public'\ndata=['messages']\n{stores}"
    );
    fs::write(folder.join("scenario.toml"), text).unwrap();
}

fn plainsight(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin!("plainsight")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Knocks at one server, says what was found and how the command ended.
fn knock(service: &str, port: u16) -> (i32, Value) {
    knock_at(service, port, "")
}

/// The same, with more said of the store.
fn knock_at(service: &str, port: u16, more: &str) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    scenario(folder.path(), &format!("[[store]]\nhost='127.0.0.1'\nport={port}\nservice='{service}'\n{more}"));
    let path = folder.path().to_str().unwrap();
    let (code, out, err) = plainsight(&["door", "--scenario", path, "--i-own-this", "--json"]);
    assert!(err.contains(&format!("127.0.0.1:{port}: asks for")), "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["schema"], "plainsight-door/1");
    (code, found["doors"][0].clone())
}

#[test]
fn redis_answers_everybody_until_it_has_a_password() {
    let arguments = ["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", "{folder}"];
    let Some(server) = start("redis-server", &arguments, "") else { return };
    let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    std::io::Write::write_all(&mut client, b"SET chat:1 secret-of-somebody\r\n").unwrap();
    let mut answer = [0; 5];
    std::io::Read::read_exact(&mut client, &mut answer).unwrap();
    let (code, door) = knock("redis", server.port);
    assert_eq!((code, &door["state"]), (1, &Value::from("open")), "{door}");
    assert_eq!(door["holds"][0]["name"], "db0");
    assert_eq!(door["holds"][0]["records"], 1);
    assert!(door["version"].as_str().is_some_and(|version| version.contains('.')), "{door}");
    assert!(!door.to_string().contains("secret-of-somebody"), "never contents");
    let locked = [&arguments[..], &["--requirepass", "correct horse"]].concat();
    let Some(server) = start("redis-server", &locked, "") else { return };
    let (code, door) = knock("redis", server.port);
    assert_eq!((code, &door["state"]), (0, &Value::from("locked")), "{door}");
}

#[test]
fn memcached_answers_everybody_until_it_knows_users() {
    let Some(server) = start("memcached", &["-u", "nobody", "-l", "127.0.0.1", "-p", "{port}", "-U", "0"], "") else {
        return;
    };
    let (code, door) = knock("memcached", server.port);
    assert_eq!((code, &door["state"], &door["holds"][0]["name"]), (1, &"open".into(), &"items".into()), "{door}");
    let locked = ["-u", "nobody", "-l", "127.0.0.1", "-p", "{port}", "-U", "0", "-Y", "{folder}/config"];
    let Some(server) = start("memcached", &locked, "alice:mere-hern-31\n") else { return };
    let (code, door) = knock("memcached", server.port);
    assert_eq!((code, &door["state"]), (0, &"locked".into()), "{door}");
}

#[test]
fn clickhouse_answers_everybody_until_it_has_a_password() {
    for (password, code, state) in [("", 1, "open"), ("mere-hern-31", 0, "locked")] {
        let config = format!(
            "<yandex><logger><level>error</level><console>1</console></logger><http_port>{{port}}</http_port>\
             <tcp_port>{{other}}</tcp_port><listen_host>127.0.0.1</listen_host><path>{{folder}}/data/</path>\
             <tmp_path>{{folder}}/tmp/</tmp_path><mark_cache_size>5368709</mark_cache_size>\
             <users_config>{{folder}}/config</users_config><default_profile>default</default_profile>\
             <default_database>default</default_database><profiles><default/></profiles><quotas><default/></quotas>\
             <users><default><password>{password}</password><networks><ip>::/0</ip></networks><profile>default</profile>\
             <quota>default</quota></default></users></yandex>"
        );
        let Some(server) = start("clickhouse-server", &["--config-file={folder}/config"], &config) else { return };
        let (found, door) = knock("clickhouse", server.port);
        assert_eq!((found, door["state"].as_str()), (code, Some(state)), "{door}");
        let names: Vec<&str> =
            door["holds"].as_array().into_iter().flatten().filter_map(|h| h["name"].as_str()).collect();
        assert_eq!(names.contains(&"system"), state == "open", "{door}");
    }
}

/// Its management knows no open setting: it must not be taken for open, and a password of its own changes nothing.
#[test]
fn rabbitmq_asks_for_credentials() {
    if !Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() {
        eprintln!("rabbitmq-server is not installed: this door is not knocked at");
        return;
    }
    let script = "printf '[rabbitmq_management].' > plugins; \
        export HOME={folder} RABBITMQ_NODENAME=chat{other}@localhost RABBITMQ_MNESIA_BASE={folder}/mnesia RABBITMQ_LOGS=- \
        RABBITMQ_LOG_BASE={folder} RABBITMQ_ENABLED_PLUGINS_FILE={folder}/plugins RABBITMQ_CONFIG_FILE={folder}/config \
        RABBITMQ_DIST_PORT={third} ERL_EPMD_PORT={fourth} ERL_EPMD_ADDRESS=127.0.0.1; \
        epmd -address 127.0.0.1 & exec /usr/lib/rabbitmq/bin/rabbitmq-server";
    let ports = [free_port(), free_port()].map(|port| port.to_string());
    let script = script.replace("{third}", &ports[0]).replace("{fourth}", &ports[1]);
    let config = "listeners.tcp.1 = 127.0.0.1:{other}\nmanagement.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\n";
    let Some(server) = start("sh", &["-c", &script], config) else { return };
    let (code, door) = knock("rabbitmq", server.port);
    assert_eq!((code, &door["state"]), (0, &"locked".into()), "{door}");
}

#[test]
fn etcd_answers_everybody_until_it_knows_users() {
    let url = "http://127.0.0.1:{port}";
    let peer = "http://127.0.0.1:{other}";
    let arguments = [
        "--data-dir",
        "{folder}/data",
        "--listen-client-urls",
        url,
        "--advertise-client-urls",
        url,
        "--listen-peer-urls",
        peer,
        "--initial-advertise-peer-urls",
        peer,
        "--initial-cluster",
        "default=http://127.0.0.1:{other}",
    ];
    let Some(server) = start("etcd", &arguments, "") else { return };
    let (code, door) = knock("etcd", server.port);
    assert_eq!((code, &door["state"], &door["holds"][0]["records"]), (1, &"open".into(), &0.into()), "{door}");
    for (path, body) in [
        ("user/add", r#"{"name":"root","password":"mere-hern-31"}"#),
        ("user/grant", r#"{"user":"root","role":"root"}"#),
        ("enable", "{}"),
    ] {
        let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let head =
            format!("POST /v3/auth/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}", body.len());
        std::io::Write::write_all(&mut client, format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut client, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let (code, door) = knock("etcd", server.port);
    assert_eq!((code, &door["state"]), (0, &"locked".into()), "{door}");
}

#[test]
fn influxdb_answers_everybody_until_it_asks_who_is_there() {
    for (auth, code, state) in [("false", 1, "open"), ("true", 0, "locked")] {
        let config = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{{other}}\"\n[meta]\ndir = \"{{folder}}/meta\"\n[data]\ndir = \"{{folder}}/data\"\nwal-dir = \"{{folder}}/wal\"\n[http]\nbind-address = \"127.0.0.1:{{port}}\"\nauth-enabled = {auth}\n"
        );
        let Some(server) = start("influxd", &["-config", "{folder}/config"], &config) else { return };
        let (found, door) = knock("influxdb", server.port);
        assert_eq!((found, door["state"].as_str()), (code, Some(state)), "{door}");
        assert!(state == "locked" || door["version"].is_string(), "{door}");
    }
}

/// Inside TLS, behind a certificate that nobody vouches for: taken, told, and an answer like any other.
#[test]
fn doors_inside_tls_are_knocked_at_and_their_certificate_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=log.x.example", "-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("openssl is not installed: doors inside TLS are not knocked at");
        return;
    }
    let redis = ["--port", "0", "--tls-port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", "{folder}"];
    let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let redis = [&redis[..], &tls, &["--tls-auth-clients", "no"]].concat();
    let (url, peer) = ("https://127.0.0.1:{port}", "http://127.0.0.1:{other}");
    let etcd = ["--data-dir", "{folder}/data", "--listen-client-urls", url, "--advertise-client-urls", url];
    let peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer];
    let files = ["--cert-file", &certificate, "--key-file", &key];
    let cluster = ["--initial-cluster", "default=http://127.0.0.1:{other}"];
    let etcd = [&etcd[..], &peers, &files, &cluster].concat();
    for (program, service, arguments) in [("redis-server", "redis", redis), ("etcd", "etcd", etcd)] {
        let Some(server) = start(program, &arguments, "") else { continue };
        let (code, door) = knock_at(service, server.port, "tls = true\n");
        assert_eq!((code, &door["state"]), (1, &"open".into()), "{door}");
        let note = door["note"].as_str().unwrap();
        assert!(note.starts_with("over TLS 1.3") && note.contains("self-signed"), "{note}");
        // Knocked at without TLS it is no open door, and says what to write.
        let (code, door) = knock_at(service, server.port, "");
        assert_eq!(code, 0, "{door}");
        let hint = door["note"].as_str().unwrap_or_default().contains("tls = true");
        assert!(hint || door["state"] == "closed", "{door}");
    }
    // Who speaks no TLS cannot be heard inside it.
    let Some(server) = start("redis-server", &["--port", "{port}", "--bind", "127.0.0.1", "--save", ""], "") else {
        return;
    };
    let (code, door) = knock_at("redis", server.port, "tls = true\n");
    assert_eq!((code, &door["state"]), (0, &"closed".into()), "{door}");
}

#[test]
fn nobody_is_knocked_at_who_is_not_listed_or_not_owned() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    scenario(folder.path(), &format!("[[store]]\nhost='127.0.0.1'\nport={port}\nservice='redis'\n"));
    let path = folder.path().to_str().unwrap();
    for (arguments, says) in [
        (vec!["door", "--scenario", path], "--i-own-this"),
        (vec!["door", "localhost", "--scenario", path, "--i-own-this"], "localhost is not in the scenario"),
        (vec!["door", "127.0.0.1", "--scenario", path], "--i-own-this"),
    ] {
        let (code, out, err) = plainsight(&arguments);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says) && out.is_empty(), "{err}");
    }
    assert!(listener.accept().is_err(), "somebody knocked");
}

/// What was found is evidence: the promise that the store is not public falls with one open door, and with no banner less.
#[test]
fn findings_and_banners_are_evidence() {
    let open = r#"{"schema":"plainsight-door/1","doors":[{"host":"log.x.example","port":9200,"service":"elasticsearch","state":"STATE","holds":[{"name":"chat","records":7}]}]}"#;
    let banner = r#"{"ip_str":"203.0.113.9","port":9200,"data":"HTTP/1.1 200 OK","_shodan":{},"elastic":{"indices":{"chat":{}}}}"#;
    for (file, verdict) in [
        (open.replace("STATE", "open"), "contradicted"),
        (open.replace("STATE", "locked"), "inconclusive"),
        (banner.to_owned(), "contradicted"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("door.json"), file).unwrap();
        scenario(folder.path(), "[[store]]\nhost='log.x.example'\nanswers='door.json'\n");
        let out = folder.path().join("out");
        let (code, json, err) = plainsight(&[
            "run",
            folder.path().to_str().unwrap(),
            "--report",
            out.to_str().unwrap(),
            "-q",
            "--format",
            "json",
        ]);
        assert_eq!(code, i32::from(verdict == "contradicted"), "{err}");
        let report: Value = serde_json::from_str(&json).unwrap();
        let claim = &report["scenarios"][0]["claims"][0];
        assert_eq!(claim["verdict"], verdict, "{claim}");
        if verdict == "contradicted" {
            assert!(claim["reason"].as_str().unwrap().contains("answered without credentials"), "{claim}");
            assert_eq!(report["scenarios"][0]["sightings"][0]["audiences"][0], "public");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("door.json"), r#"{"schema":"plainsight-door/1","doors":[{"host":1}]}"#).unwrap();
    scenario(folder.path(), "[[store]]\nhost='log.x.example'\nanswers='door.json'\n");
    let (code, _, err) = plainsight(&["run", folder.path().to_str().unwrap(), "-q", "--report", "/nonexistent"]);
    assert_eq!(code, 2);
    assert!(err.contains("door.json") && err.contains("line 1"), "{err}");
}
