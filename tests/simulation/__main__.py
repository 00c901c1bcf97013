"""Plays one seed again and says what went wrong.

``python -m tests.simulation SEED [MINUTES | mix | lines | services]``
"""

from __future__ import annotations

import logging
import sys

from tests.simulation.cluster import play
from tests.simulation.lines import play_lines
from tests.simulation.mixes import play_mix
from tests.simulation.services import play_services


def main() -> int:
    """Play the seed of the command line."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    seed, how = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "6"
    kinds = {"mix": play_mix, "lines": play_lines, "services": play_services}
    world = kinds[how](seed) if how in kinds else play(seed, float(how))
    print(
        f"seed {seed}, {world.drawn}: {len(world.acknowledged)} runs acknowledged, {len(world.executions)} executions"
    )
    print("\n".join(world.violations) or "no rule was broken")
    return 1 if world.violations else 0


if __name__ == "__main__":
    sys.exit(main())
