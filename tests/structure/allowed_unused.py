"""Names that vulture calls unused and that stay, each with the reason.

An exception that is no longer needed fails the test, so that this list does not outlive its names.
"""

ALLOWED = {
    "__getattr__": "Python calls it for members that a class does not have",
    "_repr_html_": "notebooks call it to show an object",
    "command_class": "click makes the commands of a group of it",
    "concept_sources": "the manager's list of one kind of contributions, beside four that the library itself asks for",
    "factor_knows": "a field of the public table of nuisances (docs/transforms.md), for users",
    "factor_response": "a field of the public table of nuisances (docs/transforms.md), for users",
    "handle_data": "html.parser calls it",
    "handle_endtag": "html.parser calls it",
    "handle_startendtag": "html.parser calls it",
    "handle_starttag": "html.parser calls it",
    "yaml_implicit_resolvers": "PyYAML reads it",
    "trace": "the third argument that Python gives to `__exit__`",
}
"""Reason by name."""
