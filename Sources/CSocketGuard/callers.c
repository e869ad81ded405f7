#include "callers.h"
#include "socket_guard.h"
#include <netinet/in.h>
#include <string.h>

/// Addresses that have the same place share it: there are fewer places than addresses, and no memory grows with them.
enum { PLACES = 1024 };

/// When an address had no credit left, as if it had: one connection costs a second divided by the rate.
static uint64_t spent_until[PLACES];

/// An IPv6 address counts with its network of 64 bits, of which a machine has all addresses.
static int place_of(const struct sockaddr *from) {
    uint8_t bytes[8] = {0};
    switch (from->sa_family) {
    case AF_INET: memcpy(bytes, &((const struct sockaddr_in *)from)->sin_addr, 4); break;
    case AF_INET6: {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        int is_mapped = IN6_IS_ADDR_V4MAPPED(address);
        memcpy(bytes, address->s6_addr + (is_mapped ? 12 : 0), is_mapped ? 4 : 8);
        break;
    }
    default: return -1;
    }
    // FNV-1a.
    uint32_t hash = 2166136261u;
    for (int index = 0; index < 8; index++) hash = (hash ^ bytes[index]) * 16777619u;
    return (int)(hash % PLACES);
}

int guard_may_call(uint32_t rate, const struct sockaddr *from, uint64_t now) {
    int place = rate > 0 && from ? place_of(from) : -1;
    if (place < 0) return 1;
    const uint64_t second = 1000000000, cost = second / rate;
    uint64_t start = spent_until[place] > now ? spent_until[place] : now;
    if (start + cost > now + SOCKET_GUARD_BURST * second) return 0;
    spent_until[place] = start + cost;
    return 1;
}
