//! Works in ring's hand-written assembly: ciphers, digests and curves, in turns, for ever.
use ring::{aead, digest, hmac, rand, signature};
use std::hint::black_box;

#[inline(never)]
fn seal(algorithm: &'static aead::Algorithm, data: &mut [u8]) {
    let key = aead::LessSafeKey::new(
        aead::UnboundKey::new(algorithm, &vec![7; algorithm.key_len()]).unwrap());
    for n in 0..8 {
        let nonce = aead::Nonce::assume_unique_for_key([n; 12]);
        key.seal_in_place_separate_tag(nonce, aead::Aad::empty(), data).unwrap();
    }
}

#[inline(never)]
fn hash(algorithm: &'static digest::Algorithm, data: &[u8]) {
    black_box(digest::digest(algorithm, data));
}

#[inline(never)]
fn curves(rng: &rand::SystemRandom, data: &[u8]) {
    let all = [&ring::agreement::X25519, &ring::agreement::ECDH_P256, &ring::agreement::ECDH_P384];
    for algorithm in all {
        let ours = ring::agreement::EphemeralPrivateKey::generate(algorithm, rng).unwrap();
        let public = ours.compute_public_key().unwrap();
        let theirs = ring::agreement::UnparsedPublicKey::new(algorithm, public.as_ref());
        let none = ring::error::Unspecified;
        ring::agreement::agree_ephemeral(ours, &theirs, none, |s| Ok(black_box(s[0]))).unwrap();
    }
    let pair = signature::Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    black_box(pair.sign(data).as_ref()[0]);
}

#[inline(never)]
fn round(rng: &rand::SystemRandom, data: &mut [u8]) {
    for algorithm in [&aead::CHACHA20_POLY1305, &aead::AES_256_GCM, &aead::AES_128_GCM] {
        seal(algorithm, data);
    }
    for algorithm in [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256, &digest::SHA512] {
        hash(algorithm, data);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
    black_box(hmac::sign(&key, data));
    curves(rng, data);
}

fn main() {
    let rng = rand::SystemRandom::new();
    let mut data = vec![1u8; 16384];
    loop {
        round(&rng, &mut data);
    }
}
