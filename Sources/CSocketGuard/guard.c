#define _GNU_SOURCE
#include "socket_guard.h"
#include "zmtp.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_LISTENERS = 1024, MOST_DESCRIPTORS = 1 << 18 };
/// How long a connection is not read from while its listener's messages wait, in microseconds.
static const useconds_t rest = 2000;

struct listener {
    _Atomic int is_open;
    _Atomic uint64_t number;
    struct socket_guard_limits limits;
    /// The connections that are open and not being ended, oldest first.
    struct connection *first, *last;
    _Atomic int32_t open;
    int32_t ending;
    _Atomic uint64_t refused, shed, ended;
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
    /// That a call has been made to end it.
    _Atomic int is_ending;
};

static struct listener listeners[MOST_LISTENERS];
/// By descriptor: the place of a listener and 1, or 0.
static _Atomic uint16_t places[MOST_DESCRIPTORS];
/// By descriptor; set for those that a guarded listener gave.
static _Atomic(struct connection *) connections[MOST_DESCRIPTORS];
static _Atomic int keep_free_from;
/// Given up for a moment when there is no other descriptor, to tell a client so.
static int spare = -1;
/// Guards the list of listeners, the links of connections, and `spare`.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int real_accept(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return (int)syscall(SYS_accept4, descriptor, address, length, flags);
}

static int real_close(int descriptor) { return (int)syscall(SYS_close, descriptor); }

static struct listener *find(int descriptor) {
    if (descriptor < 0 || descriptor >= MOST_DESCRIPTORS) return NULL;
    int place = atomic_load(&places[descriptor]);
    return place ? &listeners[place - 1] : NULL;
}

/// A number tells the place, and has a part that no other listener there had.
static struct listener *find_number(uint64_t number) {
    struct listener *one = &listeners[number % MOST_LISTENERS];
    return atomic_load(&one->number) == number ? one : NULL;
}

/// Whether a place is in use: a listener that is closed keeps it as long as it has connections.
static int is_taken(struct listener *one) { return atomic_load(&one->is_open) || atomic_load(&one->open) > 0; }

uint64_t socket_guard_add(int descriptor, struct socket_guard_limits limits) {
    static uint64_t made;
    uint64_t number = 0;
    if (descriptor < 0 || descriptor >= MOST_DESCRIPTORS) return 0;
    pthread_mutex_lock(&lock);
    if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int index = 0;
    while (index < MOST_LISTENERS && is_taken(&listeners[index])) index++;
    if (index < MOST_LISTENERS) {
        struct listener *new = &listeners[index];
        number = ++made * MOST_LISTENERS + (uint64_t)index;
        *new = (struct listener){.is_open = 1, .number = number, .limits = limits};
        atomic_store(&places[descriptor], (uint16_t)(index + 1));
    }
    pthread_mutex_unlock(&lock);
    return number;
}

// MARK: the list of connections, under the lock

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

/// Ends a connection; libzmq then finds it closed by its peer.
static void end(struct connection *one) {
    if (atomic_exchange(&one->is_ending, 1)) return;
    detach(one);
    one->listener->ending++;
    shutdown(one->descriptor, SHUT_RDWR);
}

/// Ends the connection that has waited longest without a whole message, if there is one.
static void make_room(struct listener *of) {
    struct connection *one = of->first;
    while (one && one->reader.has_spoken) one = one->after;
    if (!one) return;
    atomic_fetch_add(&of->shed, 1);
    end(one);
}

/// Ends the connection whose message has grown largest, since the messages that have begun take all the room.
static void end_largest(struct listener *of) {
    pthread_mutex_lock(&lock);
    struct connection *largest = NULL;
    for (struct connection *one = of->first; one; one = one->after)
        if (!largest || one->reader.message > largest->reader.message) largest = one;
    if (largest) {
        atomic_fetch_add(&of->ended, 1);
        end(largest);
    }
    pthread_mutex_unlock(&lock);
}

// MARK: instead of the C library's

static int refuse(struct listener *by, int descriptor) {
    if (descriptor >= 0) real_close(descriptor);
    atomic_fetch_add(&by->refused, 1);
    errno = ECONNABORTED;
    return -1;
}

/// Accepts and closes a connection with the spare descriptor, so that its client does not wait, and the listener is not ready for ever.
static int refuse_without_descriptor(struct listener *by, int descriptor) {
    pthread_mutex_lock(&lock);
    if (spare >= 0) real_close(spare);
    int one = real_accept(descriptor, NULL, NULL, SOCK_CLOEXEC);
    if (one >= 0) real_close(one);
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&lock);
    return refuse(by, -1);
}

