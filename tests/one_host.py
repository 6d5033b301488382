"""A host of a run, as a script that a test can kill: DATA OUT EPOCHS DEVICES HOSTS INDEX COORDINATOR.

It trains one tiny network. With LEUKCNN_TEST_KILL it kills itself in that epoch, counted from 1.
"""

import os
import signal
import sys
from pathlib import Path

from leukcnn import callbacks
from leukcnn.backend import start_backend
from leukcnn.errors import LeukCNNError


def main(data, out, epochs, devices, hosts, index, coordinator):
    """Runs the trial."""
    start_backend()
    from leukcnn.experiment.request import Request
    from leukcnn.experiment.run import plan_of, reproduce_one
    from leukcnn.trials import network_trials
    from tests.tiny import Progress, tiny_paper

    callbacks._MIN_TRAIN_TO_SAVE_RATIO = 0
    killed = int(os.environ.get("LEUKCNN_TEST_KILL", 0))

    class Killing(callbacks.ReportProgress):
        def on_train_batch_end(self, batch, logs=None):
            if self.epoch == killed:
                os.kill(os.getpid(), signal.SIGKILL)

    network_trials.ReportProgress = Killing
    options = {"data": data, "profile": "smoke", "only": "vgg16", "devices": devices, "augment": "device"}
    request = Request(paper=tiny_paper(epochs=int(epochs)), out=Path(out), **options)
    if hosts != "1":
        options |= {"hosts": hosts, "host_index": int(index), "coordinator": coordinator}
    # The plan starts no device.
    name = next(e.name for e in plan_of(request, progress=Progress()).trials if e.kind == "trial")
    request = Request(paper=tiny_paper(epochs=int(epochs)), out=Path(out), trial=name, **options)
    reproduce_one(request, name, progress=Progress())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except LeukCNNError as error:
        sys.exit(f"Error: {error}")
