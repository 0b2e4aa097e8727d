"""Where `elmo-train` begins: a Ctrl-C while Python loads what it needs, or ends, shows no traceback."""

import signal

__all__ = ["main"]


def main() -> None:
    """Run the command."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so in the background of a shell
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from trainer.cli import main as command

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command()
    finally:
        if heeded:  # the work is done: what Python still waits for, such as workers, may just end
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
