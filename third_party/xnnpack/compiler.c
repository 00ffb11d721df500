// Which compiler made this library. Whoever links it may be built by another.
#ifdef __clang__
const char xnn_softmax_compiler[] = __VERSION__;
#else
const char xnn_softmax_compiler[] = "gcc " __VERSION__;
#endif
