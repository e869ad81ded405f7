// What libzmq calls instead of the C library's functions: a program's own definitions come first (ld.so(8)).
#define _GNU_SOURCE
#include "connections.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/// How long a connection is not read from while its listener's messages wait, in microseconds.
static const useconds_t rest = 2000;
/// Given up for a moment when there is no other descriptor, to tell a client so. Guarded by `spare_lock`.
static int spare = -1;
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;

static int real_accept(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return (int)syscall(SYS_accept4, descriptor, address, length, flags);
}

static int real_close(int descriptor) { return (int)syscall(SYS_close, descriptor); }

static int refuse(struct listener *by, int descriptor) {
    // Before it is closed: whoever sees the end of its connection finds it counted.
    atomic_fetch_add(&by->refused, 1);
    if (descriptor >= 0) real_close(descriptor);
    errno = ECONNABORTED;
    return -1;
}

/// Has a spare descriptor while there are some.
static void keep_spare(void) {
    pthread_mutex_lock(&spare_lock);
    if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&spare_lock);
}

/// Accepts and closes a connection with the spare descriptor, so that its client does not wait, and the listener is not ready for ever.
static int refuse_without_descriptor(struct listener *by, int descriptor) {
    pthread_mutex_lock(&spare_lock);
    if (spare >= 0) real_close(spare);
    int one = real_accept(descriptor, NULL, NULL, SOCK_CLOEXEC);
    if (one >= 0) real_close(one);
    spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pthread_mutex_unlock(&spare_lock);
    return refuse(by, -1);
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    int one = real_accept(descriptor, address, length, flags);
    struct listener *by = guard_listener(descriptor);
    if (!by) return one;
    if (one >= 0) {
        keep_spare();
        return guard_admit(by, one, address) ? one : refuse(by, one);
    }
    // libzmq ends the process when it gets one of these here.
    int is_exhausted = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    return is_exhausted ? refuse_without_descriptor(by, descriptor) : one;
}

int accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    return accept4(descriptor, address, length, 0);
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    int result = (int)syscall(SYS_connect, descriptor, address, length);
    if ((result == 0 || errno == EINPROGRESS) && address && length > sizeof address->sa_family && address->sa_family == AF_UNIX) {
        int error = errno;
        const char *path = ((const struct sockaddr_un *)address)->sun_path;
        guard_called(path, length - sizeof address->sa_family, descriptor);
        errno = error;
    }
    return result;
}

ssize_t recv(int descriptor, void *buffer, size_t size, int flags) {
    struct connection *one = guard_connection(descriptor);
    if (one && guard_must_wait(one->listener)) {
        usleep(rest);
        errno = EAGAIN;
        return -1;
    }
    ssize_t length = syscall(SYS_recvfrom, descriptor, buffer, size, flags, NULL, NULL);
    if (!one || length <= 0 || guard_count(one, buffer, (uint64_t)length)) return length;
    errno = ECONNRESET;
    return -1;
}

int close(int descriptor) {
    guard_forget(descriptor);
    return real_close(descriptor);
}

int socket_guard_is_in_force(void) {
    return dlsym(RTLD_DEFAULT, "recv") == (void *)recv && dlsym(RTLD_DEFAULT, "accept4") == (void *)accept4 &&
           dlsym(RTLD_DEFAULT, "close") == (void *)close && dlsym(RTLD_DEFAULT, "connect") == (void *)connect;
}
