//! What no well-behaved client sends: on every call that there is, whatever comes is answered in
//! time, with a problem of a known type that is the client's (4xx), and writes nothing.

mod access;
mod bodies;
mod cursors;
mod headers;
mod http;
mod paths;
mod target;
