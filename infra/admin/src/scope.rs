use clap::Args;
use clap::builder::RangedU64ValueParser;
use futures::stream::{self, Stream};
use headwater::Commit;
use headwater_dynamodb::{EventStore, ScanKey, Segment, Selection, Unreadable};

use crate::failure::Failure;

/// Which part of the events table a command reads, and how fast.
#[derive(Args)]
pub(crate) struct Scope {
    /// Only this tenant's streams.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this service's streams: identity
    #[arg(long)]
    domain: Option<String>,
    #[command(flatten)]
    speed: Speed,
}

/// How fast the table is read.
#[derive(Args)]
pub(crate) struct Speed {
    /// How many parts of the table are read at a time: more are faster and take more of its
    /// capacity.
    #[arg(
        long, default_value_t = 8, value_name = "N",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000)
    )]
    segments: u32,
}

impl Scope {
    /// What a scan brings of it, so far as `selection` wants it too.
    pub(crate) fn select(&self, selection: Selection) -> Selection {
        Selection { tenant: self.tenant.clone(), domain: self.domain.clone(), ..selection }
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(crate) fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.speed.segments()
    }
}

impl Speed {
    /// How many segments that is.
    pub(crate) fn count(&self) -> usize {
        self.segments as usize
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        Segment::all(self.segments)
    }
}

/// A segment, page after page: the commits, each stream's together and in order. One that cannot be
/// read is an error.
pub(crate) fn pages<'a>(
    store: &'a EventStore,
    selection: &'a Selection,
    segment: Segment,
) -> impl Stream<Item = Result<Vec<Commit>, Failure>> + 'a {
    let begin = Some(None::<ScanKey>);
    stream::try_unfold(begin, move |start| async move {
        let Some(start) = start else { return Ok(None) };
        let page = store.scan(selection, segment, start.as_ref()).await?;
        let commits = page
            .commits
            .into_iter()
            .map(|commit| commit.map_err(damaged))
            .collect::<Result<_, _>>()?;
        Ok(Some((commits, page.next.map(Some))))
    })
}

fn damaged(unreadable: Unreadable) -> Failure {
    anyhow::Error::from(unreadable).context("an item of the events table cannot be read").into()
}

/// All of these segments at a time: pages in no particular order, but those of each segment.
pub(crate) fn all_pages<'a>(
    store: &'a EventStore,
    selection: &'a Selection,
    segments: impl Iterator<Item = Segment>,
) -> impl Stream<Item = Result<Vec<Commit>, Failure>> + 'a {
    stream::select_all(segments.map(|segment| Box::pin(pages(store, selection, segment))))
}
