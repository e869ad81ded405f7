#define _GNU_SOURCE
#include "connections.h"
#include "callers.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LISTENERS = 1024, MOST_DESCRIPTORS = 1 << 18 };
/// Connections that are being ended and may be open beside as many as a listener may have.
enum { MOST_ENDING = 64 };

static struct listener listeners[MOST_LISTENERS];
/// By descriptor: the place of a listener and 1, or 0.
static _Atomic uint16_t places[MOST_DESCRIPTORS];
/// By descriptor; set for those that a guarded listener gave.
static _Atomic(struct connection *) connections[MOST_DESCRIPTORS];
static _Atomic int keep_free_from;
/// The process whose account this is. A child that only forked has a copy of it, perhaps with the lock held.
static _Atomic pid_t owner;
/// Guards the list of listeners and the links of connections.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_in_range(int descriptor) { return descriptor >= 0 && descriptor < MOST_DESCRIPTORS; }

// MARK: listeners

struct listener *guard_listener(int descriptor) {
    int place = is_in_range(descriptor) ? atomic_load(&places[descriptor]) : 0;
    return place ? &listeners[place - 1] : NULL;
}

/// A number tells the place, and has a part that no other listener there had.
static struct listener *find_number(uint64_t number) {
    struct listener *one = &listeners[number % MOST_LISTENERS];
    return atomic_load(&one->number) == number ? one : NULL;
}

/// Whether a place is in use: a listener that is closed keeps it as long as it has connections.
static int is_taken(struct listener *one) { return atomic_load(&one->is_open) || atomic_load(&one->open) > 0; }

/// Begins an account, under the lock; NULL if there are too many.
static struct listener *make(struct socket_guard_limits limits) {
    static uint64_t made;
    atomic_store(&owner, getpid());
    uint64_t index = 0;
    while (index < MOST_LISTENERS && is_taken(&listeners[index])) index++;
    if (index == MOST_LISTENERS) return NULL;
    listeners[index] = (struct listener){.is_open = 1, .number = ++made * MOST_LISTENERS + index, .limits = limits};
    return &listeners[index];
}

uint64_t socket_guard_add(int descriptor, struct socket_guard_limits limits) {
    if (!is_in_range(descriptor)) return 0;
    pthread_mutex_lock(&lock);
    struct listener *new = make(limits);
    if (new) atomic_store(&places[descriptor], (uint16_t)(new - listeners + 1));
    pthread_mutex_unlock(&lock);
    return new ? atomic_load(&new->number) : 0;
}

static int admit(struct listener *by, int descriptor);

// MARK: called addresses

/// The account of a path, under the lock; NULL if nobody wants one.
static struct listener *find_path(const char *path, size_t room) {
    size_t length = strnlen(path, room);
    for (struct listener *one = listeners; one < listeners + MOST_LISTENERS; one++)
        if (one->callers > 0 && strlen(one->path) == length && memcmp(one->path, path, length) == 0) return one;
    return NULL;
}

uint64_t socket_guard_call(const char *path, struct socket_guard_limits limits) {
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof listeners[0].path) return 0;
    pthread_mutex_lock(&lock);
    struct listener *one = find_path(path, length);
    if (!one && (one = make(limits))) memcpy(one->path, path, length + 1);
    if (one) one->callers++;
    pthread_mutex_unlock(&lock);
    return one ? atomic_load(&one->number) : 0;
}

void socket_guard_called(uint64_t number) {
    pthread_mutex_lock(&lock);
    struct listener *one = find_number(number);
    if (one && one->callers > 0 && --one->callers == 0) atomic_store(&one->is_open, 0);
    pthread_mutex_unlock(&lock);
}

void guard_called(const char *path, size_t room, int descriptor) {
    pthread_mutex_lock(&lock);
    struct listener *one = find_path(path, room);
    if (one) admit(one, descriptor);
    pthread_mutex_unlock(&lock);
}

// MARK: what is known of an account

void socket_guard_took(uint64_t number, uint64_t bytes) {
    struct listener *one = find_number(number);
    if (!one) return;
    // Never below nothing: what came just before `socket_guard_emptied` is forgotten there.
    int64_t before = atomic_load(&one->whole);
    while (!atomic_compare_exchange_weak(&one->whole, &before, before > (int64_t)bytes ? before - (int64_t)bytes : 0)) {}
}

void socket_guard_took_from(uint64_t number, int descriptor, uint64_t bytes, uint64_t frames) {
    pthread_mutex_lock(&lock);
    struct listener *of = find_number(number);
    struct connection *one = guard_connection(descriptor);
    if (of && one && one->listener == of) atomic_fetch_sub(&of->whole, guard_take_sealed(one, bytes, frames));
    pthread_mutex_unlock(&lock);
}

void socket_guard_emptied(uint64_t number) {
    struct listener *one = find_number(number);
    if (one) atomic_store(&one->whole, 0);
}

struct socket_guard_counts socket_guard_read(uint64_t number) {
    struct listener *one = find_number(number);
    if (!one) return (struct socket_guard_counts){0};
    return (struct socket_guard_counts){
        .open = atomic_load(&one->open),
        .refused = atomic_load(&one->refused),
        .shed = atomic_load(&one->shed),
        .ended = atomic_load(&one->ended),
        .unproved = atomic_load(&one->unproved),
    };
}

void socket_guard_keep_free_from(int descriptor) { atomic_store(&keep_free_from, descriptor); }

// MARK: the list of a listener's connections, under the lock

