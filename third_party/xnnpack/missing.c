// Which of the kernels in kernels.h are missing, and why, a line for each: none at the pinned commit. For another one
// tools/movepin -export writes this file.
const char xnn_softmax_missing[] = "";
