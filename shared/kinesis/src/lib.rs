//! headwater-kinesis
