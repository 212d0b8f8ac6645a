//! How much waits for a person, told each minute: so an alarm stays for as long as anything does.
//! What is parked is told by the sweep, and what lies in the failures bucket by `redrive`.

use std::sync::Arc;
use std::time::Instant;

use headwater_lambda::{App, Error, metric};
use headwater_services::{PARKED_UPDATES_OF, SERVICES, parked_updates};

/// Of each kind at most so many are counted: an alarm needs one.
const MOST: usize = 100;

/// Tells of users' updates and of mails.
///
/// # Errors
/// If a table is not set, or does not answer in time; the next run tells.
pub(super) async fn tell(app: Arc<App>, deadline: Instant) -> Result<(), Error> {
    let views = app.views_of(PARKED_UPDATES_OF)?.within(deadline);
    let updates = parked_updates(&views, None, None, MOST).await?;
    metric(PARKED_UPDATES_OF, "ExternalUsersParked", updates.len() as f64);
    for service in SERVICES {
        if let Some(handler) = service.handler {
            let effects = app.effects_of(handler.name, deadline)?;
            let mails = effects.waiting(None, None, MOST).await?;
            metric(service.name, "MailsWaiting", mails.len() as f64);
        }
    }
    Ok(())
}
