// What is known of an encrypted connection: frames and their lengths, not where a message ends.
#include "connections.h"

/// In nanoseconds.
static const uint64_t second = 1000000000;

int guard_count_sealed(struct connection *one, uint64_t whole) {
    struct listener *of = one->listener;
    uint64_t beat = one->reader.heartbeat;
    one->reader.heartbeat = 0;
    if (beat > 0 && one->heard - one->free_at >= second) {
        one->free_at = one->heard;
        // What it has on the wire beside its bytes: flags and a length.
        uint64_t bytes = beat - SOCKET_GUARD_FRAME_COST + 2;
        whole -= beat;
        bytes = bytes < one->sent ? bytes : one->sent;
        one->sent -= bytes;
        atomic_fetch_sub(&of->together, bytes);
    }
    if (!of->limits.untaken) return 1;
    int64_t untaken = atomic_fetch_add(&one->untaken, (int64_t)whole) + (int64_t)whole;
    int64_t all = atomic_fetch_add(&of->whole, (int64_t)whole) + (int64_t)whole;
    if (untaken > (int64_t)of->limits.untaken) return 0;
    // Together it is too much: whoever has more than a share of it is ended.
    return all <= (int64_t)of->limits.untaken_together ||
           untaken <= (int64_t)(of->limits.untaken_together / (uint64_t)of->limits.connections);
}

int64_t guard_take_sealed(struct connection *one, uint64_t bytes, uint64_t frames) {
    int64_t taken = (int64_t)(bytes + frames * (SOCKET_GUARD_FRAME_COST + SOCKET_GUARD_SEALED_COST));
    // Never below nothing: the descriptor may be another connection's by now.
    int64_t left = atomic_load(&one->untaken);
    taken = taken < left ? taken : left;
    atomic_fetch_sub(&one->untaken, taken);
    return taken;
}
