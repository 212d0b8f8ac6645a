//! Queries: rows as fresh as the request's tokens demand.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use headwater::{
    FeedPosition, Part, Position, Projection, ProjectionFn, Rendering, StreamName, part_fn,
    projection_fn,
};
use headwater_dynamodb::{FeedError, Overlay, ParkedStream, ReadError, Sum, Until};

use crate::problem::{MALFORMED, NOT_CAUGHT_UP, RESYNC, STREAM_PARKED, TOKEN_AHEAD, newer_event};
use crate::{App, Problem, Request};

impl App {
    /// A stream's row and its version, at least as fresh as the request's tokens; nothing if it
    /// never was or is deleted.
    ///
    /// # Errors
    /// 400 if a token cannot be read or is ahead of its stream, 503 if the row cannot be brought up
    /// to it.
    pub async fn row<P: Projection>(
        &self,
        request: &Request,
        stream: &StreamName,
    ) -> Result<Option<(u64, P)>, Problem> {
        self.wait_for_feeds(request).await?;
        let row = self
            .views(request)?
            .get(&projection_fn::<P>(), stream, at_least(request, stream)?)
            .await?;
        match row.filter(|row| !row.deleted) {
            Some(row) => Ok(Some((row.version, row.read().map_err(Problem::internal)?))),
            None => Ok(None),
        }
    }

    /// A stream's row as it was after event `version`, in the middle of a commit and after its end
    /// too; nothing if the stream has not got that far.
    ///
    /// # Errors
    /// 503 if the events cannot be read or folded.
    pub async fn row_at<P: Projection>(
        &self,
        request: &Request,
        stream: &StreamName,
        version: u64,
    ) -> Result<Option<P>, Problem> {
        let row = self.store(request)?.row_at(&projection_fn::<P>(), stream, version).await?;
        row.map(|row| row.read().map_err(Problem::internal)).transpose()
    }

    /// The row of one part of a stream, and the stream's version as of which it is so. It is at
    /// least as fresh as the request's tokens demand. nothing if it never was or is deleted.
    /// `projections` are the domain's.
    ///
    /// # Errors
    /// As [`App::row`].
    pub async fn part<P: Part>(
        &self,
        request: &Request,
        projections: &[ProjectionFn],
        stream: &StreamName,
        id: &str,
    ) -> Result<Option<(u64, P)>, Problem> {
        self.wait_for_feeds(request).await?;
        self.read_part(request, projections, stream, id, at_least(request, stream)?).await
    }

    /// As [`App::part`], as of this version of the stream or a later one.
    ///
    /// # Errors
    /// As [`App::row`].
    pub async fn part_at_least<P: Part>(
        &self,
        request: &Request,
        projections: &[ProjectionFn],
        stream: &StreamName,
        id: &str,
        version: u64,
    ) -> Result<Option<(u64, P)>, Problem> {
        self.read_part(request, projections, stream, id, Some(version)).await
    }

    async fn read_part<P: Part>(
        &self,
        request: &Request,
        projections: &[ProjectionFn],
        stream: &StreamName,
        id: &str,
        at_least: Option<u64>,
    ) -> Result<Option<(u64, P)>, Problem> {
        let part =
            self.views(request)?.part(&part_fn::<P>(), projections, stream, id, at_least).await?;
        match part.filter(|part| !part.row.deleted) {
            Some(part) => Ok(Some((part.version, part.row.read().map_err(Problem::internal)?))),
            None => Ok(None),
        }
    }

    /// The rows of all streams that the request's tokens name, brought up to them; nothing if it
    /// has no token.
    ///
    /// # Errors
    /// As [`App::row`].
    pub async fn overlay(
        &self,
        request: &Request,
        projections: &[ProjectionFn],
    ) -> Result<Option<Overlay>, Problem> {
        if request.tokens()?.is_empty() {
            return Ok(None);
        }
        self.wait_for_feeds(request).await?;
        Ok(Some(self.views(request)?.overlay(&request.positions()?, projections).await?))
    }

    /// How an answer that shows a row of `P` is folded and rendered now, for its `ETag`. Raise
    /// `representation` when the same row is rendered in another way.
    ///
    /// # Errors
    /// 503 if the active generation cannot be read.
    pub async fn rendering<P: Projection>(
        &self,
        request: &Request,
        representation: u32,
    ) -> Result<Rendering, Problem> {
        let generation = self.views(request)?.generation().await?.0;
        Ok(Rendering { generation, representation, fold: Some(P::REVISION) })
    }

    /// How far the change feed of a domain has got: asked before the rows are read, it is the token
    /// of what they show.
    ///
    /// # Errors
    /// 503 if it cannot be read.
    pub async fn feed_head(
        &self,
        request: &Request,
        domain: &str,
    ) -> Result<FeedPosition, Problem> {
        Ok(self.feed(request)?.head(request.tenant(), domain).await?)
    }

