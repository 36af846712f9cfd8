/* Data sets: IDX, NPY and gzip files, right and wrong; generated sets; splits and batches. */
#include "failing_alloc.h"
#include "unit.h"

#include "base/sha256.h"
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_context(void **state) {
  pare_context *ctx = NULL;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return -1;
  *state = ctx;
  return 0;
}

static int close_context(void **state) {
  pare_context_free(*state);
  return 0;
}

/* Four 2x3 images and their labels. */
static const uint8_t idx_images[16 + 24] = {0, 0, 8, 3,   0,  0,   0,   4,   0,  0,  0,  2, 0, 0,
                                            0, 3, 0, 255, 51, 102, 153, 204, 1,  2,  3,  4, 5, 6,
                                            7, 8, 9, 10,  11, 12,  13,  14,  15, 16, 17, 18};
static const uint8_t idx_labels[8 + 4] = {0, 0, 8, 1, 0, 0, 0, 4, 2, 0, 1, 2};

/* printf 'hello hello hello\n' | gzip -n */
static const uint8_t hello_gz[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
                                   0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x5c,
                                   0x00, 0x3b, 0x7c, 0x8a, 0xdf, 0x12, 0x00, 0x00, 0x00};

/* ---- IDX ----------------------------------------------------------------------------------------------- */

static void idx_pair_becomes_a_single_set(void **state) {
  pare_context *ctx = *state;
  pare_dataset *data;
  /* labels first: rank decides */
  pare_file files[2] = {{"labels", idx_labels, sizeof(idx_labels)},
                        {"images", idx_images, sizeof(idx_images)}};
  assert_int_equal(pare_dataset_load(ctx, files, 2, &data), PARE_OK);
  assert_true(data->single);
  assert_int_equal(data->test.n, 4);
  assert_int_equal(data->n_classes, 3);
  assert_int_equal(data->sample_shape.rank, 2);
  assert_int_equal(data->sample_shape.dims[1], 3);
  assert_int_equal(data->test.samples.dtype, PARE_U8);
  float batch[12];
  int32_t labels[2];
  pare_dataset_gather(data, &data->test, (const uint32_t[]){1, 0}, 0, 2, batch, labels);
  assert_int_equal(labels[0], 0);
  assert_int_equal(labels[1], 2);
  assert_true(batch[0] == 1.0f * (1.0f / 255.0f));
  assert_true(batch[7] == 1.0f);
  pare_dataset_gather(data, &data->test, NULL, 2, 2, batch, labels);
  assert_int_equal(labels[0], 1);
  assert_true(batch[0] == 7.0f * (1.0f / 255.0f));
  pare_dataset_free(data);
}

static void idx_elements_are_big_endian(void **state) {
  pare_context *ctx = *state;
  const uint8_t file[] = {0, 0, 0x0C, 1, 0, 0, 0, 2, 0x01, 0x02, 0x03, 0x04, 0xFF, 0xFF, 0xFF, 0xFE};
  pare_tensor tensor;
  assert_int_equal(pare_idx_read(ctx, "f", file, sizeof(file), &tensor), PARE_OK);
  assert_int_equal(pare_s32(&tensor)[0], 0x01020304);
  assert_int_equal(pare_s32(&tensor)[1], -2);
  pare_tensor_release(&tensor);
}

