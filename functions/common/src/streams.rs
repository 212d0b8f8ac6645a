use headwater::Domains;
use headwater_lambda::deployment::{FEED_TABLE, Role, Statement};
use headwater_lambda::{Answer, Call, Function, Page, Shape};
use serde::Serialize;
use utoipa::ToSchema;

/// A stream and how far it has got.
#[derive(Serialize, ToSchema)]
struct StreamView {
    /// Its name without the tenant.
    stream: String,
    /// The number of its last event in the change feed.
    version: u64,
}

/// `GET /streams?prefix=identity/users/`: the streams whose names begin so, in order of name.
pub(crate) fn list_streams(domains: Domains) -> Function {
    let call = Call::list::<StreamView>(
        "list-streams",
        "/streams",
        "Streams with their versions, in order of name.",
    );
    let call = call
        .param(
            "prefix",
            Shape::text(),
            "The beginning of the names, as `identity/users/`; all if absent.",
        )
        .operator();
    Function::http(call, move |app, request| {
        let domains = domains.clone();
        async move {
            let prefix = request.query("prefix").unwrap_or_default();
            let (limit, cursor) = (request.limit()?, request.cursor()?);
            let feed = app.feed(&request)?;
            app.wait_for_feeds(&request).await?;
            app.wait_for_streams(&request).await?;
            // One more than is shown tells whether there are more.
            let mut streams = headwater_services::list_streams(
                &domains,
                &feed,
                request.tenant(),
                prefix,
                cursor.after(),
                limit + 1,
            )
            .await?;
            let goes_on = streams.len() > limit;
            streams.truncate(limit);
            let last = streams
                .last()
                .filter(|_| goes_on)
                .map(|(stream, _)| stream.within_tenant().to_owned());
            let items = streams.into_iter().map(|(stream, version)| {
                let stream = stream.within_tenant().to_owned();
                (stream.clone(), StreamView { stream, version })
            });
            Answer::page(&request, None, Page::of(items, last)?)
        }
    })
    .role(&STREAMS)
}

static STREAMS: Role = Role {
    name: "Streams",
    variables: &[FEED_TABLE],
    statements: &[Statement {
        actions: &["dynamodb:GetItem", "dynamodb:Query"],
        resources: &["!GetAtt FeedTable.Arn"],
    }],
};
