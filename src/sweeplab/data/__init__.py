"""The images of a run: which ones, as tensors, with a checksum that identifies them."""

from sweeplab.data.dataset import Dataset, load, load_test
from sweeplab.data.sources import CLASSES, SOURCES

__all__ = ["CLASSES", "SOURCES", "Dataset", "load", "load_test"]
