"""The `elmo-train` command. Keras and TensorFlow are imported only when there is something to train."""

import click

from cache.runtime.console import Commands
from trainer.commands.plot import compare_command, plot_command
from trainer.commands.predict import evaluate_command, predict_command
from trainer.commands.tag import tag_command
from trainer.commands.trials import curve_command, trials_command

__all__ = ["main"]


@click.group(
    cls=Commands,
    resumable=("trials", "curve", "tag"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="elmo-cache")
def main(debug: bool) -> None:
    """Train small classifiers on cached ELMo vectors, again and again, and compare them.

    \b
    elmo-train trials --n 10                     basic and ELMo on the same 200 reviews, ten times
    elmo-train curve --sizes 50,100,200          the same at several training sizes, as one figure
    elmo-train compare results/ results-slow/    two runs on the same documents: table and figure
    elmo-train plot results/ --out plot.pdf      draw a run again
    elmo-train predict results/ "a fine film"    classify new texts
    elmo-train evaluate --results results/ --trial 3 --model elmo --cache other.elmo
    elmo-train tag --cache ewt.elmo              predict tags of tokens, from static vectors and from ELMo's
    """


for _command in (
    trials_command,
    curve_command,
    compare_command,
    plot_command,
    predict_command,
    evaluate_command,
    tag_command,
):
    main.add_command(_command)

if __name__ == "__main__":
    main()
