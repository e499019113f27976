"""Memory of a training step, counted: what PyTorch keeps of a forward pass, and what belongs to every weight.

Command  KERAS_BACKEND=torch python benchmarks/training_memory.py mpii-2d [--batch-size 24] [--precision bfloat16]
Data     none; weights and pictures are random
Result   GB (1e9 bytes) of a step for the whole batch and for parts of it (`--accumulate`), as a table in Markdown: what
         autograd keeps of such a batch for the backward pass, and 12 bytes for every weight: itself, its gradient and
         RMSprop's slot; 4 more for the sum of gradients. Tensors have shapes alone, so nothing of that is allocated.
         Not counted: gradients of maps in passing, the workspace of convolutions, and the driver's own 0.3 to 1 GB
"""

import argparse
import json

import keras
import networks
import torch
from torch._subclasses.fake_tensor import FakeTensorMode


def kept_bytes(model, count):
    """What autograd keeps for the backward pass of a batch, each storage once, the weights themselves left out."""
    storages = {}

    def keep(tensor):
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            storages[storage._cdata] = storage.nbytes()
        return tensor

    x = networks.example(model.input_shape, count)
    shapes = FakeTensorMode(allow_non_fake_inputs=True)
    with shapes, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = model(x, training=True)  # which holds the graph, and so every storage at its place
        total = sum(storages.values())
    del outputs
    return total


def weight_bytes(model, accumulate):
    """Weights, gradients, a slot of the optimizer, and the sum of gradients."""
    trained = sum(weight.numel() for weight in (variable.value for variable in model.trainable_weights))
    return 4 * model.count_params() + 4 * trained * (3 if accumulate else 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--batch-size", type=int, default=24, help="photographs, or clips")
    parser.add_argument("--precision", default="float32", choices=tuple(networks.POLICIES))
    parser.add_argument("--overrides", type=json.loads, default={}, metavar="JSON")
    args = parser.parse_args()
    if keras.backend.backend() != "torch":
        parser.error("this counts what PyTorch keeps; set KERAS_BACKEND=torch")
    model = networks.built(args.preset, args.precision, args.overrides)
    print(f"{args.preset}, {args.precision}")
    print("| batch | parts | GB |\n| ---: | ---: | ---: |")
    for parts in (parts for parts in range(1, args.batch_size + 1) if args.batch_size % parts == 0):
        kept = kept_bytes(model, args.batch_size // parts)
        print(f"| {args.batch_size} | {parts} | {(kept + weight_bytes(model, parts > 1)) / 1e9:.1f} |")


if __name__ == "__main__":
    main()
