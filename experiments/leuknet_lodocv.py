"""LeukNet: leukaemia or not, on eighteen datasets, each left out and tested in turn (LODOCV).

Command:  python experiments/leuknet_lodocv.py --data DIR
          It takes every option of `leukcnn reproduce`; `--help` lists them.
Needs:    the datasets of Table II in folders below DIR (`leukcnn datasets` lists them; missing ones are left
          out, and the tables say so), ImageNet's weights (--weights; for Vogado et al. 2018 the MatConvNet
          files of AlexNet, CaffeNet and VGG-f) and a GPU.
Cost:     23 networks, five runs: each run trains them twice as published (ALL-IDB 1 or 2 left out) and once
          under strict LODOCV, LeukNet more often (UFG, datasets of one class, 5 folds); 50 epochs of up to
          70,180 images of 224x224 pixels each. Without a GPU the command first estimates how long it takes.
Expected: Tables IV, V and IX of the paper, accuracy in percent on ALL-IDB 1, ALL-IDB 2 and UFG; "-" if the
          paper prints none:

          LeukNet                 97.04  82.46  70.24
          VGG-19 DFT              97.04      -      -
          VGG-19 mDFT                 -  79.62      -
          ResNet50 mDFT           87.96  69.46      -
          InceptionV3 mDFT        65.56  58.38      -
          Xception mDFT           77.41  64.92      -
          LeukNet 512-256         94.81  71.53      -
          LeukNet 1024-512        93.14  71.84      -
          LeukNet 1024-1024       93.70  69.15      -
          SVM, DFT features       59.25  51.92      -
          SVM, mDFT features      87.96  73.84      -
          SVM, ImageNet features  68.51  49.61      -
          Vogado et al. 2018          -      -  52.06

A quick look on synthetic smears, not comparable: --data synthetic --profile smoke
"""

import sys

from leukcnn.cli import main

if __name__ == "__main__":
    main(["reproduce", "leuknet_lodocv", *sys.argv[1:]], prog_name="leukcnn")