static void broken_idx_names_file_offset_and_cause(void **state) {
  pare_context *ctx = *state;
  pare_tensor tensor;
  const uint8_t type[] = {0, 0, 7, 1, 0, 0, 0, 1, 1}, rank[] = {0, 0, 8, 9}, cut[] = {0, 0, 8, 3, 0, 0};
  const uint8_t huge[] = {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
  assert_int_equal(pare_idx_read(ctx, "a.idx", "PNG!", 4, &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "a.idx: offset 0: not an IDX file");
  assert_int_equal(pare_idx_read(ctx, "a.idx", type, sizeof(type), &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "offset 2: IDX element type 0x07");
  assert_int_equal(pare_idx_read(ctx, "a.idx", rank, sizeof(rank), &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "offset 3: rank 9");
  assert_int_equal(pare_idx_read(ctx, "a.idx", cut, sizeof(cut), &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "offset 4: the file ends inside its 3 sizes");
  assert_int_equal(pare_idx_read(ctx, "a.idx", huge, sizeof(huge), &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "is too big");
  assert_int_equal(pare_idx_read(ctx, "a.idx", idx_images, sizeof(idx_images) - 1, &tensor), PARE_BAD_DATA);
  assert_error_has(ctx, "offset 16: shape [4,2,3] of u8 needs 24 bytes, but 23 are there");
}

/* ---- gzip ---------------------------------------------------------------------------------------------- */

static void gzip_inflates_and_other_bytes_are_left_alone(void **state) {
  pare_context *ctx = *state;
  bool was_gzip;
  pare_buffer out;
  assert_int_equal(pare_gunzip(ctx, "h", hello_gz, sizeof(hello_gz), &was_gzip, &out), PARE_OK);
  assert_true(was_gzip);
  assert_int_equal(out.len_bytes, 18);
  assert_memory_equal(out.data, "hello hello hello\n", 18);
  pare_buffer_free(ctx, &out);
  assert_int_equal(pare_gunzip(ctx, "h", "plain", 5, &was_gzip, &out), PARE_OK);
  assert_false(was_gzip);
  assert_null(out.data);
}

static void every_cut_and_every_flipped_bit_of_gzip_is_refused_or_harmless(void **state) {
  pare_context *ctx = *state;
  bool was_gzip;
  pare_buffer out;
  for (size_t n = 2; n < sizeof(hello_gz); n++) {
    assert_int_equal(pare_gunzip(ctx, "h", hello_gz, n, &was_gzip, &out), PARE_BAD_DATA);
    assert_error_has(ctx, "h: ");
  }
  uint8_t damaged[sizeof(hello_gz)];
  for (size_t bit = 16; bit < 8 * sizeof(hello_gz); bit++) {
    memcpy(damaged, hello_gz, sizeof(damaged));
    damaged[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (pare_gunzip(ctx, "h", damaged, sizeof(damaged), &was_gzip, &out) != PARE_OK) continue;
    assert_memory_equal(out.data, "hello hello hello\n", 18); /* time, system and other idle header bits */
    pare_buffer_free(ctx, &out);
  }
  memcpy(damaged, hello_gz, sizeof(damaged));
  damaged[sizeof(damaged) - 8] ^= 1;
  assert_int_equal(pare_gunzip(ctx, "h", damaged, sizeof(damaged), &was_gzip, &out), PARE_BAD_DATA);
  assert_error_has(ctx, "checksum does not match");
  memcpy(damaged, hello_gz, sizeof(damaged));
  damaged[sizeof(damaged) - 1] = 0x3F;
  assert_int_equal(pare_gunzip(ctx, "h", damaged, sizeof(damaged), &was_gzip, &out), PARE_BAD_DATA);
  assert_error_has(ctx, "cannot hold");
}

/* ---- NPY ----------------------------------------------------------------------------------------------- */

/* A version 1 file with this dictionary. */
static size_t make_npy(uint8_t *file, const char *dictionary, const void *data, size_t data_bytes) {
  size_t n = strlen(dictionary);
  memcpy(file, "\x93NUMPY\x01\x00", 8);
  file[8] = (uint8_t)n;
  file[9] = (uint8_t)(n >> 8);
  memcpy(file + 10, dictionary, n);
  if (data_bytes) memcpy(file + 10 + n, data, data_bytes);
  return 10 + n + data_bytes;
}

static void npy_reads_types_orders_and_versions(void **state) {
  pare_context *ctx = *state;
  uint8_t file[256];
  pare_tensor t;
  const float f[6] = {1, 2, 3, 4, 5, 6};
  size_t n = make_npy(file, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", f, sizeof(f));
  assert_int_equal(pare_npy_read(ctx, "x.npy", file, n, &t), PARE_OK);
  const float rows[6] = {1, 3, 5, 2, 4, 6}; /* columns come first in the file */
  assert_memory_equal(t.data, rows, sizeof(rows));
  pare_tensor_release(&t);
  const uint8_t big[4] = {0x12, 0x34, 0xFF, 0xFE};
  n = make_npy(file, "{'shape': (2,), 'fortran_order': False, 'descr': '>i2'}", big, sizeof(big));
  assert_int_equal(pare_npy_read(ctx, "x.npy", file, n, &t), PARE_OK);
  assert_int_equal(t.dtype, PARE_S16);
  assert_int_equal(pare_tensor_get_s64(&t, 0), 0x1234);
  assert_int_equal(pare_tensor_get_s64(&t, 1), -2);
  pare_tensor_release(&t);
  n = make_npy(file, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\x01", 1);
  assert_int_equal(pare_npy_read(ctx, "x.npy", file, n, &t), PARE_OK);
  assert_int_equal(t.dtype, PARE_BOOL);
  assert_int_equal(t.shape.rank, 0);
  pare_tensor_release(&t);
  n = make_npy(file, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4), }", NULL, 0);
  assert_int_equal(pare_npy_read(ctx, "x.npy", file, n, &t), PARE_OK);
  assert_int_equal(pare_tensor_count(&t), 0);
  pare_tensor_release(&t);
}

static void npy_written_is_npy_read(void **state) {
  pare_context *ctx = *state;
  static const pare_dtype dtypes[] = {PARE_F32, PARE_F64, PARE_F16, PARE_U8,  PARE_S8,  PARE_U16,
                                      PARE_S16, PARE_U32, PARE_S32, PARE_U64, PARE_S64, PARE_BOOL};
  for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++) {
    for (int rank = 0; rank <= 3; rank++) {
      pare_shape shape = {.rank = rank, .dims = {2, 1, 3}};
      pare_tensor a, b;
      assert_int_equal(pare_tensor_new(ctx, dtypes[i], &shape, &a), PARE_OK);
      for (int64_t k = 0; k < pare_tensor_count(&a); k++) pare_tensor_set_f64(&a, k, (double)(k % 2));
      pare_writer out;
      pare_writer_init(&out, ctx);
      assert_int_equal(pare_npy_write(&a, &out), PARE_OK);
      pare_buffer file;
      assert_int_equal(pare_writer_finish(&out, &file), PARE_OK);
      assert_int_equal((file.len_bytes - pare_tensor_len_bytes(&a)) % 64, 0);
      assert_int_equal(pare_npy_read(ctx, "x.npy", file.data, file.len_bytes, &b), PARE_OK);
      assert_int_equal(a.dtype, b.dtype);
      assert_true(pare_shape_equal(&a.shape, &b.shape));
      assert_memory_equal(a.data, b.data, pare_tensor_len_bytes(&a));
      pare_tensor_release(&a);
      pare_tensor_release(&b);
      pare_buffer_free(ctx, &file);
    }
  }
}

static void broken_npy_names_file_and_cause(void **state) {
  pare_context *ctx = *state;
  static const struct {
    const char *dictionary, *message;
  } cases[] = {
      {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "descr"},
      {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "descr"},
      {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", "fortran_order"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }", "shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), }", "too big"},
      {"{'descr': '<f4', 'fortran_order': False, }", "shape"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "needs 12 bytes, but 4 are there"},
      {"{'descr': '<f4", "descr"},
      {"", "understood"},
  };
  uint8_t file[256];
  pare_tensor t;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    size_t n = make_npy(file, cases[i].dictionary, "\0\0\0\0", 4);
    assert_int_equal(pare_npy_read(ctx, "x.npy", file, n, &t), PARE_BAD_DATA);
    assert_error_has(ctx, "x.npy: ");
    assert_error_has(ctx, cases[i].message);
    for (size_t cut = 0; cut < n; cut++)
      assert_int_equal(pare_npy_read(ctx, "x.npy", file, cut, &t), PARE_BAD_DATA);
  }
}

/* ---- sets ---------------------------------------------------------------------------------------------- */

static void four_files_make_the_larger_pair_train(void **state) {
  pare_context *ctx = *state;
  const uint8_t small_images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
  const uint8_t small_labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 1};
  pare_file files[4] = {{"t-images", small_images, sizeof(small_images)},
                        {"t-labels", small_labels, sizeof(small_labels)},
                        {"images", idx_images, sizeof(idx_images)},
                        {"labels", idx_labels, sizeof(idx_labels)}};
  pare_dataset *data, *same;
  assert_int_equal(pare_dataset_load(ctx, files, 4, &data), PARE_OK);
  assert_false(data->single);
  assert_int_equal(data->train.n, 4);
  assert_int_equal(data->test.n, 1);
  assert_int_equal(pare_dataset_for_training(data, &same), PARE_OK);
  assert_ptr_equal(same, data);
  pare_dataset_free(same);
  pare_dataset_free(data);
}

static void wrong_sets_of_files_say_why(void **state) {
  pare_context *ctx = *state;
  pare_dataset *data;
  pare_file images = {"images", idx_images, sizeof(idx_images)},
            labels = {"labels", idx_labels, sizeof(idx_labels)};
  const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
  pare_file fewer = {"fewer", three, sizeof(three)}, text = {"readme", "# read me", 9};
  assert_int_equal(pare_dataset_load(ctx, &images, 1, &data), PARE_BAD_ARGUMENT);
  assert_null(data);
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){images, images}, 2, &data), PARE_BAD_DATA);
  assert_error_has(ctx, "half should be labels");
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){labels, labels}, 2, &data), PARE_BAD_DATA);
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){images, fewer}, 2, &data), PARE_BAD_DATA);
  assert_error_has(ctx, "images has 4 samples, but fewer has 3 labels");
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){images, text}, 2, &data), PARE_BAD_DATA);
  assert_error_has(ctx, "readme: offset 0: neither IDX nor NPY");
  assert_int_equal(pare_dataset_open(ctx, "mnist", &data), PARE_BAD_ARGUMENT);
  assert_error_has(ctx, "data 'mnist': it is fashion-mnist[:FOLDER]");
  assert_int_equal(pare_dataset_open(ctx, "fashion-mnist:/no/such/folder", &data), PARE_IO);
  assert_error_has(ctx, "/no/such/folder");
  assert_int_equal(pare_dataset_open(ctx, "idx:/no/such,/file", &data), PARE_IO);
}

