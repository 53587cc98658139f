"""Images of known factors, drawn by number: ground truth for methods that find factors.

```python
from interpret_inn.datasets import Sprites

sprites = Sprites()                                # 737,280 images; none is stored
images = sprites.images([0, 1000])                 # uint8 (2, 64, 64, 1)
sprites.latents([0, 1000])                         # int64 (2, 5): shape, scale, orientation, x, y
```
"""

from interpret_inn.datasets.known import KnownFactors
from interpret_inn.datasets.scenes import Scenes
from interpret_inn.datasets.sprites import Sprites

__all__ = ["KnownFactors", "Scenes", "Sprites"]
