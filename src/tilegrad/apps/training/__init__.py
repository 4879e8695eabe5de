"""`tilegrad train`: a convolutional network learns to tell images apart, before one's eyes.

`recipe.py` says how each data set is learnt, `batches.py` makes batches of images, `trainer.py`
trains and tells how far it is, `display.py` shows that, `summary.py` says what was compiled, and
`run.py` puts them together. Enter at `train`.
"""

from tilegrad.apps.training.recipe import MODELS, Recipe, recipe_for
from tilegrad.apps.training.run import train

__all__ = ["MODELS", "Recipe", "recipe_for", "train"]
