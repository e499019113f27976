"""Finding people in pictures: a small network that gives boxes, built from the stem and hourglass of pose networks."""
