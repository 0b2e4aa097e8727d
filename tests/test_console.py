"""What all commands do about Ctrl-C, in a process of its own."""

import subprocess
import sys

INTERRUPTED_WHILE_COLLECTING = """
import gc, os, signal, time
import click
from cache.runtime.console import Commands

def callback(phase, info):
    if phase == "start" and not sent:
        sent.append(True)
        os.kill(os.getpid(), signal.SIGINT)

sent = []
gc.callbacks.append(callback)
signal.signal(signal.SIGINT, signal.default_int_handler)

@click.group(cls=Commands, resumable={"work"})
def main():
    pass

@main.command()
def work():
    gc.collect()
    print("collected", flush=True)
    time.sleep(20)
    print("never")

main(["work"])
"""


def test_ctrl_c_while_garbage_is_collected_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_COLLECTING], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 130 and done.stdout == "collected\n"
    assert done.stderr == "\nStopped. What is finished stays; the same command goes on from there.\n"
