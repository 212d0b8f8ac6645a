//! Identity: users, groups and memberships, without a database.
//!
//! One aggregate, one file, always in the same order: the stream's name, what can have happened,
//! the state that the rules need, the rules, then each command with its decision. Rows for queries
//! are folded from the same events.
//!
//! | stream | aggregate | row | commands |
//! |---|---|---|---|
//! | `users/<id>` | [`User`] | [`UserRow`] | in [`user`]; [`ApplyExternalUser`] |
//! | `groups/<id>` | [`Group`] | [`GroupRow`] | in [`group`] |
//! | `groups/<id>/members/<userId>` | [`Membership`] | [`MemberRow`] | in [`membership`] |

mod audit;
pub mod external;
mod fields;
pub mod group;
pub mod group_row;
pub mod member_row;
pub mod membership;
pub mod user;
pub mod user_row;

use headwater::{Domain, ProjectionFn, aggregate_fn, projection_fn};

pub use audit::{AuditEntry, audit};
pub use external::ApplyExternalUser;
pub use fields::{
    ChosenUserId, DisplayName, Email, ExternalId, GroupDescription, GroupId, GroupName, UserId,
    UserName,
};
pub use group::{Group, GroupEvent, GroupStatus};
pub use group_row::GroupRow;
pub use member_row::MemberRow;
pub use membership::{Membership, MembershipEvent, MembershipStatus};
pub use user::{User, UserEvent, UserStatus};
pub use user_row::UserRow;

/// The service's name: the second segment of its streams' names, and the first of its paths.
pub const DOMAIN: &str = "identity";

/// The rows for queries, one kind for each kind of stream.
pub const PROJECTIONS: [ProjectionFn; 3] =
    [projection_fn::<UserRow>(), projection_fn::<GroupRow>(), projection_fn::<MemberRow>()];

/// The domain, for code that handles all domains alike.
pub static SERVICE: Domain = Domain {
    external: Some(external::USERS),
    ..Domain::new(
        DOMAIN,
        &[aggregate_fn::<User>(), aggregate_fn::<Group>(), aggregate_fn::<Membership>()],
        &PROJECTIONS,
    )
};
