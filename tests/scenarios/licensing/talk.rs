//! The walk of the talk that the service is modelled on, and the bug that its event dump revealed.

use anyhow::Result;
use serde_json::json;

use super::support::{
    DAY, YEAR, acquire, advance, download, dump, follow_up, licenses, try_acquire, types,
};
use crate::support::{events, own_platform};

#[tokio::test]
async fn a_title_may_be_downloaded_three_times_a_year() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("talk").await?;
    let allowance = || {
        client.get(
            "/licensing/customers/ada/allowance?titleId=house-of-cards&studioId=s&deviceId=tablet",
        )
    };
    for _ in 0..2 {
        let license = download(&client, "ada", "house-of-cards").await?;
        follow_up(&client, "ada", &license, "release").await?.expect(200)?;
        advance(&platform, 40 * DAY).await?;
    }
    let twice = allowance().await?.body;
    assert_eq!(twice["allowed"], true);
    assert_eq!(twice["rules"][2], json!({ "rule": "title-yearly-limit", "limit": 3, "count": 2 }));

    download(&client, "ada", "house-of-cards").await?;
    let fourth = try_acquire(&client, "ada", "house-of-cards", "tablet")
        .await?
        .problem(409, "title-yearly-limit")?;
    assert_eq!((&fourth.body["limit"], &fourth.body["count"]), (&json!(3), &json!(3)));
    assert_eq!(allowance().await?.body["allowed"], false);

    // The first download was 80 days ago, and a little more.
    advance(&platform, YEAR - 80 * DAY - 3600).await?;
    try_acquire(&client, "ada", "house-of-cards", "tablet")
        .await?
        .problem(409, "title-yearly-limit")?;
    advance(&platform, 3600).await?;
    acquire(&client, "ada", "house-of-cards", "tablet").await?;
    Ok(())
}

#[tokio::test]
async fn a_released_license_is_not_renewed_and_nothing_is_written() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("released").await?;
    let license = download(&client, "ada", "title").await?;
    follow_up(&client, "ada", &license, "renew").await?.expect(200)?;
    let released = follow_up(&client, "ada", &license, "release").await?.expect(200)?;
    let before = events(&client, "licensing/customers/ada").await?;

    // The first time it learns of the release, by a put that is refused.
    follow_up(&client, "ada", &license, "renew").await?.problem(409, "license-released")?;
    for _ in 0..3 {
        platform.reset_meter().await?;
        follow_up(&client, "ada", &license, "renew").await?.problem(409, "license-released")?;
        let spent = platform.meter("licensing-renew-license").await?;
        assert!(
            spent.get("PutItem").is_none() && spent.get("TransactWriteItems").is_none(),
            "{spent}"
        );
    }
    assert_eq!(events(&client, "licensing/customers/ada").await?, before);
    assert_eq!(
        types(&dump(&client, "ada").await?),
        ["LicenseAcquired", "LicenseDownloaded", "LicenseRenewed", "LicenseReleased"],
        "the dump tells it all"
    );
    let again = follow_up(&client, "ada", &license, "release").await?.expect(200)?;
    assert_eq!(again.version(), released.version(), "to release it again changes nothing");
    platform.settled().await?;
    assert_eq!(client.get(&format!("{}/{license}", licenses("ada"))).await?.body["released"], true);
    Ok(())
}

/// From its row, long after the rules could need it.
#[tokio::test]
async fn a_license_of_long_ago_is_still_known() -> Result<()> {
    let platform = own_platform()?;
    let client = platform.client("past").await?;
    let (expired, released) =
        (download(&client, "ada", "a").await?, download(&client, "ada", "b").await?);
    let never_downloaded = acquire(&client, "ada", "c", "tablet").await?.id().to_owned();
    follow_up(&client, "ada", &released, "release").await?.expect(200)?;
    advance(&platform, 200 * DAY).await?;
    let latest = acquire(&client, "ada", "d", "tablet").await?;

    follow_up(&client, "ada", &expired, "renew").await?.problem(409, "license-expired")?;
    follow_up(&client, "ada", &released, "renew").await?.problem(409, "license-released")?;
    follow_up(&client, "ada", &never_downloaded, "downloaded")
        .await?
        .problem(409, "license-expired")?;
    follow_up(&client, "ada", "never-granted", "renew").await?.problem(404, "not-found")?;
    for (license, what) in [
        (&expired, "downloaded"),
        (&expired, "release"),
        (&released, "release"),
        (&never_downloaded, "release"),
    ] {
        let unchanged = follow_up(&client, "ada", license, what).await?.expect(200)?;
        assert_eq!(
            (unchanged.id(), unchanged.version()),
            (license.as_str(), latest.version()),
            "{what}"
        );
    }
    Ok(())
}
