//! What holds of identity in whatever state a random history ends.

mod decisions;
mod histories;
mod projections;
