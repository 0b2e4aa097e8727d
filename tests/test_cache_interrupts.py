"""A Ctrl-C that comes while a cache is opened is a KeyboardInterrupt, whatever HDF5 is about just then."""

import signal
import subprocess
import sys
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


# Ctrl-C comes as a module is looked for.
INTERRUPTED_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[-1]:
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Finder())
from importlib import import_module
import_module(sys.argv[-2] + ".__main__").main()
"""


@pytest.mark.parametrize("package", ["elmo_cache", "trainer"])
@pytest.mark.parametrize("module", ["cache", "click", "h5py", "numpy"])
def test_ctrl_c_while_a_command_is_loaded_shows_no_traceback(package: str, module: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED_IMPORT, package, module]
    ended = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")
