"""How far a long pass over images has come, for people and for log files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

SECONDS_BETWEEN = 10.0


@contextmanager
def progress(title: str, images: int, bar: bool) -> Iterator[Callable[[int], None]]:
    """A function to be told after every batch how many images it had.

    Args:
        title: What is done.
        images: How many images there are in all.
        bar: A bar that moves, for a terminal; otherwise a line at the start and one every ten seconds.
    """
    if bar:
        with click.progressbar(length=images, label=f"  {title}") as shown:
            yield shown.update
        return
    click.echo(f"  {title}: {images} images")
    done, last = 0, time.monotonic()

    def report(count: int) -> None:
        nonlocal done, last
        done += count
        if time.monotonic() - last > SECONDS_BETWEEN:
            last = time.monotonic()
            click.echo(f"    {done} of {images}")

    yield report
