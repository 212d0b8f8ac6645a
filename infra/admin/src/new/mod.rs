//! `headwater new`: a project with a service, and further aggregates and commands for it.
//!
//! What it writes is kept as real files in `new/`, most of them those of `examples/shop`, so that
//! they compile and are tested. Their names are exchanged for those that are wanted.

mod aggregate;
mod command;
mod costs;
mod edit;
mod golden;
mod names;
mod project;
mod sources;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::names::Name;
use crate::failure::Failure;
use crate::output::Output;

/// Make a project, or add an aggregate or a command to the one in the current folder.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct New {
    #[command(subcommand)]
    what: Option<What>,
    /// The project's name, which is its folder's and its service's: shop
    name: Option<Name>,
    /// A checkout of Headwater to depend on, instead of the published crate.
    #[arg(long, value_name = "FOLDER")]
    headwater: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Add an aggregate with a command that creates it, its row, a list and tests.
    Aggregate {
        /// One of them: customer
        name: Name,
        /// Several of them, in paths and stream names [default: the name and an `s`].
        #[arg(long, value_name = "NAME")]
        plural: Option<Name>,
        #[command(flatten)]
        place: Place,
    },
    /// Add a command to an aggregate: its type, its event, a test, and a line in the service's
    /// table.
    Command {
        /// What it does, as a verb and the thing: ship-order
        name: Name,
        /// The aggregate: order
        #[arg(long, value_name = "NAME")]
        aggregate: Name,
        /// What has happened then: order-shipped. A new event, or one that is there. Leave it out
        /// if the command's events are several that are there.
        #[arg(long, value_name = "NAME")]
        event: Option<Name>,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the service's files are.
#[derive(Args)]
struct Place {
    /// The service, where a repository has several: its domain in `shared/<service>`, its table in
    /// `functions/<service>`.
    #[arg(long, value_name = "NAME")]
    service: Option<Name>,
}

impl New {
    pub(crate) fn run(self, output: &mut Output<'_>) -> Result<(), Failure> {
        let Self { what, name, headwater } = self;
        let done = match (what, name) {
            (Some(What::Aggregate { name, plural, place }), _) => {
                aggregate::add(&name, plural, &place)?
            }
            (Some(What::Command { name, aggregate, event, place }), _) => {
                command::add(&name, &aggregate, event.as_ref(), &place)?
            }
            (None, Some(name)) => project::make(&name, headwater.as_deref())?,
            (None, None) => return Err(Failure::NotFound("a name is missing".to_owned())),
        };
        output.remark(&done)
    }
}
