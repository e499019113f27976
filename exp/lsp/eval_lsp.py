"""Score a network trained by train_lsp.py on held-out photographs, and draw its predictions.

Data     the official folder or a zip of it; test split: photographs 3701-4200
Command  python exp/lsp/eval_lsp.py --data lspet_dataset.zip --weights runs/lsp/best.weights.h5
         --runtime openvino --precision int8: what a runtime and a precision cost
Result   a table of PCK@0.2 (torso) per joint, by posture, of parts of people and by confidence, OUT/eval.json,
         OUT/predictions.png
Protocol crop = square extent of the located joints x 1.25; torso = the longer located shoulder-hip diagonal;
         people with neither diagonal are skipped and counted; located joints only; one crop. Parts: as if the
         photograph ended below (above) that share of the person's height, in a window of their own; the joints left
         there, always one crop
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import numpy as np

from deephar.data.readers import lsp
from deephar.data.samples import augment, crops
from deephar.evaluation import breakdown, figures, pose2d, report
from deephar.inference import PosePredictor

PARTS = {
    f"{side} {100 * share:.0f} %": augment.Draw(part=(angle, share), ends=True)
    for side, angle, share in (("upper", 90.0, 0.6), ("upper", 90.0, 0.35), ("lower", 270.0, 0.5))
}
"""Parts of people that are scored on their own: `Draw` by name."""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--weights", default="photo-lite-2d", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/lsp", type=pathlib.Path)
    parser.add_argument("--split", default="test", choices=lsp.SPLITS)
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--errors", type=pathlib.Path, help="write those of all joints, in torso sizes, to this .npz")
    parser.add_argument("--curve", type=pathlib.Path, help="draw how often joints are found over their confidence")
    parser.add_argument("--multi-crop", action="store_true", help="average over 5 displaced crops")
    parser.add_argument("--runtime", help="keras, openvino, onnx or litert (default: keras)")
    parser.add_argument("--precision", default="float32", help="or bfloat16, int8, of OpenVINO (default: %(default)s)")
    parser.add_argument("--calibration", type=pathlib.Path, help="photographs for --precision int8, not of the split")
    parser.add_argument("--smoke", action="store_true", help="four photographs only")
    args = parser.parse_args()
    train, test = range(1, 501), lsp.SPLITS[args.split]
    if args.smoke:
        train, test = range(1, 9), range(9, 13)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        readers = lsp.LspExtended(args.data, train), lsp.LspExtended(args.data, test)
        runs = {"runtime": args.runtime, "precision": args.precision, "calibration": args.calibration}
        return args, *readers, PosePredictor.from_weights(args.weights, detector=None, **runs)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def main():
    args, train, test, predictor = options()
    model, layout = predictor.model, predictor.layout
    size = model.input_shape[1:3]
    plain = crops.Crops(test, size, layout)
    cuts = crops.displaced_crops(test, size, layout) if args.multi_crop else [plain]
    predictions = pose2d.average(
        [pose2d.predict(model, cut, flip=args.flip, progress=True, on_broken="skip") for cut in cuts]
    )
    scores = pose2d.pck_scores(predictions, layout)
    postures, confidence = breakdown.by_posture(predictions, layout), breakdown.calibration(predictions, layout)
    parts = {}
    for name, draw in PARTS.items():
        shown = pose2d.predict(model, crops.Crops(test, size, layout, draw), flip=args.flip, on_broken="skip")
        parts[name] = breakdown.within_crop(shown, layout)
    print(report.pck_table(scores))
    print(report.breakdown_table(postures | parts, confidence))
    result = {**scores, "postures": postures, "parts": parts, "calibration": confidence}
    report.save_json(result, args.out / "eval.json")
    if args.curve:
        figures.save_calibration(confidence, args.curve)
    if args.errors:
        np.savez(args.errors, errors=pose2d.errors(predictions, layout), names=np.array(layout.names))
    baseline = pose2d.constant_baseline(crops.Crops(train, size, layout), plain, on_broken="skip")
    print(f"  mean pose of {len(train)} training crops: {pose2d.pck_scores(baseline, layout)['total']:.1f} %")
    report.save_pictures(plain, predictions, args.out / "predictions.png")
    print(f"wrote {args.out / 'eval.json'} and {args.out / 'predictions.png'}")


if __name__ == "__main__":
    main()
