"""The examples of a run: which ones, as tensors, with a checksum that identifies them."""

from sweeplab.data.arranged import Dataset
from sweeplab.data.dataset import inputs_of, load, load_test, resolve, where
from sweeplab.data.source import only_reading
from sweeplab.data.sources import SOURCES

__all__ = [
    "SOURCES",
    "Dataset",
    "inputs_of",
    "load",
    "load_test",
    "only_reading",
    "resolve",
    "where",
]
