#include "include/nats_link.h"

#include "nats_library.h"

#if __has_include(<nats/nats.h>)
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct listener {
    struct listener *next;
    arobust_nats *nats;
    natsSubscription *subscription;
    arobust_nats_receiver receiver;
    void *context;
    // Whether its receiver is called no more. Behind the connection's lock.
    bool is_over;
} listener;

struct arobust_nats {
    const arobust_nats_functions *library;
    natsConnection *connection;
    arobust_nats_watcher watcher;
    void *context;
    listener *listeners;
    // libnats calls back for a while after a connection was closed; it says when that is over.
    pthread_mutex_t lock;
    pthread_cond_t something_is_over;
    bool is_closed;
};

// The message that an arobust_nats_message was made of, and how to read it.
typedef struct {
    const arobust_nats_functions *library;
    natsMsg *message;
} origin;

static void disconnected(natsConnection *connection, void *context) {
    (void)connection;
    arobust_nats *nats = context;
    nats->watcher(false, nats->context);
}

static void reconnected(natsConnection *connection, void *context) {
    (void)connection;
    arobust_nats *nats = context;
    nats->watcher(true, nats->context);
}

// Its default writes to standard error. What matters comes as an answer, or does not come.
static void ignore(natsConnection *connection, natsSubscription *subscription, natsStatus status, void *context) {
    (void)connection, (void)subscription, (void)status, (void)context;
}

static void closed(natsConnection *connection, void *context) {
    (void)connection;
    arobust_nats *nats = context;
    pthread_mutex_lock(&nats->lock);
    nats->is_closed = true;
    pthread_cond_broadcast(&nats->something_is_over);
    pthread_mutex_unlock(&nats->lock);
}

static void complete(void *context) {
    listener *listener = context;
    pthread_mutex_lock(&listener->nats->lock);
    listener->is_over = true;
    pthread_cond_broadcast(&listener->nats->something_is_over);
    pthread_mutex_unlock(&listener->nats->lock);
}

static void received(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *context) {
    (void)connection, (void)subscription;
    listener *listener = context;
    const arobust_nats_functions *library = arobust_nats_library(NULL);
    origin origin = {library, message};
    arobust_nats_message given = {
        .subject = library->natsMsg_GetSubject(message),
        .reply = library->natsMsg_GetReply(message),
        .data = library->natsMsg_GetData(message),
        .length = library->natsMsg_GetDataLength(message),
        .has_no_responders = library->natsMsg_IsNoResponders(message),
        .message = &origin,
    };
    listener->receiver(&given, listener->context);
    library->natsMsg_Destroy(message);
}

const char *arobust_nats_header_of(const arobust_nats_message *message, const char *key) {
    const origin *origin = message->message;
    const char *value = NULL;
    return origin->library->natsMsgHeader_Get(origin->message, key, &value) == NATS_OK ? value : NULL;
}

