"""For maintainers: publish the weights of a finished run in half precision, with a record of how accurate they are."""

from pathlib import Path

import click

from tfrepr.cli import FOLDER, PATH, command_line, say_next, user_errors


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("run")
@click.option("--name", required=True, help="what the network is called: pretrained:NAME")
@click.option("--data-dir", type=PATH, default=None,
              help="folder with the data of the run  [default: where its training found them]")
@click.option("--output", type=FOLDER, default=Path("output"), show_default=True,
              help="folder of all results, where run names are looked up")
@user_errors
def main(run: str, name: str, data_dir: Path | None, output: Path) -> None:
    """Write tfrepr/pretrained/NAME.npz and NAME.json from the best checkpoint of RUN."""
    from tfrepr.runs import RunDirectory
    from tfrepr.selection import find_run
    from tfrepr.training.pretrained import FOLDER as FOLDER_OF_NETWORKS
    from tfrepr.training.pretrained import PREFIX, publish_weights

    record = publish_weights(RunDirectory(find_run(output, run)), name, data_dir)
    click.echo(f"Written: {FOLDER_OF_NETWORKS / name}.npz and .json. Test accuracy {record['metrics']['test_accuracy']:.2%}, "
               f"in single precision {record['float32_test_accuracy']:.2%}.")
    say_next(command_line("evaluate", f"{PREFIX}{name}", data_dir=data_dir))

