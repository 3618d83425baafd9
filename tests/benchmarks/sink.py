"""The sink of the benchmarks: `sink.c` compiled where there is a C compiler, else the same in asyncio."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).parent


class Sink:
    """A running sink; a context manager. `latency_ms` is what each answer takes."""

    def __init__(self, folder: Path, latency_ms: int = 0) -> None:
        self.is_native = _compile(folder / "sink")
        program = [str(folder / "sink")] if self.is_native else [sys.executable, __file__]
        self._process = subprocess.Popen([*program, str(latency_ms)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.root = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.base_url = f"{self.root}/api/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def taken(self) -> int:
        """How many events came in since this was last asked."""
        with urllib.request.urlopen(self.root) as answer:
            return int(answer.read())


def _compile(target: Path) -> bool:
    if target.exists():
        return True
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return False
    subprocess.run([compiler, "-O2", "-o", str(target), str(HERE / "sink.c")], check=True)
    return True


class _AsyncSink:
    def __init__(self, latency_ms: int) -> None:
        self._latency_s = latency_ms / 1000
        self._counted = 0

    async def serve(self) -> None:
        server = await asyncio.start_server(self._serve_peer, "127.0.0.1", 0, limit=1 << 24)
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it
        await server.serve_forever()

    async def _serve_peer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r")[0] or 0)
                answer = self._answer(head, await reader.readexactly(length))
                if self._latency_s and not head.startswith(b"get"):
                    await asyncio.sleep(self._latency_s)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + answer)
                await writer.drain()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"get"):
            counted, self._counted = self._counted, 0
            return b"%d" % counted
        if b"/batch" not in head.partition(b"\r")[0]:
            self._counted += 1
            return b'{"success":true}'
        events = body.count(b'"distinctId":')
        self._counted += events
        results = b",".join(b'{"index":%d,"success":true}' % index for index in range(events))
        return b'{"success":true,"accepted":%d,"failed":0,"results":[%s]}' % (events, results)


if __name__ == "__main__":
    asyncio.run(_AsyncSink(int(sys.argv[1])).serve())
