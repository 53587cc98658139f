"""Reports: an explanation as one HTML file, and the same content as JSON."""

from interpret_inn.reports.page import page
from interpret_inn.reports.report import Report

__all__ = ["Report", "page"]
