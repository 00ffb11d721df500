/* XNNPACK's microparams.h includes pthreadpool's header for the name of one opaque type; nothing here uses the library. */
typedef struct pthreadpool* pthreadpool_t;
