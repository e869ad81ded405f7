#include "revocation.h"

#include <CNIOBoringSSL.h>
#include <stdio.h>
#include <string.h>

struct revocation_check {
    X509_STORE *store;
    int64_t end;
};

static void tell(char text[REVOCATION_TEXT], const char *what) { snprintf(text, REVOCATION_TEXT, "%s", what); }

/// As `CN=name,O=owner`; what is not printable is escaped.
static void tell_name(char text[REVOCATION_TEXT], const X509_NAME *name) {
    BIO *out = BIO_new(BIO_s_mem());
    const uint8_t *bytes = NULL;
    size_t size = 0;
    text[0] = 0;
    if (out && name && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0 && BIO_mem_contents(out, &bytes, &size))
        snprintf(text, REVOCATION_TEXT, "%.*s", (int)(size > 200 ? 200 : size), (const char *)bytes);
    BIO_free(out);
}

static BIO *reader(const char *bytes, size_t size) {
    return size > INT32_MAX ? NULL : BIO_new_mem_buf(bytes, (ossl_ssize_t)size);
}

/// Whether reading has stopped since there is no more, not at something broken.
static int came_to_end(void) {
    uint32_t error = ERR_peek_last_error();
    int is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return is_end;
}

static STACK_OF(X509) *read_authorities(BIO *in, X509_STORE *store) {
    STACK_OF(X509) *all = sk_X509_new_null();
    X509 *one;
    if (!in || !all) return all;
    while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        X509_STORE_add_cert(store, one);
        if (!sk_X509_push(all, one)) X509_free(one);
    }
    ERR_clear_error();
    return all;
}

/// 0 if authorities of the list's name are here, and none has signed it.
static int may_be_signed(X509_CRL *list, const STACK_OF(X509) *authorities) {
    int is_named = 0;
    for (size_t i = 0; i < sk_X509_num(authorities); i++) {
        X509 *authority = sk_X509_value(authorities, i);
        if (X509_NAME_cmp(X509_get_subject_name(authority), X509_CRL_get_issuer(list)) != 0) continue;
        is_named = 1;
        EVP_PKEY *key = X509_get0_pubkey(authority);
        int is_signed = key && X509_CRL_verify(list, key) == 1;
        ERR_clear_error();
        if (is_signed) return 1;
    }
    return !is_named;
}

/// Returns whether there is a list, and all can be used.
static int read_lists(
    struct revocation_check *check, BIO *in, const STACK_OF(X509) *authorities, char text[REVOCATION_TEXT]) {
    X509_CRL *list;
    int count = 0;
    ERR_clear_error();
    while (in && (list = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
        int64_t end = INT64_MAX;
        char name[REVOCATION_TEXT];
        tell_name(name, X509_CRL_get_issuer(list));
        const char *problem = NULL;
        if (next && !ASN1_TIME_to_posix(next, &end)) problem = "has no time that can be read";
        else if (!may_be_signed(list, authorities)) problem = "is not signed by that authority";
        else if (!X509_STORE_add_crl(check->store, list)) problem = "cannot be kept";
        X509_CRL_free(list);
        if (problem) {
            snprintf(text, REVOCATION_TEXT, "the list of '%.200s' %s", name, problem);
            return 0;
        }
        if (end < check->end) check->end = end;
        count++;
    }
    if (!came_to_end()) tell(text, "a list in it is broken");
    else if (count == 0) tell(text, "it has no list of revoked certificates (PEM, BEGIN X509 CRL)");
    else return 1;
    return 0;
}

struct revocation_check *revocation_check_make(
    const char *authorities, size_t authorities_size, const char *lists, size_t lists_size, char text[REVOCATION_TEXT]) {
    struct revocation_check *check = OPENSSL_malloc(sizeof(*check));
    if (!check) return tell(text, "there is no memory"), NULL;
    check->end = INT64_MAX;
    check->store = X509_STORE_new();
    BIO *first = reader(authorities, authorities_size), *second = reader(lists, lists_size);
    STACK_OF(X509) *known = NULL;
    int is_good = 0;
    if (!check->store || !first || !second) {
        tell(text, "there is no memory");
    } else {
        known = read_authorities(first, check->store);
        X509_STORE_set_flags(check->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
        is_good = known && read_lists(check, second, known, text);
    }
    sk_X509_pop_free(known, X509_free);
    BIO_free(first);
    BIO_free(second);
    if (is_good) return check;
    revocation_check_free(check);
    return NULL;
}

void revocation_check_free(struct revocation_check *check) {
    if (!check) return;
    X509_STORE_free(check->store);
    OPENSSL_free(check);
}

int64_t revocation_check_end(const struct revocation_check *check) { return check->end; }

static enum revocation_verdict verdict(X509_STORE_CTX *context, char text[REVOCATION_TEXT]) {
    int error = X509_STORE_CTX_get_error(context);
    X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    if (certificate) tell_name(text, X509_get_subject_name(certificate));
    const X509_NAME *issuer = certificate ? X509_get_issuer_name(certificate) : NULL;
    switch (error) {
    case X509_V_ERR_CERT_REVOKED: return REVOCATION_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL: return tell_name(text, issuer), REVOCATION_NO_LIST;
    case X509_V_ERR_CRL_HAS_EXPIRED: return tell_name(text, issuer), REVOCATION_LIST_ENDED;
    case X509_V_ERR_CRL_NOT_YET_VALID: return tell_name(text, issuer), REVOCATION_LIST_NOT_BEGUN;
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR: return tell_name(text, issuer), REVOCATION_LIST_UNUSABLE;
    case X509_V_ERR_CERT_HAS_EXPIRED: return REVOCATION_CERTIFICATE_ENDED;
    case X509_V_ERR_CERT_NOT_YET_VALID: return REVOCATION_CERTIFICATE_NOT_BEGUN;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return REVOCATION_STRANGER;
    default: return tell(text, X509_verify_cert_error_string(error)), REVOCATION_OTHER;
    }
}

enum revocation_verdict revocation_check_chain(
    const struct revocation_check *check, const uint8_t *const *certificates, const size_t *sizes, size_t count,
    int is_client, char text[REVOCATION_TEXT]) {
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    enum revocation_verdict result = REVOCATION_OTHER;
    int is_read = context && chain && count > 0;
    tell(text, "it cannot be read");
    for (size_t i = 0; is_read && i < count; i++) {
        const uint8_t *bytes = certificates[i];
        X509 *one = d2i_X509(NULL, &bytes, (long)sizes[i]);
        is_read = one && sk_X509_push(chain, one);
        if (!is_read) X509_free(one);
    }
    // The purpose is the peer's, by the names that BoringSSL has for both.
    if (is_read && X509_STORE_CTX_init(context, check->store, sk_X509_value(chain, 0), chain)
        && X509_STORE_CTX_set_default(context, is_client ? "ssl_client" : "ssl_server")) {
        if (X509_verify_cert(context) == 1 && X509_STORE_CTX_get_error(context) == X509_V_OK) result = REVOCATION_GOOD;
        else result = verdict(context, text);
    }
    X509_STORE_CTX_free(context);
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return result;
}
