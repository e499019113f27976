import gc
import shutil
import threading

import keras
import numpy as np
import pytest
from helpers import eagerly
from PIL import Image

from deephar import config, layouts, losses
from deephar.data.batches import cached, loader, mixture, queues
from deephar.data.readers import lsp
from deephar.data.samples import crops
from deephar.training import fit

JOINED = ["pose_visibility"] * 2


def make_loader(folder, **options):
    return loader.PoseLoader([(lsp.LspExtended(folder), 5)], (64, 64), JOINED, augmentation="lsp", **options)


def names_of(batches, epoch, positions):
    """Names of the samples at some positions of the first reader's queue."""
    queue = batches.mixture
    reader = queue.sources[0][0]
    return [queue.take(0, epoch, place, lambda index, _: reader.sample(index).name, []) for place in positions]


def test_loader_batches(drawn):
    batches = make_loader(drawn)
    assert len(batches) == 3
    images, targets, weights = batches[2]
    assert images.shape == (5, 64, 64, 3) and images.dtype == np.float32
    assert len(targets) == len(weights) == 2
    assert targets[0].shape == (5, 14, 3) and targets[0] is targets[1]
    np.testing.assert_array_equal(weights[0], np.ones((5, 1), np.float32))


def test_loader_is_deterministic_and_epochs_differ(drawn):
    one, two = make_loader(drawn, seed=3), make_loader(drawn, seed=3)
    np.testing.assert_array_equal(one[1][0], two[1][0])
    two.on_epoch_end()
    assert not np.array_equal(one[1][0], two[1][0])
    assert not np.array_equal(one[1][0], make_loader(drawn, seed=4)[1][0])


def test_an_epoch_uses_every_sample_before_any_again(drawn):
    names = names_of(make_loader(drawn), 0, range(15))
    assert len(set(names[:12])) == 12 and len(set(names[12:])) == 3


def test_shards_share_the_samples_of_an_epoch(drawn):
    """Three shards together give what one loader gives, each sample once."""
    sources = [(lsp.LspExtended(drawn), 2)]
    whole = mixture.Mixture(sources, (64, 64), augmentation="lsp")
    shards = [mixture.Mixture(sources, (64, 64), augmentation="lsp", shard=(n, 3)) for n in range(3)]
    assert [len(s) for s in shards] == [2, 2, 2] and len(whole) == 6
    together = np.concatenate([s.batch(0, index).images for index in range(2) for s in shards])
    alone = np.concatenate([whole.batch(0, index).images for index in range(6)])
    assert sorted(map(np.sum, together)) == sorted(map(np.sum, alone))
    with pytest.raises(ValueError, match="shard"):
        mixture.Mixture(sources, (64, 64), shard=(3, 3))


def test_counts_by_ratio_by_hand():
    assert queues.counts_by_ratio(32, (75, 25)) == [24, 8]
    assert queues.counts_by_ratio(8, (10, 45, 45)) == [1, 4, 3]
    with pytest.raises(ValueError, match=r"gives \[0, 2, 2\]"):
        queues.counts_by_ratio(4, (10, 45, 45))


@pytest.mark.parametrize("counts", [(4, 4), (24, 8), (1, 4, 3), (7,), (14, 14, 2, 2)])
def test_every_contiguous_part_of_a_batch_holds_the_mixture(counts):
    """Within one sample, so that every copy of a network that shares a batch sees every dataset."""
    order = np.array(queues.interleave(counts))
    assert np.bincount(order).tolist() == list(counts)
    for number, count in enumerate(counts):
        expected = count * np.arange(len(order) + 1) / len(order)
        assert np.abs(np.concatenate([[0], np.cumsum(order == number)]) - expected).max() <= 1.0


def test_rows_of_a_batch_are_the_next_of_every_queue(drawn):
    sources = [(lsp.LspExtended(drawn), 3), (lsp.LspExtended(drawn, range(1, 4)), 1)]
    batches = mixture.Mixture(sources, (64, 64))
    rows = [row for index in range(2) for row in batches.rows(index)]
    assert [place for number, place in rows if number == 0] == list(range(6))
    assert [place for number, place in rows if number == 1] == [0, 1] and batches.batch_size == 4


def test_every_source_brings_its_own_augmentation(drawn):
    """The first source is turned by 180 degrees, the second is not: the same person stands on head and feet."""
    reader = lsp.LspExtended(drawn, [2])
    turned = config.AugmentConfig(angle=config.Choice((180.0,)))
    batch = mixture.Mixture([(reader, 1), (reader, 1)], (64, 64), augmentation=(turned, "none")).batch(0, 0)
    np.testing.assert_allclose(batch.target[0, :, :2], 1 - batch.target[1, :, :2], atol=1e-5)
    with pytest.raises(ValueError, match="one for each of 1 sources"):
        mixture.Mixture([(reader, 1)], (64, 64), augmentation=("none", "flip"))
    with pytest.raises(ValueError, match="Unknown augmentation 'fip'; they are none, flip"):
        mixture.Mixture([(reader, 1)], (64, 64), augmentation="fip")


