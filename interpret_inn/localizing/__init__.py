"""Where factors act: tools for authors of localizers, and the reliability of masks.

```python
from interpret_inn.localizing import FactorReader, prepared_inputs


def where(translator, inputs, factor):
    prepared = prepared_inputs(translator, inputs)                 # (B, C, H, W), as the model takes them
    with translator.backbone.session(gradients=True):              # the model is given back as found
        reader = FactorReader(translator, factor)
        like = reader.codes(prepared)
        ...                                                        # gradients of reader.score(changed, like)
```
"""

from interpret_inn.localizing.factor_reader import FactorReader, prepared_inputs, require_images
from interpret_inn.localizing.image_changes import output_changes, redrawn_changes
from interpret_inn.localizing.mask_shapes import fit_size, heat_to_masks, overlay, soft_intervals
from interpret_inn.localizing.reliability import randomised, reliability
from interpret_inn.localizing.run_localizer import localize, places_finder, report_places
from interpret_inn.localizing.smoothing import smoothed
from interpret_inn.translating.translator import Translator

__all__ = [
    "FactorReader",
    "Translator",
    "fit_size",
    "heat_to_masks",
    "localize",
    "output_changes",
    "overlay",
    "places_finder",
    "prepared_inputs",
    "randomised",
    "redrawn_changes",
    "reliability",
    "report_places",
    "require_images",
    "smoothed",
    "soft_intervals",
]
