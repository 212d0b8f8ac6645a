//! What holds of invoicing as a whole: its documented tables, and its decisions, rows and sizes in
//! whatever state a history ends.

mod conflicts;
mod decisions;
mod events;
mod histories;
mod money;
mod requests;
mod revenue;
mod rows;
mod sizes;
mod steps;
mod support;
mod table;
