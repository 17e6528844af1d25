"""Measure label tables: the paper's Table 2 and what one asks next, for labels by name and for .npy files."""

from pathlib import Path

import click

from tfrepr.cli import FILE, FOLDER, TEXT, command, command_line, given, record_options, say_next, user_errors
from tfrepr.data.class_names import DEFAULT_DATASET, chosen_classes, class_names
from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions, check_read
from tfrepr.options import off_default
from tfrepr.registry import DATASETS, LABELS


@command(epilog=f"Labels: {', '.join(LABELS.names())}.")
@click.argument("files", nargs=-1, metavar="[TABLE.npy]...", type=FILE)
@click.option("--label", "labels", metavar="NAME", multiple=True, help="measure this label, made here (repeatable)")
@click.option("--dataset", type=TEXT, metavar="NAME", default=None,
              help=f"whose classes: {', '.join(DATASETS.names())}  [default: cifar10, or what a file is named after]")
@click.option("--data-dir", type=FOLDER, default=None, help="the folder of --dataset folder")
@click.option("--names", default=None, metavar="A,B,C", help="class names of your own instead of a data set's")
@click.option("--as", "as_label", type=TEXT, metavar="LABEL", default=None,
              help="measure the files as this label (its row of Table 2)")
@click.option("--image-side", type=click.IntRange(8, 512), default=32, show_default=True,
              help="pixels; square labels are twice as large")
@click.option("--output", type=FILE, default=Path("output/label_stats.csv"), show_default=True,
              help="CSV file; a JSON file of the same name is written beside it")
@record_options(LabelOptions, leave_out=("label_file",))
@user_errors
def main(files: tuple[Path, ...], labels: tuple[str, ...], dataset: str | None, data_dir: Path | None, names: str | None,
         as_label: str | None, image_side: int, output: Path, **options) -> None:
    """Print and save entropy and distances of label tables beside the numbers of the paper's Table 2.

    Measures .npy tables with one row a class, labels by name, or without both every label but bert and glove, which need
    models from the web. Distances are given for both normalisations and four norms; the lines L1 and L2 use those that the
    paper's numbers turn out to use.
    """
    from tfrepr.files import write_atomically
    from tfrepr.labels.statistics import measure
    from tfrepr.labels.statistics_text import as_csv, as_json, as_text, summary
    from tfrepr.labels.tables import default_labels, load_table, make_table

    label_options = LabelOptions(**given(options))
    for label in (*labels, *filter(None, [as_label])):
        LABELS.check(label)
    if not files and not labels:
        labels = default_labels()
    check_read(label_options, labels)
    if not labels and (unused := off_default(label_options)):
        raise UserError(f"--{next(iter(unused)).replace('_', '-')} has no part in measuring files, which are read as they are. "
                        "Leave the option out, or name a label with --label.")
    dataset, classes = chosen_classes(dataset, data_dir, names)
    if output.with_suffix(".npy").exists():
        raise UserError(f"{output.with_suffix('.json')} belongs to the label table {output.with_suffix('.npy')}. Choose "
                        "another --output.")
    tables = [load_table(path, class_names=classes, dataset=dataset, label=as_label) for path in files]
    if classes is None:
        dataset, classes = DEFAULT_DATASET, class_names(DEFAULT_DATASET)
    tables += [make_table(label, classes, dataset=dataset, image_side=image_side, options=label_options) for label in labels]
    measured = []
    for table in tables:
        measured.append((table, measure(table.table, table.class_names, label=table.label, dataset=table.dataset)))
        click.echo(as_text(*measured[-1]) + "\n")
    if line := summary(measured):
        click.echo(line)
    write_atomically(output.with_suffix(".csv"), as_csv(measured).encode())
    write_atomically(output.with_suffix(".json"), as_json(measured).encode())
    click.echo(f"Written: {output.with_suffix('.csv')}, {output.with_suffix('.json')}")
    say_next(command_line("make_labels", dataset=dataset, data_dir=data_dir, names=names))
