"""Size and time of each network of the Alert Net paper as a LiteRT file, at the paper's own image size.

Command:  python experiments/alertnet_mobile.py
Needs:    the extra "litert"; no data: sizes and times don't depend on the weights, which are random here. The
          table 'mobile' of `leukcnn reproduce alertnet` has them with the accuracy of trained networks.
Cost:     some minutes on one core.
Expected: the table under "Alert Net on mobile devices" in experiments/RESULTS.rst: the same sizes with the
          same version of TensorFlow; the times are those of a machine.
"""

import keras
import numpy as np

from leukcnn import models, papers
from leukcnn.outputs.mobile_process import measure
from leukcnn.quiet import set_log_level

LINE = "{:<16}  {:>10}  {:>9}  {:>8.2f}  {:>8.2f}  {:>8.1f}  {:>6.1f} - {:.1f}"


def main() -> None:
    """Prints a line for each network and precision."""
    set_log_level()
    paper = papers.get("alertnet")
    print("Network           Parameters  Precision        MB       MiB        ms   fastest - slowest round")
    for row in paper.rows:
        # Deep fine-tuning trains all layers of the same network.
        if row.id.endswith("_dft"):
            continue
        setup = row.setup
        size, arguments = setup.preprocessing.image_size, dict(setup.model.arguments)
        if "weights" in arguments:
            arguments["weights"] = None
        shape = (size, size, 3)
        network = models.build(setup.model.name, input_shape=shape, classes=len(paper.classes), **arguments)
        images = np.random.default_rng(0).random((8, *shape), dtype=np.float32)
        for precision, (values, _) in measure(network, images[0], images).items():
            n, taken = values["bytes"], values["milliseconds"]
            sizes = (row.label, f"{network.count_params():,}", precision, n / 1e6, n / 2**20)
            print(LINE.format(*sizes, np.median(taken), min(taken), max(taken)), flush=True)
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
