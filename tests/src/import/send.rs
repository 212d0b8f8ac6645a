use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Fault;
use super::order::Order;
use crate::{Client, Reply};

/// How often an order is sent, or its invoice asked for, before it is given up, and the pause in
/// between.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// What came of an order.
pub(super) enum Sent {
    /// Its invoice was created.
    Created,
    /// Its invoice was there already, just so.
    Present,
    /// It has none, or another.
    Refused(Vec<Fault>),
}

/// Creates an order's invoice, or compares it with the one that is there. Nothing is lost or done
/// twice where an answer does not come: the id is the order's.
///
/// # Errors
/// If there is no answer at all, or the caller may not do this.
pub(super) async fn send(client: &Client, order: &Order) -> Result<Sent> {
    let create = || client.post("/invoicing/invoices", &order.invoice);
    let reply = until(create, |reply| reply.status != 503).await?;
    match reply.status {
        201 => Ok(Sent::Created),
        409 => compare(client, order).await,
        422 => Ok(Sent::Refused(order.faults(&reply.body))),
        401 | 403 => {
            Err(reply.expect(201).map_or_else(|error| error, |_| anyhow::anyhow!("refused")))
        }
        status => Ok(Sent::Refused(vec![
            order.fault(format!("the service answered {status}: {}", reply.body["title"])),
        ])),
    }
}

/// Compares an order with the invoice of its id. One that was just created may take a moment to be
/// seen; one that was deleted never is.
async fn compare(client: &Client, order: &Order) -> Result<Sent> {
    let path = format!("/invoicing/invoices/{}", order.id());
    let reply = until(|| client.call("GET", &path).send(), |reply| reply.status == 200).await?;
    let faults = match reply.status {
        200 => order.differences(&reply.body),
        _ => {
            vec![order.fault("there was such an invoice, and it is to be seen no more".to_owned())]
        }
    };
    Ok(if faults.is_empty() { Sent::Present } else { Sent::Refused(faults) })
}

/// Calls until the answer will do, or for the last time.
async fn until<F>(call: impl Fn() -> F, will_do: impl Fn(&Reply) -> bool) -> Result<Reply>
where
    F: Future<Output = Result<Reply>>,
{
    for _ in 1..TRIES {
        match call().await {
            Ok(reply) if will_do(&reply) => return Ok(reply),
            _ => sleep(PAUSE).await,
        }
    }
    call().await
}
