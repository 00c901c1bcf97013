"""Bench: graphile-worker (Node) with the batching that its documentation recommends, one worker process.

Jobs are stored from Python by its own SQL functions. A crash runs the jobs of a batch again that were not yet marked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import asyncpg

from bench.peers.on_postgres import OnPostgres
from bench.place import REPOSITORY, node_modules, node_program
from bench.recorder import Recorder

WORKER = {
    "concurrentJobs": 24,
    "maxPoolSize": 25,
    "localQueue": {"size": 500},
    "completeJobBatchDelay": 0,
    "failJobBatchDelay": 0,
    "crontabFile": "/nonexistent",
}


class Graphile(OnPostgres):
    """`add_job` and `add_jobs`; 24 jobs at the same time out of a local queue of 500."""

    jobs = 20_000
    settings = "concurrentJobs 24, localQueue 500, completions in batches; add_job / add_jobs (1,000 a call)"
    durability = "commit with fsync (synchronous_commit=on); job deleted when done, completions batched"
    question = "select count(*) from graphile_worker._private_jobs"

    async def open(self) -> None:
        await self.empty()
        cli = node_modules() / "graphile-worker" / "dist" / "cli.js"
        subprocess.run(
            [node_program(), str(cli), "--schema-only", "-c", self.url],
            check=True, capture_output=True, cwd=node_modules().parent,
        )  # fmt: skip
        self.db = await asyncpg.connect(self.url)

    async def start(self) -> None:
        places = Recorder.places(region=1)
        self.start_worker(
            [node_program(), str(REPOSITORY / "bench" / "node" / "worker.js")],
            BENCH_NODE_MODULES=str(node_modules()), BENCH_PLAN=json.dumps({**places, "worker": WORKER}),
        )  # fmt: skip

    async def close(self) -> None:
        await self.db.close()
        await super().close()

    async def enqueue(self, number: int) -> None:
        await self.db.execute("select graphile_worker.add_job('job', json_build_object('number', $1::int))", number)

    async def enqueue_many(self, numbers: Sequence[int]) -> None:
        await self.db.execute(
            "select graphile_worker.add_jobs(array(select row('job', json_build_object('number', number),"
            " null, null, null, null, null, null)::graphile_worker.job_spec from unnest($1::int[]) as given (number)))",
            list(numbers),
        )

    def versions(self) -> str:
        package = json.loads((node_modules() / "graphile-worker" / "package.json").read_text())
        node = subprocess.run([node_program(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return f"graphile-worker {package['version']}, node {node}"
