#include "nats_library.h"

#include "include/nats_link.h"

#if __has_include(<nats/nats.h>)
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static arobust_nats_functions functions;
static char problem[256];

static void load(void) {
    // The number is that of the interface which <nats/nats.h> has; another one may differ.
    char name[64];
    snprintf(name, sizeof name, "libnats.so.%d.%d", NATS_VERSION_MAJOR, NATS_VERSION_MINOR);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(problem, sizeof problem, "%s cannot be loaded (%s): install libnats%d.%d", name, dlerror(), NATS_VERSION_MAJOR, NATS_VERSION_MINOR);
        return;
    }
#define AROBUST_NATS_FIND(function) \
    if ((functions.function = (__typeof__(functions.function))dlsym(library, #function)) == NULL) { \
        snprintf(problem, sizeof problem, "%s has no %s", name, #function); \
        return; \
    }
    AROBUST_NATS_FUNCTIONS(AROBUST_NATS_FIND)
#undef AROBUST_NATS_FIND
}

const arobust_nats_functions *arobust_nats_library(const char **obstacle) {
    pthread_once(&once, load);
    if (obstacle != NULL) *obstacle = problem[0] != 0 ? problem : NULL;
    return problem[0] != 0 ? NULL : &functions;
}

const char *arobust_nats_obstacle(void) {
    const char *obstacle;
    arobust_nats_library(&obstacle);
    return obstacle;
}

#else

const char *arobust_nats_obstacle(void) {
    return "this arobust was built without libnats: install libnats-dev and build it again";
}

#endif
