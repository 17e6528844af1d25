"""All commands under one name: `tfrepr train`, or `python -m tfrepr train` where nothing is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from tfrepr.cli import command, start
from tfrepr.registry import unknown_name

COMMANDS = {
    "train": "train a network on a label, or a named list of them",
    "evaluate": "measure a finished run on any images",
    "attack": "adversarial attacks on finished runs",
    "analyse": "features and Grad-CAM maps of finished runs",
    "speak": "let a network say what it sees, as sound",
    "plot-results": "draw the figures",
    "report": "compare all finished runs with the paper",
    "make-labels": "label tables and spoken words as files, with a gallery",
    "label-stats": "entropy and distances of label tables",
    "pseudo-label": "train where labels are missing",
    "clean-labels": "train where labels are wrong",
    "publish-weights": "for maintainers: the weights of a run in half precision",
}
"""What each module of `tfrepr.commands` is for; here, so that the list needs none of them."""


class Commands(click.Group):
    """The modules of `tfrepr.commands`; the one that is asked for is imported, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which one goes through them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of that name, which may be written with underscores as well, like the script."""
        name = cmd_name.replace("_", "-")
        if name not in COMMANDS:
            ctx.fail(unknown_name("command", cmd_name, tuple(COMMANDS)))
        return import_module(f"tfrepr.commands.{name.replace('-', '_')}").main

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands for `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from tfrepr.versions import __version__

        click.echo(f"tfrepr {__version__}")
        context.exit()


@command(cls=Commands)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="show the version, and leave")
def group(**options: Any) -> None:
    """What does the label do to an image classifier?

    Train networks on label representations, attack them, let them speak, and compare them with the paper. Each command has
    its own --help, and ends with what to type next.
    """


def main() -> None:
    """Starts the command of the console."""
    start(group)


if __name__ == "__main__":
    main()
