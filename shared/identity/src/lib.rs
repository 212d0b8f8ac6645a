//! Identity: users, groups and memberships, without a database.
//!
//! One aggregate, one file, always in the same order: the stream's name, what can have happened, the state that the rules need, the
//! rules, then each command with its decision. Rows for queries are folded from the same events.
//!
//! | stream | aggregate | commands |
//! |---|---|---|
//! | `users/<id>` | [`User`] | [`CreateUser`], [`PatchUser`], [`DeactivateUser`], [`ReactivateUser`], [`DeleteUser`], [`ApplyExternalUser`], [`ParkExternalUser`] |
//! | `groups/<id>` | [`Group`] | [`CreateGroup`], [`PatchGroup`], [`DeleteGroup`] |
//! | `groups/<id>/members/<userId>` | [`Membership`] | [`AddMember`], [`RemoveMember`] |

pub mod external;
mod fields;
pub mod group;
pub mod membership;
pub mod user;

use headwater::Rule;

pub use external::{ApplyExternalUser, ParkExternalUser};
pub use group::{CreateGroup, DeleteGroup, Group, GroupEvent, GroupStatus, PatchGroup};
pub use membership::{AddMember, Membership, MembershipEvent, MembershipStatus, RemoveMember};
pub use user::{CreateUser, DeactivateUser, DeleteUser, PatchUser, ReactivateUser, User, UserEvent, UserStatus};

/// The service's name: the second segment of its streams' names, and the first of its paths.
pub const DOMAIN: &str = "identity";

/// Every rule that can say no here.
pub const RULES: &[&Rule] =
    &[&user::USER_EXISTS, &user::USER_NAME_TAKEN, &user::EMAIL_TAKEN, &group::GROUP_EXISTS, &membership::USER_INACTIVE];
