"""The network of 2020 that predicts poses and actions at every level of its pyramids (SPNet, TPAMI 2020)."""
