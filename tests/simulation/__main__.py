"""Plays one seed again and says what went wrong: ``python -m tests.simulation SEED [KIND [MINUTES]]``."""

from __future__ import annotations

import logging
import sys

from tests.simulation.kinds import KINDS


def main() -> int:
    """Play the seed of the command line."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    seed, kind, *minutes = sys.argv[1:] if len(sys.argv) > 2 else [*sys.argv[1:], "cluster"]
    world = KINDS[kind].play(int(seed), *map(float, minutes))
    print(
        f"seed {seed}, {world.drawn}: {len(world.acknowledged)} runs acknowledged, {len(world.executions)} executions"
    )
    print("\n".join(world.violations) or "no rule was broken")
    return 1 if world.violations else 0


if __name__ == "__main__":
    sys.exit(main())
