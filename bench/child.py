"""Bench: one peer under one workload, once, in a process of its own. Prints one JSON line, whatever happens.

    python -m bench.child NAME WORKLOAD

A process each, so that memory, caches and the event loop of one measurement cannot touch the next.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from bench.peer import Peer
from bench.peers import PEERS
from bench.place import root
from bench.recorder import Recorder
from bench.workloads import WORKLOADS


def measure(name: str, workload: str) -> dict[str, object]:
    """Run it and describe what came out."""
    entry = next(each for each in PEERS if each.name == name)
    folder = Path(tempfile.mkdtemp(prefix="work-", dir=root()))
    record = folder / "record"
    os.environ["BENCH_RECORD"] = str(record)
    result: dict[str, object] = {"peer": name, "workload": workload, "ok": False}
    begin = time.monotonic()
    peer: Peer | None = None
    try:
        module, _, kind = entry.adapter.partition(":")
        peer = getattr(importlib.import_module(module), kind)(Recorder(record, create=True), folder / "store.db")
        peer.default_lane = workload == "default-lane"
        result |= {"versions": peer.versions(), "settings": peer.settings, "durability": peer.durability}
        if workload == "logs":
            from bench.logs import logs  # noqa: PLC0415  # it needs what only the product's environment has

            result["figures"] = asyncio.run(logs(folder))
        else:
            result["figures"] = asyncio.run(WORKLOADS[workload](peer))
        result["ok"] = True
    except Exception as error:  # noqa: BLE001  # a peer that cannot do it is a result, too
        result["error"] = f"{type(error).__name__}: {error}"
        result["where"] = traceback.format_exc(limit=-3)
    finally:
        if peer is not None:
            peer.end_workers()
        shutil.rmtree(folder, ignore_errors=True)
    result["seconds"] = round(time.monotonic() - begin, 1)
    return result


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])), flush=True)
    os._exit(0)  # an engine whose threads did not end must not keep the next measurement waiting
