#include "zmtp.h"

/// A greeting's length, and where in it the first byte of the signature and the version are.
enum { GREETING = 64, SIGNATURE = 0, VERSION = 10 };
/// Bits of a frame's flags.
enum { MORE = 1, LONG = 2, COMMAND = 4 };
/// READY with its properties, SUBSCRIBE, PING and the like are far smaller.
static const uint64_t largest_command = 64 << 10;

static int read_greeting(struct zmtp_reader *reader, uint8_t byte) {
    uint32_t place = reader->greeting++;
    if (place == SIGNATURE) return byte == 0xFF;
    return place != VERSION || byte >= 3;
}

/// A frame's head is complete.
static int begin_frame(struct zmtp_reader *reader, uint64_t most) {
    reader->content_left = reader->length;
    if (reader->flags & COMMAND) return reader->length <= largest_command;
    // A length is any number of 64 bits, so it is compared before it is added.
    if (most && reader->length > most) return 0;
    reader->message += reader->length + SOCKET_GUARD_FRAME_COST;
    return !most || reader->message <= most;
}

static void end_frame(struct zmtp_reader *reader, uint64_t *whole) {
    reader->has_flags = 0;
    if (reader->flags & COMMAND) {
        // The first is the handshake's READY.
        if (++reader->commands > 1) reader->has_spoken = 1;
    } else if (!(reader->flags & MORE)) {
        *whole += reader->message;
        reader->message = 0;
        reader->has_spoken = 1;
    }
}

int zmtp_read(struct zmtp_reader *reader, const uint8_t *bytes, uint64_t count, uint64_t most, uint64_t *whole) {
    uint64_t at = 0;
    while (at < count) {
        if (reader->greeting < GREETING) {
            if (!read_greeting(reader, bytes[at++])) return 0;
        } else if (!reader->has_flags) {
            reader->flags = bytes[at++];
            if (reader->flags & ~(MORE | LONG | COMMAND)) return 0;
            reader->has_flags = 1;
            reader->length = 0;
            reader->length_left = reader->flags & LONG ? 8 : 1;
        } else if (reader->length_left > 0) {
            reader->length = reader->length << 8 | bytes[at++];
            if (--reader->length_left > 0) continue;
            if (!begin_frame(reader, most)) return 0;
            if (reader->content_left == 0) end_frame(reader, whole);
        } else {
            uint64_t step = count - at < reader->content_left ? count - at : reader->content_left;
            at += step;
            reader->content_left -= step;
            if (reader->content_left == 0) end_frame(reader, whole);
        }
    }
    return 1;
}
