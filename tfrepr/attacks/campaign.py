"""Attacks on a finished run: from its directory to attacks.csv, attacks.json and gallery.npz."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from tfrepr.attacks import binarisation, examples
from tfrepr.attacks.loading import categorical_twin, check_attacked, check_source, load_victim
from tfrepr.attacks.protocols import AUTO_STEPS, Attack, AttackSettings, Protocol, build_protocol
from tfrepr.attacks.signs import evaluation_signs
from tfrepr.attacks.sweep import ImageSet, attack_groups, attacked_images, clean_decisions, run_group
from tfrepr.attacks.table import ensemble_attack, ensemble_rows, outcome_rows, outcome_survivors, row_key
from tfrepr.attacks.targets import TARGETS
from tfrepr.attacks.victim import Decisions, Victim
from tfrepr.config import RunConfig
from tfrepr.data.class_ids import one_per_image
from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import UserError
from tfrepr.progress import progress
from tfrepr.registry import PROTOCOLS
from tfrepr.results import signs
from tfrepr.results.answers import only_answer
from tfrepr.results.attack_rows import SURVIVORS_FILE, AttackRow, Key, Survivors, read_rows, write_rows
from tfrepr.results.tables import GALLERY_FILE
from tfrepr.runs import RunDirectory
from tfrepr.training.checkpoint_digest import checkpoint_digest
from tfrepr.training.trained import load_data


def attack_run(run: RunDirectory, settings: AttackSettings, *, data_dir: Path | None = None, transfer: bool = True,
               transfer_from: RunDirectory | None = None, progress_bar: bool = False) -> bool:
    """Attacks the best checkpoint of a run; what attacks.csv holds already is not done again.

    Args:
        run: A finished run.
        settings: The protocol and its settings.
        data_dir: Folder with the data set's files, where the source needs one.
        transfer: False leaves transfer attacks out of the protocol.
        transfer_from: The categorical run whose images are tried on this one; by default that of earlier attacks, else the
            one that `categorical_twin` finds.
        progress_bar: A moving bar for a terminal.

    Returns:
        False where everything was there already.

    Raises:
        UserError: An unfinished run, a run in use, a missing or foreign checkpoint, changed data, damaged results.
    """
    metrics, config = run.metrics("test_images"), run.config()
    protocol, source = _with_source(build_protocol(settings), run, config, transfer, transfer_from)
    images = min(settings.images or metrics["test_images"], metrics["test_images"])
    criteria = ("nearest",) if config.label == "category" else protocol.criteria
    with run.locked():
        todo = _Todo(run, protocol, settings.attack_seed, criteria, images, _test_asked(settings))
        if source is not None and (transfer_from is not None or todo.transfer):
            todo.forget_other_source(source)
        if not todo:
            _add_signs(run, config, protocol, todo)  # an older version may have looked for them in another way
            return False
        check_attacked(run)
        _attack(run, config, protocol, settings, todo, source, data_dir, progress_bar)
    return True


class _Todo:
    """What a run's files hold, and what a protocol still wants."""

    def __init__(self, run: RunDirectory, protocol: Protocol, attack_seed: int, criteria: tuple[str, ...],
                 images: int, test_asked: dict[str, int]) -> None:
        self.run, self.protocol, self.attack_seed, self.criteria, self.images = run, protocol, attack_seed, criteria, images
        self.test_asked, self.forgotten = test_asked, False
        self.rows = {row.key: row for row in read_rows(run / "attacks.csv")}
        self.survivors = Survivors(run / SURVIVORS_FILE)

    def __bool__(self) -> bool:
        return any(self.epsilons(attack) for attack in self.protocol.attacks) or self._ensemble_missing() or (
            self.gallery or self.binarisation)

    def forget_other_source(self, source: RunDirectory) -> None:
        """Has transfer attacks done again that start from another run than this one.

        Raises:
            UserError: Some of them are not among the present attacks: rows of two sources would stand side by side.
        """
        earlier = _earlier_source(_described(self.run), self.protocol)
        old = [] if earlier in (None, source.path.name) else [
            row for row in self.rows.values() if (row.protocol, row.attack) == (self.protocol.name, "transfer")]
        asked = {key for attack in self.protocol.attacks if attack.name == "transfer"
                 for epsilon in self.protocol.epsilons for key in self._keys(attack, epsilon)}
        if others := [row for row in old if row.key not in asked]:
            strengths = ",".join(f"{epsilon:g}" for epsilon in sorted({row.epsilon for row in old}))
            raise UserError(f"The transfer attacks in {self.run / 'attacks.csv'} start from {earlier}, and this command starts "
                            f"from {source.path.name} without doing all of them again ({len(others)} of {len(old)} rows would "
                            f"stay). Do them all again with --epsilons {strengths} and the same other options, or name the "
                            f"first run with --transfer-from {earlier}, or leave the attack out with --no-transfer.")
        for row in old:
            del self.rows[row.key]
            self.forgotten = True

    @property
    def gallery(self) -> bool:
        """Whether the gallery is wanted and not there."""
        return self.protocol.name == "paper" and not (self.run / GALLERY_FILE).exists()

    @property
    def transfer(self) -> bool:
        """Whether images of another network are still to be tried."""
        return any(attack.name == "transfer" and self.epsilons(attack) for attack in self.protocol.attacks)

    @property
    def binarisation(self) -> bool:
        """Whether the binarisation test is wanted and not there."""
        kept = _described(self.run).get(signs.BINARISATION) or {}
        return any(kept.get(name) != value for name, value in self.test_asked.items())

    def epsilons(self, attack: Attack) -> tuple[float, ...]:
        """Strengths of which a row is missing."""
        return tuple(epsilon for epsilon in self.protocol.epsilons
                     if not all(self._has(attack, key) for key in self._keys(attack, epsilon)))

    def withstood(self, attack: Attack, epsilons: tuple[float, ...]) -> np.ndarray | None:
        """In a cascade, what the attack before this one left, bool `(epsilons, images, criteria)`; None before the first."""
        number = self.protocol.attacks.index(attack)
        if not self.protocol.cascade or number == 0:
            return None
        earlier = self.protocol.attacks[number - 1]
        return np.stack([np.stack([self.survivors[key] for key in self._keys(earlier, epsilon)], axis=-1)
                         for epsilon in epsilons])

    def add(self, rows: list[AttackRow], survivors: dict[Key, np.ndarray]) -> None:
        """Writes what has been done; the survivors first, since a row of a worst case without them is done again."""
        self.survivors.add(survivors)
        self.rows.update({row.key: row for row in rows})
        write_rows(self.run / "attacks.csv", self.rows.values())

    def _keys(self, attack: Attack, epsilon: float) -> list[Key]:
        return [row_key(self.protocol, attack, epsilon, self.attack_seed, criterion, self.images)
                for criterion in self.criteria]

    def _has(self, attack: Attack, key: Key) -> bool:
        return key in self.rows and self.rows[key].every_iterate >= attack.every_iterate and (
            not self.protocol.ensemble or key in self.survivors)

    def _ensemble_missing(self) -> bool:
        ensemble = ensemble_attack(self.protocol)
        return self.protocol.ensemble and not all(self._has(ensemble, key) for epsilon in self.protocol.epsilons
                                                  for key in self._keys(ensemble, epsilon))


