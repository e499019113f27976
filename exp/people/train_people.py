"""Train the detector of people on mosaics of photographs and synthetic groups.

Data     LSP-extended, the official folder or a zip, photographs 1-3500 and 4201-8500 with the joints that two networks
         predicted in them (--poses), a zip of street photographs of one person each (--street) with predicted joints
         (--street-poses), of which 1-1700 are for training; see train_lsp.py
Command  python exp/people/train_people.py --data lspet_dataset.zip --poses lspe.npz --street ccp.zip
         --street-poses ccp.npz --start lsp-lite-2d
         with --weights weights/people.weights.h5 instead of --start: from where deephar's detector was left
Time     about two seconds a batch on two cores of an AVX2 server CPU, 0.8 on two AVX-512 cores
Score    see weights/README.md; eval_people.py measures it
Result   OUT/people.weights.h5, for `deephar.detection.loading.load`; OUT/log.csv; --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import keras

from deephar import files
from deephar.data.readers import fused, lsp
from deephar.data.synthetic import groups
from deephar.detection import loading, losses, mosaics, network
from deephar.runtimes import fusion
from deephar.training import logs, state
from deephar.training.callbacks import KeepFreedMemory
from deephar.training.checkpoint import Checkpoint
from deephar.training.versions import versions
from deephar.weights.loading import load

SHARES = {"lsp": 0.5, "street": 0.22, "beside": 0.1, "drawn": 0.12, "empty": 0.06}
"""How often a tile of a mosaic is from each source."""

ALL_KNOWN = ("street", "beside", "empty")
"""Sources that show nobody but the people who are labelled."""

RATE, WARMUP = 1.5e-3, 50

RECIPE = ("start", "weights", "epochs", "steps", "batch_size", "seed")
"""Options that say what is trained, and must be the same when a training is resumed."""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, text in (("data", "folder or zip of LSP-extended"), ("street", "folder or zip of street photographs")):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path, help=text)
    for name in ("poses", "street-poses"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path, help=".npz of two networks' joints")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--start", help="weights of a pose network of the same width, whose stem is taken")
    start.add_argument("--weights", type=pathlib.Path, help="initial weights of the detector, a file of this script")
    parser.add_argument("--out", default="runs/people", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--steps", type=int, default=100, help="batches of an epoch")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on after the last whole epoch in OUT")
    again.add_argument("--overwrite", action="store_true", help="replace an earlier training in OUT")
    parser.add_argument("--smoke", action="store_true", help="four batches of a few photographs, to see that all works")
    args = parser.parse_args()
    if args.smoke:
        args.epochs, args.steps, args.batch_size = 2, 2, 2
    try:
        args.earlier = earlier(args) if args.resume else None
        scenes, model = sources(args), started(args)
        if not args.resume:
            files.new_run(args.out, args.overwrite)
            files.clear_run(args.out)
        return args, scenes, model
    except (ValueError, OSError) as error:
        parser.error(str(error))


def recipe(args):
    """What is trained, by name, as a checkpoint records it."""
    return {name: str(getattr(args, name)) for name in RECIPE}


def earlier(args):
    """The state of the training to go on with, and the file of its checkpoint."""
    found, path = state.read(args.out)
    state.check_same(found, recipe(args), path)
    if found["over"] and (args.out / "people.weights.h5").exists():
        raise ValueError(f"The training in {args.out} has ended; --weights goes on from its network")
    return found, path


def sources(args):
    """Scenes by name, with their shares."""
    people = lsp.LspExtended(args.data, range(1, 33) if args.smoke else lsp.SPLITS["train"])
    readers = fused.sources(people, args.poses, args.street, args.street_poses, args.seed)
    scenes = {name: mosaics.OnePerson(reader, name in ALL_KNOWN) for name, reader in readers.items()}
    scenes["drawn"] = mosaics.Drawn(groups.Groups(3000, seed=args.seed))
    return {name: (scenes[name], share) for name, share in SHARES.items()}


def started(args):
    """The network: as it was left by an earlier run, or with the stem and hourglass of a pose network, or new."""
    keras.utils.set_random_seed(args.seed)
    if args.weights:
        return loading.load(args.weights)
    model = network.build(width=loading.WIDTH)
    if args.start:
        pose = load(args.start)
        known = {layer.name: layer for layer in pose.layers if layer.weights}
        for layer in model.layers:
            if layer.weights and layer.name in known:
                layer.set_weights(known[layer.name].get_weights())
    return model


def main():
    args, scenes, model = options()
    batches = mosaics.Mosaics(scenes, args.batch_size, args.steps, args.seed, workers=2, max_queue_size=4)
    steps = args.epochs * args.steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - WARMUP), warmup_target=RATE, warmup_steps=min(WARMUP, steps)
    )
    model.compile(keras.optimizers.Adam(rate), losses.PeopleLoss())
    if args.earlier:
        state.restore(model, args.earlier[1])
        batches.epoch = args.earlier[0]["epoch"]
    told = {"recipe": recipe(args), "stage": 0, "scores": [], "rate": RATE, "loader_first": 0, "versions": versions()}
    begin = args.earlier[0]["epoch"] if args.earlier else 0
    kept = [KeepFreedMemory(), logs.EpochLog(args.out / "log.csv", begin), Checkpoint(args.out, batches, told, [])]
    with fusion.fused(model):
        model.fit(batches, epochs=args.epochs, initial_epoch=begin, shuffle=False, callbacks=kept)
    files.save_weights(model, args.out / "whole.weights.h5")
    files.shrink_weights(args.out / "whole.weights.h5", args.out / "people.weights.h5")
    print(f"wrote {args.out / 'people.weights.h5'}")


if __name__ == "__main__":
    main()
