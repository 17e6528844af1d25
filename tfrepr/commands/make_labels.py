"""Make label tables: .npy files with JSON sidecars, the spoken words as WAV files, and a gallery like the paper's Figure 1."""

from pathlib import Path

import click

from tfrepr.cli import FOLDER, TEXT, command, command_line, given, record_options, say_next, user_errors
from tfrepr.data.class_names import DEFAULT_DATASET, chosen_classes
from tfrepr.labels.options import SPOKEN, LabelOptions, check_read
from tfrepr.registry import DATASETS, LABELS


@command()
@click.option("--label", "labels", metavar="NAME", multiple=True,
              help=f"make this label (repeatable): {', '.join(LABELS.names())}  [default: all that need no model from the web]")
@click.option("--dataset", type=TEXT, metavar="NAME", default=None,
              help=f"whose classes: {', '.join(DATASETS.names())}  [default: cifar10]")
@click.option("--data-dir", type=FOLDER, default=None, help="the folder of --dataset folder")
@click.option("--names", default=None, metavar="A,B,C", help="class names of your own instead of a data set's")
@click.option("--image-side", type=click.IntRange(8, 512), default=32, show_default=True,
              help="pixels; square labels are twice as large")
@click.option("--output", type=FOLDER, default=Path("output/labels"), show_default=True,
              help="folder for all files")
@click.option("--columns", type=click.IntRange(1, 20), default=10, show_default=True, help="classes shown in the gallery")
@click.option("--format", "formats", default="png,pdf", show_default=True, help="formats of the gallery, of png, pdf and eps")
@record_options(LabelOptions, leave_out=("label_file",))
@user_errors
def main(labels: tuple[str, ...], dataset: str | None, data_dir: Path | None, names: str | None, image_side: int, output: Path,
         columns: int, formats: str, **options) -> None:
    """Make the label tables of a data set or of class names of your own.

    Writes <data set>_<label>.npy and .json for every label, <data set>_wav/<id>_<class name>.wav where a label is spoken, and
    <data set>_gallery. Nothing is played, and no images are read. Equal options give equal files.
    """
    from tfrepr.figures.label_tables import draw_gallery
    from tfrepr.figures.style import check_formats, save
    from tfrepr.files import make_folder, write_atomically
    from tfrepr.labels.export import table_files, wav_files
    from tfrepr.labels.speech import class_waveforms
    from tfrepr.labels.tables import default_labels, make_table

    label_options, chosen_formats = LabelOptions(**given(options)), check_formats(formats.split(","))
    for label in labels:
        LABELS.check(label)
    labels = tuple(dict.fromkeys(labels or default_labels()))
    check_read(label_options, labels)
    dataset, classes = chosen_classes(dataset or (DEFAULT_DATASET if names is None else None), data_dir, names)
    tables = [make_table(label, classes, dataset=dataset, image_side=image_side, options=label_options)
              for label in labels]
    prefix, files = dataset or "own", {}
    for table in tables:
        files |= table_files(table, label_options, image_side)
    if any(table.label in SPOKEN for table in tables):
        wavs = wav_files(classes, class_waveforms(classes, label_options))
        files |= {f"{prefix}_wav/{name}": content for name, content in wavs.items()}
    figure = draw_gallery(tables, columns)
    for name, content in files.items():
        write_atomically(make_folder(output, *Path(name).parent.parts) / Path(name).name, content)
    pictures = save(figure, output / f"{prefix}_gallery", chosen_formats)
    for table in tables:
        click.echo(f"{output / f'{prefix}_{table.label}.npy'}: {table.shape_text}")
    if (count := sum(name.endswith(".wav") for name in files)):
        click.echo(f"{output / f'{prefix}_wav'}: {count} WAV files")
    click.echo("\n".join(map(str, pictures)))
    written = [output / f"{prefix}_{table.label}.npy" for table in tables]
    say_next(command_line("label_stats", *written, dataset=dataset, data_dir=data_dir, names=names), *(
        [command_line("train", dataset=dataset, data_dir=data_dir, label=tables[-1].label)] if dataset else []))
