//! What the functions around mails may do.

use headwater_lambda::deployment::{
    COMMITS_STREAM, EVENTS_TABLE, KEEP_FAILURES, LIST_FAILURES, PUT_COMMITS, READ_COMMITS,
    READ_EVENTS, Role, Statement, Variable,
};

/// Where it is kept how far each mail has got.
const EFFECTS_TABLE: Variable = ("EFFECTS_TABLE", "!Ref EffectsTable");

/// Leases a mail, and marks it.
const MARK: Statement = Statement {
    actions: &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
    resources: &["!GetAtt EffectsTable.Arn"],
};

pub(super) static SEND_MAIL: Role = Role {
    name: "SendMail",
    variables: &[EVENTS_TABLE, EFFECTS_TABLE],
    statements: &[
        READ_COMMITS,
        READ_EVENTS,
        MARK,
        // `SendEmail` with a message that is built already is checked as this action.
        Statement {
            actions: &["ses:SendRawEmail"],
            resources: &["!Sub arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}\
                 :identity/${MailIdentity}"],
        },
        KEEP_FAILURES,
        LIST_FAILURES,
    ],
};

/// Puts the event of a mail back onto the commits stream, where it is to be tried again.
pub(super) static SETTLE_MAIL: Role = Role {
    name: "SettleMail",
    variables: &[EVENTS_TABLE, EFFECTS_TABLE, COMMITS_STREAM],
    statements: &[MARK, PUT_COMMITS],
};

pub(super) static WAITING_MAILS: Role = Role {
    name: "WaitingMails",
    variables: &[EVENTS_TABLE, EFFECTS_TABLE],
    statements: &[Statement {
        actions: &["dynamodb:Query"],
        resources: &["!GetAtt EffectsTable.Arn"],
    }],
};
