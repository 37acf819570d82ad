/* Runs a .lac file once on inputs of ones and prints the first numbers of each output. */
#include <laconic/c_api.h>
#include <stdio.h>
#include <stdlib.h>

/* Fills `tensor` with ones of the shape that the network wants, open extents being 1. */
static int make_input(laconic_session* session, size_t index, laconic_tensor* tensor) {
  laconic_tensor wanted;
  if (laconic_input_info(session, index, &wanted) != LACONIC_OK) return 0;
  if (wanted.type != LACONIC_FLOAT32) return 0;
  int64_t* shape = calloc(wanted.rank + 1, sizeof *shape);
  size_t count = 1;
  for (size_t i = 0; shape != NULL && i < wanted.rank; ++i) {
    shape[i] = wanted.shape[i] < 0 ? 1 : wanted.shape[i];
    count *= (size_t)shape[i];
  }
  float* values = calloc(count, sizeof *values);
  for (size_t i = 0; values != NULL && i < count; ++i) values[i] = 1;
  *tensor = (laconic_tensor){LACONIC_FLOAT32, wanted.rank, shape, values, count * sizeof *values};
  return shape != NULL && values != NULL;
}

int main(int argc, char** argv) {
  laconic_session* session = NULL;
  if (argc != 2) return fprintf(stderr, "usage: embed_runtime MODEL.lac\n"), 2;
  if (laconic_load(argv[1], LACONIC_KERNELS_FASTEST, &session) != LACONIC_OK) {
    fprintf(stderr, "%s\n", laconic_error_text(session));
    laconic_free(session);
    return 1;
  }
  const size_t inputs = laconic_input_count(session), outputs = laconic_output_count(session);
  laconic_tensor* in = calloc(inputs + 1, sizeof *in);
  laconic_tensor* out = calloc(outputs + 1, sizeof *out);
  int good = in != NULL && out != NULL;
  for (size_t i = 0; good && i < inputs; ++i) good = make_input(session, i, &in[i]);
  if (!good || laconic_run(session, in, inputs, out, outputs) != LACONIC_OK) {
    fprintf(stderr, "%s\n", laconic_error_text(session));
    good = 0;
  }
  for (size_t i = 0; good && i < outputs; ++i) {
    printf("%s:", laconic_output_name(session, i));
    const float* values = out[i].data;
    for (size_t k = 0; k < out[i].bytes / sizeof *values && k < 10; ++k) printf(" %g", values[k]);
    printf("\n");
  }
  for (size_t i = 0; in != NULL && i < inputs; ++i) {
    free((void*)in[i].data);
    free((void*)in[i].shape);
  }
  free(in);
  free(out);
  laconic_free(session);
  return good ? 0 : 1;
}
