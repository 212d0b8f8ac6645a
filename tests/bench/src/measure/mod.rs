//! What is measured, each thing in a file of its own. Systems take turns in every round, so that
//! whatever else the machine does hits all alike; what is compared are ratios within one run.

pub mod binaries;
pub mod correctness;
pub mod histories;
pub mod hot_stream;
pub mod lag;
pub mod rebuild;
pub mod starts;
pub mod throughput;
