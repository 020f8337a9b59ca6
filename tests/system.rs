//! The whole system from outside; each module is a topic.

mod bus;
