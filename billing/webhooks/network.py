"""Connections to addresses that strangers name: to public ones alone.

A name is looked up here, every address it stands for is judged, and the connection goes to one of
those: a second look-up could answer otherwise (contract: webhooks-and-providers.md 1.4).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore2
from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# All that is routed on the internet; what stands below is taken out of it again.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Beyond what `is_global` knows: IETF protocol assignments, shared space, old relays, tunnels.
_REFUSED: tuple[_Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv4Network("198.18.0.0/15"),
    ipaddress.IPv4Network("168.63.129.16/32"),  # Azure's own services, on a public address
    ipaddress.IPv6Network("2001::/32"),  # Teredo carries an IPv4 address inside
    ipaddress.IPv6Network("2001:db8::/32"),
    ipaddress.IPv6Network("3fff::/20"),
)


class RefusedAddress(httpcore2.ConnectError):
    """The name stands for an address that is not public; nothing was connected."""


def is_public(text: str) -> bool:
    """Return whether an address is public unicast, also as seen through translations."""
    address = _innermost(ipaddress.ip_address(text.partition("%")[0]))
    if address.version == 6 and address not in _UNICAST:
        return False
    if any(address in network for network in _REFUSED if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address leads to, if it leads to one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and (address in _NAT64 or address in _COMPATIBLE):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address


class PublicNetwork(httpcore2.AsyncNetworkBackend):
    """Opens connections to public addresses only, unless the setting for tests lifts that."""

    def __init__(self) -> None:
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # the backend's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that answers.

        :raises RefusedAddress: if one of its addresses is not public.
        """
        async with asyncio.timeout(timeout):
            addresses = await _resolve(host, port)
            if not settings.TARN_WEBHOOK_ALLOW_LOCAL and not all(map(is_public, addresses)):
                raise RefusedAddress("the address is not public")
            for last, address in enumerate(addresses, start=1 - len(addresses)):
                try:
                    return await self._network.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                except httpcore2.ConnectError:
                    if last == 0:
                        raise
        raise httpcore2.ConnectError("the name has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        """Refuse: nobody is told anything over a socket of this machine."""
        raise RefusedAddress("sockets of this machine are not public")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once.

    :raises httpcore2.ConnectError: if the name is unknown.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError("the name can't be resolved") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
