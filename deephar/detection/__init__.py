"""Finding people in pictures: a small network of our own that gives boxes, and adapters of other detectors."""