static natsStatus set(const arobust_nats_functions *library, natsOptions *to, const arobust_nats_options *options, arobust_nats *nats) {
    natsStatus status = library->natsOptions_SetServers(to, (const char **)options->servers, options->server_count);
#define AND(call) if (status == NATS_OK) status = library->call
    if (options->name != NULL) AND(natsOptions_SetName(to, options->name));
    if (options->user != NULL) AND(natsOptions_SetUserInfo(to, options->user, options->password));
    if (options->token != NULL) AND(natsOptions_SetToken(to, options->token));
    if (options->credentials_path != NULL) AND(natsOptions_SetUserCredentialsFromFiles(to, options->credentials_path, NULL));
    if (options->nkey_seed_path != NULL) AND(natsOptions_SetNKeyFromSeed(to, options->nkey_public, options->nkey_seed_path));
    if (options->is_secure) {
        AND(natsOptions_SetSecure(to, true));
        if (options->authorities_path != NULL) AND(natsOptions_LoadCATrustedCertificates(to, options->authorities_path));
        if (options->certificate_path != NULL) AND(natsOptions_LoadCertificatesChain(to, options->certificate_path, options->key_path));
        if (options->server_name != NULL) AND(natsOptions_SetExpectedHostname(to, options->server_name));
    }
    AND(natsOptions_SetTimeout(to, options->timeout_ms));
    AND(natsOptions_SetWriteDeadline(to, options->timeout_ms));
    AND(natsOptions_SetPingInterval(to, 10 * 1000));
    AND(natsOptions_SetMaxPingsOut(to, 2));
    AND(natsOptions_SetMaxReconnect(to, -1));
    AND(natsOptions_SetReconnectWait(to, options->reconnect_ms));
    AND(natsOptions_SetReconnectJitter(to, options->reconnect_jitter_ms, options->reconnect_jitter_ms));
    // Nothing is kept for later: what could not be sent is sent again by who knows whether it still should be.
    AND(natsOptions_SetReconnectBufSize(to, 1));
    AND(natsOptions_SetSendAsap(to, options->sends_at_once));
    AND(natsOptions_SetDisconnectedCB(to, disconnected, nats));
    AND(natsOptions_SetReconnectedCB(to, reconnected, nats));
    AND(natsOptions_SetErrorHandler(to, ignore, nats));
    AND(natsOptions_SetClosedCB(to, closed, nats));
#undef AND
    return status;
}

