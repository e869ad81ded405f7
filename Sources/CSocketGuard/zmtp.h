// Follows what a peer sends over ZMTP 3 (rfc.zeromq.org/spec/23), far enough to know where messages end and how large they are.
#pragma once
#include "socket_guard.h"

struct zmtp_reader {
    /// Bytes of the greeting that have come.
    uint32_t greeting;
    /// Of the frame that is being read: its flags, its length as far as that has come, and how many bytes of that are missing.
    uint8_t flags;
    uint8_t length_left;
    int has_flags;
    uint64_t length;
    /// Bytes of the frame's content that are still to come.
    uint64_t content_left;
    /// The beginning of a command: the length of its name, and the name as far as it tells commands apart.
    uint8_t name[10];
    uint8_t name_length;
    /// What the message that has begun counts for so far, without its commands.
    uint64_t message;
    /// That a whole message has come, or a command after the handshake.
    int has_spoken;
    uint32_t commands;
    /// Where it is encrypted: what the last frame that may be a heartbeat counts for, until the reader's owner sets it to 0.
    uint64_t heartbeat;
};

/// Follows the next bytes.
///
/// - whole: what the messages count for that ended in these bytes.
/// Returns 0 when a message or command is larger than the limits allow, or the bytes are not ZMTP 3.
int zmtp_read(
    struct zmtp_reader *reader, const uint8_t *bytes, uint64_t count, const struct socket_guard_limits *limits, uint64_t *whole);
