// The functions of libnats, found when they are first needed.
#pragma once

#if __has_include(<nats/nats.h>)
#include <nats/nats.h>

#define AROBUST_NATS_FUNCTIONS(use) \
    use(natsOptions_Create) use(natsOptions_Destroy) use(natsOptions_SetServers) use(natsOptions_SetName) use(natsOptions_SetUserInfo) \
    use(natsOptions_SetToken) use(natsOptions_SetUserCredentialsFromFiles) use(natsOptions_SetNKeyFromSeed) use(natsOptions_SetSecure) \
    use(natsOptions_LoadCATrustedCertificates) use(natsOptions_LoadCertificatesChain) use(natsOptions_SetExpectedHostname) \
    use(natsOptions_SetTimeout) use(natsOptions_SetMaxReconnect) use(natsOptions_SetReconnectWait) use(natsOptions_SetReconnectJitter) \
    use(natsOptions_SetReconnectBufSize) use(natsOptions_SetDisconnectedCB) use(natsOptions_SetReconnectedCB) use(natsOptions_SetErrorHandler) \
    use(natsOptions_SetClosedCB) use(natsOptions_SetPingInterval) use(natsOptions_SetMaxPingsOut) use(natsOptions_SetWriteDeadline) use(natsOptions_SetSendAsap) \
    use(natsConnection_Connect) use(natsConnection_Close) use(natsConnection_Destroy) use(natsConnection_Status) \
    use(natsConnection_GetMaxPayload) use(natsConnection_GetLastError) use(natsConnection_PublishMsg) use(natsConnection_Subscribe) \
    use(natsSubscription_SetPendingLimits) use(natsSubscription_Destroy) use(natsSubscription_SetOnCompleteCB) use(natsMsg_Create) use(natsMsg_Destroy) use(natsMsg_GetSubject) \
    use(natsMsg_GetReply) use(natsMsg_GetData) use(natsMsg_GetDataLength) use(natsMsg_IsNoResponders) use(natsMsgHeader_Set) \
    use(natsMsgHeader_Get) use(natsStatus_GetText) use(nats_GetLastError)

typedef struct {
#define AROBUST_NATS_MEMBER(name) __typeof__(&name) name;
    AROBUST_NATS_FUNCTIONS(AROBUST_NATS_MEMBER)
#undef AROBUST_NATS_MEMBER
} arobust_nats_functions;

// NULL if there is no libnats; `*obstacle` then says why, if it is not NULL.
const arobust_nats_functions *arobust_nats_library(const char **obstacle);

#endif
