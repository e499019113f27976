import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "deephar" / "__init__.py").read_text(encoding="utf-8")).group(1)

VIDEO, H36M, FIGURES, BASELINES = ["av>=12.0"], ["cdflib>=1.2"], ["matplotlib>=3.8"], ["scikit-learn>=1.4"]
DOCS = ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.27"]
RUNTIMES = {"onnx": ["onnxruntime>=1.20"], "openvino": ["openvino>=2025.0"], "litert": ["ai-edge-litert>=1.0"]}
INT8 = ["nncf>=3.0", *RUNTIMES["openvino"]]
EXPORT = ["tf2onnx>=1.16", "onnx>=1.17"]
BACKENDS = {"jax": ["jax>=0.4.30"], "torch": ["torch>=2.4"]}
TENSORBOARD = ["tensorboard>=2.18"]
RAY = ["ray>=2.40", "ray[data]"]

setup(
    name="deephar",
    version=VERSION,
    description="2D pose, 3D pose and action from one RGB network, on Keras 3",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the deephar contributors",
    license="MIT",
    packages=[*find_packages(include=["deephar*"]), "deephar.weights.files"],
    package_dir={"deephar.weights.files": "weights"},
    package_data={"deephar": ["py.typed"], "deephar.weights.files": ["*.weights.h5", "README.md"]},
    entry_points={"console_scripts": ["deephar = deephar.cli:main"]},
    python_requires=">=3.11",
    install_requires=[
        "filelock>=3.12",
        "h5py>=3.11",
        "keras>=3.8",
        "numpy>=1.26",
        "pillow>=10.1",
        "scipy>=1.11",
        "tensorflow>=2.18",
        "tqdm>=4.60",
    ],
    extras_require={
        **BACKENDS,
        "video": VIDEO,
        "heic": ["pillow-heif>=0.18"],
        "h36m": H36M,
        "figures": FIGURES,
        "baselines": BASELINES,
        "hub": ["huggingface_hub>=0.24"],
        **RUNTIMES,
        "int8": INT8,
        "export": EXPORT,
        "tensorboard": TENSORBOARD,
        "ray": RAY,
        "docs": DOCS,
        "test": [
            "pytest>=8.0",
            "pytest-xdist>=3.5",
            "ruff>=0.8",
            "pyright[nodejs]>=1.1.400",
            "build>=1.2",
            "setuptools>=77",
            *DOCS,
            *BACKENDS["jax"],
            *BACKENDS["torch"],
            *RUNTIMES["onnx"],
            *RUNTIMES["openvino"],
            *RUNTIMES["litert"],
            *EXPORT,
            *VIDEO,
            *H36M,
            *FIGURES,
            *BASELINES,
            *TENSORBOARD,
        ],
    },
    classifiers=[
        *[f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)],
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
