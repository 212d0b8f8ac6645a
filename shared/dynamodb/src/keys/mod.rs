//! Keys of subjects: what tells of a person is stored under the key of its stream, and is forgotten
//! with the key.
//!
//! A subject is a stream, as a user's. Its key is made when something personal is first written to
//! it. The keys table holds it, encrypted by the master key. Once the key is destroyed, nobody
//! reads what it sealed: not in the events table, nor in streams, archives, dumps and backups of
//! those.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | a key | `acme/identity/users/ada` | `key` | `k` the key, sealed; `m` which master key sealed it; `c` when it was made |
//! | a destroyed one | the same | the same | `x` when it was destroyed |
//!
//! 1. `cipher`: seals and opens bytes;
//! 2. `ring`: the keys of subjects, made, remembered for minutes, destroyed;
//! 3. `seal`: the personal values in a commit.

mod cipher;
mod ring;
mod seal;

pub use self::cipher::MasterKey;
pub use self::ring::SubjectKeys;
pub(crate) use self::seal::{Place, has_open, is_sealed, plain};
