"""A proxy before PostgreSQL that counts what an application sends and how often it waits.

It reads the frontend's messages: an Execute or a simple Query is a statement; a Sync, a Flush or
a simple Query makes the application wait for the server, which is a round trip.
"""

import asyncio
import contextlib
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

_PROTOCOLS = (0x00030000, 0x00030002)  # 3.0 and 3.2; other numbers ask for TLS or a cancellation


@dataclass
class Count:
    """Messages since the count was last reset."""

    statements: int = 0
    round_trips: int = 0


class Proxy:
    """Listens on a socket in a directory of its own, so that every driver finds it by `host`.

    :param marker: only connections whose start-up message holds it are counted.
    """

    def __init__(self, upstream: Path, marker: bytes = b"") -> None:
        self.upstream = str(upstream / ".s.PGSQL.5432")
        self.marker = marker
        self.count = Count()
        self.directory = tempfile.TemporaryDirectory(prefix="bench-")
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Close every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self.directory.cleanup()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        path = f"{self.directory.name}/.s.PGSQL.5432"
        self._loop.run_until_complete(asyncio.start_unix_server(self._accept, path))
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self.upstream)
        back = asyncio.ensure_future(_copy(from_server, writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._forward(reader, to_server)
        to_server.close()
        await back

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counted = await self._start_up(reader, writer)
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            if counted:
                self._note(head[:1])
            writer.write(head + body)

    async def _start_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            head = await reader.readexactly(8)
            body = await reader.readexactly(int.from_bytes(head[:4], "big") - 8)
            writer.write(head + body)
            if int.from_bytes(head[4:], "big") in _PROTOCOLS:
                return self.marker in body

    def _note(self, kind: bytes) -> None:
        if kind in b"EQ":
            self.count.statements += 1
        if kind in b"SHQ":
            self.count.round_trips += 1


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
    writer.close()
