"""What scripts/pseudo_label.py and scripts/clean_labels.py share: options, and a list of runs with its table and figure."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from tfrepr.cli import FOLDER, command_line, data_dir_option, output_option, record_options, say_next, voice_list_option
from tfrepr.errors import UserError, disk_errors
from tfrepr.experiments.cells import LABEL_FIELDS
from tfrepr.experiments.marking import trial_name
from tfrepr.files import user_path, write_atomically
from tfrepr.labels.options import LabelOptions, with_read_options
from tfrepr.registry import WEAK_EXPERIMENTS
from tfrepr.running.shared import say_faults, shared_faults
from tfrepr.text_tables import guarded_frame
from tfrepr.weak_labels.options import PseudoLabelConfig, WeakLabelConfig
from tfrepr.weak_labels.runs import WeakLabelRun, starting_weights


def command_options(record: type, experiment: str) -> Callable[[Callable], Callable]:
    """Decorator: the options that both commands have.

    Args:
        record: `PseudoLabelConfig` or `CleaningConfig`.
        experiment: The experiment that `--experiment` names in the help text.
    """
    options = (
        click.option("--experiment", metavar="NAME", default=None,
                     help=f"{experiment}; other options then change every run of it"),
        record_options(record, leave_out=("folder",)),
        record_options(LabelOptions),
        voice_list_option,
        data_dir_option("folder with the data set's files"),
        output_option("folder of all results; runs go to its sub-folder weak_labels"),
        click.option("--plots", type=FOLDER, default=Path("plots"), show_default=True, help="folder for table and figure"),
    )
    return lambda command: functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def configs_from_options(record: type, experiment: str | None, options: dict[str, Any],
                         data_dir: Path | None) -> list[WeakLabelConfig]:
    """The runs that the command line describes.

    Args:
        record: `PseudoLabelConfig` or `CleaningConfig`.
        experiment: A registered name whose cells `options` change; None: `options` describe one run.
        options: Fields of the record and of `LabelOptions` that were given.
        data_dir: Folder with the data; part of a config for the data source `folder` only.

    Raises:
        UserError: An unknown experiment, one of the other kind, a value that is not allowed, or a label option that has no
            part in the label of any run.
    """
    named = [] if experiment is None else WEAK_EXPERIMENTS[experiment]()
    if named and not isinstance(named[0], record):
        raise UserError(f"The experiment {experiment!r} belongs to scripts/{named[0].script}.")
    cells = [_fields(config) for config in named] or [{}]
    labels = {key: value for key, value in options.items() if key in LABEL_FIELDS}
    own = {key: value for key, value in options.items() if key not in LABEL_FIELDS}
    if own.get("dataset") == "folder" and data_dir is not None:
        own["folder"] = str(data_dir)
    follow = ("learning_rate", "tuning_rate") if "label" in own else ()  # another label has rates of its own
    cells = [{key: value for key, value in cell.items() if key not in follow} for cell in cells]
    configs = [record(**{**cell, **own, "label_options": LabelOptions(**labels)}) for cell in cells]
    return list(dict.fromkeys(with_read_options(configs)))


def _fields(config: WeakLabelConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config) if field.name != "label_options"}


def list_name(experiment: str | None, configs: Sequence[WeakLabelConfig]) -> str:
    """What the table and the figure of a list are called; those of a trial are not the experiment's own."""
    return configs[0].run_name if experiment is None else trial_name(experiment, any(config.scale != 1 for config in configs))


def run_configs(run_one: Callable, configs: Sequence[WeakLabelConfig], output: Path, plots: Path, name: str, *,
                data_dir: Path | None) -> int:
    """Runs what is not finished; prints a table and writes it and the figure to `plots`.

    Args:
        run_one: `run_pseudo_labelling` or `run_cleaning`.
        configs: The runs, all of one task.
        output: Folder of all results.
        plots: Folder for `<name>.csv`, `<name>.md` and the figure.
        name: Start of these names.
        data_dir: Folder with the data set's files.

    Returns:
        0, or the exit code of the last run that failed; one that fails does not stop the rest.
    """
    left = [config for config in configs if not WeakLabelRun.of(config, output).finished]
    for start in {config.init_from for config in left if config.init_from is not None}:
        starting_weights(user_path(start))
    faults = shared_faults(left, data_dir)
    say_faults(faults, len(configs))
    runs, exit_code = [], max((error.exit_code for error in faults.values()), default=0)
    for config in (config for config in configs if config not in faults):
        try:
            with disk_errors():
                runs.append(run_one(config, output, data_dir=data_dir))
        except UserError as error:
            click.secho(f"Error: {config.run_name + ': ' if len(configs) > 1 else ''}{error}", fg="red", err=True)
            exit_code = error.exit_code
    if runs:
        _report(runs, plots, name)
    if exit_code:
        click.echo("Once that is mended, the same command goes on, and leaves finished runs as they are.")
    else:
        say_next(*_next_commands(runs, output))
    return exit_code


def _report(runs: Sequence[WeakLabelRun], plots: Path, name: str) -> None:
    """The table of all runs, the figure where something varies, and where each run's own lists and pictures lie."""
    from tfrepr.figures.style import save
    from tfrepr.figures.weak_labels import AXES, accuracy_against_level
    from tfrepr.weak_labels.results import markdown, mean_table, result_table

    table = result_table(runs)
    if table.empty:
        return
    text = markdown(mean_table(table))
    click.echo("\n" + text)
    written = [plots / f"{name}.csv", plots / f"{name}.md"]
    for path, content in zip(written, (guarded_frame(table).to_csv(index=False), text), strict=True):
        write_atomically(path, content.encode())
    level = AXES[table["task"].iloc[0]][0]
    if table[level].nunique() > 1:
        written += save(accuracy_against_level(table.dropna(subset=[level])), plots / name, ("png", "pdf"))
    click.echo("\n".join(["Written:", *(f"  {path}" for path in [*written, *(path for run in runs for path in run.lists())])]))


def _next_commands(runs: Sequence[WeakLabelRun], output: Path) -> list[str]:
    """After one run what its outcome is good for, after several the report."""
    if len(runs) > 1:
        return [command_line("report", output=output)]
    config = runs[0].config()
    same = {"dataset": config.dataset, "data_dir": config.folder, "image_size": config.image_size, "encoder": config.encoder,
            "label": config.label, "output": output}
    if config.task == PseudoLabelConfig.task:
        return [command_line("clean_labels", **same)]
    return [command_line("train", **same) + ("" if config.folder is None else "   # when the wrong labels are put right")]

