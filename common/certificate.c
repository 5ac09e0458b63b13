/* SPDX-License-Identifier: MIT */
#include "certificate.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Epoch seconds; 0 when OpenSSL does not understand it either. */
static int64_t
end_of(const X509 *certificate)
{
	struct tm tm = { 0 };

	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

enum oat_status
oat_certificate_file_end(const char *path, int64_t *ret_end)
{
	int64_t end, latest = 0;
	X509 *certificate;
	FILE *file;

	file = fopen(path, "re");
	if (file == NULL)
		return OAT_SYSTEM;
	while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
		end = end_of(certificate);
		latest = end > latest ? end : latest;
		X509_free(certificate);
	}
	(void)fclose(file);
	if (latest == 0)
		return OAT_INVALID;
	*ret_end = latest;
	return OAT_OK;
}

/* Authorities and revocation lists; NULL when they cannot be had. */
static X509_STORE *
open_store(const char *authorities, const char *crl)
{
	X509_STORE *store = X509_STORE_new();
	X509_LOOKUP *lookup;

	if (store == NULL)
		return NULL;
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (lookup == NULL ||
	    X509_load_cert_file(lookup, authorities, X509_FILETYPE_PEM) <= 0 ||
	    (crl != NULL &&
		X509_load_crl_file(lookup, crl, X509_FILETYPE_PEM) <= 0)) {
		X509_STORE_free(store);
		return NULL;
	}
	if (crl != NULL)
		(void)X509_STORE_set_flags(
		    store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return store;
}

/* Why it is not believed, in OpenSSL's words; NULL when it is. */
static const char *
objection(X509_STORE *store, X509 *certificate, STACK_OF(X509) * chain)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	const char *why = "out of memory";

	if (context != NULL &&
	    X509_STORE_CTX_init(context, store, certificate, chain) == 1 &&
	    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1)
		why = X509_verify_cert(context) == 1
			  ? NULL
			  : X509_verify_cert_error_string(
				X509_STORE_CTX_get_error(context));
	X509_STORE_CTX_free(context);
	return why;
}

void
oat_certificate_of_peer(void *tls, const char *authorities, const char *crl,
    int64_t *ret_end, char *ret_why, size_t size)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls);
	X509 *certificate = chain != NULL ? sk_X509_value(chain, 0) : NULL;
	const char *why = "the files it is checked with cannot be read";
	X509_STORE *store;

	*ret_end = certificate != NULL ? end_of(certificate) : 0;
	ret_why[0] = '\0';
	if (certificate == NULL || authorities == NULL)
		return;
	store = open_store(authorities, crl);
	if (store != NULL)
		why = objection(store, certificate, chain);
	(void)snprintf(ret_why, size, "%s", why != NULL ? why : "");
	X509_STORE_free(store);
}
