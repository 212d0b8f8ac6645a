//! All that the queries show of a customer, compared with the model.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Span;
use super::model::{Customer, Policy, Shown};
use crate::{Client, Reply};

/// Whose views are compared, and by what.
pub struct Audit<'a> {
    /// A reader and operator.
    pub client: &'a Client,
    /// The customer's id.
    pub id: &'a str,
    /// What it ought to be.
    pub customer: &'a Customer,
    /// The limits in force.
    pub policy: &'a Policy,
    /// The tokens to read with; empty for what the views have reached by themselves.
    pub token: String,
    /// When this is.
    pub now: Span,
}

impl Audit<'_> {
    /// Reads everything.
    ///
    /// # Errors
    /// What differs.
    pub async fn run(&self) -> Result<()> {
        let Self { customer, .. } = self;
        self.list("/licenses?limit=50", &customer.license_items()).await?;
        self.list("/devices", &customer.device_items()).await?;
        self.list("/downloads", &customer.download_items(None)).await?;
        self.list("/events", &customer.event_items()).await?;
        let Some(license) = customer.licenses.last() else { return Ok(()) };
        self.list(
            &format!("/downloads?titleId={}", license.title),
            &customer.download_items(Some(&license.title)),
        )
        .await?;
        self.license(&license.id).await?;
        // What was played last: its token is among those to read with.
        if let Some(license) =
            customer.events.iter().rev().find_map(|event| event.playback_of.as_deref())
        {
            self.sessions(license).await?;
        }
        self.allowance(&license.title, &license.studio, Some(&license.device)).await?;
        self.allowance(&license.title, &license.studio, None).await
    }

    async fn list(&self, path: &str, expected: &[Shown]) -> Result<()> {
        let mut items = Vec::new();
        let mut query = path.to_owned();
        loop {
            let page = self.get(&query).await?;
            items.extend(
                page.body["items"]
                    .as_array()
                    .with_context(|| format!("{path}: no items"))?
                    .iter()
                    .cloned(),
            );
            let Some(next) = page.body["next"].as_str() else { break };
            query = format!("{path}{}cursor={next}", if path.contains('?') { '&' } else { '?' });
        }
        ensure!(
            items.len() == expected.len(),
            "{path}: {} items instead of {}: {}",
            items.len(),
            expected.len(),
            Value::from(items)
        );
        for (number, (item, expected)) in items.iter().zip(expected).enumerate() {
            let item = if path == "/events" { event(item) } else { item.clone() };
            if let Err(why) = expected.check(&item) {
                bail!("{path}, item {number} {why}");
            }
        }
        Ok(())
    }

    async fn license(&self, id: &str) -> Result<()> {
        let mut item = self.get(&format!("/licenses/{id}")).await?.body;
        let Some(fields) = item.as_object_mut() else { bail!("no object: {item}") };
        fields.retain(|field, _| field != "id" && field != "version");
        let expected = self.customer.license(id).context("no such licence")?.item();
        expected.check(&item).map_err(|why| anyhow::anyhow!("licence {id} {why}"))
    }

    async fn sessions(&self, id: &str) -> Result<()> {
        let shown = self.get(&format!("/licenses/{id}/sessions")).await?.body;
        let expected = self.customer.license(id).context("no such licence")?.sessions();
        for (field, value) in expected.as_object().into_iter().flatten() {
            ensure!(shown[field] == *value, "sessions of {id}: {field} must be {value}: {shown}");
        }
        Ok(())
    }

    async fn allowance(&self, title: &str, studio: &str, device: Option<&str>) -> Result<()> {
        let device_query = device.map(|device| format!("&deviceId={device}")).unwrap_or_default();
        let shown = self
            .get(&format!("/allowance?titleId={title}&studioId={studio}{device_query}"))
            .await?
            .body;
        let expected = self.customer.allowance(title, studio, device, self.policy, self.now.from);
        ensure!(
            shown == expected,
            "allowance of {title} on {device:?} must be {expected}: {shown}"
        );
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Reply> {
        let call = self.client.call("GET", &format!("/licensing/customers/{}{path}", self.id));
        let call = if self.token.is_empty() {
            call
        } else {
            call.header("consistency-token", &self.token)
        };
        call.send().await?.expect(200)
    }
}

/// What the model knows of an event.
fn event(item: &Value) -> Value {
    serde_json::json!({ "type": item["type"], "data": item["data"], "at": item["at"] })
}
