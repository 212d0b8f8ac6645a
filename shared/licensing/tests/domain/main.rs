//! What holds of licensing as a whole: its rules as a table, and its decisions, rows and sizes in
//! whatever state a history ends.

mod attempts;
mod bounded;
mod decisions;
mod grants;
mod histories;
mod model;
mod requests;
mod rows;
mod table;
mod world;
