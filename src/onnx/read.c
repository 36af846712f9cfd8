/* Reads an ONNX model (ModelProto) out of bytes that the model keeps: weights are used where they stand.
 * Source: onnx.proto, IR version 8. What is not understood is kept encoded and written back. */
#include "onnx/onnx.h"

#include <string.h>

enum {
  MODEL_IR = 1,
  MODEL_PRODUCER = 2,
  MODEL_PRODUCER_VERSION = 3,
  MODEL_DOMAIN = 4,
  MODEL_VERSION = 5,
  MODEL_DOC = 6,
  MODEL_GRAPH = 7,
  MODEL_OPSET = 8,
  MODEL_METADATA = 14,
  MODEL_FUNCTION = 25
};
/* ---- model --------------------------------------------------------------------------------------------- */

static pare_status read_pair(pare_onnx_reader *reader, const pare_wire *message, pare_text_pair *out) {
  pare_wire wire = *message;
  out->key = out->value = "";
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number == 1) PARE_TRY(pare_onnx_text(reader, &wire, &field, "a metadata key", &out->key));
    if (field.number == 2) PARE_TRY(pare_onnx_text(reader, &wire, &field, "a metadata value", &out->value));
  }
}

pare_status pare_onnx_read_opset(pare_onnx_reader *reader, const pare_wire *message, pare_opset *out) {
  pare_wire wire = *message;
  out->domain = "";
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number == 1) PARE_TRY(pare_onnx_text(reader, &wire, &field, "an opset's domain", &out->domain));
    if (field.number == 2) {
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_VARINT, "an opset's version"));
      out->version = (int64_t)field.value;
    }
  }
  if (strcmp(out->domain, "ai.onnx") == 0) out->domain = "";
  if (*out->domain || (out->version >= PARE_ONNX_MIN_OPSET && out->version <= PARE_ONNX_MAX_OPSET))
    return PARE_OK;
  return pare_fail(reader->ctx, PARE_UNSUPPORTED, "opset %lld is not supported: %d to %d are",
                   (long long)out->version, PARE_ONNX_MIN_OPSET, PARE_ONNX_MAX_OPSET);
}

static pare_status read_header_field(pare_onnx_reader *reader, const pare_wire *wire,
                                     const pare_wire_field *field) {
  pare_model *model = reader->model;
  pare_wire inner;
  switch (field->number) {
  case MODEL_IR:
    PARE_TRY(pare_wire_expect(wire, field, PARE_VARINT, "ir_version"));
    model->ir_version = (int64_t)field->value;
    return PARE_OK;
  case MODEL_PRODUCER: return pare_onnx_text(reader, wire, field, "producer_name", &model->producer_name);
  case MODEL_PRODUCER_VERSION:
    return pare_onnx_text(reader, wire, field, "producer_version", &model->producer_version);
  case MODEL_DOMAIN: return pare_onnx_text(reader, wire, field, "the model's domain", &model->domain);
  case MODEL_VERSION:
    PARE_TRY(pare_wire_expect(wire, field, PARE_VARINT, "model_version"));
    model->model_version = (int64_t)field->value;
    return PARE_OK;
  case MODEL_DOC: return pare_onnx_text(reader, wire, field, "the model's doc_string", &model->doc);
  case MODEL_OPSET:
    PARE_TRY(pare_wire_enter(wire, field, &inner));
    return pare_onnx_read_opset(reader, &inner, &model->opsets[model->n_opsets++]);
  case MODEL_METADATA:
    PARE_TRY(pare_wire_enter(wire, field, &inner));
    return read_pair(reader, &inner, &model->metadata[model->n_metadata++]);
  default: return PARE_OK;
  }
}

static pare_status count_header(const pare_wire *message, size_t *n_opsets, size_t *n_metadata,
                                int *n_graphs) {
  pare_wire wire = *message;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    *n_opsets += field.number == MODEL_OPSET;
    *n_metadata += field.number == MODEL_METADATA;
    *n_graphs += field.number == MODEL_GRAPH && *n_graphs < 2;
  }
}

