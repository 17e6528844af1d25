"""What scripts/report.py writes: a user's report beside the runs, or, for maintainers, the project's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tfrepr.claims.catalogue import judgements
from tfrepr.errors import UserError
from tfrepr.figures.drawing import draw
from tfrepr.figures.forest import forest
from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.style import save
from tfrepr.files import write_atomically
from tfrepr.report.page import FIGURES as FIGURES_OF_THE_PAGE
from tfrepr.report.page import FOLDER, chosen_run, write_page
from tfrepr.report.pages import LISTEN, PAGES, full_report, page_blocks, read_sources, with_blocks
from tfrepr.report.published_figures import draw_published, figure_lines
from tfrepr.results.records import keep_records
from tfrepr.results.sources import Sources

RESULTS = "RESULTS.md"
RECORDS, FIGURES = "records", "figures"
"""Folders of a user's report."""
PROJECT = Path(__file__).resolve().parents[2]
PUBLISHED = Path("output") / "results"
"""The records that are under version control, in the project's folder."""
FOREST, SHORT_FOREST = (Path("plots") / "results" / name for name in ("forest", "forest-short"))
"""The project's forest plots, without their ending: of all comparisons, and one line a claim."""


def write_user_report(output: Path, folder: Path, *, figures: bool) -> Iterator[str]:
    """Writes RESULTS.md of all runs, their records and figures; yields lines for the terminal.

    Args:
        output: Folder of all results.
        folder: Of the report.
        figures: Draw everything for which there are data.

    Raises:
        UserError: The folder cannot be written.
    """
    if folder.resolve() == PROJECT:
        raise UserError(f"A report in {folder} would replace the project's own {RESULTS}. Choose another folder with --report; "
                        "maintainers use --publish.")
    sources = read_sources(output)
    yield from _notes(sources)
    changed = keep_records(output, folder / RECORDS)
    yield f"Records of finished runs: {folder / RECORDS} ({len(changed)} files are new or changed)"
    pictures = list(_drawn(sources, folder / FIGURES)) if figures else []
    shown = [f"![{picture.stem}]({picture.relative_to(folder).as_posix()})" for picture in pictures]
    first = _forest(sources, folder / FIGURES / FOREST.name) if figures else None
    text = full_report(sources, first and first.relative_to(folder).as_posix())
    text += "\n## Figures\n\n" + "\n\n".join(shown) + "\n" if shown else ""
    write_atomically(folder / RESULTS, text.encode())
    yield f"Written: {folder / RESULTS} ({len(sources.results.runs)} runs, {len(pictures) + bool(first)} figures)"


def publish(output: Path, project: Path) -> Iterator[str]:
    """Takes the records of all finished runs into the project and writes its RESULTS.md, the tables of its pages and its plots.

    Args:
        output: Folder of all results.
        project: The project's folder.

    Raises:
        UserError: A page cannot be read or lacks markers, or something cannot be written.
    """
    texts = {name: _page(project / name) for name in PAGES}
    for name, text in texts.items():
        with_blocks(text, project / name, dict.fromkeys(PAGES[name], ""))  # its markers are there, before anything is written
    changed = keep_records(output, project / PUBLISHED)
    yield f"Records kept in {project / PUBLISHED}: {len(changed)} files are new or changed"
    sources = read_sources(project / PUBLISHED)
    yield from _notes(sources)
    pages = {name: with_blocks(texts[name], project / name, blocks) for name, blocks in page_blocks(sources).items()}
    picture = _forest(sources, project / FOREST)
    short = _forest(sources, project / SHORT_FOREST, short=True)
    drawn = [*(path for path in (picture, short) if path), *draw_published(project / PUBLISHED, project)]
    text = full_report(sources, picture and picture.relative_to(project).as_posix(), figure_lines(project))
    write_atomically(project / RESULTS, text.encode())
    for name, text in pages.items():
        write_atomically(project / name, text.encode())
    for path in drawn:
        if path.stem in FIGURES_OF_THE_PAGE:
            write_atomically((project / LISTEN).parent / FOLDER / path.name, path.read_bytes())
    yield (f"Written: {project / RESULTS} ({len(sources.results.runs)} runs), the tables in {', '.join(pages)}, {len(drawn)} "
           f"figures in {project / FOREST.parent}")


def publish_page(output: Path, run: str | None, *, data_dir: Path | None, project: Path, report: Path | None) -> Iterator[str]:
    """Writes the page to hear and see: into the project's `docs` with its published answers, or into a user's report.

    Args:
        output: Folder of all results, where runs are looked up.
        run: The run that speaks; None takes the best one.
        data_dir: Folder with its data.
        project: The project's folder.
        report: Folder of a user's report; None stands for the project.

    Raises:
        UserError: No run that speaks, or something cannot be written.
    """
    chosen = chosen_run(output, run)
    folder, records, figures = (report, output, report / FIGURES) if report else (
        (project / LISTEN).parent, project / PUBLISHED, project / FOREST.parent)
    sources = read_sources(records)
    _forest(sources, figures / SHORT_FOREST.name, short=True)
    yield from write_page(chosen, folder, sources, figures=figures, data_dir=data_dir)


def _page(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}). --publish writes into the project's own folder; a report of your "
                        "runs needs no such option.") from None


def _notes(sources: Sources) -> Sequence[str]:
    return [f"Note: {note}" for note in sources.results.notes]


def _forest(sources: Sources, path: Path, *, short: bool = False) -> Path | None:
    """The forest plot, which is not drawn where no comparison has runs."""
    try:
        picture, = save(forest(judgements(sources), short=short), path, ("png",))
    except NothingToPlotError:
        return None
    return picture


def _drawn(sources: Sources, folder: Path) -> Iterator[Path]:
    """All figures for which there are data, possibly none."""
    try:
        yield from draw(sources.results, (), folder, "runs", ("png",))
    except NothingToPlotError:
        return
