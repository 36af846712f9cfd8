/* ValueInfoProto and TypeProto: a value's element type and shape. Only dense tensors are understood; another
 * type (sequence, map, optional) stays encoded in the value's `extra`, so that it comes back out. */
#include "onnx/onnx.h"

enum { VALUE_NAME = 1, VALUE_TYPE = 2 };
enum { TYPE_TENSOR = 1, TYPE_SEQUENCE = 4, TYPE_MAP = 5, TYPE_SPARSE = 8, TYPE_OPTIONAL = 9 };
enum { TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };

typedef struct tensor_type {
  bool understood;
  pare_value_kind kind;
  pare_dtype dtype;
  bool has_shape;
  pare_shape shape;
  const char *dim_names[PARE_MAX_RANK];
} tensor_type;

static pare_status grow_values(pare_model *model) {
  if (model->n_values < model->cap_values) return PARE_OK;
  if (model->cap_values > INT32_MAX / 4) return pare_fail(model->ctx, PARE_BAD_MODEL, "too many values");
  int capacity = model->cap_values ? 2 * model->cap_values : 16;
  pare_value *bigger = pare_arena_array(&model->arena, (size_t)capacity, sizeof(*bigger));
  if (!bigger) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_values; i++) bigger[i] = model->values[i];
  model->values = bigger;
  model->cap_values = capacity;
  return PARE_OK;
}

pare_status pare_onnx_value(pare_onnx_reader *reader, const char *name, int *out) {
  *out = pare_names_find(&reader->values, name);
  if (*out >= 0) return PARE_OK;
  pare_model *model = reader->model;
  PARE_TRY(grow_values(model));
  PARE_TRY(pare_names_add(&reader->values, name, model->n_values));
  *out = model->n_values++;
  model->values[*out] = (pare_value){.name = name, .i_producer = -1};
  return PARE_OK;
}

static pare_status read_dim(pare_onnx_reader *reader, const pare_wire *shape, const pare_wire_field *dim,
                            int64_t *value, const char **name) {
  pare_wire message;
  PARE_TRY(pare_wire_enter(shape, dim, &message));
  *value = -1;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&message, &field));
    if (field.number == 0) break;
    if (field.number == 1) {
      PARE_TRY(pare_wire_expect(&message, &field, PARE_VARINT, "dim_value"));
      *value = (int64_t)field.value;
    } else if (field.number == 2) {
      PARE_TRY(pare_onnx_text(reader, &message, &field, "dim_param", name));
      if (!**name) *name = NULL;
    }
  }
  if (*value < -1) { /* -1 is what some exporters write for an unknown dimension */
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "a dimension is negative (%lld)", (long long)*value);
  }
  return PARE_OK;
}

/* Dims that are known may not overflow together; a size that no machine has is refused here and not in the
 * middle of a plan. */
static pare_status check_size(pare_onnx_reader *reader, const tensor_type *type) {
  pare_shape known = type->shape;
  for (int i = 0; i < known.rank; i++) known.dims[i] = known.dims[i] < 0 ? 1 : known.dims[i];
  size_t len_bytes;
  return pare_tensor_bytes(reader->ctx, pare_dtype_bits(type->dtype) ? type->dtype : PARE_U8, &known,
                           &len_bytes);
}

static pare_status read_shape(pare_onnx_reader *reader, pare_wire message, tensor_type *out) {
  out->has_shape = true;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&message, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number != 1) continue;
    if (out->shape.rank == PARE_MAX_RANK) {
      out->understood = false;
      return PARE_OK;
    }
    int i = out->shape.rank++;
    PARE_TRY(read_dim(reader, &message, &field, &out->shape.dims[i], &out->dim_names[i]));
  }
}

static pare_status read_tensor_type(pare_onnx_reader *reader, pare_wire message, tensor_type *out) {
  out->understood = true;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&message, &field));
    if (field.number == 0) break;
    if (field.number == TENSOR_ELEMENT) {
      PARE_TRY(pare_wire_expect(&message, &field, PARE_VARINT, "elem_type"));
      if (!pare_dtype_known((int64_t)field.value))
        out->understood = false;
      else
        out->dtype = (pare_dtype)field.value;
    } else if (field.number == TENSOR_SHAPE) {
      pare_wire shape;
      PARE_TRY(pare_wire_enter(&message, &field, &shape));
      PARE_TRY(read_shape(reader, shape, out));
    }
  }
  return out->understood ? check_size(reader, out) : PARE_OK;
}

static pare_status read_type(pare_onnx_reader *reader, const pare_wire *message,
                             const pare_wire_field *type_field, tensor_type *out) {
  pare_wire type;
  PARE_TRY(pare_wire_enter(message, type_field, &type));
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&type, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number == TYPE_SEQUENCE) out->kind = PARE_KIND_SEQUENCE;
    if (field.number == TYPE_OPTIONAL) out->kind = PARE_KIND_OPTIONAL;
    if (field.number == TYPE_MAP || field.number == TYPE_SPARSE) out->kind = PARE_KIND_OTHER;
    if (field.number != TYPE_TENSOR) continue;
    pare_wire tensor;
    PARE_TRY(pare_wire_enter(&type, &field, &tensor));
    PARE_TRY(read_tensor_type(reader, tensor, out));
  }
}

static pare_status read_fields(pare_onnx_reader *reader, const pare_wire *message, const char **name,
                               tensor_type *type, bool *has_type) {
  pare_wire wire = *message;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number == VALUE_NAME) PARE_TRY(pare_onnx_text(reader, &wire, &field, "a value's name", name));
    if (field.number == VALUE_TYPE) {
      *has_type = true;
      pare_status status = read_type(reader, &wire, &field, type);
      if (status != PARE_OK)
        return *name ? pare_fail_within(reader->ctx, status, "value '%s'", *name) : status;
    }
  }
}

pare_status pare_onnx_read_value(pare_onnx_reader *reader, const pare_wire *message, bool only_known,
                                 int *i_value) {
  tensor_type type = {0};
  const char *name = NULL;
  bool has_type = false;
  *i_value = -1;
  PARE_TRY(read_fields(reader, message, &name, &type, &has_type));
  if (!name || !*name) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: a value has no name",
                     pare_wire_offset(message, message->at));
  }
  if (only_known && pare_names_find(&reader->values, name) < 0) return PARE_OK;
  PARE_TRY(pare_onnx_value(reader, name, i_value));
  pare_value *value = &reader->model->values[*i_value];
  if (value->is_initializer) return PARE_OK; /* the tensor itself says it better */
  /* A value may be told of twice (as an input and as an output, say): the last that tells a type counts. */
  bool told = value->dtype != PARE_NONE || value->has_shape || value->extra.len_bytes > 0;
  if (!has_type && told) return PARE_OK;
  uint64_t known = PARE_FIELD_BIT(VALUE_NAME);
  if (has_type && !type.understood)
    type = (tensor_type){.kind = type.kind}; /* the encoded form is kept */
  else
    known |= PARE_FIELD_BIT(VALUE_TYPE);
  value->kind = type.kind;
  value->dtype = type.dtype;
  value->has_shape = type.has_shape;
  value->shape = type.shape;
  for (int i = 0; i < PARE_MAX_RANK; i++) value->dim_names[i] = type.dim_names[i];
  return pare_onnx_keep(reader, message, known, &value->extra);
}
