use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use headwater::StreamName;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::StoreError;
use crate::table::{Consistency, Item, Key, Table};

/// How long a process may go on with the generation that it has read. A rebuild waits that long before it drops the old rows.
const REMEMBERED: Duration = Duration::from_secs(30);

/// One build of a domain's rows. Every key in the views table begins with it, so that a new build can grow beside the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation(pub u32);

impl Generation {
    /// The partition of a stream's primary row: `g1/acme/identity/users/42`.
    pub(crate) fn row(self, stream: &StreamName) -> Key {
        Key { pk: format!("g{}/{stream}", self.0), sk: "row".to_owned() }
    }

    /// The partition of an index: `g1/acme/identity/members/7`.
    pub(crate) fn index(self, tenant: &str, domain: &str, index: &str) -> String {
        format!("g{}/{tenant}/{domain}/{index}", self.0)
    }
}

/// Tells which generation of a domain's rows is the active one: the item `generations/<domain>`, `active`. Generation 1 needs none.
#[derive(Clone, Debug)]
pub struct Generations {
    table: Table,
    key: Key,
    remembered: Arc<Mutex<Option<(Instant, Generation)>>>,
}

#[derive(Deserialize)]
struct Pointer {
    generation: Generation,
}

impl Generations {
    /// The generations of a domain's rows in the views table of this name.
    pub fn new(client: Client, views_table: impl Into<String>, domain: &str) -> Self {
        let key = Key { pk: format!("generations/{domain}"), sk: "active".to_owned() };
        Self { table: Table::new(client, views_table), key, remembered: Arc::default() }
    }

    /// The active generation, remembered for 30 seconds: called during init, it costs the first queries no read.
    ///
    /// # Errors
    /// [`StoreError`] if it has to be read and cannot be.
    pub async fn active(&self) -> Result<Generation, StoreError> {
        let mut remembered = self.remembered.lock().await;
        if let Some((_, generation)) = remembered.filter(|(read, _)| read.elapsed() < REMEMBERED) {
            return Ok(generation);
        }
        let item = self.table.get(self.key.clone(), Consistency::Strong).await?;
        let generation = item.map_or(Ok(Generation(1)), read_pointer)?;
        *remembered = Some((Instant::now(), generation));
        Ok(generation)
    }
}

fn read_pointer(item: Item) -> Result<Generation, StoreError> {
    Ok(serde_dynamo::from_item::<_, Pointer>(item)?.generation)
}
