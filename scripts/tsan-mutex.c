/* Tells the thread sanitizer of the locks that it can't see: a Mutex that is held is waited for within Swift's own library, which has no
 * instrumentation. Preloaded by scripts/sanitize; without it, whatever a contended Mutex guards is reported as a race. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef SWIFT void (*lock_slow)(uint32_t, SELF);
typedef SWIFT void (*unlock_slow)(SELF);

/* Of the sanitizer's run time; absent in the programs that are no tests. */
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

SWIFT void lockSlow(uint32_t thread, SELF self) __asm__(LOCK_SLOW);
SWIFT void lockSlow(uint32_t thread, SELF self)
{
    static lock_slow real;
    if (!real) real = (lock_slow)dlsym(RTLD_NEXT, LOCK_SLOW);
    real(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlockSlow(SELF self) __asm__(UNLOCK_SLOW);
SWIFT void unlockSlow(SELF self)
{
    static unlock_slow real;
    if (!real) real = (unlock_slow)dlsym(RTLD_NEXT, UNLOCK_SLOW);
    if (__tsan_release) __tsan_release(self);
    real(self);
}
