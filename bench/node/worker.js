// Bench: graphile-worker's worker process, batched as its documentation recommends for speed.
//
// A job counts itself in the record that the measuring process maps (bench/recorder.py), by writes at the same places
// of the same file; they are gathered for some milliseconds, the time of a start is taken at the start.
"use strict";

const fs = require("node:fs");
const { Logger, run } = require(`${process.env.BENCH_NODE_MODULES}/graphile-worker`);

const plan = JSON.parse(process.env.BENCH_PLAN); // slots, and where this process's counts and starts begin
const file = fs.openSync(process.env.BENCH_RECORD, "r+");
const counts = Buffer.alloc(plan.slots);
const starts = Buffer.alloc(8 * plan.slots);
let low = plan.slots;
let high = -1;
let timer = null;

function write() {
  timer = null;
  if (high < low) return;
  fs.writeSync(file, starts, 8 * low, 8 * (high + 1 - low), plan.starts + 8 * low);
  fs.writeSync(file, counts, low, high + 1 - low, plan.counts + low);
  low = plan.slots;
  high = -1;
}

function job({ number }) {
  if (counts[number] === 0) starts.writeDoubleLE(Number(process.hrtime.bigint()) / 1e9, 8 * number);
  if (counts[number] < 255) counts[number] += 1;
  low = Math.min(low, number);
  high = Math.max(high, number);
  timer ??= setTimeout(write, 5);
}

process.on("SIGTERM", () => {
  write();
  process.exit(0);
});

run({
  preset: { worker: { connectionString: process.env.BENCH_POSTGRES, ...plan.worker } },
  logger: new Logger(() => (level, message) => level === "error" && console.error(message)),
  noHandleSignals: true,
  taskList: { job },
}).catch((error) => {
  console.error(error);
  process.exit(1);
});
