// Checks certificates against lists of those that their authorities have revoked (RFC 5280, section 5), with the BoringSSL that swift-nio-ssl has
// built in. That package gives no list to it; this reaches the functions themselves, by the headers that come with them.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Authorities and their lists. From any thread.
struct revocation_check;

/// How long a text may be that says what is wrong, its end included.
#define REVOCATION_TEXT 512

/// What came of a check. Each but the first is a reason to refuse the certificate.
enum revocation_verdict {
    REVOCATION_GOOD,
    REVOCATION_REVOKED,
    /// Its authority has no list here.
    REVOCATION_NO_LIST,
    /// The list should have been replaced by a newer one.
    REVOCATION_LIST_ENDED,
    /// The list is of the future.
    REVOCATION_LIST_NOT_BEGUN,
    /// The list cannot be trusted: not signed by the authority, or made for something else.
    REVOCATION_LIST_UNUSABLE,
    REVOCATION_CERTIFICATE_ENDED,
    REVOCATION_CERTIFICATE_NOT_BEGUN,
    /// No authority that is known here has signed it.
    REVOCATION_STRANGER,
    /// What `text` says, in BoringSSL's words.
    REVOCATION_OTHER,
};

/// Reads both, as PEM.
///
/// Returns NULL where they cannot be used, with a reason in `text`: no list, a broken one, or one that says it is of an authority that is here
/// and has not signed it. A list that has ended can be used: it refuses everything.
struct revocation_check *revocation_check_make(
    const char *authorities, size_t authorities_size, const char *lists, size_t lists_size, char text[REVOCATION_TEXT]);

void revocation_check_free(struct revocation_check *check);

/// When the first of the lists ends, in seconds since 1970; `INT64_MAX` where none does.
int64_t revocation_check_end(const struct revocation_check *check);

/// Checks everything about a peer's certificates but its name: that an authority has signed them, their time, their purpose, and that none in the chain is
/// revoked.
///
/// - certificates: as DER, the peer's own first, then those between it and its authority.
/// - is_client: whether the peer is a client.
/// - text: gets the name of the certificate that it is about, or for `REVOCATION_NO_LIST` and those about lists the name of the authority.
enum revocation_verdict revocation_check_chain(
    const struct revocation_check *check, const uint8_t *const *certificates, const size_t *sizes, size_t count,
    int is_client, char text[REVOCATION_TEXT]);
