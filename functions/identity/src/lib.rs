//! identity-functions
