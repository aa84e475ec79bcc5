"""Wall clocks that are wrong: an hour fast, an hour slow, and one that jumps between the two."""
import contextlib

import wrong_clock

HOUR_S = 3600
CLOCKS = ((HOUR_S,), (-HOUR_S,), (HOUR_S, 7))  # how wrong, and how often it jumps


@contextlib.contextmanager
def wrong_clocks(scene):
    for each, clock in zip(scene.cluster.instances, CLOCKS):
        each.surroundings = wrong_clock.environment(scene.directory, *clock)
    yield
