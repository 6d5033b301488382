"""Trials: from an index of images to stored predictions, by a network, an SVM on features, or a control."""

from leukcnn.trials.context import TrialContext
from leukcnn.trials.control_trials import CONTROL, PROBE, run_control, run_probe
from leukcnn.trials.feature_networks import FeatureNetworks, feature_network
from leukcnn.trials.feature_trials import run_feature_trial
from leukcnn.trials.network_trials import epoch_entries, run_trial, take_part
from leukcnn.trials.outcome import environment
from leukcnn.trials.trained_trials import run_applied, seen_in_training

__all__ = [
    "CONTROL",
    "PROBE",
    "FeatureNetworks",
    "TrialContext",
    "environment",
    "epoch_entries",
    "feature_network",
    "run_applied",
    "run_control",
    "run_feature_trial",
    "run_probe",
    "run_trial",
    "seen_in_training",
    "take_part",
]
