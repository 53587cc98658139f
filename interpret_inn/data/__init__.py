"""Inputs in one order, from arrays, data sets, loaders and folders of images."""

from interpret_inn.data.base import OrderedSamples
from interpret_inn.data.part import Joined, Part
from interpret_inn.data.process import cache_folder
from interpret_inn.data.streaming import is_stream, samples, stream

__all__ = ["Joined", "OrderedSamples", "Part", "cache_folder", "is_stream", "samples", "stream"]
