//! How a function is deployed: what `template.yaml` says of it beside its routes. `cargo xtask
//! template` writes that file from here.

/// What a function may do, and the variables that tell it where. The functions of a service that
/// have the same role share one: `IdentityCommandRole`.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    /// As `Command`. Within a service a name means one role.
    pub name: &'static str,
    /// The variables of the function's environment, each with its value as the template writes it:
    /// `("EVENTS_TABLE", "!Ref EventsTable")`.
    pub variables: &'static [Variable],
    /// What it may do.
    pub statements: &'static [Statement],
}

/// A variable's name, and its value as the template writes it.
pub type Variable = (&'static str, &'static str);

/// One statement of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// IAM actions, as `dynamodb:PutItem`.
    pub actions: &'static [&'static str],
    /// The resources, as the template writes them: `!GetAtt EventsTable.Arn`.
    pub resources: &'static [&'static str],
}

/// What invokes a function, and how it is sized for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A route that changes something: 256 MB, 10 s.
    Command,
    /// A route that reads: 256 MB, 15 s. The longest wait that `Prefer` can ask for is 10 s.
    Query,
    /// A route that reads no table: 256 MB, 10 s.
    Document,
    /// The records of a stream: 512 MB, since it handles batches.
    Stream(Source),
    /// The clock, each minute: 512 MB, 50 s. A run that fails is not repeated: the next comes soon.
    EveryMinute,
    /// The clock, each hour: 1,024 MB, 15 minutes. A run that fails is not repeated.
    EveryHour,
}

/// A stream, and how its records reach a function: at once, from the oldest on, with a batch that
/// fails bisected, and batches that are given up kept in the failures bucket.
///
/// ```
/// use headwater_lambda::deployment::Source;
///
/// let scans = Source::records("Scans", "!GetAtt ScansStream.Arn", "Scans are a minute behind.");
/// assert_eq!((scans.batch, scans.retries), (100, 10));
/// assert_eq!(Source::commits("Tills are a minute behind.").batch, 200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The event's name within the function, as `Commits`.
    pub name: &'static str,
    /// The kind of stream.
    pub kind: SourceKind,
    /// As the template writes it: `!GetAtt CommitsStream.Arn`.
    pub stream: &'static str,
    /// The most records of a batch.
    pub batch: u32,
    /// How many batches of a shard are handled at once.
    pub at_once: u32,
    /// How often a batch is tried again.
    pub retries: u32,
    /// How long a record is tried, in seconds.
    pub patience: u32,
    /// By when an invocation must be done, in seconds.
    pub timeout: u32,
    /// The parameter that bounds its concurrency, as `ProjectorConcurrency`.
    pub concurrency: &'static str,
    /// What it means when the function is late, for the alarm: `Identity views are a minute
    /// behind.`
    pub when_late: String,
}

/// A kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A table's stream.
    DynamoDb,
    /// A Kinesis stream.
    Kinesis,
}

impl Source {
    /// The commits of all services, from Kinesis. A projector that was down for longer than an hour
    /// rebuilds, so no record is tried longer than that.
    pub fn commits(when_late: impl Into<String>) -> Self {
        Self {
            name: "Commits",
            kind: SourceKind::Kinesis,
            stream: "!GetAtt CommitsStream.Arn",
            batch: 200,
            at_once: 2,
            retries: 5,
            patience: 3_600,
            timeout: 60,
            concurrency: "ProjectorConcurrency",
            when_late: when_late.into(),
        }
    }

    /// Records that another system puts on a stream, and that are stored nowhere else: tried for
    /// six hours.
    pub fn records(name: &'static str, stream: &'static str, when_late: &str) -> Self {
        Self { name, stream, batch: 100, retries: 10, patience: 21_600, ..Self::commits(when_late) }
    }
}

/// The key of the digests that name the streams of unique values: for commands that claim or
/// release some.
pub const UNIQUE_KEY: Variable = ("UNIQUE_KEY", "!Ref UniqueValueKey");

/// The events table.
pub const EVENTS_TABLE: Variable = ("EVENTS_TABLE", "!Ref EventsTable");

/// The archive: whoever reads the events table reads it, too.
pub const ARCHIVE: [Variable; 2] =
    [("ARCHIVE_TABLE", "!Ref ArchiveTable"), ("ARCHIVE_BUCKET", "!Ref ArchiveBucket")];

/// Reads the archive.
pub const READ_ARCHIVE: [Statement; 2] = [
    Statement { actions: &["dynamodb:Query"], resources: &["!GetAtt ArchiveTable.Arn"] },
    Statement { actions: &["s3:GetObject"], resources: &["!Sub ${ArchiveBucket.Arn}/*"] },
];