def _attack(run: RunDirectory, config: RunConfig, protocol: Protocol, settings: AttackSettings, todo: _Todo,
            source: RunDirectory | None, data_dir: Path | None, progress_bar: bool) -> None:
    from tfrepr.training.devices import jit_compile, prepare_device

    device = prepare_device(config)
    dataset = load_data(run, data_dir)
    load = partial(load_victim, dataset=dataset, space=protocol.space, batch_size=settings.batch_size,
                   jit=jit_compile(config, device), criteria=protocol.criteria)
    victim, source_victim = load(run), load(source) if source is not None else None
    tests = image_set(dataset, protocol, settings, todo.images)
    with progress("unperturbed images", todo.images, progress_bar) as report:
        clean = clean_decisions(victim, tests, report)
    if (only := only_answer(clean.correct[:, 0], one_per_image(tests.class_ids))) is not None:
        click.secho(f"Note: {run.path.name} seems to answer {dataset.class_names[only]!r} to every image, as a network that "
                    "has not learned yet. What attacks leave of it is no robustness.", fg="yellow", err=True)
    if todo.forgotten:
        todo.add([], {})  # rows that are to be done again leave the file before it is said what they are made from
    _describe(run, protocol, settings, dataset, source if todo.transfer else None)
    for group in attack_groups(protocol):
        pending = [(attack, todo.epsilons(attack)) for attack in group if todo.epsilons(attack)]
        if pending:
            _attack_group(victim, source_victim, pending, tests, clean, todo, progress_bar)
    if protocol.ensemble:
        todo.add(*ensemble_rows(build_protocol(settings), clean, victim.criteria, settings.attack_seed, todo.survivors))
    _add_signs(run, config, protocol, todo)
    if todo.binarisation:
        _binarise(run, victim, dataset, settings, progress_bar)
    if todo.gallery:
        examples.write_gallery(run / GALLERY_FILE, victim, protocol, tests, clean, dataset.class_names)


def _add_signs(run: RunDirectory, config: RunConfig, protocol: Protocol, todo: _Todo) -> None:
    """What the rows of a protocol with an ensemble show of all attacks on this run; into attacks.json."""
    if protocol.ensemble:
        undefended = signs.is_undefended(config.label, config.label_smoothing)
        signs.add_signs(run, evaluation_signs(todo.rows.values(), undefended=undefended))


