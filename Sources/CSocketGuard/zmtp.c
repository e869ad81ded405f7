#include "zmtp.h"
#include <string.h>

/// A greeting's length, and where in it the two ends of the signature and the version are.
enum { GREETING = 64, SIGNATURE = 0, SIGNATURE_END = 9, VERSION = 10, MECHANISM = 12, AS_SERVER = 32 };
/// Bits of a frame's flags.
enum { MORE = 1, LONG = 2, COMMAND = 4 };
/// READY with the properties that libzmq sends has less than 300 bytes, ERROR at most 262, PING 23. libzmq keeps READY's properties as long
/// as the connection, each at fifty times its size.
static const uint64_t largest_command = 512;
/// Of SUBSCRIBE and CANCEL.
static const uint64_t largest_subscription = 8 << 10;
/// Of an encrypted PING without a context, which is longer than a PONG.
static const uint64_t largest_heartbeat = 48;

/// libzmq takes a peer whose signature ends otherwise for one of an older protocol, with other frames.
static int read_greeting(struct zmtp_reader *reader, uint8_t byte, int encrypted) {
    static const char mechanism[AS_SERVER - MECHANISM] = "CURVE";
    uint32_t at = reader->greeting++;
    switch (at) {
    case SIGNATURE: return byte == 0xFF;
    case SIGNATURE_END: return byte == 0x7F;
    case VERSION: return byte >= 3;
    default: return !encrypted || at < MECHANISM || at >= AS_SERVER || byte == (uint8_t)mechanism[at - MECHANISM];
    }
}

static int begin_command(struct zmtp_reader *reader, const struct socket_guard_limits *limits) {
    int may_subscribe = limits->subscriptions && reader->commands > 0;
    reader->name_length = 0;
    return !(reader->flags & MORE) && reader->length <= (may_subscribe ? largest_subscription : largest_command);
}

/// A frame's head is complete.
static int begin_frame(struct zmtp_reader *reader, const struct socket_guard_limits *limits) {
    reader->content_left = reader->length;
    if (reader->flags & COMMAND) return begin_command(reader, limits);
    // Encrypted frames hide whether another one follows, and come after the client's two commands.
    if (limits->encrypted && (reader->flags & MORE || reader->commands < 2)) return 0;
    // A length is any number of 64 bits, so it is compared before it is added.
    if (limits->message && reader->length > limits->message) return 0;
    reader->message += reader->length + SOCKET_GUARD_FRAME_COST;
    return !limits->message || reader->message <= limits->message;
}

static int is_named(const struct zmtp_reader *reader, const char *name) {
    size_t length = strlen(name);
    return reader->name_length > length && reader->name[0] == length && memcmp(reader->name + 1, name, length) == 0;
}

/// Whether libzmq may have the command: the handshake's first, heartbeats after it. It hands SUBSCRIBE and CANCEL on as messages, which only
/// a publishing socket has a use for, and ignores what it doesn't know.
static int end_command(struct zmtp_reader *reader, const struct socket_guard_limits *limits) {
    if (limits->encrypted) return ++reader->commands <= 2 && is_named(reader, reader->commands == 1 ? "HELLO" : "INITIATE");
    if (reader->commands++ == 0) return is_named(reader, "READY") || is_named(reader, "ERROR");
    reader->has_spoken = 1;
    if (is_named(reader, "PING") || is_named(reader, "PONG") || is_named(reader, "ERROR")) return 1;
    return limits->subscriptions && (is_named(reader, "SUBSCRIBE") || is_named(reader, "CANCEL"));
}

static int end_frame(struct zmtp_reader *reader, const struct socket_guard_limits *limits, uint64_t *whole) {
    reader->has_flags = 0;
    if (reader->flags & COMMAND) return end_command(reader, limits);
    if (reader->flags & MORE) return 1;
    *whole += reader->message;
    if (limits->encrypted && reader->length <= largest_heartbeat) reader->heartbeat = reader->message;
    reader->message = 0;
    reader->has_spoken = 1;
    return 1;
}

static void read_content(struct zmtp_reader *reader, const uint8_t *bytes, uint64_t count) {
    uint64_t room = sizeof reader->name - reader->name_length;
    uint64_t kept = count < room ? count : room;
    if (reader->flags & COMMAND) {
        memcpy(reader->name + reader->name_length, bytes, kept);
        reader->name_length += (uint8_t)kept;
    }
    reader->content_left -= count;
}

int zmtp_read(
    struct zmtp_reader *reader, const uint8_t *bytes, uint64_t count, const struct socket_guard_limits *limits, uint64_t *whole) {
    uint64_t at = 0;
    while (at < count) {
        if (reader->greeting < GREETING) {
            if (!read_greeting(reader, bytes[at++], limits->encrypted)) return 0;
            continue;
        }
        if (!reader->has_flags) {
            reader->flags = bytes[at++];
            if (reader->flags & ~(MORE | LONG | COMMAND)) return 0;
            reader->has_flags = 1;
            reader->length = 0;
            reader->length_left = reader->flags & LONG ? 8 : 1;
            continue;
        }
        if (reader->length_left > 0) {
            reader->length = reader->length << 8 | bytes[at++];
            if (--reader->length_left > 0) continue;
            if (!begin_frame(reader, limits)) return 0;
        } else {
            uint64_t step = count - at < reader->content_left ? count - at : reader->content_left;
            read_content(reader, bytes + at, step);
            at += step;
        }
        if (reader->content_left == 0 && !end_frame(reader, limits, whole)) return 0;
    }
    return 1;
}
