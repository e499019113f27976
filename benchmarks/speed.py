"""Speed of a network as a fraction of the machine's matrix product.

Command  python benchmarks/speed.py [--model mpii-2d] [--batch-size 8] [--rounds 5]
Result   images per second and FLOP rates in float32 and bfloat16, medians of interleaved rounds in one process,
         and their ratio to a float32 product of two 2048 x 2048 matrices on the same threads. Compare ratios, not
         times: times drift from run to run.
FLOPs    2 per multiply-and-add of the convolutions, counted from the shapes of the layers
"""

import argparse
import statistics

import keras
import numpy as np
from networks import built

from deephar import models
from deephar.models import registry
from deephar.models.settings import flat
from deephar.stopwatch import in_turn

SIDE, PRODUCTS = 2048, 4


def convolution_flops(model):
    """FLOPs of all convolutions for one image."""
    total = 0
    for layer in model.layers:
        kernels = [weight for weight in layer.weights if "kernel" in weight.name]
        if kernels:
            rows, columns = layer.output.shape[1:3]
            total += 2 * rows * columns * sum(int(np.prod(kernel.shape)) for kernel in kernels)
    return total


def traced_flops(model):
    """FLOPs of all convolutions for one clip of 16 frames, or of as many as the network is for; TensorFlow alone."""
    import tensorflow as tf

    spec = tf.TensorSpec((1, *(size or 16 for size in model.input_shape[1:])))
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
            kernel = operation.inputs[1].shape
            products = kernel[:3] if operation.type == "Conv2D" else kernel[:2]
            total += 2 * operation.outputs[0].shape.num_elements() * products.num_elements()
    return total


def is_for_clips(preset):
    return bool(flat(registry.settings(preset)).get("frames"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mpii-2d", choices=[name for name in models.NAMES if not is_for_clips(name)])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    networks = {precision: built(args.model, precision) for precision in ("float32", "bfloat16")}
    flops = convolution_flops(networks["float32"])
    generator = np.random.default_rng(0)
    images = generator.uniform(-1, 1, (args.batch_size, *networks["float32"].input_shape[1:])).astype("float32")
    matrix = keras.ops.convert_to_tensor(generator.normal(size=(SIDE, SIDE)).astype("float32"))

    def multiply():
        for _ in range(PRODUCTS):
            product = keras.ops.matmul(matrix, matrix)
        keras.ops.convert_to_numpy(product)

    tasks = {"matrix product": (multiply, PRODUCTS * 2 * SIDE**3)}
    for policy, model in networks.items():
        tasks[policy] = (lambda model=model: model.predict_on_batch(images), args.batch_size * flops)
    times = in_turn({name: task for name, (task, _) in tasks.items()}, args.rounds)
    rates = {name: work / statistics.median(times[name]) / 1e9 for name, (_, work) in tasks.items()}
    print(f"{args.model}, batch {args.batch_size}, {keras.backend.backend()}, {flops / 1e9:.1f} GFLOP an image")
    for name, rate in rates.items():
        images_a_second = "" if name == "matrix product" else f", {rate * 1e9 / flops:.2f} images a second"
        print(f"  {name:<15}{rate:8.1f} GFLOP/s, ratio {rate / rates['matrix product']:.2f}{images_a_second}")


if __name__ == "__main__":
    main()
