//! What the functions of this service may do beyond commands and queries.

use headwater_lambda::deployment::{
    APPEND, EVENTS_TABLE, FAILURES_BUCKET, IDEMPOTENCY_TABLE, KEEP_FAILURES, LIST_FAILURES,
    RECORD_ANSWERS, Role, Statement, VIEWS_TABLE, Variable, read_stream,
};

/// The key that signs provisional grants.
pub(crate) const GRANT_KEY: Variable = ("GRANT_KEY", "!Ref GrantKey");

/// The stream of provisional grants.
pub(crate) const GRANTS_STREAM: &str = "!GetAtt GrantsStream.Arn";

/// Reads the row of what has left a customer's state.
const READ_ROW: Statement =
    Statement { actions: &["dynamodb:GetItem"], resources: &["!GetAtt ViewsTable.Arn"] };

/// Acquires a licence: by the rules, or by a grant on its stream, which is remembered under the
/// request's key.
pub(crate) static ACQUIRE: Role = Role {
    name: "Acquire",
    variables: &[
        EVENTS_TABLE,
        IDEMPOTENCY_TABLE,
        ("GRANTS_STREAM", "!Ref GrantsStream"),
        ("GRANTS_BUCKET", "!Ref GrantsBucket"),
        GRANT_KEY,
    ],
    statements: &[
        APPEND,
        RECORD_ANSWERS,
        Statement { actions: &["kinesis:PutRecords"], resources: &[GRANTS_STREAM] },
        Statement { actions: &["s3:ListBucket"], resources: &["!GetAtt GrantsBucket.Arn"] },
        Statement {
            actions: &["s3:PutObject", "s3:GetObject"],
            resources: &["!Sub ${GrantsBucket.Arn}/*"],
        },
    ],
};

/// A command on what a customer has or had.
pub(crate) static FOLLOW_UP: Role = Role {
    name: "FollowUp",
    variables: &[EVENTS_TABLE, IDEMPOTENCY_TABLE, VIEWS_TABLE],
    statements: &[APPEND, RECORD_ANSWERS, READ_ROW],
};

/// Takes grants from their stream into the customers' histories.
pub(crate) static RECONCILE: Role = Role {
    name: "Reconcile",
    variables: &[EVENTS_TABLE, VIEWS_TABLE, GRANT_KEY, FAILURES_BUCKET],
    statements: &[read_stream(&[GRANTS_STREAM]), APPEND, READ_ROW, KEEP_FAILURES, LIST_FAILURES],
};
