"""Stub."""

from interpret_inn import hookimpl


@hookimpl
def inn_concept_sources():
    return []
