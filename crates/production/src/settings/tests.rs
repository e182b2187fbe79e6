//! Layers, errors that name the key, and what is shown.

use super::*;

/// A folder with a file of settings.
fn written(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(folder.path().join("aob.toml"), file).expect("a file in it");
    folder
}

fn load(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Settings, SettingsError> {
    let folder = written(file);
    let path = folder.path().join("aob.toml");
    let lookup = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Settings::load(Some(&path), lookup, &flags)
}

#[test]
fn each_layer_is_over_the_one_before() {
    let file = "[kafka]\npartitions = 3\nreplicas = 2\nbrokers = [\"a:1\", \"b:2\"]\n";
    let variables = [("AOB_KAFKA_REPLICAS", "1"), ("AOB_S3_BUCKET", "env")];
    let settings = load(file, &variables, &["s3.bucket = flag"]).unwrap();
    assert_eq!(settings.need::<u32>("kafka.partitions").unwrap(), 3);
    assert_eq!(settings.need::<u16>("kafka.replicas").unwrap(), 1);
    assert_eq!(settings.need::<String>("kafka.brokers").unwrap(), "a:1,b:2");
    assert_eq!(settings.need::<String>("s3.bucket").unwrap(), "flag");
    assert_eq!(settings.need::<String>("s3.region").unwrap(), "us-east-1");
    assert_eq!(settings.get::<String>("redis.url").unwrap(), None);
}

#[test]
fn errors_name_the_key_and_not_the_value() {
    for (file, flags, expected) in [
        (
            "[databse]\nlog_url = \"x\"\n",
            &[][..],
            "there is no setting `databse.log_url`; did you mean `database.log_url`?",
        ),
        ("kafka = 1\n", &[], "there is no setting `kafka`"),
        ("[s3]\nsecret = s3cret\n", &[], "line 2: this is not TOML"),
        ("[s3.secret]\nx = 1\n", &[], "there is no setting `s3.secret`"),
        ("", &["nonsense"], "`--set nonsense` is not of the form KEY=VALUE"),
        ("", &["http.port=1"], "flag: there is no setting `http.port`"),
    ] {
        let message = load(file, &[], flags).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
    let settings = load("", &[("AOB_KAFKA_PARTITIONS", "s3cret")], &[]).unwrap();
    let wrong = settings.need::<u32>("kafka.partitions").unwrap_err().to_string();
    assert_eq!(
        wrong,
        "kafka.partitions (from AOB_KAFKA_PARTITIONS): invalid digit found in string"
    );
    let missing = settings.need::<String>("database.log_url").unwrap_err().to_string();
    assert!(
        missing.contains("--set database.log_url=") && missing.contains("AOB_DATABASE_LOG_URL")
    );
}

#[test]
fn what_is_in_effect_is_shown_with_its_source_and_without_secrets() {
    let flags = [
        "database.log_url=postgres://log:s3cret@db/aob?password=s3cret",
        "redis.url=s3cret",
        "s3.secret=s3cret",
        "kafka.settings=sasl.password=s3cret",
    ];
    let shown = load("[http]\nlisten = \"0.0.0.0:80\"\n", &[], &flags).unwrap().to_string();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("log_url = \"postgres://log:***@db/aob?***\" # flag"), "{shown}");
    assert!(shown.contains("region = \"us-east-1\" # default"), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("listen = \"0.0.0.0:80\" #")).unwrap();
    assert!(line.ends_with(".toml"), "{line}");
    let read: toml::Table = toml::from_str(&shown).unwrap();
    assert_eq!(read.len(), 14, "{shown}");
}
