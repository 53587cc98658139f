"""Inputs in one order, whatever they come in: arrays, data sets, loaders, folders of images."""

from interpret_inn.data.base import OrderedSamples
from interpret_inn.data.part import Part
from interpret_inn.data.reading import is_stream, samples, stream

__all__ = ["OrderedSamples", "Part", "is_stream", "samples", "stream"]
