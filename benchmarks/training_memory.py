"""Memory of a training step, counted: what PyTorch keeps of a forward pass, and what belongs to every weight.

Command  KERAS_BACKEND=torch python benchmarks/training_memory.py mpii-2d [--batch-size 24] [--precision bfloat16]
         [--rematerialize]
Data     none; weights and pictures are random
Result   GB (1e9 bytes) of a step for the whole batch and for parts of it (`--accumulate`), as a table in Markdown: what
         autograd keeps of such a batch for the backward pass, and 12 bytes for every weight: itself, its gradient and
         RMSprop's slot; 4 more for the sum of gradients. With `--rematerialize`, what is kept up to a segment of the
         network, and for the gradient of that segment itself, where this is most. Tensors have shapes alone, so nothing
         of that is allocated. Not counted: gradients of maps in passing, the workspace of convolutions, and the
         driver's own 0.3 to 1 GB
"""

import argparse
import json
from unittest import mock

import keras
import networks
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from deephar.training.rematerialization import rematerialized


class Kept:
    """Tensors that are kept, each storage once, the weights themselves left out."""

    def __init__(self) -> None:
        self.storages, self.held = {}, []

    def add(self, tensor):
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            self.storages[storage._cdata] = storage.nbytes()
            self.held.append(tensor)  # so that no other storage takes its place
        return tensor

    def by_autograd(self):
        """Context in which what is saved for the backward pass is added."""
        return torch.autograd.graph.saved_tensors_hooks(self.add, lambda tensor: tensor)


def kept_bytes(model, count):
    """What autograd keeps for the backward pass of a batch."""
    kept = Kept()
    with FakeTensorMode(allow_non_fake_inputs=True), kept.by_autograd():
        model(networks.example(model.input_shape, count), training=True)
    return sum(kept.storages.values())


def rematerialized_bytes(model, count):
    """The most that is kept at a time: what crosses borders up to a segment, and what its own gradient needs."""
    borders, totals = Kept(), []

    def counted(segment):
        def run(*arguments):
            own = Kept()
            for tensor in arguments:
                borders.add(tensor)
            with own.by_autograd():
                results = segment(*arguments)
            totals.append(sum({**borders.storages, **own.storages}.values()))
            borders.held.extend(own.held)
            return results

        return run

    shapes = FakeTensorMode(allow_non_fake_inputs=True)
    with mock.patch.object(keras, "remat", counted), rematerialized(model), shapes:
        model(networks.example(model.input_shape, count), training=True)
    return max(totals)


def weight_bytes(model, accumulate):
    """Weights, gradients, a slot of the optimizer, and the sum of gradients."""
    trained = sum(weight.numel() for weight in (variable.value for variable in model.trainable_weights))
    return 4 * model.count_params() + 4 * trained * (3 if accumulate else 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--batch-size", type=int, default=24, help="photographs, or clips")
    parser.add_argument("--precision", default="float32", choices=tuple(networks.POLICIES))
    parser.add_argument("--rematerialize", action="store_true")
    parser.add_argument("--overrides", type=json.loads, default={}, metavar="JSON")
    args = parser.parse_args()
    if keras.backend.backend() != "torch":
        parser.error("this counts what PyTorch keeps; set KERAS_BACKEND=torch")
    model = networks.built(args.preset, args.precision, args.overrides)
    count = rematerialized_bytes if args.rematerialize else kept_bytes
    print(f"{args.preset}, {args.precision}{', rematerialized' if args.rematerialize else ''}")
    print("| batch | parts | GB |\n| ---: | ---: | ---: |")
    for parts in (parts for parts in range(1, args.batch_size + 1) if args.batch_size % parts == 0):
        kept = count(model, args.batch_size // parts)
        print(f"| {args.batch_size} | {parts} | {(kept + weight_bytes(model, parts > 1)) / 1e9:.1f} |")


if __name__ == "__main__":
    main()
