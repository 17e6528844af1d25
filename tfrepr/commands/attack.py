"""Attack finished runs and write attacks.csv, attacks.json and gallery.npz into their directories."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tfrepr.attacks.protocols import AttackSettings, check_read
from tfrepr.cli import command, command_line, data_dir_option, given, output_option, record_options, say_next, user_errors
from tfrepr.errors import UserError
from tfrepr.registry import PROTOCOLS


def protocol_list() -> str:
    """The protocols with their descriptions, for `--help`."""
    return "\b\nProtocols:\n" + "\n".join(f"  {name}: {PROTOCOLS.describe(name)}" for name in PROTOCOLS)


@command(epilog=protocol_list(), width=130)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--experiment", metavar="NAME", help="all runs of the last use of this experiment")
@click.option("--all", "folder", metavar="FOLDER", help="every finished run in this folder")
@record_options(AttackSettings)
@click.option("--transfer-from", metavar="RUN",
              help="adaptive: the categorical run whose adversarial images are tried (default: the one beside the run)")
@click.option("--no-transfer", is_flag=True, help="adaptive: leave the transfer attack out")
@data_dir_option("folder with the data of the runs  [default: where their training found them]")
@output_option("folder of all results, where --experiment and run names are looked up")
@user_errors
def main(runs: tuple[str, ...], experiment: str | None, folder: str | None, transfer_from: str | None, no_transfer: bool,
         data_dir: Path | None, output: Path, **options) -> None:
    """Attack the best checkpoint of runs: RUN is a run directory, a folder of them, a run's name, or a pattern of these.

    Attacks that attacks.csv holds already are skipped; an interrupted command goes on where it stopped.
    """
    settings = AttackSettings(**given(options))
    check_read(settings)
    from tfrepr.attacks.command import attack_runs, choose_runs
    from tfrepr.runs import RunDirectory
    from tfrepr.selection import find_run

    chosen = choose_runs(runs, experiment, folder, output)
    if no_transfer and transfer_from is not None:
        raise UserError("--no-transfer leaves out the attack that --transfer-from starts. Leave one of them out.")
    source = None if transfer_from is None else RunDirectory(find_run(output, transfer_from))
    exit_code = attack_runs(chosen, settings, data_dir=data_dir, transfer=not no_transfer, transfer_from=source,
                            progress_bar=sys.stdout.isatty())
    if exit_code == 0:
        named = [word for path in (*runs, *filter(None, [folder])) for word in ("--runs", path)]
        further = {"paper": "standard", "standard": "adaptive", "adaptive": "autoattack"}.get(settings.protocol)
        say_next(command_line("plot_results", *named, experiment=experiment, output=output), *(
            [command_line("attack", *runs, experiment=experiment, all=folder, protocol=further, images=settings.images,
                          data_dir=data_dir, output=output)] if further else []))
    sys.exit(exit_code)