static void float_samples_with_wrong_labels_are_refused(void **state) {
  pare_context *ctx = *state;
  uint8_t x[256], y[256];
  const float samples[4] = {1, 2, 3, 4};
  const double bad[2] = {0, 1.5}, negative[2] = {-1, 0}, good[2] = {1, 0};
  size_t nx =
      make_npy(x, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", samples, sizeof(samples));
  const char *labels = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
  pare_dataset *data;
  size_t ny = make_npy(y, labels, bad, sizeof(bad));
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){{"x", x, nx}, {"y", y, ny}}, 2, &data),
                   PARE_BAD_DATA);
  assert_error_has(ctx, "y: label 1 is 1.5");
  ny = make_npy(y, labels, negative, sizeof(negative));
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){{"x", x, nx}, {"y", y, ny}}, 2, &data),
                   PARE_BAD_DATA);
  assert_error_has(ctx, "y: label 0 is -1");
  ny = make_npy(y, labels, good, sizeof(good));
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){{"x", x, nx}, {"y", y, ny}}, 2, &data), PARE_OK);
  float batch[4];
  pare_dataset_gather(data, &data->test, NULL, 0, 2, batch, NULL);
  assert_memory_equal(batch, samples, sizeof(samples));
  pare_dataset_free(data);
}

