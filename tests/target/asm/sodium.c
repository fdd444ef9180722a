/* Works in libsodium's assembly and intrinsics: ciphers, hashes and curves, in turns, for
 * ever. */
#include <sodium.h>
#include <stdlib.h>

static unsigned char data[16384], out[sizeof data + 64];

static void
curves(void)
{
	static unsigned char secret[32] = { 9 }, point[32], shared[32];
	static unsigned char pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];

	crypto_scalarmult_base(point, secret);
	if (crypto_scalarmult(shared, secret, point) != 0)
		abort();
	crypto_sign_seed_keypair(pk, sk, secret);
	crypto_sign_detached(out, NULL, data, 64, sk);
	if (crypto_sign_verify_detached(out, data, 64, pk) != 0)
		abort();
}

int
main(void)
{
	static const unsigned char key[64], nonce[32];

	if (sodium_init() < 0)
		abort();
	for (;;) {
		crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, data, sizeof data, NULL, 0, NULL,
		    nonce, key);
		if (crypto_aead_aes256gcm_is_available())
			crypto_aead_aes256gcm_encrypt(out, NULL, data, sizeof data, NULL, 0, NULL,
			    nonce, key);
		crypto_stream_salsa20_xor(out, data, sizeof data, nonce, key);
		crypto_generichash(out, 32, data, sizeof data, NULL, 0);
		crypto_hash_sha512(out, data, sizeof data);
		crypto_onetimeauth(out, data, sizeof data, key);
		curves();
	}
}