static void append(struct connection *one) {
    struct listener *of = one->listener;
    one->before = of->last;
    one->after = NULL;
    *(of->last ? &of->last->after : &of->first) = one;
    of->last = one;
}

static void detach(struct connection *one) {
    struct listener *of = one->listener;
    *(one->before ? &one->before->after : &of->first) = one->after;
    *(one->after ? &one->after->before : &of->last) = one->before;
}

/// Ends a connection, and counts it; libzmq then finds it closed by its peer.
static void end(struct connection *one, _Atomic uint64_t *counter) {
    if (atomic_exchange(&one->is_ending, 1)) return;
    detach(one);
    one->listener->ending++;
    atomic_fetch_add(counter, 1);
    shutdown(one->descriptor, SHUT_RDWR);
}

/// Ends the connection that has waited longest without a whole message, if there is one.
static void make_room(struct listener *of) {
    struct connection *one = of->first;
    while (one && one->reader.has_spoken) one = one->after;
    if (one) end(one, &of->shed);
}

/// Ends the connection whose message has begun and not gone on for the longest time, since such messages take all the room.
static void end_idlest(struct listener *of) {
    pthread_mutex_lock(&lock);
    struct connection *idlest = NULL;
    for (struct connection *one = of->first; one; one = one->after)
        if (one->reader.message > 0 && (!idlest || one->heard < idlest->heard)) idlest = one;
    if (idlest) end(idlest, &of->ended);
    pthread_mutex_unlock(&lock);
}

void socket_guard_end_all(uint64_t number) {
    struct listener *of = find_number(number);
    if (!of) return;
    _Atomic uint64_t uncounted = 0;
    pthread_mutex_lock(&lock);
    while (of->first) end(of->first, &uncounted);
    pthread_mutex_unlock(&lock);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// MARK: connections

struct connection *guard_connection(int descriptor) {
    return is_in_range(descriptor) ? atomic_load(&connections[descriptor]) : NULL;
}

/// Takes a new connection into an account, under the lock; 0 if there is no room for it.
static int admit(struct listener *by, int descriptor) {
    struct connection *new = is_in_range(descriptor) ? calloc(1, sizeof *new) : NULL;
    if (!new) return 0;
    new->descriptor = descriptor;
    new->listener = by;
    int32_t most = by->limits.connections;
    if (atomic_load(&by->open) - by->ending >= most) make_room(by);
    // Those that are being ended are closed in a moment, by this very thread.
    if (atomic_load(&by->open) - by->ending >= most || atomic_load(&by->open) >= most + MOST_ENDING) {
        free(new);
        return 0;
    }
    append(new);
    atomic_fetch_add(&by->open, 1);
    atomic_store(&connections[descriptor], new);
    return 1;
}

int guard_admit(struct listener *by, int descriptor, const struct sockaddr *from) {
    int floor = atomic_load(&keep_free_from);
    if (floor > 0 && descriptor >= floor) return 0;
    pthread_mutex_lock(&lock);
    int fits = guard_may_call(by->limits.rate, from, now()) && admit(by, descriptor);
    pthread_mutex_unlock(&lock);
    return fits;
}

int guard_must_wait(struct listener *of) {
    int64_t most = (int64_t)of->limits.unread;
    if (most == 0 || atomic_load(&of->whole) + atomic_load(&of->begun) <= most) return 0;
    if (atomic_load(&of->begun) > most / 2) end_idlest(of);
    return atomic_load(&of->whole) > 0;
}

/// Whether what a connection has sent is within the limits.
static int is_within_limits(struct connection *one, const uint8_t *bytes, uint64_t length) {
    struct listener *of = one->listener;
    one->sent += length;
    one->heard = now();
    uint64_t together = atomic_fetch_add(&of->together, length) + length;
    if (of->limits.lifetime && one->sent > of->limits.lifetime) return 0;
    if (of->limits.together && together > of->limits.together) return 0;
    uint64_t before = one->reader.message, whole = 0;
    int is_fine = zmtp_read(&one->reader, bytes, length, &of->limits, &whole);
    if (of->limits.encrypted) return is_fine && guard_count_sealed(one, whole);
    atomic_fetch_add(&of->whole, (int64_t)whole);
    atomic_fetch_add(&of->begun, (int64_t)one->reader.message - (int64_t)before);
    return is_fine;
}

int guard_count(struct connection *one, const uint8_t *bytes, uint64_t length) {
    if (is_within_limits(one, bytes, length)) return 1;
    pthread_mutex_lock(&lock);
    end(one, &one->listener->ended);
    pthread_mutex_unlock(&lock);
    return 0;
}

void guard_forget(int descriptor) {
    if (!is_in_range(descriptor)) return;
    struct connection *one = atomic_exchange(&connections[descriptor], NULL);
    if (one && atomic_load(&owner) == getpid()) {
        struct listener *of = one->listener;
        pthread_mutex_lock(&lock);
        if (atomic_load(&one->is_ending)) of->ending--;
        else detach(one);
        if (of->limits.encrypted && !one->reader.has_spoken) atomic_fetch_add(&of->unproved, 1);
        atomic_fetch_sub(&of->whole, atomic_load(&one->untaken));
        atomic_fetch_sub(&of->together, one->sent);
        atomic_fetch_sub(&of->begun, (int64_t)one->reader.message);
        // The last: without open connections, another listener may take this one's place.
        atomic_fetch_sub(&of->open, 1);
        pthread_mutex_unlock(&lock);
        free(one);
    }
    struct listener *listener = guard_listener(descriptor);
    if (!listener) return;
    atomic_store(&places[descriptor], 0);
    atomic_store(&listener->is_open, 0);
}