static pare_status read_header(pare_onnx_reader *reader, const pare_wire *message, pare_wire *graph) {
  pare_model *model = reader->model;
  size_t n_opsets = 0, n_metadata = 0;
  int n_graphs = 0;
  PARE_TRY(count_header(message, &n_opsets, &n_metadata, &n_graphs));
  if (n_graphs != 1) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL,
                     n_graphs ? "more than one graph" : "no graph: not an ONNX model?");
  }
  model->opsets = pare_arena_array(&model->arena, n_opsets, sizeof(*model->opsets));
  model->metadata = pare_arena_array(&model->arena, n_metadata, sizeof(*model->metadata));
  if (!model->opsets || !model->metadata) return PARE_OUT_OF_MEMORY;
  /* Nothing of a new model's defaults: what the file does not say stays unsaid. */
  model->n_opsets = model->n_metadata = 0;
  model->ir_version = model->model_version = 0;
  model->graph_name = model->producer_name = model->producer_version = model->domain = model->doc = "";
  uint64_t known = PARE_FIELD_BIT(MODEL_METADATA) | PARE_FIELD_BIT(MODEL_FUNCTION);
  for (int i = MODEL_IR; i <= MODEL_OPSET; i++) known |= PARE_FIELD_BIT(i);
  pare_wire wire = *message;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number == MODEL_GRAPH)
      PARE_TRY(pare_wire_enter(&wire, &field, graph));
    else
      PARE_TRY(read_header_field(reader, &wire, &field));
  }
  return pare_onnx_keep(reader, message, known, &model->extra);
}

static pare_status check_versions(const pare_model *model) {
  if (model->ir_version < 1)
    return pare_fail(model->ctx, PARE_BAD_MODEL, "no ir_version: not an ONNX model?");
  if (model->ir_version > PARE_ONNX_MAX_IR) {
    return pare_fail(model->ctx, PARE_UNSUPPORTED, "IR version %lld is not supported: up to %d is",
                     (long long)model->ir_version, PARE_ONNX_MAX_IR);
  }
  if (pare_model_opset(model, "") != 0 || model->ir_version < 3) return PARE_OK;
  for (int i = 0; i < model->n_nodes; i++) {
    if (*model->nodes[i].domain == 0) {
      return pare_fail(model->ctx, PARE_BAD_MODEL,
                       "the model has ONNX's own operators but names no opset for them");
    }
  }
  return PARE_OK;
}

/* ---- which zeros are masked ---------------------------------------------------------------------------- */

static void mark_pruned(pare_model *model, const char *list, char *name) {
  for (const char *at = list; *list;) {
    size_t n = 0;
    for (; *at && *at != ','; at++) {
      if (*at == '\\' && at[1]) at++;
      name[n++] = *at;
    }
    name[n] = 0;
    int i_value = pare_model_find_value(model, name);
    if (i_value >= 0 && model->values[i_value].is_initializer) model->values[i_value].pruned = true;
    if (!*at++) return;
  }
}

/* The list becomes flags, and leaves the metadata: the writer makes it anew. */
static pare_status read_pruned(pare_model *model) {
  int n = 0;
  for (int i = 0; i < model->n_metadata; i++) {
    pare_text_pair pair = model->metadata[i];
    if (strcmp(pair.key, PARE_ONNX_PRUNED_KEY) != 0) {
      model->metadata[n++] = pair;
      continue;
    }
    char *name = pare_alloc(model->ctx, strlen(pair.value) + 1);
    if (!name) return PARE_OUT_OF_MEMORY;
    mark_pruned(model, pair.value, name);
    pare_free(model->ctx, name);
  }
  model->n_metadata = n;
  return PARE_OK;
}

/* ---- loading ------------------------------------------------------------------------------------------- */