static void a_single_set_gives_every_sixth_sample_to_the_test(void **state) {
  pare_context *ctx = *state;
  uint8_t x[512], y[256];
  double samples[2 * 13];
  int32_t labels[13];
  for (int i = 0; i < 13; i++) {
    samples[2 * i] = samples[2 * i + 1] = i;
    labels[i] = i == 12 ? 2 : i % 2;
  }
  size_t nx =
      make_npy(x, "{'descr': '<f8', 'fortran_order': False, 'shape': (13, 2), }", samples, sizeof(samples));
  size_t ny =
      make_npy(y, "{'descr': '<i4', 'fortran_order': False, 'shape': (13,), }", labels, sizeof(labels));
  pare_dataset *data, *split;
  assert_int_equal(pare_dataset_load(ctx, (pare_file[]){{"x", x, nx}, {"y", y, ny}}, 2, &data), PARE_OK);
  assert_int_equal(pare_dataset_for_training(data, &split), PARE_OK);
  assert_false(split->single);
  assert_int_equal(split->train.n, 11);
  assert_int_equal(split->test.n, 2);
  assert_int_equal(split->n_classes, 3);
  assert_true(pare_f32(&split->test.samples)[0] == 5.0f && pare_f32(&split->test.samples)[3] == 11.0f);
  assert_true(pare_f32(&split->train.samples)[10] == 6.0f);
  assert_int_equal(split->train.labels[10], 2);
  pare_dataset_free(split);
  pare_dataset_free(data);
}

