"""TRC of 3D poses: the tracks of named markers, as OpenSim and others of motion capture read them."""

import math
import pathlib

from deephar.inference.export.takes import Take, Takes


class Trc(Takes):
    """Writes every person as a TRC file: mm, y up, right-handed; frames are counted from 1, gaps are empty fields."""

    def _text(self, take: Take, path: pathlib.Path) -> str:
        joints = ["_".join(name.split()) for name in self.about.layout.names]
        rate, frames, first = f"{take.rate:.10g}", str(len(take.indices)), str(take.indices[0] + 1)
        axes = [f"{axis}{number}" for number in range(1, len(joints) + 1) for axis in "XYZ"]
        lines = [
            ["PathFileType", "4", "(X/Y/Z)", " ".join(path.name.split())],
            ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
            + ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"],
            [rate, rate, frames, str(len(joints)), "mm", rate, first, frames],
            ["Frame#", "Time", *(field for joint in joints for field in (joint, "", ""))],
            ["", "", *axes],
            [],
        ]
        for index, seconds, points in zip(take.indices, take.seconds, take.points_mm, strict=True):
            values = ["" if math.isnan(value) else f"{value:.3f}" for value in points.ravel().tolist()]
            lines.append([str(index + 1), f"{seconds:.6f}", *values])
        return "".join("\t".join(line) + "\n" for line in lines)
