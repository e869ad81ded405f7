// How many connections come from each address of the network.
#pragma once
#include <stdint.h>
#include <sys/socket.h>

/// Counts a connection from an address; 0 if more come from there than `rate` a second allows. Of addresses that are not the network's, and
/// where `rate` is 0, any number may come. Not for several threads at once.
///
/// - now: in nanoseconds.
int guard_may_call(uint32_t rate, const struct sockaddr *from, uint64_t now);
