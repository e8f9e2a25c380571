"""The server's RSA key: webhooks are signed with it, receivers check with its public half."""

from functools import lru_cache
from typing import cast
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.db import connection, transaction

from billing.connections.secrets import decrypt, encrypt
from billing.events.models import SigningKey

KEY_BITS = 2_048
# Beside the namespace of the configuration locks; there is one key for the whole server.
SIGNING_KEY_LOCK = 8402


def public_key_pem() -> str:
    """Return the public half of the server's signing key as PEM text."""
    return (SigningKey.objects.order_by("created_at").first() or _make_once()).public_key


def private_key() -> RSAPrivateKey:
    """Return the private half of the server's signing key, for a signature."""
    key = SigningKey.objects.order_by("created_at").first() or _make_once()
    return _open(key.pk, bytes(key.private_key))


@lru_cache(maxsize=2)
def _open(key_id: UUID, sealed: bytes) -> RSAPrivateKey:
    """Open the key once for a process: reading it takes longer than signing."""
    key = SigningKey(pk=key_id, private_key=sealed)
    pem = decrypt(sealed, signing_key_row(key)).encode()
    return cast(RSAPrivateKey, serialization.load_pem_private_key(pem, None))


@transaction.atomic
def _make_once() -> SigningKey:
    """Return the signing key; of those who find none at the same time, one makes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [SIGNING_KEY_LOCK])
    return SigningKey.objects.order_by("created_at").first() or _make()


def _make() -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    key = SigningKey(
        public_key=private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key.private_key = encrypt(pem.decode(), signing_key_row(key))
    key.save(force_insert=True)
    return key


def signing_key_row(key: SigningKey) -> str:
    """Return the name under which the private half is sealed: it opens for this row alone."""
    return f"{SigningKey._meta.db_table}:{key.pk}"
