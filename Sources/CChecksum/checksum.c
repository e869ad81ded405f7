#include "checksum.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define OF_8 _mm_crc32_u64
#define OF_1 _mm_crc32_u8

static int ask(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define WITH_INSTRUCTION __attribute__((target("crc")))
#define OF_8 __crc32cd
#define OF_1 __crc32cb

static int ask(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }

#else
#define WITH_INSTRUCTION

static int ask(void) { return 0; }
#endif

static int has_instruction;

__attribute__((constructor)) static void look(void) { has_instruction = ask(); }

int checksum_has_instruction(void) { return has_instruction; }

WITH_INSTRUCTION uint32_t checksum_by_instruction(uint32_t crc, const void *bytes, size_t count) {
#ifdef OF_8
    const uint8_t *next = bytes;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = (uint32_t)OF_8(crc, word);
    }
    for (; count > 0; count--) crc = OF_1(crc, *next++);
    return crc;
#else
    (void)crc, (void)bytes, (void)count;
    abort();
#endif
}
