//! What was decided and is not carried out yet, in a table of the platform's own.

use anyhow::Result;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::aws::JsonClient;

/// The table: `id` of a transaction; its `actions` as JSON; `done…` for each that was carried out.
const TABLE: &str = "headwater-local-torn";

/// The most bytes of actions that one item holds.
const MOST_BYTES: usize = 300_000;

/// The most actions of a transaction that a probe has room for.
const MOST_ACTIONS: usize = 99;

#[derive(Debug)]
pub(super) struct Journal {
    server: JsonClient,
    table: OnceCell<()>,
}

/// One action of a transaction that was decided.
#[derive(Debug)]
pub(super) struct Action {
    transaction: String,
    index: usize,
    action: Value,
}

impl Journal {
    pub(super) fn new(endpoint: &str) -> Result<Self> {
        Ok(Self { server: JsonClient::dynamodb(endpoint)?, table: OnceCell::new() })
    }

    /// Whether there is room for a transaction.
    pub(super) fn takes(actions: &[Value]) -> bool {
        actions.len() <= MOST_ACTIONS
            && actions.iter().map(|action| action.to_string().len()).sum::<usize>() <= MOST_BYTES
    }

    /// A condition that never holds.
    pub(super) fn never() -> Value {
        let check = json!({
            "TableName": TABLE,
            "Key": {"id": {"S": "never"}},
            "ConditionExpression": "attribute_exists(id)",
        });
        json!({ "ConditionCheck": check })
    }

    /// Makes the table, unless that is done.
    pub(super) async fn open(&self) -> Result<()> {
        let make = async || {
            let keys = json!([{"AttributeName": "id", "KeyType": "HASH"}]);
            let attributes = json!([{"AttributeName": "id", "AttributeType": "S"}]);
            let table = json!({
                "TableName": TABLE,
                "KeySchema": keys,
                "AttributeDefinitions": attributes,
                "BillingMode": "PAY_PER_REQUEST",
            });
            self.server.create("CreateTable", &table).await?;
            self.server
                .wait_until_active(
                    "DescribeTable",
                    &json!({"TableName": TABLE}),
                    "/Table/TableStatus",
                )
                .await
        };
        self.table.get_or_try_init(make).await.map(|_| ())
    }

    /// Puts a transaction down; gives those of its actions that write.
    pub(super) async fn decide(&self, actions: Vec<Value>) -> Result<Vec<Action>> {
        let transaction = Uuid::now_v7().to_string();
        let text = serde_json::to_string(&actions)?;
        self.server
            .call(
                "PutItem",
                &json!({
                    "TableName": TABLE,
                    "Item": {"id": {"S": transaction}, "actions": {"S": text}},
                }),
            )
            .await?;
        Ok(writes(&transaction, actions))
    }

    /// Carries one action out, and notes it in the same moment; gives what it cost.
    pub(super) async fn carry_out(&self, action: &Action) -> Result<Vec<Value>> {
        let mark = json!({
            "TableName": TABLE, "Key": {"id": {"S": action.transaction}},
            "UpdateExpression": "SET #done = :done",
            "ConditionExpression": "attribute_not_exists(#done)",
            "ExpressionAttributeNames": {"#done": action.mark()},
            "ExpressionAttributeValues": {":done": {"BOOL": true}},
        });
        let input = json!({
            "TransactItems": [action.action, {"Update": mark}],
            "ReturnConsumedCapacity": "TOTAL",
        });
        let output = self.server.call("TransactWriteItems", &input).await?;
        let tables = output["ConsumedCapacity"].as_array().into_iter().flatten();
        Ok(tables.filter(|table| table["TableName"] != TABLE).cloned().collect())
    }

    /// Forgets a transaction that was carried out. If that fails, the next start finds nothing left
    /// to do in it.
    pub(super) async fn close(&self, actions: &[Action]) {
        let Some(Action { transaction, .. }) = actions.first() else { return };
        let forgotten = self
            .server
            .call("DeleteItem", &json!({"TableName": TABLE, "Key": {"id": {"S": transaction}}}))
            .await;
        if let Err(error) = forgotten {
            tracing::warn!(%error, "the journal of transactions grows");
        }
    }

    /// Carries out all that was decided and is not done.
    pub(super) async fn finish_all(&self) -> Result<()> {
        let page = match self
            .server
            .call("Scan", &json!({"TableName": TABLE, "ConsistentRead": true}))
            .await
        {
            Err(error) if error.is("ResourceNotFoundException") => return Ok(()),
            page => page?,
        };
        for item in page["Items"].as_array().into_iter().flatten() {
            let id = item["id"]["S"].as_str().unwrap_or_default();
            let actions =
                writes(id, serde_json::from_str(item["actions"]["S"].as_str().unwrap_or("[]"))?);
            for action in actions.iter().filter(|action| item.get(action.mark()).is_none()) {
                self.carry_out(action).await?;
            }
            self.close(&actions).await;
        }
        Ok(())
    }
}

impl Action {
    fn mark(&self) -> String {
        format!("done{}", self.index)
    }
}

fn writes(transaction: &str, actions: Vec<Value>) -> Vec<Action> {
    let all = actions.into_iter().enumerate().map(|(index, action)| Action {
        transaction: transaction.to_owned(),
        index,
        action,
    });
    all.filter(|action| action.action.get("ConditionCheck").is_none()).collect()
}