    /// The lines of a table of sums from order `from` up to and with `up_to`. Also the position of
    /// the domain's feed that they stand for. Sums cannot be laid over with what a token names. So
    /// with one the answer waits until the projector has got there.
    ///
    /// # Errors
    /// As [`App::row`], and 503 if the projector has not got there by [`Request::wait_until`].
    pub async fn sums(
        &self,
        request: &Request,
        domain: &str,
        projections: &[ProjectionFn],
        index: &str,
        from: &str,
        up_to: &str,
    ) -> Result<(FeedPosition, Vec<Sum>), Problem> {
        // Refuses tokens of what will never be there.
        self.overlay(request, projections).await?;
        self.wait_for_streams(request).await?;
        // Asked before: what is fed meanwhile may show in the lines, but need not.
        let position = self.feed_head(request, domain).await?;
        let sums = self.views(request)?.sums(request.tenant(), index, from, up_to).await?;
        Ok((position, sums))
    }

    /// Waits until the change feed tells of the streams' versions that the request's tokens name:
    /// for what cannot be folded from them.
    ///
    /// # Errors
    /// 503 if it does not by [`Request::wait_until`]: a function that has the views then tells why
    /// the stream's rows do not go on, if they do not.
    pub async fn wait_for_streams(&self, request: &Request) -> Result<(), Problem> {
        let mut furthest: BTreeMap<StreamName, u64> = BTreeMap::new();
        for Position { stream, version } in request.positions()? {
            let known = furthest.entry(stream).or_default();
            *known = version.max(*known);
        }
        let feed = self.feed(request)?;
        let views = if self.has_views() { Some(self.views(request)?) } else { None };
        let waits = furthest.into_iter().map(|(stream, version)| {
            let (feed, views) = (&feed, views.as_ref());
            async move {
                let position = Position { stream, version };
                match feed.wait_for_stream(&position, request.wait_until()).await {
                    Err(ahead @ FeedError::Ahead { .. }) => {
                        let parked = match views {
                            Some(views) => views.parked_stream(&position.stream).await?,
                            None => None,
                        };
                        Err(parked.map_or_else(|| ahead.into(), stopped))
                    }
                    answer => Ok(answer?),
                }
            }
        });
        try_join_all(waits).await?;
        Ok(())
    }

    /// Waits until the change feeds have reached the request's tokens.
    ///
    /// # Errors
    /// 503 if one has not by [`Request::wait_until`], 410 if its position is of another epoch.
    pub async fn wait_for_feeds(&self, request: &Request) -> Result<(), Problem> {
        let mut furthest: BTreeMap<(String, u32), FeedPosition> = BTreeMap::new();
        for position in request.feed_positions()? {
            let known = furthest
                .entry((position.domain.clone(), position.epoch))
                .or_insert_with(|| position.clone());
            known.position = position.position.max(known.position);
        }
        let feed = self.feed(request)?;
        try_join_all(
            furthest.values().map(|position| feed.wait_for(position, request.wait_until())),
        )
        .await?;
        Ok(())
    }
}

/// The version of a stream that the request's tokens demand; nothing if it has none. A feed's token
/// demands a strong read too: its rows are there for such.
fn at_least(request: &Request, stream: &StreamName) -> Result<Option<u64>, Problem> {
    let named = request
        .positions()?
        .into_iter()
        .filter(|position| position.stream == *stream)
        .map(|position| position.version)
        .max();
    Ok(if request.tokens()?.is_empty() { None } else { Some(named.unwrap_or(0)) })
}

/// What a reader is told who demands more of a stream than its rows have, which do not go on.
fn stopped(ParkedStream { stream, error, until, .. }: ParkedStream) -> Problem {
    match until {
        Until::Known(event) => ReadError::Newer { stream, event }.into(),
        Until::Resumed | Until::Swept => ReadError::Parked { stream, reason: error }.into(),
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Ahead { stream, head } => Self::new(
                &TOKEN_AHEAD,
                format!("{} has got to version {head} only", stream.within_tenant()),
            ),
            ReadError::Parked { stream, reason } => Self::new(
                &STREAM_PARKED,
                format!("{} waits for an operator", stream.within_tenant()),
            )
            .because(reason),
            ReadError::Newer { event, .. } => newer_event(&event),
            ReadError::Cursor => Self::new(&MALFORMED, "`cursor` is one of another list"),
            ReadError::Store(error) => error.into(),
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Resync { epoch } => {
                Self::new(&RESYNC, format!("the feed is in epoch {epoch} now"))
            }
            FeedError::Ahead { head } => {
                Self::new(&NOT_CAUGHT_UP, format!("the feed has got to {head}"))
            }
            FeedError::Store(error) => error.into(),
        }
    }
}
