//! headwater-lambda
