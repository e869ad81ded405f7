/* What libzmq itself can do with arobust's kind of messages, as the measure for arobust's bus: three frames (a topic, a 56-byte header, a
 * body), XPUB to SUB over ipc, two processes with one socket each, every message delivered: the publisher blocks at the high-water mark.
 *
 *   buslimit SOCKET_PATH MESSAGES BODY_BYTES
 *
 * Prints one JSON object: seconds from the first message sent to the last one received, and of each side the CPU seconds and the peak
 * resident set in KiB. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* The marks of arobust's publisher and subscriber. */
enum { PUBLISHER_MARK = 4096, SUBSCRIBER_MARK = 1000, HEADER_BYTES = 56 };

static const char topic[] = "TRAINING_LOG/worker/0/";

struct cost {
    double last_message, cpu;
    long peak_kib;
};

static void require(int holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "buslimit: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long peak_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status) && sscanf(line, "VmHWM: %ld", &kib) != 1) {}
    if (status) fclose(status);
    return kib;
}

static void set(void *socket, int option, int value)
{
    require(zmq_setsockopt(socket, option, &value, sizeof value) == 0, "zmq_setsockopt");
}

static size_t receive_frame(void *socket, int *more)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    require(zmq_msg_recv(&frame, socket, 0) >= 0, "zmq_msg_recv");
    size_t size = zmq_msg_size(&frame);
    *more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
    return size;
}

static struct cost subscribe(const char *endpoint, long messages, size_t body_bytes)
{
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
    int more;
    set(socket, ZMQ_RCVHWM, SUBSCRIBER_MARK);
    set(socket, ZMQ_RCVTIMEO, 20000);
    require(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0, "subscribe");
    require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long received = 0; received < messages; ++received) {
        require(receive_frame(socket, &more) == sizeof topic - 1 && more, "the topic frame");
        require(receive_frame(socket, &more) == HEADER_BYTES && more, "the header frame");
        require(receive_frame(socket, &more) == body_bytes && !more, "the body frame");
    }
    struct cost cost = { seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID) - before, peak_kib() };
    zmq_close(socket);
    zmq_ctx_term(context);
    return cost;
}

static struct cost publish(const char *endpoint, long messages, size_t body_bytes, double *first_message)
{
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_XPUB);
    unsigned char header[HEADER_BYTES] = "AROB";
    char *body = malloc(body_bytes);
    int more;
    require(body != NULL, "malloc");
    memset(body, 'x', body_bytes);
    set(socket, ZMQ_SNDHWM, PUBLISHER_MARK);
    set(socket, ZMQ_XPUB_NODROP, 1);
    set(socket, ZMQ_RCVTIMEO, 20000);
    require(zmq_bind(socket, endpoint) == 0, "zmq_bind");
    receive_frame(socket, &more); /* the subscription */
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    *first_message = seconds(CLOCK_MONOTONIC);
    for (long sent = 0; sent < messages; ++sent) {
        require(zmq_send(socket, topic, sizeof topic - 1, ZMQ_SNDMORE) >= 0, "zmq_send");
        require(zmq_send(socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
        require(zmq_send(socket, body, body_bytes, 0) >= 0, "zmq_send");
    }
    zmq_close(socket);
    zmq_ctx_term(context); /* returns when all has left */
    struct cost cost = { 0, seconds(CLOCK_PROCESS_CPUTIME_ID) - before, peak_kib() };
    free(body);
    return cost;
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: buslimit SOCKET_PATH MESSAGES BODY_BYTES\n");
        return 64;
    }
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", arguments[1]);
    long messages = atol(arguments[2]);
    size_t body_bytes = (size_t)atol(arguments[3]);
    struct cost publisher, subscriber;
    double first_message;
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        subscriber = subscribe(endpoint, messages, body_bytes);
        return write(ends[1], &subscriber, sizeof subscriber) != sizeof subscriber;
    }
    close(ends[1]);
    publisher = publish(endpoint, messages, body_bytes, &first_message);
    require(read(ends[0], &subscriber, sizeof subscriber) == sizeof subscriber, "the subscriber failed");
    waitpid(child, NULL, 0);
    printf("{\"seconds\": %.6f, \"publisher\": {\"cpu\": %.6f, \"peak_kib\": %ld}, \"subscriber\": {\"cpu\": %.6f, \"peak_kib\": %ld}}\n",
           subscriber.last_message - first_message, publisher.cpu, publisher.peak_kib, subscriber.cpu, subscriber.peak_kib);
    return 0;
}