def _test_asked(settings: AttackSettings) -> dict[str, int]:
    """What must be equal for a binarisation test not to be done again; empty where none is wanted."""
    return {} if settings.binarisation is None else {
        "asked": settings.binarisation, "attack_seed": settings.attack_seed, "steps": settings.steps or AUTO_STEPS}


def _binarise(run: RunDirectory, victim: Victim, dataset: ImageDataset, settings: AttackSettings, progress_bar: bool) -> None:
    """The binarisation test on pixels, whatever the protocol's space; into attacks.json."""
    space = dataclasses.replace(victim.space, name="pixel")
    images = dataset.test_images[:settings.binarisation]
    with progress("binarisation test", len(images), progress_bar) as report:
        found = binarisation.binarisation_test(
            victim.model, victim.representation, space, images, stream=(dataset.name, settings.attack_seed),
            steps=settings.steps or AUTO_STEPS, batch_size=settings.batch_size, report=report)
    run.write_json(signs.FILE, run.read_json(signs.FILE) | {signs.BINARISATION: _test_asked(settings) | found})
    signs.add_signs(run, [binarisation.binarisation_sign(found)])


def _attack_group(victim: Victim, source: Victim | None, pending: list[tuple[Attack, tuple[float, ...]]], tests: ImageSet,
                  clean: Decisions, todo: _Todo, progress_bar: bool) -> None:
    names = " and ".join(dict.fromkeys(attack.name for attack, _ in pending))
    title = f"{todo.protocol.name}: {pending[0][0].goal} {names} ({pending[0][0].loss} loss)"
    withstood = todo.withstood(*pending[0])
    with progress(title, len(attacked_images(pending, clean, withstood)), progress_bar) as report:
        outcomes = run_group(victim, source, pending, tests, clean, report, withstood)
    for outcome in outcomes:
        arguments = (todo.protocol, outcome, clean, victim.criteria, todo.attack_seed)
        todo.add(outcome_rows(*arguments), outcome_survivors(*arguments))


def _with_source(protocol: Protocol, run: RunDirectory, config: RunConfig, transfer: bool,
                 transfer_from: RunDirectory | None) -> tuple[Protocol, RunDirectory | None]:
    """The protocol and the run that its transfer attacks start from; without such a run, without those attacks."""
    if not any(attack.name == "transfer" for attack in protocol.attacks):
        if transfer_from is not None or not transfer:
            raise UserError(f"--transfer-from and --no-transfer are for the protocol adaptive. Received: {protocol.name}.")
        return protocol, None
    source = (transfer_from or _kept_source(run, protocol) or categorical_twin(run, config)) if transfer else None
    if source is not None and source.path.resolve() != run.path.resolve():
        check_source(run, source)
        return protocol, source
    return protocol.without_transfer(), None


def image_set(dataset: ImageDataset, protocol: Protocol, settings: AttackSettings, images: int) -> ImageSet:
    """The first `images` test images and their targets, which are drawn for the whole test set."""
    stream = (dataset.name, settings.attack_seed)
    targets = TARGETS[protocol.targets](dataset.test_ids, len(dataset.class_names), stream)
    return ImageSet(dataset.test_images[:images], dataset.test_ids[:images].astype(np.int32), targets[:images], stream)


def _described(run: RunDirectory) -> dict[str, Any]:
    """What attacks.json holds."""
    return run.read_json(signs.FILE) if (run / signs.FILE).exists() else {}


def _kept_source(run: RunDirectory, protocol: Protocol) -> RunDirectory | None:
    """The run that earlier transfer attacks started from, where it is still there."""
    earlier = _earlier_source(_described(run), protocol)
    source = None if earlier is None else RunDirectory(run.path.parent / earlier)
    return source if source is not None and source.finished else None


def _earlier_source(described: dict[str, Any], protocol: Protocol) -> str | None:
    """The run that the protocol's transfer attacks started from, by what attacks.json holds."""
    used = (described.get("protocols") or {}).get(protocol.name) or {}
    return used.get("transfer_from")


def _describe(run: RunDirectory, protocol: Protocol, settings: AttackSettings, dataset: ImageDataset,
              source: RunDirectory | None) -> None:
    """Writes attacks.json: what was attacked, and every protocol as it was last used.

    Args:
        source: The run whose images are tried now; without one that of earlier transfer attacks is kept.
    """
    known = _described(run)
    used = {"description": PROTOCOLS.describe(protocol.name), "settings": dataclasses.asdict(settings),
            **dataclasses.asdict(protocol), "epsilon_unit": "1/255" if protocol.space == "pixel" else "normalised",
            "transfer_from": _earlier_source(known, protocol) if source is None else source.path.name}
    run.write_json(signs.FILE, known | {
        "checkpoint": checkpoint_digest(run / "best.keras"), "data_variant": dataset.variant,
        "protocols": (known.get("protocols") or {}) | {protocol.name: used}})
