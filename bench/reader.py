"""Bench: the open page of `bench.logs`, without a browser: reads a run's socket and says when the last line came.

    python -m bench.reader ADDRESS LINES

Prints `open` when the snapshot is there, then the time of the last line (CLOCK_MONOTONIC) and how many came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import websockets


async def main(address: str, wanted: int) -> None:
    """Read until all lines are there or the run is complete. A line that comes twice or out of order is not counted."""
    seen = 0
    last = 0.0
    async with websockets.connect(address, max_size=None, open_timeout=20) as socket:
        async for message in socket:
            frame = json.loads(message)
            if frame["type"] == "snapshot":
                print("open", flush=True)
            if frame["type"] == "log":
                last = time.monotonic()
                for line in frame["lines"]:
                    if line["text"].startswith(f"line {seen:06d}"):
                        seen += 1
            if seen >= wanted or frame["type"] in ("complete", "resync"):
                break
    print(last, seen, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
