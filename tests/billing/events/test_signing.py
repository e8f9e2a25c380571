"""The server's signing key."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from billing.connections.secrets import decrypt
from billing.events.models import SigningKey
from billing.events.signing import public_key_pem, signing_key_row
from tests.billing.racing import together


class TestPublicKeyPem:
    def test_is_made_once_and_sealed(self, db):
        first, second = public_key_pem(), public_key_pem()

        key = SigningKey.objects.get()
        pem = decrypt(key.private_key, signing_key_row(key))
        assert first == second
        assert b"PRIVATE" not in bytes(key.private_key)
        private = load_pem_private_key(pem.encode(), None)
        assert private.public_key() == load_pem_public_key(first.encode())

    def test_opens_for_its_own_row_alone(self, db):
        public_key_pem()
        key = SigningKey.objects.get()

        with pytest.raises(ValueError, match="another row"):
            decrypt(key.private_key, "billing_signingkey:another")

    @pytest.mark.django_db(transaction=True)
    def test_is_made_once_by_many_at_the_same_time(self):
        """Seen to fail, with four keys, without the advisory lock."""
        assert len(set(together(*[public_key_pem] * 4))) == 1
        assert SigningKey.objects.count() == 1
