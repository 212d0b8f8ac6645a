//! Once a minute for all domains: streams that an older build left to this one are taken up, and
//! metrics say how much waits for a person. So an alarm lasts for as long as anything waits.
//!
//! `redrive` counts what is in the failures bucket.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use headwater::{Domain, Domains};
use headwater_dynamodb::Swept;
use headwater_lambda::deployment::{EVENTS_TABLE, FEED_TABLE, Role, Statement, VIEWS_TABLE};
use headwater_lambda::{App, Error, Function, metric};
use headwater_services::parked_updates;
use jiff::Timestamp;

use crate::project::WRITE_VIEWS;

/// Of each kind at most so many are counted: an alarm needs one.
const MOST: usize = 100;

/// Schedule → views and change feeds.
///
/// | metric of a domain | |
/// |---|---|
/// | `StreamsTakenUp` | streams that an older build had left to this one |
/// | `NewerStreams`, `NewerStreamsAge` | streams that this build leaves to a newer one, and the seconds since the first |
/// | `ParkedStreams` | streams that no build can fold |
/// | `ExternalUsersParked` | updates of other systems that a rule refused |
/// | `MailsWaiting` | effects outside that wait for a person |
pub(crate) fn sweep(domains: Domains) -> Function {
    Function::each_minute("sweep", &SWEEP, move |app: Arc<App>, deadline: Instant| {
        // Side by side, so that what holds up one holds up no other.
        let all = domains.iter().map(|domain| {
            let app = Arc::clone(&app);
            async move {
                let (swept, updates, effects) = tokio::join!(
                    take_up(&app, domain, deadline),
                    count_updates(&app, domain, deadline),
                    count_effects(&app, domain, deadline),
                );
                swept.and(updates).and(effects)
            }
        });
        let all = join_all(all.collect::<Vec<_>>());
        async move { all.await.into_iter().collect::<Result<(), Error>>() }
    })
}

static SWEEP: Role = Role {
    name: "Sweep",
    variables: &[EVENTS_TABLE, VIEWS_TABLE, FEED_TABLE, ("EFFECTS_TABLE", "!Ref EffectsTable")],
    statements: &[
        WRITE_VIEWS[0],
        WRITE_VIEWS[1],
        WRITE_VIEWS[2],
        Statement { actions: &["dynamodb:Query"], resources: &["!GetAtt EffectsTable.Arn"] },
    ],
};

async fn take_up(app: &App, domain: &'static Domain, deadline: Instant) -> Result<(), Error> {
    let Swept { taken_up, waiting, oldest, parked } =
        app.projector(domain.name, domain.projections)?.within(deadline).sweep().await?;
    let age = oldest.map_or(0, |oldest| Timestamp::now().duration_since(oldest).as_secs().max(0));
    metric(domain.name, "StreamsTakenUp", taken_up as f64);
    metric(domain.name, "NewerStreams", waiting as f64);
    metric(domain.name, "NewerStreamsAge", age as f64);
    metric(domain.name, "ParkedStreams", parked as f64);
    Ok(())
}

async fn count_updates(app: &App, domain: &Domain, deadline: Instant) -> Result<(), Error> {
    if domain.external.is_some() {
        let views = app.views_of(domain.name)?.within(deadline);
        let updates = parked_updates(domain, &views, None, None, MOST).await?;
        metric(domain.name, "ExternalUsersParked", updates.len() as f64);
    }
    Ok(())
}

async fn count_effects(app: &App, domain: &Domain, deadline: Instant) -> Result<(), Error> {
    if let Some(handler) = domain.handler {
        let waiting = app.effects_of(handler.name, deadline)?.waiting(None, None, MOST).await?;
        metric(domain.name, "MailsWaiting", waiting.len() as f64);
    }
    Ok(())
}
