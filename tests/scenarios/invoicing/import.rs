//! The import program, run as a person would run it.

use std::process::Command;

use anyhow::Result;
use headwater_tests::{Client, Platform};
use serde_json::{Value, json};

use super::support::{INVOICES, item, path, post};
use crate::support::{own_platform, shared_platform};

/// Orders of a coffee roaster, as a shop might have exported them, with a mistake of each kind.
const ORDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.csv");

/// Each row of it that is wrong, and how it is told.
const FAULTS: [&str; 19] = [
    "line 15, order SO-2026-4107: quantity: must be a decimal number",
    "line 16, order SO-2026-4108: quantity: must be greater than 0",
    "line 37, order SO-2026-4117: currency: must be the ISO 4217 code",
    "line 109, order SO-2026-4140: currency is not that of line",
    "line 110, order SO 2026/4199: orderId: must be 1 to 64 of",
    "line 118, order SO-2026-4145: quantity: must be a decimal number",
    "line 120, order SO-2026-4146: description: must have 1 to 500 characters",
    "line 144, order SO-2026-4155: unitPrice: must be a decimal number",
    "line 169, order SO-2026-4164: customerName: must have 1 to 200 characters",
    "line 191, order SO-2026-4169: customerId: must be 1 to 64 of",
    "line 192, order SO-2026-4170: currency: must be the ISO 4217 code",
    "line 210, order SO-2026-4176: has 8 fields, not 9",
    "line 245, order SO-2026-4186: customerEmail is not that of line",
    "line 277, order SO-2026-4196: taxRate: must be a fraction from 0 to 1",
    "line 286, order SO-2026-4201: quantity: must be a decimal number",
    "line 288, order SO-2026-4201: taxRate: must be a fraction from 0 to 1",
    "line 305, order SO-2026-4205: customerEmail: ",
    "line 309, order SO-2026-4208: unitPrice: has more than the 0 decimals of JPY",
    "line 336, order SO-2026-4213: description: must not contain control characters",
];

/// How the program ended, and the lines that it wrote.
fn import(platform: &Platform, tenant: &str, file: &str) -> Result<(Option<i32>, Vec<String>)> {
    let output = Command::new(env!("CARGO_BIN_EXE_import"))
        .args([file, "--url", platform.url(), "--tenant", tenant])
        .output()?;
    let written = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.code(), written.lines().map(str::to_owned).collect()))
}

/// A file of orders of one line each.
fn orders_of_tea(folder: &tempfile::TempDir, ids: &[&str]) -> Result<String> {
    let file = folder.path().join("orders.csv");
    let rows: String =
        ids.iter().map(|id| format!("{id},Ada,ada@example.com,EUR,Tea,2,12.50,0.19\n")).collect();
    let columns =
        "orderId,customerName,customerEmail,currency,description,quantity,unitPrice,taxRate";
    std::fs::write(&file, format!("{columns}\n{rows}"))?;
    Ok(file.to_str().unwrap_or_default().to_owned())
}

/// All that was ever written.
async fn changes(client: &Client) -> Result<Vec<Value>> {
    client.all("/invoicing/changes?limit=200").await
}

#[tokio::test]
async fn orders_come_in_once_and_what_is_wrong_is_told_by_line() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("roaster").await?;
    let (code, lines) = import(&platform, "roaster", ORDERS)?;
    assert_eq!((code, lines.len()), (Some(1), FAULTS.len() + 1), "{lines:#?}");
    for (line, expected) in lines.iter().zip(FAULTS) {
        assert!(line.starts_with(expected), "{line}, not {expected}");
    }
    assert!(
        lines[FAULTS.len()].ends_with(": 106 created, 0 were there already, 18 refused."),
        "{lines:?}"
    );
    platform.settled().await?;
    assert_eq!(client.all(INVOICES).await?.len(), 106);
    let invoice = client.get(&path("SO-2026-4129")).await?.body;
    let customer = json!({ "name": "Jean-Luc Rüegg", "email": "jl.rueegg@mail.example" });
    assert_eq!(
        (&invoice["customer"], &invoice["totals"]["net"]),
        (&customer, &json!("428.99")),
        "{invoice}"
    );
    assert_eq!(
        invoice["lineItems"][3]["description"], "Sirup “Vanille”, 0,7 l",
        "its last row stands apart from the others"
    );
    let invoice = client.get(&path("SO-2026-4133")).await?.body;
    assert_eq!(invoice["customer"]["name"], "Gasthof \"Zur Post\", Inh. Jürgen Groß");

    let before = changes(&client).await?;
    let (code, again) = import(&platform, "roaster", ORDERS)?;
    assert_eq!((code, &again[..FAULTS.len()]), (Some(1), &lines[..FAULTS.len()]));
    assert!(
        again[FAULTS.len()].ends_with(": 0 created, 106 were there already, 18 refused."),
        "{again:?}"
    );
    platform.settled().await?;
    assert_eq!(changes(&client).await?, before, "nothing was written");
    Ok(())
}

