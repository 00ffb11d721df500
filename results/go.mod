// No packages are here. This file keeps the results out of the module that services download.
module github.com/twopass-softmax/twopass/results
