"""One script a task, read from top to bottom. Run one: ``python -m recipes.NAME``."""

import os

# TensorFlow reads this when it is first imported: errors only at start-up.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
