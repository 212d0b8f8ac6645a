use std::sync::Arc;
use std::time::Duration;

use headwater::StreamName;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::table::{Consistency, Key, Table, from_item};
use crate::{EventStore, StoreError};

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
#[derive(Clone)]
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
    pub fn new(store: EventStore, views_table: &str, domain: &str) -> Self {
        let key = Key { pk: format!("generations/{domain}"), sk: "active".to_owned() };
        Self { table: Table::new(store, views_table), key, remembered: Arc::default() }
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
        let generation = item.map(from_item::<Pointer>).transpose()?.map_or(Generation(1), |pointer| pointer.generation);
        *remembered = Some((Instant::now(), generation));
        Ok(generation)
    }
}
