//! Keys of subjects: what tells of a person is stored under the key of its stream, and is forgotten
//! with the key.
//!
//! A subject is a stream, as a user's. Its key is made when something personal is first written to
//! it. The keys table holds it, encrypted by the master key. Once the key is destroyed, nobody
//! reads what it sealed: not in the events table, nor in streams, archives, dumps and backups of
//! those.
//!
//! An item's `pk` is the stream, as `acme/identity/users/ada`, and its `sk` is `key`:
//!
//! | attribute | |
//! |---|---|
//! | `k` | the key, sealed; absent once it was destroyed |
//! | `m` | the fingerprint of the master key that sealed it |
//! | `c` | when it was made, in milliseconds since the epoch |
//! | `x` | when it was destroyed, alike; then there is nothing else |
//!
//! 1. `cipher`: seals and opens bytes;
//! 2. `ring`: the keys of subjects, made, remembered for minutes, destroyed;
//! 3. `seal`: the personal values in a commit.

mod cipher;
mod ring;
mod seal;

pub use self::cipher::MasterKey;
pub(crate) use self::ring::Subject;
pub use self::ring::SubjectKeys;
pub(crate) use self::seal::{Place, is_sealed, is_to_be_sealed};
