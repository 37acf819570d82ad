/* Running compressed networks from C, or from whatever calls C.
 *
 * A session is loaded from a .lac file and run on arrays of the caller. Functions that can fail
 * return a status, 0 for success; laconic_error_text() then says what went wrong, in one sentence,
 * for the session they were given. Nothing here throws, prints or ends the process. One thread at a
 * time may use a session; different sessions may be used at the same time.
 */
#ifndef LACONIC_C_API_H
#define LACONIC_C_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Statuses; further ones may be added. */
enum laconic_status {
  LACONIC_OK = 0,
  LACONIC_INVALID_ARGUMENT = 1,     /* the caller's choice: an index, a null pointer */
  LACONIC_INVALID_DATA = 2,         /* a file that is missing; wrong shapes or types */
  LACONIC_CORRUPT_DATA = 3,         /* a .lac file that is damaged */
  LACONIC_UNSUPPORTED_VERSION = 4,  /* written by a later version */
  LACONIC_UNSUPPORTED_OPERATOR = 5, /* the network needs what sessions lack */
  LACONIC_NO_MEMORY = 6,
  LACONIC_FAILED = 7 /* anything else */
};

/* Which kernels run layers with weights; see docs/runtime.md. */
enum laconic_kernels {
  LACONIC_KERNELS_FASTEST = 0,
  LACONIC_KERNELS_INT8 = 1,
  LACONIC_KERNELS_PACKED = 2,
  LACONIC_KERNELS_DENSE = 3
};

/* Element types: ONNX's numbers. */
enum laconic_type {
  LACONIC_FLOAT32 = 1,
  LACONIC_UINT8 = 2,
  LACONIC_INT8 = 3,
  LACONIC_INT32 = 6,
  LACONIC_INT64 = 7,
  LACONIC_BOOLEAN = 9
};

/* An array in row-major order. Of a tensor that is passed in, all belongs to the caller; of one
 * that comes out, all belongs to the session and is good until its next run, and as long as the
 * inputs of this one are. */
typedef struct laconic_tensor {
  int32_t type; /* enum laconic_type, or another number of ONNX's */
  size_t rank;
  const int64_t* shape; /* `rank` extents */
  const void* data;
  size_t bytes; /* of the elements */
} laconic_tensor;

typedef struct laconic_session laconic_session;

/* Loads a .lac file. *session is null only if there is no memory for it; after a failure it serves
 * laconic_error_text() and must be freed all the same. */
int laconic_load(const char* path, enum laconic_kernels kernels, laconic_session** session);

/* As laconic_load(), with a file that keeps which kernels measured fastest: they are taken from it,
 * or measured and written to it where it is not there, or is for another network or machine; see
 * docs/runtime.md. Null or "": none. */
int laconic_load_with_choices(const char* path, enum laconic_kernels kernels, const char* choices,
                              laconic_session** session);

/* Frees a session and all that it handed out. Null is allowed. */
void laconic_free(laconic_session* session);

/* What the last call on this session that failed had to say; "" before the first failure. */
const char* laconic_error_text(const laconic_session* session);

size_t laconic_input_count(const laconic_session* session);
size_t laconic_output_count(const laconic_session* session);

/* Names, or null for an index that is out of range. */
const char* laconic_input_name(const laconic_session* session, size_t index);
const char* laconic_output_name(const laconic_session* session, size_t index);

/* Type and shape that the network wants; extents of -1 are open. `data` is null, `bytes` 0. */
int laconic_input_info(laconic_session* session, size_t index, laconic_tensor* info);

/* Runs on `input_count` inputs in the order of the network's; fills `output_count` outputs, at most
 * as many as it has, in the order of the network's. */
int laconic_run(laconic_session* session, const laconic_tensor* inputs, size_t input_count,
                laconic_tensor* outputs, size_t output_count);

/* Threads that all sessions of the process run on; 0 means one per processor. */
int laconic_set_threads(int threads);

#ifdef __cplusplus
}
#endif

#endif
