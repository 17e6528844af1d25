"""A line a label: what is left after the attacks of each protocol, and whether these attacks work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfrepr.reading import noted, read_json
from tfrepr.report.rows import behind, title
from tfrepr.results.attack_rows import ENSEMBLE, PIXEL_PROTOCOLS
from tfrepr.results.seeds import Run, Seeds
from tfrepr.results.signs import BINARISATION, FILE
from tfrepr.results.sources import Sources
from tfrepr.results.worst_cases import TOGETHER, last_iterate, worst_cases
from tfrepr.text_tables import markdown_table

EPSILON = 4.0
"""Of the table, in units of 1/255."""
COLUMNS = ("", "clean", *PIXEL_PROTOCOLS, TOGETHER, "binarisation", "queries", "seconds", "test images", "n", "epochs",
           "device", "data")
EXPLANATION = (
    f"Accuracy at {EPSILON:g}/255 under the worst attack of each protocol on pixels, nearest label, percent of the test "
    "images that were attacked; together: what withstands all protocols in "
    "every setting and with every seed that was tried. Binarisation: on "
    "what percentage of images the gradient attack finds the adversarial image that is there for certain (at 8/255), and in "
    "brackets on what percentage random points do. Queries: gradients and scores that the attacks may ask for, an image and "
    "strength. Seconds: of all attacks at all strengths.")
ATTACK = ["protocol", "attack", "goal", "loss", "steps", "restarts"]
ATTACKS_EXPLANATION = (
    f"Accuracy at {EPSILON:g}/255 under single attacks, nearest label, percent; of several seeds of random numbers the least. "
    "An attack of `autoattack` gets only the images that those before it left: the row of Square, the last one, is what the "
    "cascade with the fewest steps leaves. Steps of Square are queries, starts of `apgd-t` count its targets.")


def robustness_section(sources: Sources) -> list[str]:
    """Markdown; nothing where no such protocol was run at `EPSILON`. Of each run the attacks on the most images count."""
    cases = worst_cases(sources.results)
    cases = cases[cases["epsilon"] == EPSILON]
    if cases.empty:
        return []
    cases = cases[cases["images"] == cases.groupby("run")["images"].transform("max")]
    attacks = sources.results.attacks.merge(cases[["run", "images"]].drop_duplicates())
    attacks = attacks[attacks["protocol"].isin(PIXEL_PROTOCOLS)]
    found = [seeds for cell in sources.index.cells() for seeds in sources.index.seeds(cell)]
    rows = [row for seeds in found if (row := _row(seeds, cases, attacks)) is not None]
    return ["## Robustness", "", EXPLANATION, "", *markdown_table(COLUMNS, rows), "", *_attack_by_attack(found, attacks)]


def _attack_by_attack(found: Sequence[Seeds], attacks: pd.DataFrame) -> list[str]:
    """A column for each group of seeds, a row for each attack at `EPSILON`; nothing where only whole protocols are known."""
    single = attacks[(attacks["epsilon"] == EPSILON) & (attacks["criterion"] == "nearest") & (attacks["attack"] != ENSEMBLE)]
    shown = [seeds for seeds in found if single["run"].isin([run["run"] for run in seeds.runs]).any()]
    rows = []
    for (protocol, *words, steps, restarts), attack in single.groupby(ATTACK, sort=True):
        left = (100 * attack["still_correct"] / attack["images"]).groupby(attack["run"]).min()
        means = [seeds.mean(lambda run, left=left: left.get(run["run"])) for seeds in shown]
        rows.append((protocol, " ".join(words).replace("_", " "), f"{steps:,.0f}", f"{restarts:g}",
                     *("-" if mean is None else mean.text(1) for mean in means)))
    if not rows:
        return []
    heads = [f"{title(seeds.cell)}, {seeds.epochs} epochs, {seeds.precision}" for seeds in shown]
    return ["### Attack by attack", "", ATTACKS_EXPLANATION, "",
            *markdown_table(("protocol", "attack", "steps", "starts", *heads), rows), ""]


def _row(seeds: Seeds, cases: pd.DataFrame, attacks: pd.DataFrame) -> tuple[str, ...] | None:
    """Means over seeds; None where none was attacked so."""
    accuracies = {(run, protocol): 100 * left / images for run, protocol, left, images in
                  zip(cases["run"], cases["protocol"], cases["still_correct"], cases["images"], strict=True)}
    cleans = dict(zip(cases["run"], 100 * cases["clean_correct"] / cases["images"], strict=True))
    clean = seeds.mean(lambda run: cleans.get(run["run"]))
    if clean is None:
        return None
    left = {name: seeds.mean(lambda run, name=name: accuracies.get((run["run"], name)))
            for name in (*map(last_iterate, PIXEL_PROTOCOLS), *PIXEL_PROTOCOLS, TOGETHER)}
    own = attacks[attacks["run"].isin([run["run"] for run in seeds.runs])]
    one = own[(own["run"] == own["run"].iloc[0]) & (own["epsilon"] == EPSILON) & (own["criterion"] == "nearest")]
    queries = (one["steps"] * one["restarts"])[one["attack"] != ENSEMBLE].sum()
    seconds = own.groupby("run")["seconds"].sum().mean()
    images = " or ".join(f"{count:,.0f}" for count in sorted(set(own["images"])))
    texts = {name: "-" if mean is None else mean.text(1) for name, mean in left.items()}
    for name in PIXEL_PROTOCOLS:
        if left[name] is None and left[last_iterate(name)] is not None:
            texts[name] = f"{texts[last_iterate(name)]} (last iterate)"
    return (title(seeds.cell), clean.text(1), *(texts[name] for name in (*PIXEL_PROTOCOLS, TOGETHER)), _scores(seeds),
            f"{queries:,.0f}", f"{seconds:,.0f}", images, *behind(seeds, clean))


def _scores(seeds: Seeds) -> str:
    score, random = (seeds.mean(lambda run, key=key: _binarisation(run).get(key)) for key in ("score", "random_score"))
    return "-" if score is None or random is None else f"{100 * score.value:.0f} ({100 * random.value:.0f})"


def _binarisation(run: Run) -> dict[str, Any]:
    """What the binarisation test found on a run."""
    path = Path(run["path"]) / FILE
    form = {BINARISATION: dict[str, float | None]}
    return (noted(lambda: read_json(path, form), {}) if path.exists() else {}).get(BINARISATION) or {}
