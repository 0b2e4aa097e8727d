"""A build with the NumPy encoder, to be killed by `test_kills.py`: python build_in_process.py OUT SLOW_S."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from numpy_encoder import HashEncoder  # noqa: E402
from small_build import corpus  # noqa: E402

from elmo_cache import build  # noqa: E402

if __name__ == "__main__":
    build(corpus(n_train=60, n_test=20), HashEncoder(slow_s=float(sys.argv[2])), sys.argv[1], shard_tokens=40)
