//! The licensing service, by topic.

mod access;
mod archive;
mod consistency;
mod costs;
mod devices;
mod dump;
mod keys;
mod limits;
mod outage;
mod outage_follow_ups;
mod playback;
mod policy;
mod support;
mod talk;
mod traffic;
