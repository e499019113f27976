"""Average the weights of a trained network and of the same trained on, to lie between what either is good at.

Data     none; the share is to be chosen on the validation split: eval_lsp.py --split choose
Command  python exp/lsp/average_lsp.py --weights photo-lite-2d runs/lsp/best.weights.h5 --share 0.35 --out runs/average
Result   OUT/best.weights.h5, small.weights.h5 (kernels in half precision, for distribution) and model.json
Source   Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import dataclasses
import pathlib

from deephar import files
from deephar.option_types import within
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--weights", required=True, nargs=2, metavar=("BEFORE", "AFTER"), help="names, or files of one network"
    )
    parser.add_argument("--share", default=0.5, type=within(0, 1), help="of AFTER (default: %(default)s)")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="a new folder")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier run left in OUT")
    args = parser.parse_args()
    try:
        before, after = map(loading.load, args.weights)
        shapes = [[weight.shape for weight in model.weights] for model in (before, after)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"Expected weights of one network. Received: {' and '.join(args.weights)}")
        about = dataclasses.replace(loading.describe(args.weights[1]), score="unknown")
        files.new_run(args.out, args.overwrite)
        return args, about, before, after
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def main():
    args, about, before, after = options()
    pairs = zip(before.get_weights(), after.get_weights(), strict=True)
    after.set_weights([(1 - args.share) * old + args.share * new for old, new in pairs])
    files.save_weights(after, args.out / "best.weights.h5")
    files.shrink_weights(args.out / "best.weights.h5", args.out / "small.weights.h5")
    about.write(args.out / "model.json")
    print(
        f"{1 - args.share:g} and {args.share:g} of {' and '.join(args.weights)}: wrote {args.out / 'best.weights.h5'}"
    )


if __name__ == "__main__":
    main()
