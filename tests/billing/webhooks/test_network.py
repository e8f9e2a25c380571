"""Which addresses strangers may send us to; each spelling was seen to pass `is_global` or not."""

import asyncio

import httpcore2
import pytest

from billing.webhooks import network
from billing.webhooks.network import PublicNetwork, RefusedAddress, is_public


class TestIsPublic:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "127.255.255.254", "0.0.0.0",  # noqa: S104
            "10.0.0.1", "172.16.0.1", "172.31.255.255",
            "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8",
            "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.1.1.1",
            "240.0.0.1", "255.255.255.255", "192.88.99.1", "168.63.129.16",
            "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1",
            "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::10.0.0.1",
            "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1",
            "100::1", "5f00::1",
        ],
    )  # fmt: skip
    def test_refuses(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address",
        ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8",
         "64:ff9b::808:808", "2002:808:808::1"],
    )  # fmt: skip
    def test_takes(self, address):
        assert is_public(address)


class TestPublicNetwork:
    """Judge only the first address, or look the name up again to connect: these turn red."""

    def test_refuses_a_name_with_one_private_address(self, monkeypatch):
        monkeypatch.setattr(network, "_resolve", _answering(["8.8.8.8", "10.0.0.1"]))

        with pytest.raises(RefusedAddress):
            asyncio.run(PublicNetwork().connect_tcp("mixed.example", 443, 1.0))

    def test_connects_to_the_address_it_judged(self, monkeypatch):
        asked = []

        class Recording(httpcore2.AsyncNetworkBackend):
            async def connect_tcp(self, host, *_, **__):
                asked.append(host)
                raise httpcore2.ConnectError("no")

        monkeypatch.setattr(network, "_resolve", _answering(["8.8.8.8", "8.8.4.4"]))
        found = PublicNetwork()
        found._network = Recording()

        with pytest.raises(httpcore2.ConnectError):
            asyncio.run(found.connect_tcp("rebinding.example", 443, 1.0))

        assert asked == ["8.8.8.8", "8.8.4.4"]


def _answering(addresses):
    async def resolve(host, port):
        return addresses

    return resolve
