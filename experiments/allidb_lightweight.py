"""ALL-IDB 1 and 2 after thresholding: a network of two convolutions, ResNet50 and RegNet.

Command:  python experiments/allidb_lightweight.py --data DIR --weights FOLDER
          It takes every option of `leukcnn reproduce`; `--help` lists them.
Needs:    the folders 'ALL_IDB1' and 'ALL_IDB2' below DIR (`leukcnn datasets allidb1` says where to get them)
          and, for ResNet50 and RegNet, the files of ImageNet's weights in FOLDER (RegNet's from its authors'
          model zoo). Without the files these two networks are left out.
Cost:     3 networks, 2 datasets, 4 folds, 25 epochs, and the proposed CNN again in folds by field of view.
          The proposed CNN takes minutes on 2 cores (experiments/RESULTS.rst); the others need a GPU.
Expected: Table 1, accuracy in percent on ALL-IDB 1 and ALL-IDB 2:

          ResNet50      96.00  98.00
          RegNet        97.00  98.00
          Proposed CNN  99.00  98.00

A quick look on synthetic fields and crops, not comparable: --data synthetic --profile smoke
"""

import sys

from leukcnn.cli import main

if __name__ == "__main__":
    main(["reproduce", "allidb_lightweight", *sys.argv[1:]], prog_name="leukcnn")
