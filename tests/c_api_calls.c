/* The C interface as a C program uses it. */
#include <laconic/c_api.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      laconic_free(session);                                         \
      return __LINE__;                                               \
    }                                                                \
  } while (0)

/* Runs the file on `x` (of `batch` images of 3 x 8 x 8); puts its 4 answers each into `y`. Returns
 * 0, or the line of what went wrong. */
int run_by_c_api(const char* path, const float* x, int64_t batch, float* y) {
  laconic_session* session = NULL;
  CHECK(laconic_load(path, LACONIC_KERNELS_PACKED, &session) == LACONIC_OK);
  CHECK(laconic_input_count(session) == 1 && laconic_output_count(session) == 1);
  CHECK(strcmp(laconic_input_name(session, 0), "x") == 0);
  CHECK(strcmp(laconic_output_name(session, 0), "y") == 0);
  CHECK(laconic_input_name(session, 1) == NULL && laconic_output_name(session, 9) == NULL);
  laconic_tensor info;
  CHECK(laconic_input_info(session, 0, &info) == LACONIC_OK);
  CHECK(info.type == LACONIC_FLOAT32 && info.rank == 4 && info.shape[0] == -1);
  CHECK(laconic_input_info(session, 1, &info) == LACONIC_INVALID_ARGUMENT);
  const int64_t shape[] = {batch, 3, 8, 8};
  const size_t count = (size_t)batch * 3 * 8 * 8;
  const laconic_tensor in = {LACONIC_FLOAT32, 4, shape, x, count * sizeof *x};
  laconic_tensor out;
  CHECK(laconic_run(session, &in, 1, &out, 1) == LACONIC_OK);
  CHECK(out.type == LACONIC_FLOAT32 && out.rank == 2 && out.shape[0] == batch);
  CHECK(out.bytes == (size_t)batch * 4 * sizeof *y);
  memcpy(y, out.data, out.bytes);
  laconic_free(session);
  return 0;
}

/* The file of choices is written by the first load and taken by the second; a file of another kind
 * is refused. Returns as above. */
int load_with_choices_by_c_api(const char* path, const char* choices) {
  laconic_session* session = NULL;
  for (int again = 0; again < 2; ++again) {
    CHECK(laconic_load_with_choices(path, LACONIC_KERNELS_FASTEST, choices, &session) == LACONIC_OK);
    laconic_free(session);
    session = NULL;
    FILE* file = fopen(choices, "r");
    CHECK(file != NULL);
    fclose(file);
  }
  CHECK(laconic_load_with_choices(path, LACONIC_KERNELS_FASTEST, path, &session) ==
        LACONIC_INVALID_DATA);
  CHECK(strstr(laconic_error_text(session), "is no file of choices") != NULL);
  laconic_free(session);
  session = NULL;
  CHECK(laconic_load_with_choices(path, LACONIC_KERNELS_DENSE, NULL, &session) == LACONIC_OK);
  laconic_free(session);
  return 0;
}

/* Misuse is answered by a status and a sentence. Returns as above. */
int misuse_c_api(const char* path, const char* damaged) {
  laconic_session* session = NULL;
  CHECK(laconic_load("missing.lac", LACONIC_KERNELS_FASTEST, &session) == LACONIC_INVALID_DATA);
  CHECK(strstr(laconic_error_text(session), "missing.lac") != NULL);
  CHECK(laconic_run(session, NULL, 0, NULL, 0) == LACONIC_INVALID_ARGUMENT);
  CHECK(laconic_input_count(session) == 0 && laconic_input_name(session, 0) == NULL);
  laconic_free(session);
  CHECK(laconic_load(damaged, LACONIC_KERNELS_FASTEST, &session) == LACONIC_CORRUPT_DATA);
  laconic_free(session);
  CHECK(laconic_load(NULL, LACONIC_KERNELS_FASTEST, &session) == LACONIC_INVALID_ARGUMENT);
  laconic_free(session);
  session = NULL;
  CHECK(laconic_load(path, (enum laconic_kernels)17, &session) == LACONIC_INVALID_ARGUMENT);
  laconic_free(session);
  session = NULL;
  CHECK(laconic_load(path, LACONIC_KERNELS_FASTEST, NULL) == LACONIC_INVALID_ARGUMENT);
  CHECK(laconic_load(path, LACONIC_KERNELS_DENSE, &session) == LACONIC_OK);
  CHECK(strcmp(laconic_error_text(session), "") == 0);
  const int64_t shape[] = {1, 3, 8, 8}, wrong[] = {1, 3, 9, 9};
  static const float x[243];
  laconic_tensor in = {LACONIC_FLOAT32, 4, wrong, x, sizeof x}, out;
  CHECK(laconic_run(session, &in, 1, &out, 1) == LACONIC_INVALID_DATA);
  CHECK(strstr(laconic_error_text(session), "1x3x9x9") != NULL);
  in.shape = shape;
  CHECK(laconic_run(session, &in, 1, &out, 1) == LACONIC_INVALID_DATA);
  in.bytes = 192 * sizeof *x;
  CHECK(laconic_run(session, &in, 1, &out, 2) == LACONIC_INVALID_ARGUMENT);
  in.type = 77;
  CHECK(laconic_run(session, &in, 1, &out, 1) == LACONIC_INVALID_DATA);
  in.data = NULL;
  CHECK(laconic_run(session, &in, 1, &out, 1) == LACONIC_INVALID_ARGUMENT);
  CHECK(laconic_run(NULL, &in, 1, &out, 1) == LACONIC_INVALID_ARGUMENT);
  CHECK(laconic_set_threads(-1) == LACONIC_INVALID_ARGUMENT);
  laconic_free(session);
  laconic_free(NULL);
  return 0;
}
