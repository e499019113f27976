import numpy as np

from deephar.evaluation import baselines


def test_a_linear_classifier_finds_what_is_linear_and_nothing_else():
    generator = np.random.default_rng(0)
    classes, test_classes = generator.integers(0, 3, 200), generator.integers(0, 3, 100)
    centres = 4 * generator.normal(size=(3, 50))
    train, test = (centres[c] + generator.normal(size=(len(c), 50)) for c in (classes, test_classes))
    assert baselines.linear_accuracy(train, classes, test, test_classes) == 1.0
    noise = [generator.normal(size=(len(c), 50)) for c in (classes, test_classes)]
    assert baselines.linear_accuracy(noise[0], classes, noise[1], test_classes) < 0.5


def test_the_nearest_pose_is_that_of_the_most_alike_image_whatever_its_brightness():
    generator = np.random.default_rng(1)
    known, poses = generator.uniform(size=(5, 8, 8, 3)), generator.uniform(size=(5, 16, 2))
    found = baselines.nearest_pose(known, poses, known[[3, 0]] + 0.3)
    np.testing.assert_array_equal(found, poses[[3, 0]])