def test_readers_are_mixed_by_count_and_joints_by_name(drawn):
    other = lsp.LspExtended(drawn, range(1, 4))
    sources = [(lsp.LspExtended(drawn), 3), (other, 1)]
    batches = loader.PoseLoader(sources, (64, 64), "pose_visibility", layout=layouts.get("pa16j"), dim=3)
    images, (target,), _ = batches[0]
    assert len(batches) == 4 and images.shape[0] == 4 and target.shape == (4, 16, 4)
    assert np.all(target[:, :2, :] == config.MISSING)  # pelvis and thorax: nothing is known
    assert np.all(target[:, 2:4, 3] == 1)  # neck and head top


class Unlabelled(lsp.LspExtended):
    """A reader whose first sample has no joint left inside its crop."""

    def sample(self, index):
        sample = super().sample(index)
        if index == 0:
            sample.pose_px[:] = np.nan
        return sample


def test_a_sample_without_labels_has_weight_zero_and_adds_no_loss(drawn):
    batch = mixture.Mixture([(Unlabelled(drawn, [1, 2]), 2)], (64, 64)).batch(0, 0)
    assert sorted(batch.weights[:, 0]) == [0, 1]
    empty = int(np.argmin(batch.weights))
    assert np.all(batch.target[empty, :, :2] == config.MISSING)


def test_weights_of_a_network_of_one_output_stay_with_their_samples(drawn):
    """In a tuple of one, (B, 1), Keras would multiply every weight with the loss of every sample."""
    batches = loader.PoseLoader([(Unlabelled(drawn, [1, 2]), 2)], (16, 16), "pose_visibility")
    image = keras.Input((16, 16, 3))
    pose = keras.layers.Reshape((14, 3))(keras.layers.Dense(42)(keras.layers.Flatten()(image)))
    model = keras.Model(image, pose)
    model.compile(loss=losses.elastic_net_sum, run_eagerly=True)
    images, (target,), weights = batches[0]
    alone = keras.ops.convert_to_numpy(losses.elastic_net_sum(target, model(images)))
    assert alone.min() > 0 and sorted(weights[:, 0]) == [0, 1]
    assert model.evaluate(batches, verbose=0) == pytest.approx((alone * weights[:, 0]).sum() / 2, rel=1e-5)


def broken_copy(drawn, folder):
    copy = shutil.copytree(drawn, folder / "copy")
    (copy / "images" / "im00002.jpg").write_bytes(b"broken")
    return copy


def test_broken_photographs(drawn, tmp_path, caplog):
    copy = broken_copy(drawn, tmp_path)
    with pytest.raises(ValueError, match=r"images/im00002.jpg is not a photograph"):
        [make_loader(copy)[index] for index in range(3)]
    patient = make_loader(copy, on_broken="count")
    assert all(patient[index][0].shape[0] == 5 for index in range(3))
    assert "im00002.jpg" in next(iter(patient.broken)) and "im00002.jpg" not in caplog.text
    loud = make_loader(copy, on_broken="skip")
    [loud[index] for index in range(3)]
    assert loud.broken == patient.broken and "im00002.jpg" in caplog.text


@pytest.mark.parametrize("processes", [0, 1])
def test_what_only_a_decoder_finds_does_not_end_a_training(processes, drawn, tmp_path):
    """A damaged AVIF, which raises RuntimeError, and a damaged block of EXIF data among good photographs."""
    copy = shutil.copytree(drawn, tmp_path / "copy")
    with Image.open(copy / "images" / "im00001.jpg") as whole:
        whole.save(copy / "images" / "im00002.jpg", "AVIF")
        whole.save(copy / "images" / "im00003.jpg", "WEBP", exif=b"Exif\0\0damage")
    content = bytearray((copy / "images" / "im00002.jpg").read_bytes())
    content[-40:] = bytes(40)
    (copy / "images" / "im00002.jpg").write_bytes(content)
    with pytest.raises(RuntimeError), Image.open(copy / "images" / "im00002.jpg") as damaged:
        damaged.load()
    batches = make_loader(copy, on_broken="skip", processes=processes)
    assert all(batches[index][0].shape[0] == 5 for index in range(3))
    assert sorted(message.split(" ")[0].rstrip(":") for message in batches.broken) == [
        "images/im00002.jpg",
        "images/im00003.jpg",
    ]
    batches.close()


