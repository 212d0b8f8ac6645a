use headwater::{Commit, FeedPosition, Token};
use headwater_dynamodb::{Feed, FeedEntry, FeedError};
use headwater_lambda::deployment::{EVENTS_TABLE, FEED_TABLE, Role, Statement};
use headwater_lambda::problem::{INVALID_TOKEN, TOKEN_AHEAD};
use headwater_lambda::{
    Answer, Call, EventView, Function, Page, Problem, Request, Shape, parse_tokens,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A commit of a domain, at its place in the change feed.
#[derive(Serialize, ToSchema)]
struct ChangeView {
    /// The token of its place, as `acme/identity@100`: what `after` takes.
    position: String,
    /// The stream, without the tenant.
    stream: String,
    /// The stream's version after it.
    version: u64,
    events: Vec<EventView>,
}

/// `GET /<domain>/changes`: every commit of a domain once, each stream's in order, for whoever
/// keeps a copy in step. An empty answer is held open for `Prefer: wait=N`.
///
/// ```
/// let changes = headwater_functions::changes("shop");
/// let call = changes.call().expect("it answers a call");
/// assert_eq!((call.method, call.path.as_str()), ("GET", "/shop/changes"));
/// ```
pub fn changes(domain: &'static str) -> Function {
    let call = Call::list::<ChangeView>(
        &format!("{domain}-changes"),
        &format!("/{domain}/changes"),
        "Every commit of the domain once, each stream's in order.",
    );
    let call = call.param(
        "after",
        Shape::feed_position(),
        "The position after which to go on, from the start if absent.",
    );
    Function::http(call, move |app, request| async move {
        let feed = app.feed(&request)?;
        app.wait_for_feeds(&request).await?;
        app.wait_for_streams(&request).await?;
        let after = match after(&request, domain)? {
            Some(after) => after,
            None => feed.start(request.tenant(), domain).await?,
        };
        let limit = request.limit()?;
        let mut entries = feed.read_after(&after, limit).await.map_err(beyond)?;
        if entries.is_empty() && hold_open(&feed, &request, &after).await? {
            entries = feed.read_after(&after, limit).await?;
        }
        let commits = feed.commits(&entries).await?;
        // It may be all that one request can read.
        let goes_on = entries.len() == limit || commits.len() < entries.len();
        let place = |entry: &FeedEntry| FeedPosition { position: entry.position, ..after.clone() };
        let last = entries
            .get(..commits.len())
            .and_then(<[_]>::last)
            .filter(|_| goes_on)
            .map(|entry| place(entry).to_string());
        let items = entries
            .iter()
            .map(place)
            .zip(commits)
            .map(|(place, commit)| (place.to_string(), view(&place, commit)));
        let page = Page::of(items, last)?;
        // No further than what is shown.
        let position =
            entries.get(..page.count).and_then(<[_]>::last).map_or_else(|| after.clone(), place);
        Answer::page(&request, Some(position), page)
    })
    .role(&CHANGES)
}

static CHANGES: Role = Role {
    name: "Changes",
    variables: &[EVENTS_TABLE, FEED_TABLE],
    statements: &[
        Statement {
            actions: &["dynamodb:Query", "dynamodb:BatchGetItem"],
            resources: &["!GetAtt EventsTable.Arn"],
        },
        Statement {
            actions: &["dynamodb:Query", "dynamodb:GetItem"],
            resources: &["!GetAtt FeedTable.Arn"],
        },
    ],
};

/// Where to go on: after the cursor's position or the parameter's; nothing if at the start.
fn after(request: &Request, domain: &str) -> Result<Option<FeedPosition>, Problem> {
    let cursor = request.cursor()?;
    let Some(text) = cursor.after().or(request.query("after")) else { return Ok(None) };
    let tokens = parse_tokens(&format!("\"{}\"", text.trim_matches('"')), request.tenant())?;
    let position = tokens
        .into_iter()
        .flat_map(|Token { feeds, .. }| feeds)
        .next()
        .filter(|position| position.domain == domain);
    position.map(Some).ok_or_else(|| {
        Problem::new(&INVALID_TOKEN, format!("`after` is no position of the feed of {domain}"))
    })
}

/// A position that the feed has not reached is none that it gave.
fn beyond(error: FeedError) -> Problem {
    match error {
        FeedError::Ahead { head } => {
            Problem::new(&TOKEN_AHEAD, format!("the feed has got to {head} only"))
        }
        error => error.into(),
    }
}

/// Waits for a further entry as long as the caller prefers, and says whether there is one.
async fn hold_open(feed: &Feed, request: &Request, after: &FeedPosition) -> Result<bool, Problem> {
    if request.preferred_wait().is_none() {
        return Ok(false);
    }
    let further = FeedPosition { position: after.position + 1, ..after.clone() };
    match feed.wait_for(&further, request.wait_until()).await {
        Err(FeedError::Ahead { .. }) => Ok(false),
        answer => Ok(answer.map(|()| true)?),
    }
}

fn view(position: &FeedPosition, commit: Commit) -> ChangeView {
    ChangeView {
        position: position.to_string(),
        stream: commit.stream.within_tenant().to_owned(),
        version: commit.last(),
        events: EventView::of(&commit),
    }
}
