//! The platform on one machine.

pub mod template;