def test_nothing_readable_is_an_error(drawn, tmp_path):
    copy = shutil.copytree(drawn, tmp_path / "copy")
    for file in (copy / "images").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="None of a reader's 12 samples"):
        make_loader(copy, on_broken="skip")[0]


def test_bad_loader_arguments(drawn):
    with pytest.raises(ValueError, match="on_broken"):
        make_loader(drawn, on_broken="ignore")
    with pytest.raises(ValueError, match="needs samples and a count"):
        loader.PoseLoader([(lsp.LspExtended(drawn), 0)], (64, 64), "pose_visibility")


def test_processes_and_threads_give_the_same_batches_and_end(drawn, tmp_path):
    """Over several epochs, with a broken photograph that is counted although another process met it."""
    copy = broken_copy(drawn, tmp_path)
    alone = make_loader(copy, on_broken="count")
    pooled = make_loader(copy, on_broken="count", processes=2)
    for _ in range(2):
        for index in range(3):
            np.testing.assert_array_equal(alone[index][0], pooled[index][0])
        alone.on_epoch_end()
        pooled.on_epoch_end()
    assert alone.broken == pooled.broken and alone.broken
    processes = [worker.process for worker in pooled._pool.workers]
    pooled.close()
    assert [process.poll() for process in processes] == [0, 0]


def test_processes_end_with_their_loader(drawn):
    pooled = make_loader(drawn, processes=1)
    pooled[0]
    (worker,) = pooled._pool.workers
    del pooled
    gc.collect()
    assert worker.process.wait(10) == 0


def tiny_model(side):
    image = keras.Input((side, side, 3))
    pose = keras.layers.Reshape((14, 3))(keras.layers.Dense(42, "sigmoid")(keras.layers.Flatten()(image)))
    model = keras.Model(image, [pose, pose])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_fit_reads_the_same_whatever_the_workers(workers, drawn):
    """`fit` over several epochs leaves no thread behind, and its epochs are the loader's."""
    seen = {}

    class Watched(loader.PoseLoader):
        def __getitem__(self, index):
            batch = super().__getitem__(index)
            seen[self.epoch, index] = batch[0].sum()
            return batch

    batches = Watched([(lsp.LspExtended(drawn), 5)], (16, 16), JOINED, workers=workers, augmentation="lsp")
    before = threading.active_count()
    tiny_model(16).fit(batches, epochs=3, shuffle=False, verbose=0)
    last = batches.epoch  # Keras reads two batches to learn their shapes and calls that an epoch
    places = [(epoch, index) for epoch in range(last - 3, last) for index in range(3)]
    assert [seen[place] for place in places] == [batches.mixture.batch(*place).images.sum() for place in places]
    assert threading.active_count() <= before + 2  # TensorFlow keeps a pool of its own


@pytest.mark.backend
def test_fit_trains_on_every_batch_in_its_order(drawn):
    """On JAX and PyTorch, Keras would read ahead to build the loss, and give the batches of an epoch before first."""
    batches = make_loader(drawn, workers=2)
    one, other = tiny_model(64), tiny_model(64)
    other.set_weights(one.get_weights())
    for model in (one, other):
        model.optimizer.learning_rate = 0.01
    with eagerly():
        fit(one, batches, epochs=2, verbose=0)
        first = batches.epoch - 2
        for number in range(6):
            batches.epoch = first + number // 3
            other.train_on_batch(*batches[number % 3])
    for learned, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(learned, expected, atol=1e-6)


def test_a_worker_that_fails_ends_fit_with_the_name(drawn, tmp_path):
    batches = make_loader(broken_copy(drawn, tmp_path), workers=2)
    model = tiny_model(64)
    with pytest.raises(Exception, match=r"im00002.jpg is not a photograph"):
        model.fit(batches, epochs=2, shuffle=False, verbose=0)


def test_cached_crops_are_those_of_the_reader(drawn):
    """Joints agree with the reader's within a thousandth of the crop, pixels closely, and a photograph is read once."""
    reader = lsp.LspExtended(drawn)
    kept = cached.Cached(reader, (64, 64))
    for index in (0, 5):
        plain, cheap = crops.make_crop(reader, index, (64, 64)), crops.make_crop(kept, index, (64, 64))
        np.testing.assert_allclose(cheap.pose_crop, plain.pose_crop, atol=1e-3)
        assert np.abs(cheap.image - plain.image).mean() < 0.02
    finer = cached.Cached(reader, (64, 64), detail=1.25).sample(0)
    assert kept.sample(0).image.size == (128, 128) and finer.image.size == (160, 160)
    reader.sample = None
    assert kept.sample(5) is kept.sample(5) and len(kept) == 12
