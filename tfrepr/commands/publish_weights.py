"""For maintainers: publish the weights of a finished run in half precision, with a record of how accurate they are."""

import re
from pathlib import Path

import click

from tfrepr.cli import command, command_line, data_dir_option, output_option, say_next, user_errors
from tfrepr.errors import UserError

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What a network may be called: its name becomes that of two files and of a folder, on every system."""


@command()
@click.argument("run")
@click.option("--name", required=True, help="what the network is called: pretrained:NAME")
@data_dir_option()
@output_option()
@user_errors
def main(run: str, name: str, data_dir: Path | None, output: Path) -> None:
    """Write tfrepr/pretrained/NAME.npz and NAME.json from the best checkpoint of RUN."""
    from tfrepr.runs import RunDirectory
    from tfrepr.selection import find_run
    from tfrepr.training.pretrained import FOLDER as FOLDER_OF_NETWORKS
    from tfrepr.training.pretrained import PREFIX, is_published, publish_weights

    if not NAME.fullmatch(name):
        raise UserError(f"--name takes lower-case letters of English, digits, and single hyphens between them, such as "
                        f"cifar10-resnet32-speech. Received: {name!r}.")
    source = RunDirectory(find_run(output, run))
    if is_published(source):
        raise UserError(f"{run!r} is a published network, whose weights are in half precision already. Name the run that was "
                        "trained.")
    record = publish_weights(source, name, data_dir)
    click.echo(f"Written: {FOLDER_OF_NETWORKS / name}.npz and .json. Test accuracy {record['metrics']['test_accuracy']:.2%}, "
               f"in single precision {record['float32_test_accuracy']:.2%}.")
    say_next(command_line("evaluate", f"{PREFIX}{name}", data_dir=data_dir))
