"""C-NMC 2019: malignant or healthy cell, with VGG16, VGG19 and Xception trained from scratch.

Command:  python experiments/cnmc2019.py --data DIR
          It takes every option of `leukcnn reproduce`; `--help` lists them.
Needs:    C-NMC 2019 (`leukcnn datasets cnmc2019` says how to get it) and a GPU.
Cost:     three networks, 400 epochs each of 20,000 training and 10,000 validation images of 250x250 pixels.
          Without a GPU the command first estimates how long it will take.
Expected: Table 2 of the paper, in percent, on 339 + 339 test cells:

          Network    Accuracy  Precision  Sensitivity  Specificity  F1-score
          VGG16         92.48      91.14        94.10        90.86     92.60
          VGG19         91.59      90.06        93.51        86.68     91.75
          Xception      90.41      87.64        94.10        86.73     90.76

A quick look on synthetic cells, not comparable: --data synthetic --profile smoke
"""

import sys

from leukcnn.cli import main

if __name__ == "__main__":
    main(["reproduce", "cnmc2019", *sys.argv[1:]], prog_name="leukcnn")