/// Takes a new connection into the listener's account; 0 if there is no room for it.
static int admit(struct listener *by, int descriptor) {
    int floor = atomic_load(&keep_free_from);
    if (descriptor >= MOST_DESCRIPTORS || (floor > 0 && descriptor >= floor)) return 0;
    struct connection *new = calloc(1, sizeof *new);
    if (!new) return 0;
    new->descriptor = descriptor;
    new->listener = by;
    pthread_mutex_lock(&lock);
    int32_t most = by->limits.connections;
    if (atomic_load(&by->open) - by->ending >= most) make_room(by);
    // Those that are being ended are closed in a moment, by this very thread.
    int fits = atomic_load(&by->open) - by->ending < most && atomic_load(&by->open) < most + 64;
    if (fits) {
        append(new);
        atomic_fetch_add(&by->open, 1);
        atomic_store(&connections[descriptor], new);
    }
    pthread_mutex_unlock(&lock);
    if (!fits) free(new);
    return fits;
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    int one = real_accept(descriptor, address, length, flags);
    int code = errno;
    struct listener *by = find(descriptor);
    if (!by) return one;
    if (one < 0) {
        // libzmq ends the process when it gets EMFILE here.
        if (code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS)
            return refuse_without_descriptor(by, descriptor);
        errno = code;
        return one;
    }
    return admit(by, one) ? one : refuse(by, one);
}

int accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    return accept4(descriptor, address, length, 0);
}

int close(int descriptor) {
    if (descriptor < 0 || descriptor >= MOST_DESCRIPTORS) return real_close(descriptor);
    struct connection *one = atomic_exchange(&connections[descriptor], NULL);
    if (one) {
        struct listener *of = one->listener;
        pthread_mutex_lock(&lock);
        if (atomic_load(&one->is_ending)) of->ending--;
        else detach(one);
        atomic_fetch_sub(&of->open, 1);
        pthread_mutex_unlock(&lock);
        atomic_fetch_sub(&of->together, one->sent);
        atomic_fetch_sub(&of->begun, (int64_t)one->reader.message);
        free(one);
    }
    struct listener *listener = find(descriptor);
    if (listener) {
        atomic_store(&places[descriptor], 0);
        atomic_store(&listener->is_open, 0);
    }
    return real_close(descriptor);
}

/// Whether a connection must wait until what came before was taken.
static int must_wait(struct listener *of) {
    if (of->limits.unread == 0) return 0;
    int64_t most = (int64_t)of->limits.unread;
    if (atomic_load(&of->whole) + atomic_load(&of->begun) <= most) return 0;
    if (atomic_load(&of->begun) > most / 2) end_largest(of);
    return atomic_load(&of->whole) > 0;
}

/// Counts what a connection has sent; 0 if it may not send that.
static int count(struct connection *one, const uint8_t *bytes, uint64_t length) {
    struct listener *of = one->listener;
    one->sent += length;
    uint64_t together = atomic_fetch_add(&of->together, length) + length;
    if (of->limits.lifetime && one->sent > of->limits.lifetime) return 0;
    if (of->limits.together && together > of->limits.together) return 0;
    uint64_t before = one->reader.message, whole = 0;
    int is_fine = zmtp_read(&one->reader, bytes, length, of->limits.message, &whole);
    atomic_fetch_add(&of->whole, (int64_t)whole);
    atomic_fetch_add(&of->begun, (int64_t)one->reader.message - (int64_t)before);
    return is_fine;
}

ssize_t recv(int descriptor, void *buffer, size_t size, int flags) {
    struct connection *one =
        descriptor >= 0 && descriptor < MOST_DESCRIPTORS ? atomic_load(&connections[descriptor]) : NULL;
    if (!one) return syscall(SYS_recvfrom, descriptor, buffer, size, flags, NULL, NULL);
    if (must_wait(one->listener)) {
        usleep(rest);
        errno = EAGAIN;
        return -1;
    }
    ssize_t length = syscall(SYS_recvfrom, descriptor, buffer, size, flags, NULL, NULL);
    if (length <= 0 || (flags & MSG_PEEK)) return length;
    if (count(one, buffer, (uint64_t)length)) return length;
    atomic_fetch_add(&one->listener->ended, 1);
    pthread_mutex_lock(&lock);
    end(one);
    pthread_mutex_unlock(&lock);
    errno = ECONNRESET;
    return -1;
}

// MARK: for the owner of a listener

void socket_guard_took(uint64_t number, uint64_t bytes) {
    struct listener *one = find_number(number);
    if (one) atomic_fetch_sub(&one->whole, (int64_t)bytes);
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
    };
}

void socket_guard_keep_free_from(int descriptor) { atomic_store(&keep_free_from, descriptor); }

int socket_guard_is_in_force(void) {
    return dlsym(RTLD_DEFAULT, "recv") == (void *)recv && dlsym(RTLD_DEFAULT, "accept4") == (void *)accept4 &&
           dlsym(RTLD_DEFAULT, "close") == (void *)close;
}
