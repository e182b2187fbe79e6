//! The grammar: `aob <noun> <verb>`, the options that all commands share, and how a command line
//! that makes no sense is refused.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser};

use crate::commands::Command;
use crate::config::{Places, ProfileName, Server};
use crate::exit::Exit;
use crate::output::{Color, Format, Out};

/// Ends a long help with a command line that works as it stands.
macro_rules! example {
    ($($line:literal),+ $(,)?) => { concat!("Example:", $("\n  ", $line),+) };
}
pub(crate) use example;

/// Runs workflows, durably, and shows why each of them is where it is.
#[derive(Debug, Parser)]
#[command(
    name = "aob",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    propagate_version = false,
    infer_subcommands = false,
    max_term_width = 100,
    after_long_help = "\
Exit codes:
  0 ok            3 not found    6 timeout, or nobody answers
  1 run failed    4 conflict     7 limit
  2 usage         5 auth       130 interrupted

Example:
  aob run list --status failed"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// How data is printed on stdout.
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Base URL of the server, instead of the profile's.
    #[arg(long, global = true, env = "AOB_SERVER", value_name = "URL")]
    pub(crate) server: Option<Server>,
    /// API key, instead of the profile's.
    #[arg(long, global = true, env = "AOB_TOKEN", hide_env_values = true, value_name = "KEY", value_parser = token)]
    pub(crate) token: Option<String>,
    /// Profile to use, instead of the current one.
    #[arg(long, global = true, env = "AOB_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<ProfileName>,
    /// File with the profiles.
    #[arg(long, global = true, env = "AOB_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// When to use colours; `NO_COLOR` is obeyed.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Print data and errors only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// What to log on stderr, such as `warn` or `aob_runner=debug`.
    #[arg(long, global = true, env = "AOB_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    #[arg(long, global = true, env = "XDG_CONFIG_HOME", hide = true)]
    xdg_config_home: Option<PathBuf>,
    #[arg(long, global = true, env = "XDG_DATA_HOME", hide = true)]
    xdg_data_home: Option<PathBuf>,
    #[arg(long, global = true, env = "AOB_DATA", hide = true)]
    default_data: Option<PathBuf>,
}

impl Global {
    /// Where this program keeps its files.
    pub(crate) fn places(&self) -> Places {
        Places {
            config: self.config.clone(),
            xdg_config_home: self.xdg_config_home.clone(),
            xdg_data_home: self.xdg_data_home.clone(),
            data: self.default_data.clone(),
        }
    }
}

/// An API key: printable ASCII, as a header takes it.
fn token(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("an API key has printable ASCII characters only, and no spaces".to_owned()),
    }
}

/// Prints what clap says about a command line that it does not take, or the help that was asked
/// for, and answers how the process ends.
pub(crate) fn refuse(error: &clap::Error, args: &[OsString]) -> Exit {
    let out = Out::new(Format::Table, Color::Auto, false);
    let text = error.render().ansi().to_string();
    if !error.use_stderr() {
        return out.data(&text).map_or_else(|failure| out.failure(&failure), |()| Exit::Ok);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        out.say(text.trim_end());
        return Exit::Usage;
    }
    // The last line names the help without naming the command.
    let lines = text.lines().filter(|line| !line.starts_with("For more information"));
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    out.say(&lines.join("\n"));
    out.todo(&help_of(args));
    Exit::Usage
}

/// The help of the command that these arguments mean, as far as they can be understood.
fn help_of(args: &[OsString]) -> String {
    let mut path = vec!["aob".to_owned()];
    let mut command = Cli::command();
    let words = args.iter().skip(1).map(|word| word.to_string_lossy());
    for word in words.take_while(|word| word != "--") {
        if let Some(next) = command.find_subcommand(&*word).cloned() {
            path.push(next.get_name().to_owned());
            command = next;
        }
    }
    path.push("--help".to_owned());
    path.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    fn leaves(command: &clap::Command, path: &str, seen: &mut Vec<(String, clap::Command)>) {
        let mut children = command.get_subcommands().filter(|c| c.get_name() != "help").peekable();
        if children.peek().is_none() {
            seen.push((path.to_owned(), command.clone()));
        }
        for child in children {
            leaves(child, &format!("{path} {}", child.get_name()), seen);
        }
    }

    #[test]
    fn every_long_help_has_an_example_that_the_grammar_takes() {
        let mut commands = Vec::new();
        leaves(&Cli::command(), "aob", &mut commands);
        assert!(commands.len() >= 28, "{}", commands.len());
        for (path, command) in commands {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> =
                help.lines().map(str::trim).filter(|line| line.starts_with("aob ")).collect();
            assert!(!examples.is_empty(), "{path} has no example");
            for example in examples {
                let command = example.split(" | ").next().unwrap().split(" > ").next().unwrap();
                let words = shell_words(command);
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{path}: `{example}`: {}", parsed.unwrap_err());
                assert!(
                    words.join(" ").starts_with(&path),
                    "{path}: `{example}` shows another one"
                );
            }
        }
    }

    /// Splits as a shell does, as far as examples go: spaces, single and double quotes.
    fn shell_words(line: &str) -> Vec<String> {
        let (mut words, mut quote) = (vec![String::new()], None);
        for c in line.chars() {
            let last = words.last_mut().unwrap();
            match (c, quote) {
                (' ', None) => words.push(String::new()),
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(q)) if c == q => quote = None,
                (c, _) => last.push(c),
            }
        }
        words
    }

    #[test]
    fn refusals_point_to_the_help_of_the_command_meant() {
        let cases: [(&[&str], &str); 5] = [
            (&["aob", "run", "start", "a.json", "--nope"], "aob run start --help"),
            (&["aob", "run", "strat"], "aob run --help"),
            (&["aob", "rum"], "aob --help"),
            (&["aob", "wf", "create", "a.json"], "aob workflow create --help"),
            (&["aob", "--server", "nowhere", "r", "ls"], "aob run list --help"),
        ];
        for (args, help) in cases {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            assert_eq!(help_of(&args), help, "{args:?}");
        }
    }
}
