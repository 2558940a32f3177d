"""The data sets there are. To add one: a file that makes a ``Source``, a line here, a YAML file.

The YAML file, in ``conf/data/``, has the name by which ``data=NAME`` asks for it.
"""

from __future__ import annotations

from sweeplab.data.arrays import ARRAYS
from sweeplab.data.cifar import CIFAR10, CIFAR100
from sweeplab.data.digits import DIGITS
from sweeplab.data.images import IMAGES
from sweeplab.data.mnist import EMNIST_LETTERS, FASHION_MNIST, KMNIST, MNIST
from sweeplab.data.source import Source

SOURCES: dict[str, Source] = {
    "mnist": MNIST,
    "fashion_mnist": FASHION_MNIST,
    "kmnist": KMNIST,
    "emnist_letters": EMNIST_LETTERS,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
    "digits": DIGITS,
    "arrays": ARRAYS,
    "images": IMAGES,
}
