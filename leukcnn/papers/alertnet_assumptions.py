"""What the Alert Net paper leaves open, and the value that is assumed for each."""

from leukcnn.papers.alertnet_tables import ALERT_NETS, DEEP, SHALLOW, WITH_DROPOUT
from leukcnn.spec import Assumption

SEPARABLE = ("alertnet_x", "alertnet_xwd")

_NOT_STATED = "not stated in the paper"

ASSUMPTIONS = (
    Assumption(
        "dropout_rate",
        field="model.arguments.dropout_rate",
        reason="the usual rate in Keras and AlexNet; the WD variants have no dropout layer",
        where=_NOT_STATED,
        rows=WITH_DROPOUT,
    ),
    Assumption(
        "batch_norm_momentum",
        field="model.arguments.batch_norm_momentum",
        reason="Keras' default; too slow for the few steps of the smoke profile",
        where=_NOT_STATED,
        rows=ALERT_NETS,
    ),
    Assumption(
        "kernel_initializer",
        field="model.arguments.kernel_initializer",
        reason="Keras' default, for layers without published weights",
        where=_NOT_STATED,
        choices=("glorot_uniform", "glorot_normal", "he_uniform", "he_normal"),
    ),
    Assumption(
        "convolutions",
        field="model.arguments.convolutions",
        reason="filters and kernel sizes like AlexNet's; with a first stride of 4, same padding and pooling "
        "of 2x2 they give exactly the 8,792,963 parameters of Table V, as other sizes do too",
        where="section III-A: 'five convolutional layers'; Figure 2 has their sizes, the text doesn't",
        rows=ALERT_NETS,
    ),
    Assumption(
        "alertnet_dense_units",
        field="model.arguments.dense_units",
        reason="they give exactly the 8,792,963 parameters of Table V; so do [2048, 128] with "
        "pool_padding=valid",
        where="section III-A: 'two fully connected layers'",
        rows=ALERT_NETS,
    ),
    Assumption(
        "pool_padding",
        field="model.arguments.pool_padding",
        reason="maps of 28, 14, 7, 4 and 2 pixels; valid ends in maps of one pixel, and needs images of 125 "
        "pixels, more than the profiles smoke and cpu have",
        where="section III-A: 'Max Pooling layers'",
        choices=("same", "valid"),
        rows=ALERT_NETS,
    ),
    Assumption(
        "relu",
        field="model.arguments.relu",
        reason="ReLU after each batch normalisation and each dense layer, as in ResNet; before_norm puts it "
        "between convolution and normalisation, not_dense leaves the dense layers without it",
        where="section III-A: convolutions 'followed by Batch Normalization'; no activation is named",
        choices=("after_norm", "before_norm", "not_dense"),
        rows=ALERT_NETS,
    ),
    Assumption(
        "first_separable",
        field="model.arguments.first_separable",
        reason="every convolution is replaced; false keeps the first one, as in Xception",
        where="section III-A: 'with Depthwise Separable Convolutions Layer'",
        choices=(True, False),
        rows=SEPARABLE,
    ),
    Assumption(
        "dense_units",
        field="model.arguments.dense_units",
        reason="global average pooling, a dense layer of 512 units and three outputs have the number of "
        "parameters in Table V",
        where=_NOT_STATED,
        rows=(*SHALLOW, *DEEP),
    ),
    Assumption(
        "dropout_rates",
        field="model.arguments.dropout_rates",
        reason="no dropout after that dense layer: none is named, and Table V's numbers of parameters don't "
        "show any",
        where=_NOT_STATED,
        rows=(*SHALLOW, *DEEP),
    ),
    Assumption(
        "include_preprocessing",
        field="model.arguments.include_preprocessing",
        reason="pixel values 0..1 as the paper says, although ImageNet's weights expect other values: 0..255 "
        "minus a mean for ResNet50, whose features may hardly differ between images of 0..1. With true, the "
        "network converts 0..1 to what its weights expect",
        where="section III-C: 'normalized the input image pixels to values between 0 (zero) and 1 (one)'",
        choices=(False, True),
        rows=(*SHALLOW, *DEEP),
    ),
    Assumption(
        "frozen",
        field="model.arguments.frozen",
        reason="the whole base with its batch statistics, so that only the new layers are trained; "
        "first_half freezes half of its layers; weights freezes all, but normalises training images by the "
        "statistics of their batch, as Keras did on TensorFlow 1",
        where="section V: 'the initial layers are frozen ... and only the final layers are retrained'",
        choices=("base", "first_half", "weights"),
        rows=SHALLOW,
    ),
    Assumption(
        "stratified",
        field="split.stratified",
        reason="each fold has the same fractions of the three classes; false splits without regard to them",
        where="section IV: 'k-fold cross-validation with k equal to 5'",
        choices=(True, False),
    ),
    Assumption(
        "loss",
        field="training.loss",
        reason="cross-entropy of the three softmax outputs",
        where="section III-D: 'The cost function metric (loss)'",
        choices=("categorical_crossentropy", "binary_crossentropy"),
    ),
    Assumption(
        "shrinking",
        field="preprocessing.shrinking",
        reason="the mean of the covered pixels, so that no pixel is lost",
        where="section III-B: 'resize the input images to 224 × 224 pixels'",
        choices=("area", "linear"),
    ),
    Assumption(
        "enlarging",
        field="preprocessing.enlarging",
        reason="smooth, and sharper than linear: JTSC's images of 120 pixels, all healthy, shouldn't be "
        "recognised by their blur",
        where="section III-B",
        choices=("cubic", "linear"),
    ),
    Assumption(
        "optimizer",
        field="training.optimizer",
        reason="a file of 68 MB holds the weights and one optimizer variable for each of them, which "
        "excludes Adam; the same group's LeukNet uses SGD with momentum",
        where=_NOT_STATED,
        choices=("sgd",),
    ),
    Assumption(
        "momentum",
        field="training.optimizer_arguments.momentum",
        reason="the value of the same group's LeukNet; not Nesterov's",
        where=_NOT_STATED,
    ),
    Assumption(
        "learning_rate",
        field="training.initial_learning_rate",
        reason="the value of the same group's LeukNet, constant",
        where=_NOT_STATED,
        rows=ALERT_NETS,
    ),
    Assumption(
        "fine_tuning_learning_rate",
        field="training.initial_learning_rate",
        reason="a tenth of the other networks' rate, constant: the usual step down for loaded weights",
        where="section V: 'training is only conducted in selected layers and with lower learning rates'",
        rows=(*SHALLOW, *DEEP),
    ),
    Assumption(
        "batch_size",
        field="training.batch_size",
        reason="the value of the same group's LeukNet",
        where=_NOT_STATED,
    ),
    Assumption(
        "epochs",
        field="training.epochs",
        reason="the number of the same group's LeukNet",
        where=_NOT_STATED,
    ),
    Assumption(
        "checkpoint",
        field="training.checkpoint",
        reason="no images are held out to choose the best epoch",
        where=_NOT_STATED,
        choices=("last",),
    ),
    Assumption(
        "variants_per_image",
        field="augmentation.variants_per_image",
        reason="20 augmented images replace each training image of a fold; test images are unchanged",
        where="section III-C: 'a dataset 20 times bigger than the original'",
    ),
    Assumption(
        "augmentation",
        field="augmentation.variants",
        reason="each new image is augmented once and is the same in every epoch and fold; fresh augments it "
        "again in every epoch",
        where="section III-C",
        choices=("once", "fresh"),
    ),
    Assumption(
        "rotation_degrees",
        field="augmentation.arguments.rotation_range",
        reason="in both directions, as Keras interprets a range of 40",
        where="section III-C: 'rotation in the range of 0º to 40º'",
    ),
    Assumption(
        "width_shift",
        field="augmentation.arguments.width_shift_range",
        reason="fraction of the width, in both directions; 'vertical, horizontal' means shifts",
        where="section III-C",
    ),
    Assumption(
        "height_shift",
        field="augmentation.arguments.height_shift_range",
        reason="fraction of the height, in both directions",
        where="section III-C",
    ),
    Assumption(
        "zoom",
        field="augmentation.arguments.zoom_range",
        reason="factors of .8 to 1.2, as Keras interprets a range of 0.2, separately for width and height",
        where="section III-C: 'shear, and zoom in the field of 0 to 0.2'",
    ),
    Assumption(
        "shear_degrees",
        field="augmentation.arguments.shear_range",
        reason="Keras' shear_range is in degrees; a program with the value 0.2 shears by up to 0.2 degrees",
        where="section III-C: 'shear ... of 0 to 0.2'",
    ),
)
