"""Samples: pictures, augmentation, crops, clips and targets."""
