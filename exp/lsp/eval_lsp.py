"""Score a network trained by train_lsp.py on photographs it has not seen, and draw its predictions.

Data     the official folder or a zip of it; photographs 3701-4200 test
Command  python exp/lsp/eval_lsp.py --data lspet_dataset.zip --run runs/lsp
Result   a table of PCK@0.2 (torso) per joint, RUN/eval.json, RUN/predictions.png
Protocol crop = square extent of the located joints x 1.25; torso = the longer located shoulder-hip diagonal;
         people with neither diagonal are left out and counted; located joints only; one crop
"""

import argparse
import json
import pathlib

import numpy as np

from deephar import draw, files, models
from deephar.data import crops, lsp
from deephar.evaluation import pose2d, report


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--run", default="runs/lsp", type=pathlib.Path, help="folder that train_lsp.py wrote")
    parser.add_argument("--weights", default="best.weights.h5", help="file in that folder")
    parser.add_argument("--split", default="test", choices=lsp.SPLITS)
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--smoke", action="store_true", help="four photographs only")
    args = parser.parse_args()
    train, test = range(1, 501), lsp.SPLITS[args.split]
    if args.smoke:
        train, test = range(1, 9), range(9, 13)
    if not (args.run / "model.json").is_file():
        parser.error(f"no model.json in {args.run}; train first: python exp/lsp/train_lsp.py --out {args.run}")
    try:
        return args, lsp.LspExtended(args.data, train), lsp.LspExtended(args.data, test)
    except ValueError as error:
        parser.error(str(error))


def main():
    args, train, test = options()
    trained = json.loads((args.run / "model.json").read_text())
    model = models.build(trained["model"], args.run / args.weights, concat_visibility=True, **trained["overrides"])
    size = model.input_shape[1:3]
    train, test = crops.Crops(train, size), crops.Crops(test, size)

    predictions = pose2d.predict(model, test, flip=args.flip, progress=True)
    scores = pose2d.pck_scores(predictions, test.layout)
    print(report.pck_table(scores))
    baseline = pose2d.pck_scores(pose2d.constant_baseline(train, test), test.layout)
    print(f"  mean pose of {len(train)} training crops: {baseline['total']:.1f} %")
    report.save_json(scores, args.run / "eval.json")
    shown = np.linspace(0, len(test) - 1, min(len(test), 24)).astype(int)
    pictures = [draw.draw_crop(test[index], predictions.pose_px[-1, index], test.layout) for index in shown]
    with files.whole_file(args.run / "predictions.png") as temporary:
        draw.contact_sheet(pictures, columns=8).save(temporary)
    print(f"wrote {args.run / 'eval.json'} and {args.run / 'predictions.png'}")


if __name__ == "__main__":
    main()
