"""Keep the first prediction blocks of a trained pose network: each is supervised, so that a smaller network results.

Data     none
Command  python exp/lsp/cut_lsp.py --weights runs/lsp/best.weights.h5 --blocks 2 --out runs/lsp_lite
Result   OUT/best.weights.h5, small.weights.h5 (kernels in half precision, for distribution) and model.json; the score
         is that of eval_lsp.py
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import dataclasses
import pathlib

from deephar import files, models
from deephar.models import surgery
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--blocks", type=int, default=2, help="to keep (default: %(default)s)")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="a new folder")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier run left in OUT")
    args = parser.parse_args()
    try:
        about, whole = loading.describe(args.weights), loading.load(args.weights)
        if not 1 <= args.blocks < about.network.num_blocks:
            raise ValueError(f"Expected --blocks from 1 to {about.network.num_blocks - 1}. Received: {args.blocks}")
        files.new_run(args.out, args.overwrite)
        return args, about, whole
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def main():
    args, about, whole = options()
    about = dataclasses.replace(about, overrides={**about.overrides, "num_blocks": args.blocks}, score="unknown")
    model = models.build(about.preset, **about.overrides)
    surgery.copy_pose(whole, model)
    files.save_weights(model, args.out / "best.weights.h5")
    files.shrink_weights(args.out / "best.weights.h5", args.out / "small.weights.h5")
    about.write(args.out / "model.json")
    print(f"{model.count_params():,} of {whole.count_params():,} parameters; wrote {args.out / 'best.weights.h5'}")


if __name__ == "__main__":
    main()
