"""A Ctrl-C that comes while a cache is opened is a KeyboardInterrupt, whatever HDF5 is about just then."""

import signal
from pathlib import Path

import numpy as np
import pytest
from small_cache import write_cache

from cache import FeatureCache


@pytest.mark.filterwarnings("ignore")
def test_interrupts_at_any_moment_of_opening(tmp_path: Path) -> None:
    path = tmp_path / "c"
    write_cache(path)
    chance = np.random.default_rng(0)
    n_interrupted = 0
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(1000):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 2e-3))
                with FeatureCache(path) as features:
                    for name in features:
                        features[name][0]
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                n_interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert n_interrupted > 300