static pare_status fits(const pare_dataset *data, pare_shape input) {
  return pare_dataset_fits(data, &input);
}

static void fits_compares_elements_per_sample(void **state) {
  pare_context *ctx = *state;
  pare_dataset *data;
  pare_file files[2] = {{"labels", idx_labels, sizeof(idx_labels)},
                        {"images", idx_images, sizeof(idx_images)}};
  assert_int_equal(pare_dataset_load(ctx, files, 2, &data), PARE_OK);
  assert_int_equal(fits(data, PARE_SHAPE(-1, 6)), PARE_OK);
  assert_int_equal(fits(data, PARE_SHAPE(-1, 1, 2, 3)), PARE_OK);
  assert_int_equal(fits(data, PARE_SHAPE(-1, -1, 3)), PARE_OK);
  assert_int_equal(fits(data, PARE_SHAPE(-1, -1, 4)), PARE_BAD_DATA);
  assert_int_equal(fits(data, PARE_SHAPE(-1, 1, 28, 28)), PARE_BAD_DATA);
  assert_error_has(ctx, "samples of shape [2,3], but the model's input is [?,1,28,28]");
  pare_dataset_free(data);
}

static void generated_sets_are_balanced_and_the_same_each_time(void **state) {
  pare_context *ctx = *state;
  static const struct {
    const char *spec;
    int n_classes, rank;
    const char *sha256; /* of the training samples: the same in every build */
  } kinds[] = {{"spirals", 3, 1, "3ad94cdfce9ced10cfe75278d5861e116e7ab13637f6665593f0fa1d07ba26d9"},
               {"sequence", 4, 2, "0a010e47a76dcc4d08899a523bd8156adb5d0fe29ef469a94cfa726992e4d451"}};
  for (int k = 0; k < 2; k++) {
    pare_dataset *a, *b;
    assert_int_equal(pare_dataset_open(ctx, kinds[k].spec, &a), PARE_OK);
    assert_int_equal(pare_dataset_open(ctx, kinds[k].spec, &b), PARE_OK);
    assert_int_equal(a->train.n, 2000);
    assert_int_equal(a->test.n, 1000);
    assert_int_equal(a->n_classes, kinds[k].n_classes);
    assert_int_equal(a->sample_shape.rank, kinds[k].rank);
    size_t len_bytes = pare_tensor_len_bytes(&a->train.samples);
    assert_memory_equal(a->train.samples.data, b->train.samples.data, len_bytes);
    assert_memory_not_equal(a->train.samples.data, a->test.samples.data,
                            pare_tensor_len_bytes(&a->test.samples));
    for (int64_t i = 0; i < pare_tensor_count(&a->train.samples); i++) {
      assert_true(pare_f32(&a->train.samples)[i] > -4 && pare_f32(&a->train.samples)[i] < 4);
    }
    pare_sha256 hash;
    char hex[65];
    pare_sha256_start(&hash);
    pare_sha256_add(&hash, a->train.samples.data, len_bytes);
    pare_sha256_finish_hex(&hash, hex);
    assert_string_equal(hex, kinds[k].sha256);
    pare_buffer json;
    assert_int_equal(pare_dataset_info(a, &json), PARE_OK);
    assert_non_null(strstr((const char *)json.data, "2000"));
    pare_buffer_free(ctx, &json);
    pare_dataset_free(a);
    pare_dataset_free(b);
  }
}

