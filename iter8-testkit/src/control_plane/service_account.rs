//! The key pair with which the API server signs service account tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

/// DER of a `SubjectPublicKeyInfo` for P-256 up to the point itself (RFC 5480): the public point follows.
const P256_PUBLIC_KEY_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A fresh P-256 key pair in the forms that kube-apiserver reads.
pub(super) struct ServiceAccountKey {
    /// PKCS #8.
    pub(super) private_pem: String,
    /// `SubjectPublicKeyInfo`.
    pub(super) public_pem: String,
}

impl ServiceAccountKey {
    /// A new key pair; none if the system has no random numbers to give.
    pub(super) fn generate() -> Option<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random).ok()?;
        let public = [&P256_PUBLIC_KEY_HEADER, pair.public_key().as_ref()].concat();
        Some(Self {
            private_pem: pem("PRIVATE KEY", private.as_ref()),
            public_pem: pem("PUBLIC KEY", &public),
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
