// Limits that libzmq has no options for, for the sockets it accepts connections on. Why and how: docs/security.md, "In front of libzmq".
//
// calls.c replaces the C library's accept, accept4, connect, recv and close for the whole process. They do what the library's do, except for
// listening sockets and called addresses that were added here, and for the connections that came from them.
#pragma once
#include <stdint.h>

/// What the connections of a listening socket may do. 0 means no limit, except for `connections`.
struct socket_guard_limits {
    /// Open at once.
    int32_t connections;
    /// Bytes of one message, all its frames together. Each frame counts for `SOCKET_GUARD_FRAME_COST` more.
    uint64_t message;
    /// Bytes that one connection may send in its life.
    uint64_t lifetime;
    /// Bytes that all open connections together may have sent.
    uint64_t together;
    /// Bytes of messages, whole or begun, that may wait for `socket_guard_took`. Beyond it connections are not read from. The socket must
    /// have a context of its own then, since its I/O thread sleeps for moments.
    uint64_t unread;
    /// Whether SUBSCRIBE and CANCEL commands are let through.
    int subscriptions;
    /// Whether the connections are encrypted with CURVE (rfc.zeromq.org/spec/26): where a message ends can't be seen then, so each frame counts
    /// as one, and a heartbeat a second is free.
    int encrypted;
    /// Bytes that one encrypted connection, and all together, may have sent and `socket_guard_took_from` was not told of.
    uint64_t untaken, untaken_together;
    /// New connections a second from one address of the network; as many as in `SOCKET_GUARD_BURST` seconds may come at once.
    uint32_t rate;
};

/// How many seconds' connections one address may make at once.
#define SOCKET_GUARD_BURST 16
/// What a frame has beside its bytes where it is encrypted: the command's name, a nonce, the authenticator, flags.
#define SOCKET_GUARD_SEALED_COST 33

/// What a frame costs libzmq beside its bytes: a `zmq_msg_t` in a queue.
#define SOCKET_GUARD_FRAME_COST 64

/// What has happened at a listening socket so far.
struct socket_guard_counts {
    /// Connections that are open.
    int32_t open;
    /// Connections that were closed at once: too many, or no descriptor left.
    uint64_t refused;
    /// Connections that were closed since they had said nothing, to make room.
    uint64_t shed;
    /// Connections that were closed for what they sent: beyond a limit, or not ZMTP 3.
    uint64_t ended;
    /// Encrypted connections that were closed, by anybody, before they had proved who they are and sent something.
    uint64_t unproved;
};

/// Guards a listening socket from now on, until it is closed. Returns a number for the other functions, which no other socket ever gets; 0
/// when there are too many or the descriptor is too large.
uint64_t socket_guard_add(int listener, struct socket_guard_limits limits);

/// Guards the connections to a Unix socket's path that are made from now on; for a path that is guarded already, with the limits that it has.
/// Returns a number as `socket_guard_add` does, to be given to `socket_guard_called` once; 0 when there are too many.
uint64_t socket_guard_call(const char *path, struct socket_guard_limits limits);

/// Ends what `socket_guard_call` began. Connections that are open stay guarded.
void socket_guard_called(uint64_t number);

/// Says that messages of this many bytes in all, counted as for `message`, were taken from libzmq.
void socket_guard_took(uint64_t listener, uint64_t bytes);

/// Says that a message of so many frames and bytes was taken that came over an encrypted connection. It may be closed already.
void socket_guard_took_from(uint64_t listener, int connection, uint64_t bytes, uint64_t frames);

/// Ends all connections of a listening socket; new ones are accepted.
void socket_guard_end_all(uint64_t listener);

/// Says that libzmq had no more whole message.
void socket_guard_emptied(uint64_t listener);

/// The counts of a listening socket, also after it is closed; zeros when another has taken its place.
struct socket_guard_counts socket_guard_read(uint64_t listener);

/// Descriptors from this number on are kept free: a connection that would get one is refused. 0, as at the beginning: none.
void socket_guard_keep_free_from(int descriptor);

/// Whether libzmq calls these functions: 0 where something else has replaced them as well.
int socket_guard_is_in_force(void);
