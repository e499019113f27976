"""Pose networks: stem, K prediction blocks, pose heads (paper section 3.1 and appendix A)."""
