"""Samples: images, augmentation, crops, clips and targets."""
