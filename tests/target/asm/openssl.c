/* Works in the hand-written assembly of OpenSSL's libcrypto: ciphers, digests and curves, in
 * turns, for ever. */
#include <openssl/evp.h>
#include <stdlib.h>

static unsigned char data[16384], out[sizeof data + 64];

static void
cipher(const char *name)
{
	static const unsigned char key[64] = { 1 }, iv[16];
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int len;

	if (c == NULL || EVP_EncryptInit_ex2(x, c, key, iv, NULL) != 1)
		abort();
	for (int i = 0; i < 8; i++)
		EVP_EncryptUpdate(x, out, &len, data, sizeof data);
	EVP_CIPHER_CTX_free(x);
	EVP_CIPHER_free(c);
}

static void
digest(const char *name)
{
	size_t len;

	if (EVP_Q_digest(NULL, name, NULL, data, sizeof data, out, &len) != 1)
		abort();
}

/* Sign with a key; len: of the message. */
static void
sign(EVP_PKEY *key, const char *md, size_t len)
{
	EVP_MD_CTX *x = EVP_MD_CTX_new();
	size_t room = sizeof out;

	if (EVP_DigestSignInit_ex(x, NULL, md, NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(x, out, &room, data, len) != 1)
		abort();
	EVP_MD_CTX_free(x);
}

int
main(void)
{
	static const char *const ciphers[] = { "ChaCha20-Poly1305", "AES-256-GCM", "AES-128-CBC",
		"AES-256-CTR", "AES-128-XTS", "CAMELLIA-128-CBC", "AES-128-OCB" };
	static const char *const digests[] = { "SHA1", "SHA256", "SHA512", "SHA3-256", "MD5" };
	EVP_PKEY *p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_PKEY *p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!p256 || !p384 || !rsa || !ed)
		abort();
	for (;;) {
		for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
			cipher(ciphers[i]);
		for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
			digest(digests[i]);
		sign(p256, "SHA256", 64);
		sign(p384, "SHA384", 64);
		sign(rsa, "SHA256", 64);
		sign(ed, NULL, 64);
	}
}