static void fashion_mnist_is_read_from_its_folder(void **state) {
  pare_context *ctx = *state;
  pare_dataset *data;
  pare_status status = pare_dataset_open(ctx, "fashion-mnist", &data);
  if (status == PARE_IO) skip();
  if (status != PARE_OK) fail_msg("%s", pare_error(ctx));
  assert_int_equal(data->train.n, 60000);
  assert_int_equal(data->test.n, 10000);
  assert_int_equal(data->n_classes, 10);
  assert_string_equal(data->class_names[9], "Ankle boot");
  assert_int_equal(data->test.samples.dtype, PARE_U8);
  assert_int_equal(data->sample_shape.dims[0], 28);
  assert_int_equal(data->test.labels[0], 9);
  assert_int_equal(data->train.labels[0], 9);
  pare_dataset_free(data);
}

static void a_failing_allocator_leaks_nothing(void **state) {
  (void)state;
  pare_file files[2] = {{"labels", idx_labels, sizeof(idx_labels)},
                        {"images", idx_images, sizeof(idx_images)}};
  for (size_t fail_at = 0;; fail_at++) {
    pare_context *ctx = failing_context(fail_at);
    if (ctx) {
      pare_dataset *data;
      pare_status status = pare_dataset_load(ctx, files, 2, &data);
      assert_int_equal(status, failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK);
      if (status == PARE_OK) pare_dataset_free(data);
      bool was_gzip;
      pare_buffer out;
      if (pare_gunzip(ctx, "h", hello_gz, sizeof(hello_gz), &was_gzip, &out) == PARE_OK)
        pare_buffer_free(ctx, &out);
      if (pare_dataset_open(ctx, "spirals", &data) == PARE_OK) pare_dataset_free(data);
      pare_context_free(ctx);
    }
    assert_int_equal(failing_live_bytes(), 0);
    assert_int_equal(failing_wrong_sizes(), 0);
    if (!failing_happened()) break;
  }
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_context, close_context)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(idx_pair_becomes_a_single_set),
      T(idx_elements_are_big_endian),
      T(broken_idx_names_file_offset_and_cause),
      T(gzip_inflates_and_other_bytes_are_left_alone),
      T(every_cut_and_every_flipped_bit_of_gzip_is_refused_or_harmless),
      T(npy_reads_types_orders_and_versions),
      T(npy_written_is_npy_read),
      T(broken_npy_names_file_and_cause),
      T(four_files_make_the_larger_pair_train),
      T(wrong_sets_of_files_say_why),
      T(float_samples_with_wrong_labels_are_refused),
      T(a_single_set_gives_every_sixth_sample_to_the_test),
      T(fits_compares_elements_per_sample),
      T(generated_sets_are_balanced_and_the_same_each_time),
      T(fashion_mnist_is_read_from_its_folder),
      cmocka_unit_test(a_failing_allocator_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
