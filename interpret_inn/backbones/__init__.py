"""A frozen network and a site in it."""

from interpret_inn.backbones.address import Address, check_path
from interpret_inn.backbones.attach import Attachment, Listener
from interpret_inn.backbones.backbone import Backbone, adapt_module
from interpret_inn.backbones.default_site import default_site
from interpret_inn.backbones.layouts import Carried, Layout, infer_layout
from interpret_inn.backbones.preprocess import Preprocess
from interpret_inn.backbones.sites import SiteRow, SiteTable, sites
from interpret_inn.backbones.state import as_found, unwrap
from interpret_inn.backbones.structures import primary
from interpret_inn.backbones.tails import drop_wrong_tail, rule_of_its_own

__all__ = [
    "Address",
    "Attachment",
    "Backbone",
    "Carried",
    "Layout",
    "Listener",
    "Preprocess",
    "SiteRow",
    "SiteTable",
    "adapt_module",
    "as_found",
    "check_path",
    "default_site",
    "drop_wrong_tail",
    "infer_layout",
    "primary",
    "rule_of_its_own",
    "sites",
    "unwrap",
]
