//! Watching a run: events as lines, or a live view on a terminal.

mod describe;
mod lines;
mod live;

use std::io::{self, IsTerminal};
use std::time::Duration;

pub(crate) use self::describe::EventView;
use self::lines::LinesView;
use self::live::Live;
use crate::client::{Api, Delivery, EventStream};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Out};

/// How often a live view is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// What of a run is watched.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// The run.
    pub(crate) run: String,
    /// Events from behind this seq.
    pub(crate) after: u64,
    /// Only this node and what is inside of it.
    pub(crate) node: Option<String>,
    /// Only these types of events; empty: all.
    pub(crate) types: Vec<String>,
}

impl Watch {
    /// All of a run, from its beginning.
    pub(crate) fn whole(run: &str) -> Self {
        Self { run: run.to_owned(), after: 0, node: None, types: Vec::new() }
    }

    fn stream(&self, api: &Api) -> EventStream {
        // The end of the run must be seen, whatever else is.
        EventStream::new(api, &self.run, self.after)
    }

    /// True where the event is one of those that were asked for.
    pub(crate) fn shows(&self, event: &EventView) -> bool {
        let of_node = |node: &String| event.is_of(node);
        let typed = self.types.is_empty() || self.types.contains(&event.kind);
        typed && self.node.as_ref().is_none_or(of_node)
    }
}

/// Where events are shown.
enum Show {
    /// One line of text each on stdout.
    Lines,
    /// One line of text each on stderr: stdout is for the result.
    Aside,
    /// One line of JSON each on stdout.
    Json,
    /// A picture that changes.
    Live(Box<Live>),
    /// Nowhere.
    Nothing,
}

/// Shows events one after the other.
pub(crate) struct Printer {
    out: Out,
    show: Show,
}

impl Printer {
    /// For `run start --follow`, which prints the result afterwards.
    pub(crate) fn new(out: Out, run: &str) -> Self {
        let show = match out.format {
            Format::Jsonl => Show::Json,
            Format::Json | Format::Name if out.is_quiet() => Show::Nothing,
            Format::Json | Format::Name => Show::Aside,
            Format::Table | Format::Wide if out.is_live() && io::stdout().is_terminal() => {
                Show::Live(Box::new(Live::new(run, out.stderr_has_color())))
            }
            Format::Table | Format::Wide => Show::Lines,
        };
        Self { out, show }
    }

    /// For `logs stream`, whose data the events are.
    fn of_data(out: Out) -> Self {
        let show = if out.is_json() { Show::Json } else { Show::Lines };
        Self { out, show }
    }

    /// Shows an event's JSON; answers the run's last status where that was the end.
    pub(crate) fn print(&mut self, text: &str) -> Result<Option<&'static str>, Failure> {
        let event = EventView::parse(text);
        self.event(&event, text)?;
        Ok(self.finish(&event))
    }

    /// Draws a picture that changes by itself.
    pub(crate) fn draw(&mut self) {
        if let Show::Live(live) = &mut self.show {
            live.draw();
        }
    }

    fn is_live(&self) -> bool {
        matches!(self.show, Show::Live(_))
    }

    fn event(&mut self, event: &EventView, text: &str) -> Result<(), Failure> {
        match &mut self.show {
            Show::Lines => self.out.line(&event.line()),
            Show::Aside => {
                self.out.say(&event.line());
                Ok(())
            }
            Show::Json => self.out.line(text),
            Show::Live(live) => {
                live.see(event);
                Ok(())
            }
            Show::Nothing => Ok(()),
        }
    }

    /// Shows log lines. A live view has no room for them.
    fn lines(&mut self, lines: &LinesView, text: &str) -> Result<(), Failure> {
        match &mut self.show {
            Show::Lines => lines.lines().try_for_each(|line| self.out.line(&line)),
            Show::Aside => {
                lines.lines().for_each(|line| self.out.say(&line));
                Ok(())
            }
            Show::Json => self.out.line(text),
            Show::Live(_) | Show::Nothing => Ok(()),
        }
    }

    fn finish(&mut self, event: &EventView) -> Option<&'static str> {
        let status = event.end();
        if status.is_some()
            && let Show::Live(live) = &mut self.show
        {
            live.finish();
        }
        status
    }
}

/// Shows a run's events until it is over; answers its last status. For `run start --follow`, which
/// prints the result afterwards.
pub(crate) async fn until_over(
    context: &Context,
    api: &Api,
    watch: &Watch,
) -> Result<&'static str, Failure> {
    follow(context, api, watch, Printer::new(context.out, &watch.run)).await
}

/// Prints a run's events as data until it is over; answers its last status. For `logs stream`.
pub(crate) async fn print(
    context: &Context,
    api: &Api,
    watch: &Watch,
) -> Result<&'static str, Failure> {
    follow(context, api, watch, Printer::of_data(context.out)).await
}

async fn follow(
    context: &Context,
    api: &Api,
    watch: &Watch,
    mut printer: Printer,
) -> Result<&'static str, Failure> {
    let mut events = watch.stream(api);
    let mut frames = tokio::time::interval(FRAME);
    loop {
        let delivery = tokio::select! {
            biased;
            delivery = events.next() => delivery?,
            interrupted = tokio::signal::ctrl_c() => return Err(stopped(&watch.run, interrupted)),
            _ = frames.tick(), if printer.is_live() => {
                printer.draw();
                continue;
            }
        };
        match delivery {
            Some(Delivery::Event(text)) => {
                let event = EventView::parse(&text);
                if watch.shows(&event) {
                    printer.event(&event, &text)?;
                }
                if let Some(status) = printer.finish(&event) {
                    return Ok(status);
                }
            }
            Some(Delivery::Reset { seq }) => {
                context.out.note(&format!("events up to {seq} are not kept any more"));
            }
            Some(Delivery::Lines(text)) => {
                let lines = LinesView::parse(&text);
                if watch.shows(&lines.event) {
                    printer.lines(&lines, &text)?;
                }
            }
            Some(Delivery::Other) => {}
            // The server has closed the stream for good without an end that we know.
            None => return Ok("unknown"),
        }
    }
}

fn stopped(run: &str, interrupted: io::Result<()>) -> Failure {
    let message = match interrupted {
        Ok(()) => "interrupted; the run goes on".to_owned(),
        Err(error) => format!("signals cannot be waited for: {error}"),
    };
    let todo = format!("aob logs stream {run}");
    Failure::new(Exit::Interrupted, "interrupted", message, todo)
}
