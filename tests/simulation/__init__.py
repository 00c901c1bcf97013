"""The real core under a seeded virtual event loop, with faults: see docs/design/simulation.md."""
