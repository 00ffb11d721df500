// cpu_has returns whether the CPU has the ISA that upstream's kernels have in their names, such as avx512f, and -1 if there is
// no such ISA.
#ifdef __cplusplus
extern "C"
#endif
int cpu_has(const char* isa);
