//! headwater-dynamodb
