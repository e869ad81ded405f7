// The account of guarded listeners and their connections: what calls.c asks before it does what libzmq wants.
#pragma once
#include "socket_guard.h"
#include "zmtp.h"
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>

/// A listening socket, or an address that is called: a path, with `callers` that want its connections guarded.
struct listener {
    _Atomic int is_open;
    char path[108];
    int callers;
    _Atomic uint64_t number;
    struct socket_guard_limits limits;
    /// The connections that are open and not being ended, oldest first.
    struct connection *first, *last;
    _Atomic int32_t open;
    int32_t ending;
    _Atomic uint64_t refused, shed, ended, unproved;
    /// Bytes that all open connections have sent.
    _Atomic uint64_t together;
    /// Bytes of whole messages that nobody has taken, and of messages that have begun.
    _Atomic int64_t whole, begun;
};

/// A connection; but for the links only its I/O thread uses it.
struct connection {
    int descriptor;
    struct listener *listener;
    struct connection *before, *after;
    struct zmtp_reader reader;
    uint64_t sent;
    /// Of an encrypted one: what was sent and not taken, and when a heartbeat last was free.
    _Atomic int64_t untaken;
    uint64_t free_at;
    /// When it last sent something, in nanoseconds of the monotonic clock.
    uint64_t heard;
    /// That a call has been made to end it.
    _Atomic int is_ending;
};

/// The listener with this descriptor; NULL if it is not guarded.
struct listener *guard_listener(int descriptor);

/// The connection with this descriptor; NULL if it came from no guarded listener.
struct connection *guard_connection(int descriptor);

/// Takes a new connection into the listener's account; 0 if there is no room for it, or too many come from its address.
int guard_admit(struct listener *by, int descriptor, const struct sockaddr *from);

/// Takes a connection to a path into account, if somebody wants those guarded. The path has `room` bytes at most.
void guard_called(const char *path, size_t room, int descriptor);

/// Whether the connections of a listener must wait until what came before was taken.
int guard_must_wait(struct listener *of);

/// Counts what a connection has sent. 0 if it may not send that: the connection is ended then, which libzmq takes for its peer's doing.
int guard_count(struct connection *one, const uint8_t *bytes, uint64_t length);

/// The same of an encrypted connection, whose frames count as long as nobody has taken them.
///
/// - whole: what the frames count for that have just come.
int guard_count_sealed(struct connection *one, uint64_t whole);

/// Counts that a message of an encrypted connection was taken; returns what it counts for. The connection must not be forgotten meanwhile.
int64_t guard_take_sealed(struct connection *one, uint64_t bytes, uint64_t frames);

/// Forgets a descriptor that is about to be closed.
void guard_forget(int descriptor);
