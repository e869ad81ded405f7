// The Castagnoli checksum (RFC 3720, appendix B.4) by the processor's own instruction: SSE 4.2 on x86-64, the CRC extension of Armv8.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the instruction. Asked once; any thread may call it.
int checksum_has_instruction(void);

/// The checksum's register after these bytes: complemented before the first and after the last call, as the standard says. Only where
/// there is the instruction.
uint32_t checksum_by_instruction(uint32_t crc, const void *bytes, size_t count);
