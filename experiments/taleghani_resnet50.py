"""Taleghani: benign, early, pre or pro, a frozen ResNet50 on 3,256 smears.

Command:  python experiments/taleghani_resnet50.py --data DIR
          It takes every option of `leukcnn reproduce`; `--help` lists them.
Needs:    the folder 'taleghani' below DIR (`leukcnn datasets taleghani` says where to get it) and ImageNet's
          weights for ResNet50, which Keras downloads (--weights FILE where it can't). Without them,
          --base scratch trains a small network from scratch.
Cost:     one pass of ResNet50 over the images, which takes some minutes on 2 cores and is kept; the networks
          of all splits together take as long again. --base scratch: see experiments/RESULTS.rst.
Expected: both classification reports of the paper, accuracy in percent on 651 images:

          ResNet50, frozen  99.00

A quick look on synthetic smears, not comparable: --data synthetic --profile smoke
"""

import sys

from leukcnn.cli import main

if __name__ == "__main__":
    main(["reproduce", "taleghani_resnet50", *sys.argv[1:]], prog_name="leukcnn")
