"""The words behind the CIFAR-100 embeddings of the paper's authors, in their order.

Their list follows the 20 superclasses, five classes each, in the spelling of the CIFAR-100 web page (often the plural), while
images carry fine label ids in alphabetical order. Row 0 of their `bert` and `glove` tables is thus "beaver", but it is used
for class 0, apple: all but one of the rows are attached to the wrong class. Their speech table has the right order.
"""

from __future__ import annotations

from tfrepr.data.sources.cifar import CIFAR100_NAMES
from tfrepr.errors import UserError

SUPERCLASS_ORDER = tuple(word.strip() for line in """
    beaver, dolphin, otter, seal, whale
    aquarium fish, flatfish, ray, shark, trout
    orchids, poppies, roses, sunflowers, tulips
    bottles, bowls, cans, cups, plates
    apples, mushrooms, oranges, pears, sweet peppers
    clock, computer keyboard, lamp, telephone, television
    bed, chair, couch, table, wardrobe
    bee, beetle, butterfly, caterpillar, cockroach
    bear, leopard, lion, tiger, wolf
    bridge, castle, house, road, skyscraper
    cloud, forest, mountain, plain, sea
    camel, cattle, chimpanzee, elephant, kangaroo
    fox, porcupine, possum, raccoon, skunk
    crab, lobster, snail, spider, worm
    baby, boy, girl, man, woman
    crocodile, dinosaur, lizard, snake, turtle
    hamster, mouse, rabbit, shrew, squirrel
    maple, oak, palm, pine, willow
    bicycle, bus, motorcycle, pickup truck, train
    lawn-mower, rocket, streetcar, tank, tractor
""".strip().splitlines() for word in line.split(","))


def authors_words(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The word that the authors embedded for each class id of CIFAR-100.

    Raises:
        UserError: Other classes than those of CIFAR-100.
    """
    if tuple(class_names) != CIFAR100_NAMES:
        raise UserError("--authors-order attaches the rows of CIFAR-100 as the authors did (to the wrong classes). It has "
                        "no meaning for other classes; drop the option.")
    return SUPERCLASS_ORDER
