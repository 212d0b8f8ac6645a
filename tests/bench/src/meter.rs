//! What calls cost, whoever makes them: counted at the platform's front door, as for
//! `docs/reference/costs.md`. Its way is longer, so nothing is timed through it.

use anyhow::{Context, Result};
use headwater_local::door::{Door, OPERATOR};
use headwater_local::emulators::{Emulators, Options};
use headwater_local::template::Template;
use headwater_tests::price;

/// A door before a server.
pub(crate) struct Meter {
    door: Door,
    _emulators: Emulators,
}

/// What commands spent, each on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Calls of DynamoDB.
    pub calls: f64,
    /// Read units.
    pub reads: f64,
    /// Write units.
    pub writes: f64,
}

impl Spent {
    /// The price of a million such commands, in dollars.
    pub fn dollars(&self) -> f64 {
        price::of_a_million(self.reads, self.writes)
    }
}

impl Meter {
    /// Opens a door before the server at `endpoint`.
    ///
    /// # Errors
    /// If no port can be had.
    pub(crate) async fn start(endpoint: &str) -> Result<Self> {
        let template = Template {
            tables: Vec::new(),
            streams: Vec::new(),
            buckets: Vec::new(),
            queues: Vec::new(),
            functions: Vec::new(),
            authorizer: None,
            throttle: None,
        };
        let emulators = Emulators::start(
            &template,
            &Options { dynamodb_endpoint: Some(endpoint.to_owned()), ..Options::default() },
        )
        .await?;
        Ok(Self { door: Door::start(&template, &emulators, None).await?, _emulators: emulators })
    }

    /// Where the door answers.
    pub(crate) fn endpoint(&self) -> &str {
        self.door.endpoint()
    }

    /// What each of so many commands spent since this was last asked.
    ///
    /// # Errors
    /// If the door counts otherwise than it did.
    pub(crate) fn take(&self, commands: u64) -> Result<Spent> {
        let metered = self.door.meter();
        self.door.reset_meter();
        let mut spent = Spent::default();
        for operation in
            metered[OPERATOR].as_object().into_iter().flat_map(|operations| operations.values())
        {
            let share = |field: &str| {
                Ok::<_, anyhow::Error>(
                    operation[field].as_f64().context("no such count")? / commands as f64,
                )
            };
            spent.calls += share("calls")?;
            spent.reads += share("readUnits")?;
            spent.writes += share("writeUnits")?;
        }
        Ok(spent)
    }
}
