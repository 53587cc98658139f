"""What must not come back: circles of imports, dead names, a backbone without a type, questions for a kind."""

KINDS_ASKED = 15
"""At most so many places in core and plugins may ask for a concept's kind; others ask the concept itself."""
CHANGING = {
    "interpret_inn.explaining.survey.Survey",  # grows by one input after the other
    "interpret_inn.reports.thumbnails.Thumbnails",  # counts what was drawn
    "interpret_inn.translating.fitted.Fitted",  # notes and timings grow while it is made
}
"""Data classes whose instances change."""


def test_rooms_import_each_other_in_no_circle(counts):
    assert counts["circles of imports"]["between rooms"] == []


def test_modules_import_each_other_in_no_circle(counts):
    assert counts["circles of imports"]["between modules"] == []


def test_no_name_is_dead(counts):
    assert counts["dead names"]["dead"] == []


def test_each_exception_is_needed(counts):
    assert counts["dead names"]["exceptions that are not needed"] == []


def test_the_backbone_has_a_type(counts):
    assert counts["backbone of type Any or object"] == []


def test_few_places_ask_for_the_kind_of_a_concept(counts):
    asked = counts["questions for a concept's kind"]
    assert len(asked["comparisons"]) + len(asked["disguised"]) <= KINDS_ASKED, "\n".join(asked["comparisons"])


def test_records_cannot_be_changed_after_they_were_made(counts):
    """A figure that a report was made of stays what it was measured as."""
    assert set(counts["records that can be changed"]) == CHANGING
