//! Cursors that no list gave, or another.

use std::ops::Range;

use anyhow::Result;

use super::Target;

/// A cursor leads on in its own list of its own tenant, or nowhere. Lists have a second page of one
/// item on `x` if all their parameters are `x`; `/events/{stream}` has one on `stream`. Of each
/// cursor these bits are turned over, one at a time. Answers how many lists had a second page:
/// those that have none are not tried.
///
/// # Errors
/// If a call is not answered in time.
pub async fn cursors(target: &mut Target, stream: &str, flips: Range<usize>) -> Result<usize> {
    let (client, stranger) = (target.client.clone(), target.platform.client("other").await?);
    let mut cursors = Vec::new();
    for route in target.routes.clone().into_iter().filter(|route| route.is_list) {
        let path = route.with("x").replace("/events/x", &format!("/events/{stream}"));
        let page = client.call("GET", &format!("{path}?limit=1")).send().await?;
        if let Some(cursor) = page.body["next"].as_str() {
            cursors.push((path, cursor.to_owned()));
        }
    }
    let lists: Vec<String> = cursors.iter().map(|(path, _)| path.clone()).collect();
    for (place, (path, cursor)) in cursors.iter().enumerate() {
        let at = |cursor: &str| format!("{path}?limit=1&cursor={cursor}");
        for length in [1, cursor.len() / 2, cursor.len() - 1] {
            let call = client.call("GET", &at(&cursor[..length]));
            target.answer(&format!("{path} with the first {length} of a cursor"), call).await?;
        }
        for flip in flips.clone() {
            let mut bytes = cursor.clone().into_bytes();
            let length = bytes.len();
            bytes[(flip * 7) % length] ^= 1 << (flip % 6);
            let flipped: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            target
                .answer(
                    &format!("{path} with a bit turned over"),
                    client.call("GET", &at(&flipped)),
                )
                .await?;
        }
        // Of another list, and of this one to another tenant, who sees nothing of it.
        let other = &lists[(place + 1) % lists.len()];
        target
            .answer(
                &format!("{other} with a cursor of {path}"),
                client.call("GET", &format!("{other}?cursor={cursor}")),
            )
            .await?;
        let shown = target
            .answer(&format!("{path} with a stranger's cursor"), stranger.call("GET", &at(cursor)))
            .await?;
        if shown.body["items"].as_array().is_some_and(|items| !items.is_empty()) {
            target.fault(format!("{path} shows a stranger {}", shown.body));
        }
    }
    Ok(lists.len())
}
