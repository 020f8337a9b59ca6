//! Sockets and sessions: what lies between epoll and a frame.