/// The keys of those whom events tell of.
pub const KEYS: [Variable; 2] =
    [("KEYS_TABLE", "!Ref KeysTable"), ("PERSONAL_KEY", "!Ref PersonalKey")];

/// Reads the keys of those whom events tell of.
pub const READ_KEYS: Statement =
    Statement { actions: &["dynamodb:GetItem"], resources: &["!GetAtt KeysTable.Arn"] };

/// Makes such keys, and destroys them: for whoever writes.
pub const WRITE_KEYS: Statement =
    Statement { actions: &["dynamodb:PutItem"], resources: &["!GetAtt KeysTable.Arn"] };

/// The views table.
pub const VIEWS_TABLE: Variable = ("VIEWS_TABLE", "!Ref ViewsTable");

/// The table of change feeds.
pub const FEED_TABLE: Variable = ("FEED_TABLE", "!Ref FeedTable");

/// The table of answers by Idempotency-Key.
pub const IDEMPOTENCY_TABLE: Variable = ("IDEMPOTENCY_TABLE", "!Ref IdempotencyTable");

/// The stream of all commits.
pub const COMMITS_STREAM: Variable = ("COMMITS_STREAM", "!Ref CommitsStream");

/// The bucket of batches that were given up.
pub const FAILURES_BUCKET: Variable = ("FAILURES_BUCKET", "!Ref FailuresBucket");

/// Permission to append to streams and read them. No command may update or delete.
pub const APPEND: Statement = Statement {
    actions: &[
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:ConditionCheckItem",
    ],
    resources: &["!GetAtt EventsTable.Arn"],
};

/// Permission to record answers and read them.
pub const RECORD_ANSWERS: Statement = Statement {
    actions: &["dynamodb:PutItem", "dynamodb:GetItem"],
    resources: &["!GetAtt IdempotencyTable.Arn"],
};

/// Reads the records of the commits stream.
pub const READ_COMMITS: Statement = read_stream(&["!GetAtt CommitsStream.Arn"]);

/// Puts records on the commits stream.
pub const PUT_COMMITS: Statement =
    Statement { actions: &["kinesis:PutRecords"], resources: &["!GetAtt CommitsStream.Arn"] };

/// Reads streams of events.
pub const READ_EVENTS: Statement =
    Statement { actions: &["dynamodb:Query"], resources: &["!GetAtt EventsTable.Arn"] };

/// Permission to keep batches that are given up: the event source mapping writes them by the
/// function's role.
pub const KEEP_FAILURES: Statement =
    Statement { actions: &["s3:PutObject"], resources: &["!Sub ${FailuresBucket.Arn}/*"] };

/// Permission to list the bucket.
pub const LIST_FAILURES: Statement =
    Statement { actions: &["s3:ListBucket"], resources: &["!GetAtt FailuresBucket.Arn"] };

/// What an event source mapping needs of a Kinesis stream.
///
/// ```
/// use headwater_lambda::deployment::{APPEND, EVENTS_TABLE, Role, read_stream};
///
/// /// Of a function that appends what a stream tells.
/// static SCANS: Role = Role {
///     name: "Scans",
///     variables: &[EVENTS_TABLE],
///     statements: &[read_stream(&["!GetAtt ScansStream.Arn"]), APPEND],
/// };
/// assert!(SCANS.statements[0].actions.contains(&"kinesis:GetRecords"));
/// ```
pub const fn read_stream(resources: &'static [&'static str]) -> Statement {
    Statement {
        actions: &[
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:ListShards",
            "kinesis:GetShardIterator",
            "kinesis:GetRecords",
        ],
        resources,
    }
}

/// A command: appends, and records its answers.
pub static COMMAND: Role = Role {
    name: "Command",
    variables: &[EVENTS_TABLE, IDEMPOTENCY_TABLE],
    statements: &[APPEND, RECORD_ANSWERS],
};

/// A query: reads rows, and what they lack from the events.
pub static QUERY: Role = Role {
    name: "Query",
    variables: &[EVENTS_TABLE, VIEWS_TABLE, FEED_TABLE],
    statements: &[
        Statement {
            actions: &["dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem"],
            resources: &["!GetAtt EventsTable.Arn"],
        },
        Statement {
            actions: &["dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem"],
            resources: &["!GetAtt ViewsTable.Arn"],
        },
        Statement {
            actions: &["dynamodb:Query", "dynamodb:GetItem"],
            resources: &["!GetAtt FeedTable.Arn"],
        },
    ],
};

/// A query of events alone.
pub static HISTORY: Role =
    Role { name: "History", variables: &[EVENTS_TABLE], statements: &[READ_EVENTS] };

/// A document: needs nothing.
pub static DOCUMENT: Role = Role { name: "Document", variables: &[], statements: &[] };
