"""Many runs: which ones are meant, one after the other, and what came out in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tfrepr.attacks.campaign import attack_run
from tfrepr.attacks.diagnosis import adaptive_fall, masking_signs
from tfrepr.attacks.protocols import AttackSettings, Protocol, build_protocol, with_unit
from tfrepr.attacks.table import ensemble_attack
from tfrepr.errors import UserError
from tfrepr.reading import noted
from tfrepr.results.signs import read_signs
from tfrepr.results.tables import experiment_runs, read_results
from tfrepr.runs import RunDirectory, each_run
from tfrepr.selection import find_runs

if TYPE_CHECKING:
    import pandas as pd


def choose_runs(wanted: Sequence[str], experiment: str | None, folder: str | None, output: Path) -> list[RunDirectory]:
    """The runs that a command names in one of three ways.

    Args:
        wanted: See `tfrepr.selection.find_runs`.
        experiment: An experiment, for the runs of its last use.
        folder: As one of `wanted`, for the finished runs among them.
        output: Folder of all results.

    Raises:
        UserError: No way or several ways at once, or nothing that fits.
    """
    if (bool(wanted), experiment is not None, folder is not None).count(True) != 1:
        raise UserError("Say which runs to attack, in one way: run directories, or --experiment NAME, or --all FOLDER.")
    if experiment is not None:
        paths = experiment_runs(output, experiment)
    elif folder is not None:
        paths = [path for path in find_runs(output, [folder]) if RunDirectory(path).finished]
    else:
        paths = find_runs(output, wanted)
    if not paths:
        raise UserError(f"There is no finished run in {folder}. Train some with: python scripts/train.py")
    return [RunDirectory(path) for path in paths]


def attack_runs(runs: Sequence[RunDirectory], settings: AttackSettings, *, data_dir: Path | None, transfer: bool,
                transfer_from: RunDirectory | None, progress_bar: bool) -> int:
    """Attacks runs one after the other; one that fails does not stop the rest.

    Args:
        runs: Finished runs.
        settings, data_dir, transfer, progress_bar: See `campaign.attack_run`.
        transfer_from: The run that transfer attacks start from.

    Returns:
        0, or the exit code of the last run that failed.
    """
    exit_code = each_run(runs, lambda run: _attack_one(run, settings, data_dir, transfer, transfer_from, progress_bar))
    report([run.path for run in runs], settings)
    return exit_code


def _attack_one(run: RunDirectory, settings: AttackSettings, data_dir: Path | None, transfer: bool,
                source: RunDirectory | None, progress_bar: bool) -> None:
    if not attack_run(run, settings, data_dir=data_dir, transfer=transfer, transfer_from=source, progress_bar=progress_bar):
        click.echo(f"  {settings.protocol}: done earlier, skipped.")
        return
    import keras

    keras.backend.clear_session()


def report(paths: Sequence[Path], settings: AttackSettings) -> None:
    """Prints what attacks.csv of these runs says of the attacks asked for: accuracies, the fall to adaptive ones, masking."""
    results = read_results(paths)
    for note in results.notes:
        click.secho(f"Note: {note}", fg="yellow", err=True)
    attacks = results.attacks.merge(results.runs[["run", "dataset", "encoder", "label", "seed", "test_images"]], on="run")
    protocol = build_protocol(settings)
    comparable = _same_images(attacks, protocol, settings)
    asked = _of_protocol(comparable, protocol)
    if not len(asked):
        return
    unit = "in units of 1/255" if protocol.space == "pixel" else "in units of normalised images"
    click.echo(f"\nProtocol {protocol.name}: accuracy of the nearest label, percent of all images looked at, by epsilon "
               f"({unit}):")
    for run, rows in asked.groupby("run", sort=False):
        click.echo(f"{run}\n{_shown(accuracy_table(rows), protocol.space)}")
    fall = adaptive_fall(comparable)
    if len(fall) and protocol.name in ("standard", "adaptive"):
        click.echo("\nFrom the standard to the adaptive attacks (worst case over each protocol's attacks), epsilon in units of "
                   f"1/255:\n{_shown(fall)}")
    for sign in masking_signs(asked):
        click.secho(f"Warning: {sign}", fg="yellow", err=True)
    if protocol.cascade or settings.binarisation:
        _say_signs(paths)


def _say_signs(paths: Sequence[Path]) -> None:
    """The signs that the evaluation works, as attacks.json has them."""
    for path in paths:
        if signs := noted(lambda path=path: read_signs(path), {}):
            click.echo("\n  ".join([f"\nSigns that the evaluation works: {path.name}", *map(str, signs.values())]))


def _same_images(attacks: pd.DataFrame, protocol: Protocol, settings: AttackSettings) -> pd.DataFrame:
    """Rows of any protocol in the same space, on the images, with the targets and at the strengths that were asked for."""
    import numpy as np

    images = attacks["test_images"] if settings.images is None else attacks["test_images"].clip(upper=settings.images)
    strengths = np.isclose(attacks["epsilon"].to_numpy()[:, None], protocol.epsilons, rtol=1e-5, atol=0).any(axis=1)
    return attacks[strengths & (attacks["space"] == protocol.space) & (attacks["attack_seed"] == settings.attack_seed)
                   & (attacks["images"] == images)]


def _of_protocol(attacks: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Rows of exactly the attacks of a protocol, and of their worst case."""
    wanted = {(protocol.name, attack.name, attack.goal, attack.loss, attack.steps, attack.restarts)
              for attack in (*protocol.attacks, ensemble_attack(protocol))}
    keys = zip(*(attacks[name] for name in ("protocol", "attack", "goal", "loss", "steps", "restarts")), strict=True)
    return attacks[[key in wanted for key in keys]]


def accuracy_table(attacks: pd.DataFrame) -> pd.DataFrame:
    """One row an attack, one column an epsilon, nearest-label accuracy in percent."""
    nearest = attacks[attacks["criterion"] == "nearest"]
    accuracy = nearest.assign(accuracy=100 * nearest["still_correct"] / nearest["images"],
                              **{name: nearest[name].astype(int) for name in ("steps", "restarts", "images")})
    rows = ["attack", "goal", "loss", "steps", "restarts", "images"]
    return accuracy.pivot_table(index=rows, columns="epsilon", values="accuracy", sort=False).sort_index(axis="columns")


def _shown(table: pd.DataFrame, space: str | None = None) -> str:
    shown = table.rename(columns=lambda name: with_unit(name, space).partition(" ")[0] if isinstance(name, float) else name)
    return shown.to_string(float_format="{:.1f}".format, na_rep="")
