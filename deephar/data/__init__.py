"""Data road: readers give samples, frames and augmentation turn them into crops, the loader into batches."""