#[tokio::test]
async fn an_invoice_that_is_not_the_orders_is_told() -> Result<()> {
    let platform = shared_platform()?;
    let client = platform.client("importer").await?;
    let folder = tempfile::tempdir()?;
    let file = &orders_of_tea(&folder, &["edited", "longer", "issued", "gone"])?;
    assert_eq!(import(&platform, "importer", file)?.0, Some(0));
    assert_eq!(
        import(&platform, "importer", file)?.0,
        Some(0),
        "the views may be behind: that is no difference"
    );

    client
        .call("PUT", &format!("{}/line-items/1", path("edited")))
        .json(&item())
        .send()
        .await?
        .expect(200)?;
    post(&client, "longer", "line-items", &item()).await?.expect(200)?;
    post(&client, "issued", "issue", &json!({})).await?.expect(200)?;
    client.call("DELETE", &path("gone")).send().await?.expect(200)?;
    platform.settled().await?;
    let (code, lines) = import(&platform, "importer", file)?;
    let expected = [
        "line 2, order edited: the invoice that there is has another such line",
        "line 3, order longer: the invoice that there is has 2 lines",
        "line 5, order gone: there was such an invoice, and it is to be seen no more",
    ];
    assert_eq!((code, &lines[..3]), (Some(1), &expected.map(str::to_owned)[..]), "{lines:?}");
    assert!(lines[3].ends_with(": 0 created, 1 were there already, 3 refused."), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn an_import_outlasts_a_store_that_does_not_answer() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("patient").await?;
    let ids: Vec<String> = (0..20).map(|number| format!("i{number}")).collect();
    let folder = tempfile::tempdir()?;
    let file = orders_of_tea(&folder, &ids.iter().map(String::as_str).collect::<Vec<_>>())?;
    // Longer than a function tries. Of those that are sent first, keys and perhaps invoices are
    // made, but that is not known. So they are sent again.
    let lost = json!({
        "service": "dynamodb",
        "fault": "lost-reply",
        "rate": 1.0,
        "seconds": 15,
        "function": "invoicing-create-invoice",
    });
    platform.fault(lost).await?;
    let (code, lines) = import(&platform, "patient", &file)?;
    let told = lines[0].rsplit(": ").next().unwrap_or_default();
    let counts: Vec<u64> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(code == Some(0) && counts.len() == 3, "{lines:?}");
    assert!(counts[0] + counts[1] == 20 && counts[2] == 0, "{lines:?}");
    platform.settled().await?;
    assert_eq!((client.all(INVOICES).await?.len(), changes(&client).await?.len()), (20, 20));
    Ok(())
}

#[tokio::test]
async fn an_import_that_cannot_begin_says_why() -> Result<()> {
    let platform = shared_platform()?;
    let (code, lines) = import(&platform, "nobody", "no-such-file.csv")?;
    assert_eq!(code, Some(2));
    assert!(lines[0].starts_with("error: no-such-file.csv: "), "{lines:?}");
    let (code, lines) =
        import(&platform, "nobody", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))?;
    assert_eq!((code, lines), (Some(2), vec!["error: the file has no column orderId".to_owned()]));
    Ok(())
}
