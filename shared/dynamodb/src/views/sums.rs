//! Sums over many streams: lines of whole numbers, each changed in the transaction of the row that
//! contributes to it.

use aws_sdk_dynamodb::types::AttributeValue;
use headwater::{Amounts, SumKey};

use super::{Rows, Views};
use crate::table::{Consistency, Found, Key, Order, Range};
use crate::{Item, StoreError};

/// How many lines one query asks for.
const LINES_AT_ONCE: usize = 1_000;

/// A line of a table of sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Which line: [`SumKey::order`].
    pub order: String,
    /// The sums by name; one that came to nothing may be there as 0.
    pub amounts: Amounts,
}

impl Views {
    /// The lines of a tenant's table of sums from order `from` up to and with `up_to`, read
    /// strongly: what the projector has got to. To read what a token stands for, wait until the
    /// change feed has it, since rows and sums are written before that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sums(
        &self,
        tenant: &str,
        index: &str,
        from: &str,
        up_to: &str,
    ) -> Result<Vec<Sum>, StoreError> {
        let rows = self.rows().await?;
        let pk = rows
            .sum_key(
                tenant,
                &self.domain,
                &SumKey { index: index.to_owned(), order: String::new() },
            )
            .pk;
        let mut sums = Vec::new();
        // A line's place ends in a NUL, so it comes just behind its order: `from` itself is read
        // too.
        let mut after = (!from.is_empty()).then(|| from.to_owned());
        loop {
            let range = Range {
                pk: pk.clone(),
                prefix: "",
                after: after.as_deref(),
                limit: LINES_AT_ONCE,
                order: Order::Forwards,
            };
            let Found { items, stopped_at } = rows.table.query(range, Consistency::Strong).await?;
            let lines = items.into_iter().map(read).collect::<Result<Vec<Sum>, _>>()?;
            let is_over = stopped_at.is_none()
                || lines.last().is_some_and(|line| line.order.as_str() > up_to);
            sums.extend(lines.into_iter().filter(|line| line.order.as_str() <= up_to));
            if is_over {
                return Ok(sums);
            }
            after = stopped_at;
        }
    }
}

impl Rows {
    /// Where a line stands: `g1/acme/invoicing/revenue/EUR`, the order with a NUL behind it.
    pub(super) fn sum_key(
        &self,
        tenant: &str,
        domain: &str,
        SumKey { index, order }: &SumKey,
    ) -> Key {
        Key { pk: self.generation.index(tenant, domain, index), sk: format!("{order}\0") }
    }
}

fn read(item: Item) -> Result<Sum, StoreError> {
    let mut sum = Sum { order: String::new(), amounts: Amounts::new() };
    for (name, value) in item {
        match value {
            AttributeValue::S(sk) if name == "sk" => {
                sum.order = sk.trim_end_matches('\0').to_owned()
            }
            AttributeValue::N(number) => {
                let amount = number.parse().map_err(|_| {
                    StoreError::Refused(format!(
                        "the sum {name} is {number}, too large for a number"
                    ))
                })?;
                sum.amounts.insert(name, amount);
            }
            _ => {}
        }
    }
    Ok(sum)
}