static pare_status read_model(pare_onnx_reader *reader) {
  pare_model *model = reader->model;
  pare_wire message = pare_wire_new(reader->ctx, reader->file->data, reader->file->len_bytes), graph;
  PARE_TRY(read_header(reader, &message, &graph));
  PARE_TRY(check_versions(model)); /* before a foreign file's graph confuses */
  PARE_TRY(pare_onnx_read_graph(reader, &graph));
  PARE_TRY(check_versions(model));
  PARE_TRY(read_pruned(model));
  if (model->ir_version < 3) { /* before IR 3 there was one opset, and no field for it */
    if (pare_model_opset(model, "") == 0) PARE_TRY(pare_model_set_opset(model, "", 1));
    model->ir_version = 3;
  }
  pare_onnx_functions functions;
  PARE_TRY(pare_onnx_read_functions(reader, &message, MODEL_FUNCTION, &functions));
  return pare_onnx_finish(model, &functions);
}

/* Takes `file` over. */
static pare_status load(pare_context *ctx, pare_bytes *file, const pare_onnx_external *external,
                        pare_model **out) {
  pare_onnx_reader reader = {
      .ctx = ctx, .file = file, .external = external, .values = {.ctx = ctx}, .nodes = {.ctx = ctx}};
  *out = NULL;
  pare_status status = pare_model_new(ctx, &reader.model);
  if (status == PARE_OK) status = read_model(&reader);
  pare_names_free(&reader.values);
  pare_names_free(&reader.nodes);
  pare_bytes_release(file);
  if (status != PARE_OK) {
    pare_model_free(reader.model);
    return status;
  }
  *out = reader.model;
  return PARE_OK;
}

pare_status pare_model_load(pare_context *ctx, const void *bytes, size_t len_bytes, pare_model **out) {
  *out = NULL;
  pare_bytes *file = pare_bytes_new(ctx, len_bytes);
  if (!file) return PARE_OUT_OF_MEMORY;
  if (len_bytes) memcpy(file->data, bytes, len_bytes);
  return load(ctx, file, &(pare_onnx_external){0}, out);
}

static pare_status load_buffer(pare_context *ctx, pare_buffer *buffer, const pare_onnx_external *external,
                               pare_model **out) {
  *out = NULL;
  pare_bytes *file = pare_bytes_adopt(ctx, buffer);
  return file ? load(ctx, file, external, out) : PARE_OUT_OF_MEMORY;
}

pare_status pare_model_load_buffer(pare_context *ctx, pare_buffer *buffer, pare_model **out) {
  return load_buffer(ctx, buffer, &(pare_onnx_external){0}, out);
}

pare_status pare_model_load_parts(pare_context *ctx, pare_buffer *buffer, pare_data_file *files, int n_files,
                                  pare_model **out) {
  pare_onnx_external external = {.files = pare_alloc_array(ctx, (size_t)n_files, sizeof *external.files)};
  pare_status status = external.files ? PARE_OK : PARE_OUT_OF_MEMORY;
  *out = NULL;
  for (int i = 0; i < n_files && status == PARE_OK; i++) {
    external.files[i].name = files[i].name;
    external.files[i].bytes = pare_bytes_adopt(ctx, &files[i].bytes);
    if (!external.files[i].bytes) status = PARE_OUT_OF_MEMORY;
    external.n++;
  }
  if (status == PARE_OK) status = load_buffer(ctx, buffer, &external, out);
  for (int i = 0; i < external.n; i++) pare_bytes_release(external.files[i].bytes);
  for (int i = 0; i < n_files; i++) pare_buffer_free(ctx, &files[i].bytes);
  pare_buffer_free(ctx, buffer);
  pare_free(ctx, external.files);
  return status;
}

/* The folder of a path, in the arena. */
static const char *folder_of(pare_arena *arena, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return ".";
  return pare_arena_text_n(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

pare_status pare_model_load_file(pare_context *ctx, const char *path, pare_model **out) {
  pare_buffer buffer;
  pare_arena arena;
  *out = NULL;
  PARE_TRY(pare_file_read(ctx, path, &buffer));
  pare_arena_init(&arena, ctx);
  pare_onnx_external external = {.folder = folder_of(&arena, path)};
  pare_status status = PARE_OUT_OF_MEMORY;
  if (external.folder)
    status = load_buffer(ctx, &buffer, &external, out);
  else
    pare_buffer_free(ctx, &buffer);
  pare_arena_free(&arena);
  return status == PARE_OK ? status : pare_fail_within(ctx, status, "%s", path);
}
