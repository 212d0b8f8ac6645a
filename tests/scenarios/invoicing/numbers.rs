//! Invoice numbers: the tenant's next, without gaps.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::future::try_join_all;
use headwater_tests::{Client, Reply};
use serde_json::json;

use super::support::{INVOICES, draft, get_with, invoice, issued, path, post};
use crate::support::{at_once, count, events, own_platform, shared_platform};

/// The number of each invoice that these replies issued.
async fn numbers(client: &Client, replies: &[Reply]) -> Result<Vec<u64>> {
    let reads = replies.iter().map(|reply| async {
        get_with(client, &path(reply.id()), reply.token()).await?.expect(200)
    });
    Ok(try_join_all(reads)
        .await?
        .iter()
        .filter_map(|invoice| invoice.body["number"].as_u64())
        .collect())
}

#[tokio::test]
async fn of_50_issues_at_once_each_has_a_number_and_no_number_is_left_out() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("numbers").await?;
    for i in 0..50 {
        draft(&client, &format!("i{i}")).await?;
    }
    let replies = at_once(50, |i| {
        let client = client.clone();
        // Some of the callers send it again, and again, as if the answer had been lost.
        async move {
            let issue = || async {
                // A crowd may be told to come again, which is safe under a key.
                loop {
                    let call = client
                        .call("POST", &format!("{}/issue", path(&format!("i{i}"))))
                        .header("idempotency-key", "once");
                    let reply = call.send().await?;
                    if reply.status != 503 {
                        return anyhow::Ok(reply);
                    }
                }
            };
            let first = issue().await?;
            for _ in 0..if i % 5 == 0 { 2 } else { 0 } {
                let again = issue().await?;
                anyhow::ensure!(
                    (again.status, &again.body) == (first.status, &first.body),
                    "{first:?} {again:?}"
                );
            }
            Ok(first)
        }
    })
    .await?;
    assert_eq!(count(&replies, 200), 50, "{:?}", replies.iter().find(|reply| reply.status != 200));
    let taken: BTreeSet<u64> = numbers(&client, &replies).await?.into_iter().collect();
    assert_eq!(taken, (1..=50).collect());
    let sequence = events(&client, "invoicing/invoice-numbers").await?;
    assert_eq!(sequence.len(), 50, "a number is an event of the sequence's stream");
    Ok(())
}

#[tokio::test]
async fn of_50_issues_with_the_same_position_of_the_numbers_one_is_carried_out() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("numbers").await?;
    issued(&client, "first").await?;
    let mut drafts = Vec::new();
    for i in 0..50 {
        drafts.push(draft(&client, &format!("i{i}")).await?.token().trim_matches('"').to_owned());
    }
    let numbers = drafts[0].replace("invoices/i0", "invoice-numbers");
    let numbers = numbers.split_once('@').map_or("", |(stream, _)| stream);
    let replies = at_once(50, |i| {
        let (client, condition) = (client.clone(), format!("\"{}+{numbers}@1\"", drafts[i]));
        async move {
            loop {
                let reply = client
                    .call("POST", &format!("{}/issue", path(&format!("i{i}"))))
                    .header("if-match", &condition)
                    .send()
                    .await?;
                // In a crowd nothing may have been written; then it is tried again.
                if reply.status != 503 {
                    return anyhow::Ok(reply);
                }
            }
        }
    })
    .await?;
    // The one that was carried out may have been told that its outcome is unknown, and 412 when it
    // came again.
    let (done, refused) = (count(&replies, 200), count(&replies, 412));
    assert!(
        done <= 1 && done + refused == 50,
        "{:?}",
        replies.iter().find(|reply| reply.status > 412)
    );
    assert_eq!(
        events(&client, "invoicing/invoice-numbers").await?.len(),
        2,
        "one number more was taken"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_refused_takes_no_number_and_what_is_void_keeps_its_own() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("numbers-refused").await?;
    let first = issued(&client, "first").await?;
    post(&client, "first", "issue", &json!({})).await?.problem(409, "invalid-transition")?;
    client.post(INVOICES, &invoice("empty", &[])).await?.expect(201)?;
    post(&client, "empty", "issue", &json!({})).await?.problem(409, "no-line-items")?;
    post(&client, "nobody", "issue", &json!({})).await?.problem(404, "not-found")?;
    post(&client, "first", "void", &json!({})).await?.expect(200)?;
    let second = issued(&client, "second").await?;
    let other = platform.client("numbers-other-tenant").await?;
    let elsewhere = issued(&other, "first").await?;
    assert_eq!(numbers(&client, &[first, second]).await?, [1, 2]);
    assert_eq!(numbers(&other, &[elsewhere]).await?, [1], "each tenant counts for itself");
    Ok(())
}
