// A connection to a NATS server, through libnats, which is loaded when the first one is made: a process that reports to no stream pays
// nothing for it, and one on a machine without libnats runs all the same.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arobust_nats arobust_nats;

// How to connect. Texts may be NULL; they are copied.
typedef struct {
    // nats://host:port, one for each server.
    const char *const *servers;
    int server_count;
    // What the server shows of this connection.
    const char *name;
    const char *user;
    const char *password;
    const char *token;
    // A file with a JWT and a seed, as `nsc` writes it.
    const char *credentials_path;
    // A file with the seed of a key, and its public half.
    const char *nkey_public;
    const char *nkey_seed_path;
    // TLS: whether to use it, and PEM files.
    bool is_secure;
    const char *authorities_path;
    const char *certificate_path;
    const char *key_path;
    const char *server_name;
    int64_t timeout_ms;
    // The first pause between two tries to connect again, and what may be added to it at random.
    int64_t reconnect_ms;
    int64_t reconnect_jitter_ms;
    // Whether what is sent is written at once. Otherwise a thread of libnats waits a millisecond for more, which spares system calls.
    bool sends_at_once;
} arobust_nats_options;

// One header of a message.
typedef struct {
    const char *key;
    const char *value;
} arobust_nats_header;

// A message that came. Everything is valid during the call alone.
typedef struct {
    const char *subject;
    // NULL: no answer is expected.
    const char *reply;
    const char *data;
    int length;
    // Nobody listens on the subject of the request that this answers.
    bool has_no_responders;
    // For arobust_nats_header_of.
    const void *message;
} arobust_nats_message;

// Called on a thread of libnats, one message of a subscription at a time.
typedef void (*arobust_nats_receiver)(const arobust_nats_message *message, void *context);

// Called on a thread of libnats. `is_connected`: whether there is a connection now.
typedef void (*arobust_nats_watcher)(bool is_connected, void *context);

// Why NATS cannot be used here, as a sentence; NULL if it can. Loads libnats.
const char *arobust_nats_obstacle(void);

// Connects, and connects again by itself whenever the connection breaks, until arobust_nats_close. Blocks for as long as `timeout_ms` for each
// server. `watcher` and `context` must live until arobust_nats_close returns.
// Returns NULL if no server let it in; `error` then has a sentence.
arobust_nats *arobust_nats_connect(
    const arobust_nats_options *options, arobust_nats_watcher watcher, void *context, char *error, size_t error_size);

// Ends the connection and waits for calls of its receivers and its watcher to end. Not from one of them.
void arobust_nats_close(arobust_nats *nats);

bool arobust_nats_is_connected(arobust_nats *nats);

// Whether it will never connect again: libnats gives up when a server refuses who it is twice, since it cannot know that somebody puts that right.
bool arobust_nats_has_ended(arobust_nats *nats);

// The most bytes of a message's headers and body together that the server takes.
int64_t arobust_nats_max_payload(arobust_nats *nats);

// Why the connection broke or a server did not let it in, the last time: a word of libnats or the server's own.
void arobust_nats_last_error(arobust_nats *nats, char *error, size_t error_size);

// Sends a message. Returns NULL if it is on its way, or why not. `reply` may be NULL.
const char *arobust_nats_publish(
    arobust_nats *nats, const char *subject, const char *reply, const arobust_nats_header *headers, int header_count, const void *data,
    int length);

// Has `receiver` called for each message of a subject, until the connection is closed. At most `most_messages` and `most_bytes` wait for it; more are
// dropped. Returns NULL if it is so, or why not.
const char *arobust_nats_listen(
    arobust_nats *nats, const char *subject, int most_messages, int most_bytes, arobust_nats_receiver receiver, void *context);

// The first value of a header; NULL if there is none.
const char *arobust_nats_header_of(const arobust_nats_message *message, const char *key);