arobust_nats *arobust_nats_connect(
    const arobust_nats_options *options, arobust_nats_watcher watcher, void *context, char *error, size_t error_size) {
    const char *obstacle;
    const arobust_nats_functions *library = arobust_nats_library(&obstacle);
    if (library == NULL) {
        snprintf(error, error_size, "%s", obstacle);
        return NULL;
    }
    arobust_nats *nats = calloc(1, sizeof *nats);
    natsOptions *settings = NULL;
    if (nats == NULL || library->natsOptions_Create(&settings) != NATS_OK) {
        free(nats);
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    *nats = (arobust_nats){.library = library, .watcher = watcher, .context = context};
    pthread_mutex_init(&nats->lock, NULL);
    pthread_cond_init(&nats->something_is_over, NULL);
    natsStatus status = set(library, settings, options, nats);
    if (status == NATS_OK) status = library->natsConnection_Connect(&nats->connection, settings);
    library->natsOptions_Destroy(settings);
    if (status == NATS_OK) return nats;
    const char *why = library->nats_GetLastError(NULL);
    snprintf(error, error_size, "%s", why != NULL && why[0] != 0 ? why : library->natsStatus_GetText(status));
    pthread_cond_destroy(&nats->something_is_over);
    pthread_mutex_destroy(&nats->lock);
    free(nats);
    return NULL;
}

void arobust_nats_close(arobust_nats *nats) {
    const arobust_nats_functions *library = nats->library;
    library->natsConnection_Close(nats->connection);
    pthread_mutex_lock(&nats->lock);
    while (!nats->is_closed) pthread_cond_wait(&nats->something_is_over, &nats->lock);
    for (listener *each = nats->listeners; each != NULL; each = each->next) {
        while (!each->is_over) pthread_cond_wait(&nats->something_is_over, &nats->lock);
    }
    pthread_mutex_unlock(&nats->lock);
    while (nats->listeners != NULL) {
        listener *first = nats->listeners;
        nats->listeners = first->next;
        library->natsSubscription_Destroy(first->subscription);
        free(first);
    }
    library->natsConnection_Destroy(nats->connection);
    pthread_cond_destroy(&nats->something_is_over);
    pthread_mutex_destroy(&nats->lock);
    free(nats);
}

bool arobust_nats_is_connected(arobust_nats *nats) {
    return nats->library->natsConnection_Status(nats->connection) == NATS_CONN_STATUS_CONNECTED;
}

bool arobust_nats_has_ended(arobust_nats *nats) {
    return nats->library->natsConnection_Status(nats->connection) == NATS_CONN_STATUS_CLOSED;
}

int64_t arobust_nats_max_payload(arobust_nats *nats) {
    return nats->library->natsConnection_GetMaxPayload(nats->connection);
}

void arobust_nats_last_error(arobust_nats *nats, char *error, size_t error_size) {
    const char *text = NULL;
    natsStatus status = nats->library->natsConnection_GetLastError(nats->connection, &text);
    snprintf(error, error_size, "%s", text != NULL && text[0] != 0 ? text : nats->library->natsStatus_GetText(status));
}

const char *arobust_nats_publish(
    arobust_nats *nats, const char *subject, const char *reply, const arobust_nats_header *headers, int header_count, const void *data,
    int length) {
    const arobust_nats_functions *library = nats->library;
    natsMsg *message = NULL;
    natsStatus status = library->natsMsg_Create(&message, subject, reply, data, length);
    for (int index = 0; status == NATS_OK && index < header_count; index++) {
        status = library->natsMsgHeader_Set(message, headers[index].key, headers[index].value);
    }
    if (status == NATS_OK) status = library->natsConnection_PublishMsg(nats->connection, message);
    if (message != NULL) library->natsMsg_Destroy(message);
    return status == NATS_OK ? NULL : library->natsStatus_GetText(status);
}

const char *arobust_nats_listen(
    arobust_nats *nats, const char *subject, int most_messages, int most_bytes, arobust_nats_receiver receiver, void *context) {
    const arobust_nats_functions *library = nats->library;
    listener *listener = malloc(sizeof *listener);
    if (listener == NULL) return "no memory";
    *listener = (struct listener){.nats = nats, .next = nats->listeners, .receiver = receiver, .context = context};
    natsStatus status = library->natsConnection_Subscribe(&listener->subscription, nats->connection, subject, received, listener);
    if (status != NATS_OK) {
        free(listener);
        return library->natsStatus_GetText(status);
    }
    nats->listeners = listener;
    status = library->natsSubscription_SetOnCompleteCB(listener->subscription, complete, listener);
    // It is not waited for then: nothing would say when it is over.
    if (status != NATS_OK) listener->is_over = true;
    if (status == NATS_OK) status = library->natsSubscription_SetPendingLimits(listener->subscription, most_messages, most_bytes);
    return status == NATS_OK ? NULL : library->natsStatus_GetText(status);
}

#else

// Nobody gets a connection, so the others are never called.
arobust_nats *arobust_nats_connect(
    const arobust_nats_options *options, arobust_nats_watcher watcher, void *context, char *error, size_t error_size) {
    (void)options, (void)watcher, (void)context;
    const char *obstacle = arobust_nats_obstacle();
    size_t index = 0;
    for (; index + 1 < error_size && obstacle[index] != 0; index++) error[index] = obstacle[index];
    if (error_size > 0) error[index] = 0;
    return NULL;
}
void arobust_nats_close(arobust_nats *nats) { (void)nats; }
bool arobust_nats_is_connected(arobust_nats *nats) { return (void)nats, false; }
bool arobust_nats_has_ended(arobust_nats *nats) { return (void)nats, true; }
int64_t arobust_nats_max_payload(arobust_nats *nats) { return (void)nats, 0; }
void arobust_nats_last_error(arobust_nats *nats, char *error, size_t error_size) { (void)nats, (void)error, (void)error_size; }
const char *arobust_nats_publish(
    arobust_nats *nats, const char *subject, const char *reply, const arobust_nats_header *headers, int header_count, const void *data,
    int length) {
    (void)nats, (void)subject, (void)reply, (void)headers, (void)header_count, (void)data, (void)length;
    return arobust_nats_obstacle();
}
const char *arobust_nats_listen(
    arobust_nats *nats, const char *subject, int most_messages, int most_bytes, arobust_nats_receiver receiver, void *context) {
    (void)nats, (void)subject, (void)most_messages, (void)most_bytes, (void)receiver, (void)context;
    return arobust_nats_obstacle();
}
const char *arobust_nats_header_of(const arobust_nats_message *message, const char *key) { return (void)message, (void)key, NULL; }

#endif
