"""Reports: an explanation as one HTML file, and the same content as JSON."""

from interpret_inn.reports.report import Report, page

__all__ = ["Report", "page"]
