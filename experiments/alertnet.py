"""Alert Net: ALL, AML or healthy blood slide, on sixteen datasets in 5-fold cross-validation.

Command:  python experiments/alertnet.py --data DIR
          It takes every option of `leukcnn reproduce`; `--help` lists them.
Needs:    the datasets of Table II in folders below DIR (`leukcnn datasets` lists them; missing ones are left
          out, and the tables say so), ImageNet's weights for the fine-tuned networks (--weights) and a GPU.
Cost:     nine networks with all layers trained in 5 folds, 50 epochs each of 38,640 images of 224x224 pixels;
          three more on a frozen base, whose features are computed once. Without a GPU the command first
          estimates how long it will take.
Expected: Tables III, V and VI of the paper, accuracy in percent and kappa:

          Alert Net        95.94  0.9317
          Alert Net-WD     96.72  0.9481
          Alert Net-R      95.85  0.9353
          Alert Net-RWD    97.18  0.9564
          Alert Net-X      94.76  0.9194
          Alert Net-XWD    95.53  0.9324
          ResNet50 SFT     41.61  0.0000
          InceptionV3 SFT  64.30  0.4501
          Xception SFT     72.00  0.5601
          ResNet50 DFT     97.80  0.9660

A quick look on synthetic smears, not comparable: --data synthetic --profile smoke
"""

import sys

from leukcnn.cli import main

if __name__ == "__main__":
    main(["reproduce", "alertnet", *sys.argv[1:]], prog_name="leukcnn")
