"""The images of a run: which ones, as tensors, with a checksum that identifies them."""

from sweeplab.data.dataset import Dataset, load, load_test
from sweeplab.data.sources import SOURCES

__all__ = ["SOURCES", "Dataset", "load", "load_test"]
