"""Pack the people of exp/lsp/train_lsp.py --recipe fused as small JPEG crops, to train where the photographs are not.

Data     as that recipe: LSP-extended (--data), what two networks found in it (--poses), street photographs (--street)
         and what they found there (--street-poses)
Command  python datasets/pack_lsp.py --data lspet_dataset.zip --poses lspe.npz --street ccp.zip --street-poses ccp.npz
Result   runs/packed/: lsp.zip, street.zip, beside.zip (windows beside people), validation.zip; for --packed of
         train_lsp.py and train_lsp_3d.py. Depth is packed with the joints
"""

import argparse
import pathlib

from deephar.data.readers import fused, lsp, packed
from deephar.option_types import at_least


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--poses", required=True, type=pathlib.Path, help=".npz of what two networks found in it")
    parser.add_argument("--street", required=True, type=pathlib.Path, help="folder or zip of photographs")
    parser.add_argument("--street-poses", required=True, type=pathlib.Path, help=".npz of what they found in these")
    parser.add_argument("--out", default="runs/packed", type=pathlib.Path)
    parser.add_argument("--side", type=at_least(16), default=172, help="of a crop in pixels, 1.4 windows wide")
    parser.add_argument("--quality", type=at_least(1), default=60, help="of the JPEG files")
    parser.add_argument("--smoke", action="store_true", help="a few people only")
    args = parser.parse_args()
    train, choose = (range(1, 9), range(9, 13)) if args.smoke else (lsp.SPLITS["train"], lsp.SPLITS["choose"])
    try:
        people, validation = (lsp.LspExtended(args.data, part) for part in (train, choose))
        sources = fused.sources(people, args.poses, args.street, args.street_poses, depth=True)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return args, {**sources, "validation": validation}


def main():
    args, sources = options()
    for name in fused.PACKED:
        path = args.out / f"{name}.zip"
        try:
            broken = packed.pack(sources[name], path, args.side, quality=args.quality, progress=True)
        except (ValueError, OSError) as error:
            raise SystemExit(f"{path}: {error}") from None
        size = path.stat().st_size / 2**20
        print(f"{path}: {len(sources[name]) - len(broken)} people, {size:.1f} MB; could not be read: {len(broken)}")


if __name__ == "__main__":
    main()
